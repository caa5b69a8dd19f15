#!/usr/bin/env bash
# A CA whose certificates are spread over several CRLs: each names the one that will list it, by its serial number.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck disable=SC2034
E2E_FRONTD='crl_delta_hours = 8; pki_base_url = "http://pki.example.com/pki";'
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/crls.sh
. "$(dirname "$0")/crls.sh"
e2e_up
shards=4
issuer=$(issuer_make shards)
: "${text:=}"
sharded_make() { # NAME PATH-LEN [PARENT] [MORE-JSON]: its id
  api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg n "$1" --argjson p "$2" --arg parent "${3:-}" --argjson more "${4:-{\}}" \
    '{name: $n, subject: {common_name: ("CA " + $n)}, algorithm: "ECDSA-P256", path_len_constraint: $p}
     + if $parent == "" then {} else {parent_ca_id: $parent} end + $more')"
  field .certificate_pem >"$work/$1.crt"
  id=$(field .id)
}
sharded_make root 2
root=$id
sharded_make policy 1 "$root" '{"crl_shards": 2}'
answers 201 "a CA with two shards"
policy=$id
sharded_make issuing 0 "$policy" "{\"crl_shards\": $shards}"
answers 201 "and one below it with four"
issuing=$id
is "$(field .crl_shards)" 4 "which its view says"
for n in 0 1 2 3; do
  [ -s "$STACK_DIR/db/crl/$issuing.$n.crl" ] && pass "its shard $n has a CRL before it is answered" || fail "its shard $n has a CRL before it is answered"
done
url_of() { # CERTIFICATE: its CRL's
  openssl x509 -in "$work/$1.crt" -noout -ext crlDistributionPoints | sed -n 's/.*URI://p'
}
shard_of() { echo $((16#$(serial_of "$work/$1.crt" | tail -c 9) % ${2:-$shards})); } # CERTIFICATE [SHARDS]
is "$(url_of policy)" "http://pki.example.com/pki/$root/crl" "a CA below one that has one CRL names that"
is "$(url_of issuing)" "http://pki.example.com/pki/$policy/crl/$(shard_of issuing 2)" "a CA below one with shards is of one"

# A leaf of each shard, and one more that is revoked.
for n in 0 1 2 3; do
  for kind in good bad; do
    for try in $(seq 1 100); do
      fresh "leaf"
      [ "$(shard_of leaf)" != "$n" ] || break
    done
    : "$try"
    cp "$work/leaf.crt" "$work/$kind$n.crt"
    is "$(url_of "$kind$n")" "http://pki.example.com/pki/$issuing/crl/$n" "a leaf of shard $n names its URL"
  done
done
csr_make "$work/short" ec:P-256 DNS:short.example.com
fetch "$root" root
fetch "$policy" policy "/$(shard_of issuing 2)"
cat "$work/root.crt" "$work/policy.crt" "$work/issuing.crt" >"$work/cas.pem"
verify() { # CERTIFICATE SHARD: the chain, with that shard's CRL for the leaf
  cat "$work/root.crl" "$work/policy.crl" "$work/shard$2.crl" >"$work/crls.pem"
  openssl verify -CAfile "$work/cas.pem" -CRLfile "$work/crls.pem" -crl_check_all -extended_crl "$work/$1.crt" 2>&1
}
for n in 0 1 2 3; do
  revoke "$issuing" "$(serial_of "$work/bad$n.crt")" keyCompromise
  answers 200 "one of shard $n is revoked"
  fetch "$issuing" "shard$n" "/$n"
  like "$text" "Serial Number: $(serial_of "$work/bad$n.crt")" "and on its CRL with the next GET"
  is "$(count)" 1 "alone"
  like "$text" 'Issuing Distribution Point: critical' "which says what it covers"
  like "$text" "URI:http://pki.example.com/pki/$issuing/crl/$n" "under the URL that the certificates name"
  judged "shard$n" "$work/issuing.crt"
  succeeds "certtool reads it" certtool --crl-info --infile "$work/shard$n.crl"
  fetch "$issuing" "delta$n" "/$n/delta"
  is "$(count)" 1 "its delta lists it too"
  is "$(number "delta$n")" "$(number "shard$n")" "under the same number"
  like "$text" "URI:http://pki.example.com/pki/$issuing/crl/$n" "and covers the same"
done
for n in 0 1 2 3; do
  fetch "$issuing" "shard$n" "/$n"
  is "$(count)" 1 "shard $n lists its own and no other's"
  like "$(verify "good$n" $n)" OK "openssl takes a good leaf with its shard's CRL"
  like "$(verify "bad$n" $n)" 'certificate revoked' "and not the revoked one"
  like "$(verify "good$n" $(((n + 1) % 4)))" 'unable to get certificate CRL|different CRL scope' "another shard's CRL does not serve"
done
is "$(pki "/pki/$issuing/crl" -o /dev/null -w '%{http_code}')" 404 "there is no CRL for all"
for path in crl/4 crl/00 crl/-1 crl/1x crl/65536 crl/4/delta; do
  is "$(pki "/pki/$issuing/$path" -o /dev/null -w '%{http_code}')" 404 "nor $path"
done
is "$(pki "/pki/$root/crl/0" -o /dev/null -w '%{http_code}')" 404 "nor a shard of a CA that has one CRL"
etag=$(sed -n 's/^ETag: //p' "$work/shard0.head" | tr -d '\r')
is "$(pki "/pki/$issuing/crl/0" -H "If-None-Match: $etag" -o /dev/null -w '%{http_code}')" 304 "a shard has its ETag"

# A hold is released on its shard; a profile's own CRL URLs are not for such a CA.
fresh held
n=$(shard_of held)
revoke "$issuing" "$serial" certificateHold
release "$issuing" "$serial"
answers 200 "a hold is released"
fetch "$issuing" "shard$n" "/$n"
is "$(count)" 1 "and gone from its shard"
fetch "$issuing" "delta$n" "/$n/delta"
like "$text" 'Remove From CRL' "the delta says so"
sed 's/^names/crl_urls = ( "http:\/\/elsewhere.example\/{ca}.crl" );\nnames/' "$STACK_DIR/conf/profiles/server.conf" >"$STACK_DIR/conf/profiles/elsewhere.conf"
kill -HUP "$(pid_of frontd)"
listed() {
  local status body
  api GET /api/v1/profiles/elsewhere
  [ "$status" = 200 ]
}
stack_until 60 listed || fail "the profile is not there"
issue "$issuing" "$work/short.csr" elsewhere
answers 201 "a leaf of a profile with a CRL URL of its own"
is "$(url_of short)" "http://pki.example.com/pki/$issuing/crl/$(shard_of short)" "names its shard all the same"

# A CA of a shard is revoked: its issuer's shard says so.
revoked_shard=$(shard_of issuing 2)
sharded_make gone 0 "$policy"
api POST "/api/v1/intermediates/$id/revoke" '{"reason": "cessationOfOperation"}'
answers 200 "a CA below it is revoked"
fetch "$policy" policy-gone "/$(shard_of gone 2)"
like "$text" "Serial Number: $(serial_of "$work/gone.crt")" "and on its shard"

# Number and URLs are fixed for good.
api PATCH "/api/v1/intermediates/$issuing" '{"crl_shards": 8}'
answers 400 "the number can't be changed"
api POST "/api/v1/intermediates/$issuing/rotate" '{"now": true, "crl_shards": 8}'
answers 400 "nor with a successor"
for wrong in 0 257 -1 '"4"' 1.5; do
  sharded_make wrong 0 "$policy" "{\"crl_shards\": $wrong}"
  answers 400 "$wrong shards are refused" bad_field
done
api POST "/api/v1/issuers/$issuer/intermediates?dry_run=true" \
  "$(jq -n --arg p "$policy" '{name: "dry", subject: {common_name: "Dry"}, parent_ca_id: $p, crl_shards: 4}')"
answers 200 "a dry run makes none"
succeeds "the command line makes one" "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" ca create --issuer shards --parent policy --name cli --cn "CA cli" \
  --algorithm ECDSA-P256 --crl-shards 3
like "$("$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" --json ca show cli)" '"crl_shards": *3' "and shows it"
issue "$issuing" "$work/short.csr" server
before=$(url_of short)

# Through another URL in frontd.conf, an empty database, rotation and renewal.
stack_stop
sed -i 's|http://pki.example.com/pki|http://crl.example.org|' "$STACK_DIR/conf/frontd.conf"
rm -rf "$STACK_DIR/db"
mkdir -m 0700 "$STACK_DIR/db"
stack_start || e2e_die "not ready"
ready() { # FILE
  issue "$issuing" "$work/short.csr" server
  [ "$status" = 201 ]
}
stack_until 60 ready && pass "from the ledger alone it issues again" || fail "from the ledger alone it issues again" "$status $body"
is "$(url_of short)" "http://pki.example.com/pki/$issuing/crl/$(shard_of short)" "with the URL of its beginning"
for n in 0 1 2 3; do
  fetch "$issuing" "shard$n" "/$n"
  like "$text" "Serial Number: $(serial_of "$work/bad$n.crt")" "shard $n lists what it did"
  like "$(verify "good$n" $n)" OK "and a good one passes"
done
api GET "/api/v1/intermediates/$issuing"
is "$(field .crl_shards)" 4 "it has as many shards"
api POST "/api/v1/intermediates/$issuing/renew" '{"ttl_days": 3652}'
status_renewed=$status
api POST "/api/v1/intermediates/$issuing/rotate" '{"now": true}'
answers 201 "it is rotated"
next=$(field .id)
field .certificate_pem >"$work/next.crt"
is "$(field .crl_shards)" 4 "its successor has as many"
is "$(url_of next)" "http://pki.example.com/pki/$policy/crl/$(shard_of next 2)" "and is of a shard of its issuer"
issuing_before=$issuing issuing=$next
stack_until 60 ready && pass "the successor issues" || fail "the successor issues" "$status $body"
is "$(url_of short)" "http://pki.example.com/pki/$next/crl/$(shard_of short)" "with URLs of its own below the same one"
serial=$(serial_of "$work/short.crt")
revoke "$next" "$serial" superseded
fetch "$next" next "/$(shard_of short)"
like "$text" "Serial Number: $serial" "and its own shards"
revoke "$issuing_before" "$(serial_of "$work/good0.crt")" superseded
fetch "$issuing_before" shard0 /0
is "$(count)" 2 "those before go on"
: "$before" "$revoked_shard" "$status_renewed"
succeeds "an independent reader agrees with the ledger" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"

# Without a URL in frontd.conf there is nothing to name.
stack_stop
sed -i 's|http://crl.example.org||' "$STACK_DIR/conf/frontd.conf"
stack_start || e2e_die "not ready"
sharded_make nowhere 0 "$policy" '{"crl_shards": 4}'
answers 400 "shards without pki_base_url are refused" bad_field
issue "$next" "$work/short.csr" server
answers 201 "a CA that has them goes on"
is "$(url_of short)" "http://pki.example.com/pki/$next/crl/$(shard_of short)" "with its own URLs"
tap_done
