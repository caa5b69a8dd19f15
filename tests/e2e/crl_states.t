#!/usr/bin/env bash
# CRLs of CAs in every state, issued or not, and while the token is away: the last one is served for as long as it is
# valid, and that is said wherever somebody looks.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/crls.sh
. "$(dirname "$0")/crls.sh"
e2e_up
hierarchy_make states ECDSA-P256 ECDSA-P256 ECDSA-P256
: "${issuer:=}" "${root:=}" "${policy:=}" "${text:=}"
chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }
value() { curl -s --unix-socket "$STACK_DIR/pki.sock" http://localhost/metrics | awk -v name="$1" 'index($0, name) == 1 { print $NF }'; }

# CAs that never issued anything.
retired=$(ca_make "$issuer" retired ECDSA-P256 0 "$policy")
retiring=$(ca_make "$issuer" retiring ECDSA-P256 0 "$policy")
revoked=$(ca_make "$issuer" revoked ECDSA-P256 0 "$policy")
for ca in "$retired" "$retiring"; do api POST "/api/v1/intermediates/$ca/retire" '{}'; done
api POST "/api/v1/intermediates/$retired/retire" '{"confirm": true}'
answers 200 "one is retired"
api POST "/api/v1/intermediates/$revoked/revoke" '{"reason": "superseded"}'
answers 200 "one is revoked"
mv "$work/states-root.crt" "$work/root.crt"
for ca in retired retiring revoked root; do
  fetch "${!ca}" $ca
  judged $ca "$work/$ca.crt"
  before=$(number $ca)
  rm -f "$STACK_DIR/db/crl/${!ca}.crl"
  fetch "${!ca}" $ca
  [ $((16#$(number $ca))) -gt $((16#$before)) ] && pass "$ca: the next one is signed when it is asked for" || fail "$ca: $(number $ca) after $before"
  judged $ca "$work/$ca.crt"
  like "$(value "chancery_crl_next_update_timestamp_seconds{ca=\"${!ca}\"")" '^1[0-9]+$' "$ca: its end is a gauge"
done
is "$(value "chancery_crl_next_update_timestamp_seconds{ca=\"$root\"")" "$(seconds root nextupdate)" "the CRL's own"
rm -f "$STACK_DIR/db/crl/$retired.crl"
back() { [ -s "$STACK_DIR/db/crl/$retired.crl" ]; }
stack_until 180 back && pass "one that is missing in the folder comes back, though nobody asks" || fail "one that is missing in the folder comes back"

# The token goes away.
fresh late
fetch "$issuing" issuing
etag=$(sed -n 's/^ETag: //p' "$work/issuing.head" | tr -d '\r')
is "$(value chancery_crls_late)" 0 "no CRL is late"
is "$(chancery doctor | grep -c 'crl_late\|is due since')" 0 "which the doctor knows"
mv "$STACK_DIR/conf/driver-main.conf" "$work/"
kill -KILL "$(pid_of driver)"
away() {
  local status body
  api GET /api/v1/status
  [ "$(field '.signer.drivers[0].state')" = away ]
}
stack_until 60 away || fail "the token is not away"
revoke "$issuing" "$serial" keyCompromise
answers 200 "something is revoked meanwhile"
fetch "$issuing" issuing
like "$(cat "$work/issuing.head")" '^HTTP/1.1 200' "the last CRL is served, as it is valid"
is "$(sed -n 's/^ETag: //p' "$work/issuing.head" | tr -d '\r')" "$etag" "the one of before"
like "$(cat "$work/issuing.head")" 'Cache-Control: max-age=0' "to be asked for again at once"
is "$(grep -c "Serial Number: $serial" <<<"$text")" 0 "which does not say so yet"
late() { [ "$(value chancery_crls_late)" -gt 0 ]; }
stack_until 60 late && pass "the metrics say that a CRL is late" || fail "the metrics say that a CRL is late"
api GET /api/v1/status
is "$(field '.crls.late[0].ca_id')" "$issuing" "the status says whose"
like "$(chancery status)" "a CRL of $issuing is late" "in words too"
like "$(chancery doctor)" "A CRL of CA $issuing is due since" "and the doctor"
rm "$STACK_DIR/db/crl/$policy.crl"
pki "/pki/$policy/crl" -o /dev/null -D "$work/none.head"
like "$(cat "$work/none.head")" '^HTTP/1.1 503' "where there is none at all it is 503"
like "$(cat "$work/none.head")" 'Retry-After: [1-9]' "with a time to come again"
mv "$work/driver-main.conf" "$STACK_DIR/conf/"
stack_until 60 token_ready || fail "the token is not back"
shown() {
  fetch "$issuing" issuing
  grep -q "Serial Number: $serial" <<<"$text"
}
stack_until 60 shown && pass "it comes back, and the CRL says what was revoked" || fail "it comes back, and the CRL says what was revoked"
early() { [ "$(value chancery_crls_late)" = 0 ]; }
stack_until 150 early && pass "no CRL is late any more" || fail "no CRL is late any more"
judged issuing "$work/states-issuing.crt"
tap_done
