#!/usr/bin/env bash
# kill -9 of each process at random moments, under load from clients that repeat
# each request with its Idempotency-Key until they have an answer. Afterwards
# every key has one certificate, one CA, one step; database, ledger and token
# agree; and whoever asks once more gets the same bytes, also after all three
# were started anew.
#
#   CHANCERY_SEED          makes the same sequence of kills and requests once more
#   CHANCERY_KILL_CLIENTS  clients (16)
#   CHANCERY_KILL_ROUNDS   kills of each process (10; slow: 100)
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/load.sh
. "$(dirname "$0")/load.sh"
clients=${CHANCERY_KILL_CLIENTS:-16}
rounds=${CHANCERY_KILL_ROUNDS:-$([ -n "${CHANCERY_SLOW:-}" ] && echo 100 || echo 10)}
seed=${CHANCERY_SEED:-$((RANDOM * 32768 + RANDOM))}
diag "CHANCERY_SEED=$seed"
RANDOM=$((seed % 32768))
export CHANCERY_MAX_PAUSE=200
E2E_WITNESS=1
e2e_up
load_start "$clients" "$seed"

# Each process as often, in an order that nobody planned.
mapfile -t victims < <(for ((i = 0; i < rounds; i++)); do printf '%s\n' driver signd frontd; done)
for ((i = ${#victims[@]} - 1; i > 0; i--)); do
  j=$((RANDOM % (i + 1)))
  swap=${victims[i]} victims[i]=${victims[j]} victims[j]=$swap
done

killed=0 stuck=0
for victim in "${victims[@]}"; do
  # Every other kill meets what the one before has left: a start, a recovery, a catch-up.
  if [ $((RANDOM % 2)) = 0 ] && ! stack_until 60 load_more "$(load_count)"; then
    stuck=$((stuck + 1))
    diag "nothing was answered for a minute before kill $((killed + 1)), of $victim"
    stack_show_logs
  fi
  sleep "0.$(printf '%03d' $((RANDOM % 300)))"
  if stack_until 100 load_kill "$victim"; then killed=$((killed + 1)); else diag "no $victim to kill"; fi
done
is "$killed" $((3 * rounds)) "$clients clients, $rounds kills of each process"
is "$stuck" 0 "it goes on each time"
stack_until 200 load_more "$(load_count)" || diag "nothing after the last kill"
load_end
stack_until 200 load_ready || e2e_die "not ready at the end"
nothing "who asks again gets the same bytes" "$(load_again 500)"
for victim in driver signd frontd; do load_kill $victim; done
stack_until 200 load_ready || e2e_die "not ready after the last start"
nothing "also after all three were started anew" "$(load_again 500)"
stack_until 200 load_in_step || diag "the database is not in step"
stack_stop
load_checked
tap_done
