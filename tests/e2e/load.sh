# What tests under load share: clients that insist (load.py), an operator, and the checks at the end. After lib.sh.
# shellcheck shell=bash
# shellcheck disable=SC2154 # lib.sh assigns them

# root -> policy -> issuing and the clients' plan; the clients themselves. Sets $load and $load_pid.
load_start() { # CLIENTS SEED
  hierarchy_make load "$(token_first)" "$(token_first)" "$(token_first)"
  csr_make "$work/leaf" ec:P-256 DNS:load.example.com
  load=$work/load
  mkdir "$load"
  jq -n --rawfile csr "$work/leaf.csr" --arg i "$issuing" --arg o "$issuer" --arg p "$policy" --arg a "$(token_first)" \
    '{leaf: {csr_pem: $csr, profile: "server"}, leaves: "/api/v1/intermediates/\($i)/certificates",
      cas: "/api/v1/issuers/\($o)/intermediates", parent: $p, algorithm: $a}' >"$load/plan.json"
  python3 "$CHANCERY_SOURCE/tests/e2e/load.py" run "$STACK_DIR/front/api.sock" "$load" "$1" "$2" >"$work/load.said" &
  load_pid=$!
  token_object=$(find "$STACK_DIR/token" -name token.object)
  [ -z "$token_object" ] || cp -p "$token_object" "$work/token.object"
}
# Every client gets the answer to what it asked last.
load_end() {
  : >"$load/enough"
  # Without our output: whoever reads it would wait for the sleep as well.
  (sleep 120 && : >"$load/enough-now") >/dev/null 2>&1 &
  local late=$!
  wait "$load_pid"
  kill "$late" 2>/dev/null
  diag "$(sed 's/^# //' "$work/load.said")"
  diag "the operator: $resumed times --resume after a login that was cut short, $mended times a token.object put back"
}
load_count() { cat "$load/count" 2>/dev/null || echo 0; }

# What a kill of the driver can leave for its operator: it died while its PIN was tried and won't try again by itself; or
# SoftHSM died while it wrote its token.object, which it does in place, at each login.
resumed=0 mended=0
operator() {
  if [ -n "${token_object:-}" ] && tail -n 3 "$STACK_DIR/log/driver.log" | grep -q token_missing; then
    cp -p "$work/token.object" "$token_object"
    mended=$((mended + 1))
  fi
  [ -e "$STACK_DIR/token/main.login-pending" ] && tail -n 3 "$STACK_DIR/log/driver.log" | grep -q pin_latched || return 0
  "$STACK_BIN/chancery-driver-pkcs11" --config "$STACK_DIR/conf/driver-main.conf" --resume main 2>>"$work/resume.log" &&
    resumed=$((resumed + 1))
}
load_more() { # THAN
  operator
  [ "$(load_count)" -gt "$1" ]
}
load_kill() { # NAME
  operator
  kill -KILL "$(cat "$STACK_DIR/pid/$1" 2>/dev/null)" 2>/dev/null
}
load_ready() {
  operator
  stack_ready
}
load_again() { # HOW MANY: what was answered otherwise than before
  python3 "$CHANCERY_SOURCE/tests/e2e/load.py" again "$STACK_DIR/front/api.sock" "$load" "$1"
}
# The last request may have been one for nobody: its record is in the database a moment after the start.
load_in_step() {
  api GET '/api/v1/audit?last=1'
  [ "$(sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" 'SELECT committed FROM ledger')" -gt "$(field '.data[0].seq')" ] 2>/dev/null
}
# With the stack at rest: points of load.py check, a promise and what breaks it a line; and openssl's word on every leaf.
load_checked() {
  local promise broken n good
  while IFS=$'\t' read -r promise broken; do
    case $promise in '#'*) diag "${promise#\#}" ;; *) nothing "$promise" "$broken" ;; esac
  done < <(python3 "$CHANCERY_SOURCE/tests/e2e/load.py" check "$load" "$STACK_DIR/db/chancery.sqlite" \
    "$STACK_DIR/signer/ledger" "$work/witness" "$STACK_DIR"/log/{driver,signd}.log || printf 'the check itself\tdied\n')
  mkdir "$work/received"
  jq -r 'select(.op == "leaf" and .status == 201) | .body | fromjson | .certificate_pem' "$load"/client-*.jsonl |
    awk -v d="$work/received" '/^-----BEGIN/ { f = sprintf("%s/%06d.crt", d, ++n) } /^-----BEGIN/, /^-----END/ { print > f } /^-----END/ { close(f) }'
  find "$work/received" -name '*.crt' >"$work/judged"
  n=$(wc -l <"$work/judged")
  good=$(xargs -n 100 openssl verify -x509_strict \
    -CAfile "$work/load-root.crt" -untrusted "$work/load-issuing.chain" <"$work/judged" 2>"$work/verify.err" | grep -c ': OK$')
  is "$good of $n" "$n of $n" "every certificate that a client received verifies"
  [ "$good" = "$n" ] || diag "$(head -n 12 "$work/verify.err")"
}
