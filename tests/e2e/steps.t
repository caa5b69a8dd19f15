#!/usr/bin/env bash
# The signer ends, or its disk fails, at each step of an issuance: every call
# that changes a file or sends, one after the other. Whatever the step, the
# client that asks again with its Idempotency-Key has one certificate, nothing
# is lost, and nothing is signed that the ledger doesn't name.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
export CHANCERY_MAX_PAUSE=200

programs=$work/bin step=$work/step
mkdir "$programs"
head -c 16 /dev/zero >"$step"
cat >"$programs/chancery-signd" <<RUN
#!/bin/sh
export LD_PRELOAD='$CHANCERY_BUILD/tests/shim/step.so' CHANCERY_SHIM_STEP='$step'
export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}verify_asan_link_order=0"
exec '$STACK_BIN/chancery-signd' "\$@"
RUN
chmod 755 "$programs/chancery-signd"
ln -s "$STACK_BIN/chancery" "$STACK_BIN/chancery-driver-pkcs11" "$STACK_BIN/chancery-frontd" "$programs/"
STACK_BIN=$programs

stack_folders
stack_token || e2e_die "no token"
stack_configure
# Checkpoints come when they are asked for, not in the middle of a step.
echo 'checkpoint_seconds = 3600;' >>"$STACK_DIR/conf/signd.conf"
stack_init || e2e_die "no ledger"
stack_start || e2e_die "the stack is not ready"
hierarchy_make steps ECDSA-P256 ECDSA-P256 ECDSA-P256
csr_make "$work/leaf" ec:P-256 DNS:steps.example.com
leaf=$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')
leaves=/api/v1/intermediates/$issuing/certificates
asked=0

word() { printf '\\x%02x\\x%02x\\x00\\x00' $(($1 & 255)) $(($1 >> 8)); }
arm() { # STEP HOW: all but the first word, then that
  printf "$(word 0)$(word 0)$(word "$1")$(word "$2")" | dd of="$step" conv=notrunc status=none
  printf "$(word 1)" | dd of="$step" conv=notrunc status=none
}
armed() { [ "$(od -An -tu4 -N4 "$step" | tr -d ' ')" = 1 ]; }
steps_made() { od -An -tu4 -j4 -N4 "$step" | tr -d ' '; }
ask() { API_KEY=step-$asked api POST "$leaves" "$leaf"; }
answered() { ask && [ "$status" = 201 ]; }
certificates() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "SELECT count(*) FROM certificate WHERE state <> 'lost'"; }
results() { # NUMBER of a record's type: how many, over all segments
  PYTHONPATH=$CHANCERY_SOURCE/tests/e2e python3 -c '
import sys, ledger_check
n = 0
def visit(kind, *_):
    global n
    n += kind == int(sys.argv[2])
ledger_check.read(sys.argv[1], visit)
print(n)' "$STACK_DIR/signer/ledger" "$1"
}
intent=4 result=5 lost=6 # records.def
# The signer itself answers: the one of the step before may have ended with its reply, and the front-end not know it yet.
linked() { api GET /api/v1/status && [ -n "$(field .signer.head)" ]; }
serves() { stack_ready && linked; }
in_step() { [ "$(certificates)" = "$(results $result)" ]; }

# Until an issuance has no such step any more.
kill_at_each() { # HOW NAME
  local n bad='' before first
  for ((n = 1; n < 60; n++)); do
    asked=$((asked + 1))
    stack_until 100 serves || bad+="step $n: not ready before it"$'\n'
    before=$(certificates)
    arm "$n" "$1"
    ask
    first=$status
    if armed; then # it was done in fewer steps
      arm 0 0
      [ "$first" = 201 ] || bad+="no step $n and $first"$'\n'
      break
    fi
    stack_until 100 answered || bad+="step $n: $status $body"$'\n'
    [ "$(certificates)" = $((before + 1)) ] || bad+="step $n: $(($(certificates) - before)) certificates for one request"$'\n'
  done
  [ "$n" -gt 4 ] || bad+="only $n steps"$'\n'
  nothing "$2: one certificate for each request, $((n - 1)) steps" "$bad"
}
kill_at_each 1 "ended before each step"
kill_at_each 2 "ended after each step"

resume() { "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --resume "$1" >/dev/null 2>&1; }
signd_anew() { # its supervisor starts it again
  local old
  old=$(pid_of signd)
  : >"$STACK_DIR/log/signd.log" # before the next one writes to it
  kill -KILL "$old"
  anew() { [ "$(pid_of signd 2>/dev/null)" != "$old" ] && grep -q ' serving ' "$STACK_DIR/log/signd.log"; }
  stack_until 100 anew
}
fail_at_each() { # HOW NAME
  local n bad='' before segments
  for ((n = 1; n < 30; n++)); do
    asked=$((asked + 1))
    stack_until 100 serves || bad+="step $n: not ready before it"$'\n'
    before=$(certificates)
    arm "$n" "$1"
    ask
    if armed; then
      arm 0 0
      break
    fi
    if [ "$status" = 201 ]; then # what failed is derived or told to nobody: an index, a head file
      stack_until 100 in_step || bad+="step $n: not in step"$'\n'
      continue
    fi
    ask
    [ "$status" = 503 ] || bad+="step $n: it goes on in the same life: $status"$'\n'
    segments=$(find "$STACK_DIR/signer/ledger" -name '*.seg' | wc -l)
    signd_anew || bad+="step $n: does not start"$'\n'
    stack_until 100 linked || bad+="step $n: the front-end does not meet it"$'\n'
    # What was asked for before may be on the tail that was written anew, and then has its answer.
    API_KEY=news-$asked api POST "$leaves" "$leaf"
    [ "$status" = 503 ] || bad+="step $n: it goes on without root's word: $status"$'\n'
    [ "$(find "$STACK_DIR/signer/ledger" -name '*.seg' | wc -l)" -gt "$segments" ] || bad+="step $n: the tail is not written anew"$'\n'
    resume "step $n" || bad+="step $n: no resume"$'\n'
    stack_until 100 answered || bad+="step $n: $status $body"$'\n'
    [ "$(certificates)" = $((before + 1)) ] || bad+="step $n: $(($(certificates) - before)) certificates for one request"$'\n'
  done
  [ "$n" -gt 4 ] || bad+="only $n steps"$'\n'
  nothing "$2: stopped until root resumes, on a tail written anew, $((n - 1)) steps" "$bad"
}
fail_at_each 3 "EIO at each step"
fail_at_each 4 "ENOSPC at each step"

stack_until 100 in_step
is "$(certificates)" "$(results $result)" "database and ledger have the same certificates"
stack_stop
stack_start || e2e_die "not ready at the end"
is "$(results $intent)" $(($(results $result) + $(results $lost))) "each intent has its signature or is closed as lost"
stack_stop
succeeds "the ledger reads well from outside" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"
tap_done
