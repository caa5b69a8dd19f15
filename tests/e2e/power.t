#!/usr/bin/env bash
# Power losses of the front-end's disk, under load from clients that repeat each
# request with its Idempotency-Key until they have an answer. Each life of the
# front-end begins with what the one before had flushed, to the byte, and with
# nothing of what it had only written. The ledger was flushed before anybody was
# told anything: no certificate, CA or step that a client was told of is
# missing, and whoever asks once more gets the same bytes.
#
#   CHANCERY_SEED          makes the same sequence of losses and requests once more
#   CHANCERY_POWER_ROUNDS  losses (12; slow: 60)
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/load.sh
. "$(dirname "$0")/load.sh"
rounds=${CHANCERY_POWER_ROUNDS:-$([ -n "${CHANCERY_SLOW:-}" ] && echo 60 || echo 12)}
seed=${CHANCERY_SEED:-$((RANDOM * 32768 + RANDOM))}
diag "CHANCERY_SEED=$seed"
RANDOM=$((seed % 32768))
export CHANCERY_MAX_PAUSE=200
E2E_WITNESS=1
db=$STACK_DIR/db/chancery.sqlite

# The front-end, after a power loss.
programs=$work/programs
mkdir "$programs"
cat >"$programs/chancery-frontd" <<WRAPPER
#!/usr/bin/env bash
if [ -e '$db.kept' ]; then
  echo "\$(stat -c %s '$db-wal' 2>/dev/null) \$(cmp '$db-wal' '$db-wal.kept' >/dev/null 2>&1; echo \$?)" >>'$work/losses'
  cp '$db.kept' '$db'
  rm -f '$db-shm' '$db-wal'
  [ ! -e '$db-wal.kept' ] || cp '$db-wal.kept' '$db-wal'
fi
export LD_PRELOAD='$CHANCERY_BUILD/tests/shim/power.so' CHANCERY_SHIM_POWER='.sqlite:.sqlite-wal'
export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}verify_asan_link_order=0"
exec '$CHANCERY_BUILD/chancery-frontd' "\$@"
WRAPPER
chmod 0755 "$programs/chancery-frontd"
for program in "$CHANCERY_BUILD"/chancery*; do
  [ -e "$programs/${program##*/}" ] || [ ! -x "$program" ] || ln -s "$program" "$programs/"
done
STACK_BIN=$programs
e2e_up
load_start 16 "$seed"

lost=0 stuck=0
for ((i = 0; i < rounds; i++)); do
  if ! stack_until 60 load_more "$(load_count)"; then
    stuck=$((stuck + 1))
    diag "nothing was answered for a minute before loss $((lost + 1))"
    stack_show_logs
  fi
  sleep "0.$(printf '%03d' $((RANDOM % 400)))"
  # At times the signer is on the same host.
  [ $((RANDOM % 3)) != 0 ] || load_kill signd
  if stack_until 100 load_kill frontd; then lost=$((lost + 1)); else diag "no front-end to kill"; fi
done
is "$lost" "$rounds" "16 clients, $rounds power losses"
is "$stuck" 0 "it goes on each time"
stack_until 60 load_more "$(load_count)" || diag "nothing after the last loss"
load_end
stack_until 60 load_ready || e2e_die "not ready at the end"
nothing "who asks again gets the same bytes" "$(load_again 500)"
load_kill frontd
stack_until 60 load_ready || e2e_die "not ready after the last loss"
nothing "also after one more loss" "$(load_again 500)"
diag "$(wc -l <"$work/losses") lives began after a loss, $(awk '$2' "$work/losses" | wc -l) of them with less than was written"

stack_until 100 load_in_step || diag "the database is not in step"
stack_stop
is "$(sqlite3 "file:$db?mode=ro" 'PRAGMA integrity_check')" ok "the database is sound"
load_checked

# What nobody asks for twice, and was answered in the second before the loss. The flush may come first, so some tries.
stack_start || e2e_die "not ready"
leaf=$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')
shortened=0 missing=''
for ((i = 0; i < 30 && shortened < 2; i++)); do
  : >"$work/losses"
  api POST "/api/v1/intermediates/$issuing/certificates" "$leaf"
  [ "$status" = 201 ] || missing+="$status $body; "
  fingerprint=$(field .fingerprint)
  pem=$(field .certificate_pem)
  load_kill frontd
  stack_until 60 test -s "$work/losses" || e2e_die "it was not started anew"
  stack_until 60 load_ready || e2e_die "not ready"
  shortened=$((shortened + $(head -n 1 "$work/losses" | awk '$2' | wc -l))) # of the life after this loss
  api GET "/api/v1/certificates/$fingerprint"
  [ "$(field .certificate_pem)" = "$pem" ] || missing+="$fingerprint: $status; "
done
diag "$i more losses"
is "$shortened" 2 "two took what a client had been told of"
nothing "which was there again from the ledger" "$missing"

# Until it has read the ledger, what it doesn't have may be there all the same.
nowhere=/api/v1/certificates/$(printf '00%.0s' {1..32})
api GET "$nowhere"
answers 404 "no such certificate" certificate_not_found
kill -STOP "$(pid_of signd)"
load_kill frontd
asked() { api GET "$nowhere" && [ "$status" != 000 ]; }
stack_until 60 asked
answers 503 "the signer doesn't answer after a loss: nobody knows" signer_away
kill -CONT "$(pid_of signd)"
stack_until 60 load_ready || e2e_die "not ready"
api GET "$nowhere"
answers 404 "the ledger was read: no such certificate" certificate_not_found
tap_done
