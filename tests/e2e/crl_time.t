#!/usr/bin/env bash
# Months in seconds: the CRL in the folder is never stale, whoever asks or not, and an entry stays until a CRL after its
# certificate's end has had it.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=96
# shellcheck disable=SC2034
E2E_FRONTD='crl_delta_hours = 36;'
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/rotation.sh
. "$(dirname "$0")/rotation.sh"
rotation_up crls
ca root '' '{"ttl_days": 900, "path_len_constraint": 1, "rotation": "off"}'
root=$id
ca issuing "$root" '{"ttl_days": 800, "path_len_constraint": 0, "rotation": "off"}'
issuing=$id
answers 201 "a root and a CA"
revoked_leaf() { # NAME DAYS: its serial in $serial
  csr_make "$work/$1" ec:P-256 "DNS:$1.example.com"
  api POST "/api/v1/intermediates/$issuing/certificates" \
    "$(jq -n --rawfile csr "$work/$1.csr" --argjson t "$(($2 * day))" '{csr_pem: $csr, profile: "server", ttl_seconds: $t}')"
  serial=$(field .serial)
  api POST "/api/v1/intermediates/$issuing/certificates/$serial/revoke" '{"reason": "superseded"}'
}
file() { openssl crl -inform DER -in "$STACK_DIR/db/crl/$1.crl" -noout "${@:2}" 2>/dev/null; }
seconds() { date -d "$(file "$1" "$2" | sed 's/.*=//')" +%s; }
# A CRL of the second half of its time is followed by the next one, though nobody asks for it.
fresh() { # CA
  local now
  now=$(clock_now "$clock")
  [ -n "$(file "$1" -nextupdate)" ] && [ "$(seconds "$1" -nextupdate)" -gt $((now + day)) ] && [ "$(seconds "$1" -lastupdate)" -le $((now + 60)) ]
}
delta() { openssl crl -inform DER -in "$STACK_DIR/db/crl/$1.delta.crl" -noout "${@:2}" 2>/dev/null; }
number() { printf '%d' "$(file "$1" -crlnumber | sed 's/.*=//')"; }
base() { printf '%d' "$(delta "$1" -text | tr -d '\n' | sed -n 's/.*Delta CRL Indicator: critical *\([0-9A-Fx]*\).*/\1/p')"; }
# A delta goes with the CRL, ends in time, and begins from no later CRL than the one of two days ago, which is valid still.
fresh_delta() { # CA OLDEST
  [ "$(delta "$1" -crlnumber)" = "$(file "$1" -crlnumber)" ] &&
    [ "$(date -d "$(delta "$1" -nextupdate | sed 's/.*=//')" +%s)" -gt $(($(clock_now "$clock") + day / 2)) ] &&
    [ "$(base "$1")" -le "$2" ] && [ "$(base "$1")" -gt 0 ]
}
lists() { [ "$(file "$1" -text | grep -ci "Serial Number: $2")" = 1 ]; }
lists_not() { ! lists "$@"; }

revoked_leaf short 5
answers 200 "a leaf of five days is revoked"
short=$serial
revoked_leaf long 80
answers 200 "and one of eighty"
long=$serial
stack_until 60 lists "$issuing" "$long" && pass "both are listed, though nobody asks" || fail "both are listed, though nobody asks"
lists "$issuing" "$short" || fail "the short one is not"
stale='' gone='' after='' stale_delta=''
numbers=("$(number "$issuing")")
for n in $(seq 1 60); do
  days_pass 1
  for one in "$root" "$issuing"; do
    stack_until 60 fresh "$one" || stale+=" $n:$one"
  done
  numbers+=("$(number "$issuing")")
  stack_until 60 fresh_delta "$issuing" "${numbers[n < 2 ? 0 : n - 2]}" || stale_delta+=" $n"
  if lists "$issuing" "$short"; then
    [ "$(seconds "$issuing" -lastupdate)" -le "$(date -d "$(openssl x509 -in <(api GET "/api/v1/intermediates/$issuing/certificates/$short"; field .certificate_pem) -noout -enddate | sed 's/.*=//')" +%s)" ] || after=$n
  elif [ -z "$gone" ]; then
    gone=$n
  fi
  lists "$issuing" "$long" || stale+=" $n:long"
done
is "$stale" "" "in two months no CRL was stale, and none lost an entry"
is "$stale_delta" "" "no delta was, and each was of use to whoever had a valid CRL"
[ "$(base "$issuing")" -ge "${numbers[50]}" ] && pass "and of no use to others" || fail "the base is still $(base "$issuing")"
[ -n "$gone" ] && [ -n "$after" ] && [ "$gone" -gt 5 ] && pass "the short one left after a CRL behind its end (day $after, then $gone)" ||
  fail "the short one: listed behind its end on day ${after:-none}, gone on day ${gone:-none}"
clock_pass "$clock" $((30 * day))
stack_until 60 fresh "$issuing" && pass "after a month at once there is a fresh one" || fail "after a month at once there is a fresh one"

# The ledger knows of a CRL that the folder has not got, and nothing can be signed: the one before is what it is.
kept=$(number "$issuing")
cp "$STACK_DIR/db/crl/$issuing.crl" "$work/kept.crl"
since=$(seconds "$issuing" -lastupdate)
clock_pass "$clock" $((60 * 3600))
next() { [ "$(number "$issuing")" -gt "$kept" ]; }
stack_until 60 next || fail "no next CRL"
stack_stop
mv "$STACK_DIR/conf/driver-main.conf" "$work/"
rm -rf "$STACK_DIR/db"
mkdir -p "$STACK_DIR/db/crl"
chmod 0700 "$STACK_DIR/db" "$STACK_DIR/db/crl"
cp "$work/kept.crl" "$STACK_DIR/db/crl/$issuing.crl"
STACK_PATIENCE=1 stack_start
get() { code=$(curl -s -o "$work/got.crl" -D "$work/got.head" -w '%{http_code}' --max-time 60 --unix-socket "$STACK_DIR/pki.sock" "http://localhost/pki/$issuing/crl"); }
served() {
  get
  [ "$code" = 200 ]
}
stack_until 60 served && pass "without a token the one that is there is served" || fail "without a token the one that is there is served" "$code"
is "$(date -d "$(sed -n 's/^Last-Modified: //p' "$work/got.head" | tr -d '\r')" +%s)" "$since" "since when it is it says itself"
clock_pass "$clock" $((40 * 3600))
get
is "$code" 503 "when it has ended it is served no more, though the ledger knows of one that lasts"
mv "$work/driver-main.conf" "$STACK_DIR/conf/"
stack_until 60 served && pass "with the token there is another" || fail "with the token there is another" "$code"
[ "$(date -d "$(openssl crl -in "$work/got.crl" -noout -nextupdate | sed 's/.*=//')" +%s)" -gt "$(clock_now "$clock")" ] && pass "that lasts" || fail "that lasts"
tap_done
