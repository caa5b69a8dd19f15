#!/usr/bin/env bash
# Soak: 32 clients that insist, a token that fails on demand, kill -9 of random
# processes. A fault each few seconds, then a calm stretch in which nothing may
# grow. At the end no certificate is lost, no serial is there twice, the token has
# signed nothing behind the ledger's back, and no wrong signature came out.
#
#   CHANCERY_SOAK          seconds in all (15)
#   CHANCERY_SOAK_CLIENTS  clients (32)
#   CHANCERY_SEED          the same faults and requests once more
set -u
export STACK_TOKEN=faulty
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/load.sh
. "$(dirname "$0")/load.sh"
seconds=${CHANCERY_SOAK:-15}
clients=${CHANCERY_SOAK_CLIENTS:-32}
seed=${CHANCERY_SEED:-$((RANDOM * 32768 + RANDOM))}
diag "CHANCERY_SEED=$seed"
RANDOM=$((seed % 32768))
export CHANCERY_MAX_PAUSE=500
E2E_WITNESS=1
E2E_FRONTD='database_cache_mib = 1;' # full soon, so that what grows after that is no cache
e2e_up
load_start "$clients" "$seed"

# A fault a line: what the table calls it, and what the token is told. A key with three wrong signatures is latched
# until root says otherwise, so there are two of those in all.
faults=(
  'device error|C_Sign CKR_DEVICE_ERROR times 3'
  'session gone|C_Sign CKR_SESSION_HANDLE_INVALID times 2'
  'handle gone|C_SignInit CKR_KEY_HANDLE_INVALID times 2'
  'logged out|C_Sign logout times 1'
  'all sessions lost|C_Sign lose-sessions times 1'
  'answer lost|C_Sign CKR_FUNCTION_FAILED times 2 after'
  'no key made|C_GenerateKeyPair CKR_DEVICE_MEMORY times 1'
  'slow|C_Sign sleep 50ms times 100'
  'hang|C_Sign hang times 1'
  'crash|C_Sign crash times 1'
  'crash after signing|C_Sign crash after times 1'
  'token away|token away'
)
wrong=('wrong signature|C_Sign flip times 1' 'other key|C_SignInit other-key times 1')
declare -A happened=()
told='' hung='' # the driver that may have a thread that hangs, and since when at the latest
told() { # NAME: what is told now
  [ "$told" != hang ] || hung="$(pid_of driver) $SECONDS"
  told=$1
}

sample() { # NAME: rss in KiB and descriptors of the process that runs now, with its id; nothing if there is none
  local pid
  pid=$(pid_of "$1" 2>/dev/null) || return 0
  [ -r "/proc/$pid/status" ] || return 0
  printf '%s %s %s\n' "$pid" "$(sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$pid/status")" \
    "$(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)"
}

fault_one() { # whatever comes next
  local fault name
  if [ ${#wrong[@]} -gt 0 ] && [ $((RANDOM % 4)) = 0 ]; then
    fault=${wrong[0]}
    wrong=("${wrong[@]:1}")
  else
    fault=${faults[RANDOM % ${#faults[@]}]}
  fi
  name=${fault%%|*}
  happened[$name]=$((${happened[$name]:-0} + 1))
  tell "${fault#*|}" || diag "untold: $fault"
  told "$name"
  if [ "$name" = 'token away' ]; then
    sleep "1.$((RANDOM % 10))"
    tell
  fi
}
kill_any() {
  local names=(driver signd frontd) name
  name=${names[RANDOM % 3]}
  stack_until 100 load_kill "$name" || diag "no $name to kill"
  happened["kill -9 of $name"]=$((${happened["kill -9 of $name"]:-0} + 1))
}

stuck=0 end=$((SECONDS + seconds * 2 / 3))
while [ "$SECONDS" -lt "$end" ]; do
  if [ $((RANDOM % 3)) = 0 ]; then kill_any; else fault_one; fi
  before=$(load_count)
  sleep "$((RANDOM % (seconds > 60 ? 4 : 2))).$((RANDOM % 10))"
  stack_until 90 load_more "$before" || {
    stuck=$((stuck + 1))
    diag "nothing was answered for ninety seconds"
    stack_show_logs
  }
done
tell
told nothing
is "$stuck" 0 "$clients clients, faults for $((seconds * 2 / 3)) s: it goes on each time"
# While one of its threads hangs a driver goes on with the others, and is ended by its watchdog after ten seconds.
unhung() { [ -z "$hung" ] || [ "$(pid_of driver)" != "${hung% *}" ] || [ "$SECONDS" -gt $((${hung#* } + 25)) ]; }
stack_until 60 unhung
stack_until 60 load_ready || e2e_die "not ready after the faults"
stack_until 60 load_more $(($(load_count) + 3 * clients)) || diag "slow after the faults"

# Calm: the same processes at its beginning and end, the same number of connections.
declare -A first=()
answered=$(load_count)
keys() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" 'SELECT count(*) FROM key'; }
made=$(keys)
for name in driver signd frontd; do first[$name]=$(sample $name); done
calm=$((SECONDS + (seconds / 3 > 6 ? seconds / 3 : 6)))
while [ "$SECONDS" -lt "$calm" ]; do
  operator
  sleep 0.5
done
declare -A last=()
for name in driver signd frontd; do last[$name]=$(sample $name); done
answered=$(($(load_count) - answered))
made=$(($(keys) - made))
diag "$(printf '%-10s %10s %10s %8s %8s %8s' process 'KiB first' 'KiB last' 'files' 'last' starts)"
for name in driver signd frontd; do
  read -r pid rss fds <<<"${first[$name]}"
  read -r pid_last rss_last fds_last <<<"${last[$name]}"
  diag "$(printf '%-10s %10s %10s %8s %8s %8s' $name "$rss" "$rss_last" "$fds" "$fds_last" \
    $((1 + $(grep -c 'supervise: .* ended' "$STACK_DIR/log/$name.log"))))"
  is "$pid_last" "$pid" "$name lived through the calm stretch"
  # The front-end's threads that wait for an answer have heaps of their own, which fill for a while. Signatures leave
  # nothing behind, but a key that was made does: a token's objects, a charter.
  room=$((2048 + 32 * made))
  [ $name != frontd ] || room=$((room + 128 * $(sed -n 's/^Threads:[^0-9]*//p' "/proc/$pid_last/status")))
  if sanitized; then
    skip "$name: no growth of memory" "$rss KiB, then $rss_last: AddressSanitizer keeps what was freed, up to 256 MiB; at the end it looks for leaks"
  elif [ $((rss_last - rss)) -le $room ]; then pass "$name: no growth of memory"; else
    fail "$name: no growth of memory" "$rss KiB, then $rss_last, after $answered answers and $made keys"; fi
  if [ $((fds_last - fds)) -le 8 ]; then pass "$name: no growth of descriptors"; else
    fail "$name: no growth of descriptors" "$fds, then $fds_last"; fi
done

load_end
for what in "${!happened[@]}"; do printf '%-24s %6d\n' "$what" "${happened[$what]}"; done | sort | while read -r row; do diag "$row"; done
stack_until 60 load_ready || e2e_die "not ready at the end"
nothing "who asks again gets the same bytes" "$(load_again 300)"
stack_stop
load_checked
succeeds "the ledger reads well from outside" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"
tap_done
