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
clients=${CHANCERY_KILL_CLIENTS:-16}
rounds=${CHANCERY_KILL_ROUNDS:-$([ -n "${CHANCERY_SLOW:-}" ] && echo 100 || echo 10)}
seed=${CHANCERY_SEED:-$((RANDOM * 32768 + RANDOM))}
diag "CHANCERY_SEED=$seed"
RANDOM=$((seed % 32768))
export CHANCERY_MAX_PAUSE=200
E2E_WITNESS=1
e2e_up
hierarchy_make kill "$(token_first)" "$(token_first)" "$(token_first)"
csr_make "$work/leaf" ec:P-256 DNS:kill.example.com
load=$work/load
mkdir "$load"
jq -n --rawfile csr "$work/leaf.csr" --arg i "$issuing" --arg o "$issuer" --arg p "$policy" --arg a "$(token_first)" \
  '{leaf: {csr_pem: $csr, profile: "server"}, leaves: "/api/v1/intermediates/\($i)/certificates",
    cas: "/api/v1/issuers/\($o)/intermediates", parent: $p, algorithm: $a}' >"$load/plan.json"
python3 "$CHANCERY_SOURCE/tests/e2e/load.py" run "$STACK_DIR/front/api.sock" "$load" "$clients" "$seed" >"$work/load.said" &
clients_pid=$!

got() { cat "$load/count" 2>/dev/null || echo 0; }
# What a kill of the driver can leave for its operator, who is here: it died while its PIN was tried and won't try again
# by itself; or SoftHSM died while it wrote its token.object, which it does in place, at each login.
resumed=0 mended=0
token_object=$(find "$STACK_DIR/token" -name token.object) # none on other tokens
[ -z "$token_object" ] || cp -p "$token_object" "$work/token.object"
operator() {
  if [ -n "$token_object" ] && tail -n 3 "$STACK_DIR/log/driver.log" | grep -q token_missing; then
    cp -p "$work/token.object" "$token_object"
    mended=$((mended + 1))
  fi
  [ -e "$STACK_DIR/token/login-pending" ] && tail -n 3 "$STACK_DIR/log/driver.log" | grep -q pin_latched || return 0
  "$STACK_BIN/chancery-driver-pkcs11" --config "$STACK_DIR/conf/driver-main.conf" --resume main 2>>"$work/resume.log" &&
    resumed=$((resumed + 1))
}
more_than() {
  operator
  [ "$(got)" -gt "$1" ]
}
kill_one() {
  operator
  kill -KILL "$(cat "$STACK_DIR/pid/$1" 2>/dev/null)" 2>/dev/null
}
ready() {
  operator
  stack_ready
}

# Each process as often, in an order that nobody planned.
mapfile -t victims < <(for ((i = 0; i < rounds; i++)); do printf '%s\n' driver signd frontd; done)
for ((i = ${#victims[@]} - 1; i > 0; i--)); do
  j=$((RANDOM % (i + 1)))
  swap=${victims[i]} victims[i]=${victims[j]} victims[j]=$swap
done

killed=0 stuck=0
for victim in "${victims[@]}"; do
  # Every other kill meets what the one before has left: a start, a recovery, a catch-up.
  if [ $((RANDOM % 2)) = 0 ] && ! stack_until 60 more_than "$(got)"; then
    stuck=$((stuck + 1))
    diag "nothing was answered for a minute before kill $((killed + 1)), of $victim"
    stack_show_logs
  fi
  sleep "0.$(printf '%03d' $((RANDOM % 300)))"
  if stack_until 20 kill_one "$victim"; then killed=$((killed + 1)); else diag "no $victim to kill"; fi
done
is "$killed" $((3 * rounds)) "$clients clients, $rounds kills of each process"
is "$stuck" 0 "it goes on each time"
stack_until 60 more_than "$(got)" || diag "nothing after the last kill"
: >"$load/enough"
(sleep 90 && : >"$load/enough-now") &
wait "$clients_pid"
diag "$(sed 's/^# //' "$work/load.said"); $resumed kills met a login and needed --resume, $mended left SoftHSM a broken token.object"
stack_until 60 ready || e2e_die "not ready at the end"

again() { # HOW MANY
  python3 "$CHANCERY_SOURCE/tests/e2e/load.py" again "$STACK_DIR/front/api.sock" "$load" "$1"
}
nothing "who asks again gets the same bytes" "$(again 500)"
for victim in driver signd frontd; do kill_one $victim; done
stack_until 60 ready || e2e_die "not ready after the last start"
nothing "also after all three were started anew" "$(again 500)"

# The last request may have been one for nobody: its record is in the database a moment after the start.
in_step() {
  api GET /api/v1/status
  api GET '/api/v1/audit?last=1'
  [ "$(sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" 'SELECT committed FROM ledger')" -gt "$(field '.data[0].seq')" ]
}
stack_until 30 in_step || diag "the database is not in step"
stack_stop
load_checked "$load"

bad=0 n=0
while read -r file; do
  n=$((n + 1))
  jq -r .certificate_pem "$file" >"$work/one.crt"
  jq -r .chain_pem "$file" >"$work/one.chain"
  openssl verify -x509_strict -CAfile "$work/kill-root.crt" -untrusted "$work/one.chain" "$work/one.crt" >/dev/null 2>&1 || bad=$((bad + 1))
done < <(jq -r 'select(.op == "leaf" and .status == 201) | .body' "$load"/client-*.jsonl | shuf -n 50 |
  awk -v d="$work" '{ f = d "/sample-" NR ".json"; print > f; close(f); print f }')
is "$bad" 0 "fifty of them verify, or all of a slow token's: $n"
tap_done
