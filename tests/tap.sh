# TAP for test scripts: `. tests/tap.sh`, then points, then `tap_done`. Bash.
# shellcheck shell=bash

tap_count=0
tap_failed=0
CHANCERY_SOURCE=${CHANCERY_SOURCE:-$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)}
CHANCERY_BUILD=${CHANCERY_BUILD:-$CHANCERY_SOURCE/build/test}

pass() { # WHAT
  tap_count=$((tap_count + 1))
  echo "ok $tap_count - $*"
}
fail() { # WHAT [DETAIL]
  tap_count=$((tap_count + 1))
  tap_failed=$((tap_failed + 1))
  echo "not ok $tap_count - $1"
  [ -z "${2:-}" ] || diag "$2"
}
skip() { # WHAT REASON
  tap_count=$((tap_count + 1))
  echo "ok $tap_count - $1 # SKIP $2"
}
diag() { printf '%s\n' "$*" | sed 's/^/# /' >&2; }

is() { # GOT WANTED WHAT
  if [ "$1" = "$2" ]; then pass "$3"; else fail "$3" "got:    $1"$'\n'"wanted: $2"; fi
}
like() { # GOT PATTERN WHAT
  if grep -qE -- "$2" <<<"$1"; then pass "$3"; else fail "$3" "got:    $1"$'\n'"wanted: $2"; fi
}
# A command that must succeed; what it said is shown if it does not.
succeeds() { # WHAT COMMAND...
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then pass "$what"; else fail "$what" "$* answered $?:"$'\n'"$said"; fi
}
refuses() { # WHAT COMMAND...: it must fail
  local what=$1 said
  shift
  if said=$("$@" 2>&1); then fail "$what" "$* succeeded:"$'\n'"$said"; else pass "$what"; fi
}
nothing() { # WHAT LIST: passes if the list is empty
  if [ -z "$2" ]; then pass "$1"; else fail "$1" "$2"; fi
}

# Whether the programs have AddressSanitizer in them: they say so themselves.
sanitized() { nm -D "$CHANCERY_BUILD/chancery-signd" 2>/dev/null | grep -q __asan_init; }

tap_skip_all() { # REASON
  echo "1..0 # SKIP $1"
  exit 0
}
# Without it the plan is missing, so a script that dies early has failed.
tap_done() {
  echo "1..$tap_count"
  exit $((tap_failed > 0))
}
# Bends a file: what is there is another byte afterwards, whichever it was.
bend() { # FILE OFFSET: another byte there
  python3 -c 'import sys; f = open(sys.argv[1], "r+b"); f.seek(int(sys.argv[2])); b = f.read(1); f.seek(-1, 1); f.write(bytes([b[0] ^ 1]))' "$@"
}
