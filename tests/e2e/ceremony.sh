# An air-gapped host beside a stack: `. lib.sh`, e2e_up, `. ceremony.sh`, ceremony_up. It has a token of its own, and a
# stick that is carried. Bash.
# shellcheck shell=bash disable=SC2034,SC2154 # lib.sh's variables, and some for the tests

[ -x "$STACK_BIN/chancery-ceremony" ] || e2e_die "$STACK_BIN/chancery-ceremony was not built"

token_make() { # FOLDER: a token in a file
  CHANCERY_BUILD=$STACK_BIN "$STACK_SOURCE/tests/tokens/up-softhsm" "$1" main >/dev/null || e2e_die "no token for the ceremony"
}
ceremony_up() {
  stick=$work/stick vault=$STACK_DIR/vault # the USB stick, the root's folder
  mkdir -p "$stick"
  vault_state=$vault vault_token=$STACK_DIR/vault-token vault_program=$STACK_BIN/chancery-ceremony
  token_make "$vault_token"
  pin=$(cat "$vault_token/pin")
}
# Answers from the arguments, one a line, behind the PIN.
ceremony() { # COMMAND... -- ANSWERS...
  local words=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1") && shift; done
  [ $# -eq 0 ] || shift
  { printf '%s\n' "$pin"; [ $# -eq 0 ] || printf '%s\n' "$@"; } |
    (cd "$stick" && SOFTHSM2_CONF=$vault_token/softhsm2.conf exec "$vault_program" --state "$vault_state" "${words[@]}") \
      >"$work/said" 2>"$work/err"
  rc=$?
  [ ! -s "$work/err" ] || diag "$(cat "$work/err")"
}
said() { tr -s ' \n' ' ' <"$work/said"; }
done_well() { # WHAT
  if [ "$rc" = 0 ]; then pass "$1"; else fail "$1" "exit $rc: $(cat "$work/said" "$vault_state/log" 2>/dev/null | tail -n 40)"; fi
}
declined() { # STATUS PATTERN WHAT
  if [ "$rc" = "$1" ] && grep -qE "$2" <<<"$(said)"; then pass "$3"; else fail "$3" "exit $rc, wanted $1 and /$2/: $(cat "$work/said")"; fi
}
isnt() { if [ "$1" != "$2" ]; then pass "$3"; else fail "$3" "both are: $1"; fi; }

chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }
words_in() { awk '/^Checksum of/ { getline; getline; sub(/^ +/, ""); print; exit }' "$1"; }
import() { # FILE: as the command line, and the code in $code
  out=$(chancery ca import "$1")
  code=$(grep -oE '[a-z_]+\)$' <<<"$out" | tail -1 | tr -d ')')
}

# A letter with its bytes changed and its checksum right again: what nobody may change is held by more than that.
letter_bend() { # FILE OUT PYTHON: on a bytearray `inside`
  python3 - "$@" <<'PY'
import base64, hashlib, sys
lines = open(sys.argv[1]).read().splitlines()
inside = bytearray(base64.b64decode("".join(lines[1:-2])))
exec(sys.argv[3])
text = base64.b64encode(inside).decode()
body = "\n".join(text[i:i + 64] for i in range(0, len(text), 64))
open(sys.argv[2], "w").write("\n".join([lines[0], body, lines[-2], "sha256 " + hashlib.sha256(inside).hexdigest()]) + "\n")
PY
}
forge() { # FILE OUT OFFSET: another byte there
  letter_bend "$1" "$2" "inside[$3] ^= 1"
}
