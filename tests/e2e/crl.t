#!/usr/bin/env bash
# CRLs as relying parties get them: there for every CA from its beginning, up to date with every revocation that was
# acknowledged, read by other programs; after kills, and with a database from a backup or none.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/crls.sh
. "$(dirname "$0")/crls.sh"
e2e_up
hierarchy_make crl ECDSA-P384 ECDSA-P256 ECDSA-P256
other=$(ca_make "$issuer" other ECDSA-P256 0 "$policy")
# Every CA has one, by itself.
for ca in root policy issuing; do
  stack_until 60 test -s "$STACK_DIR/db/crl/${!ca}.crl" && pass "$ca has a CRL from its beginning" || fail "$ca has a CRL from its beginning"
  fetch "${!ca}" $ca
  judged $ca "$work/crl-$ca.crt"
  like "$text" 'No Revoked Certificates' "$ca: of nothing"
  key_id=$(openssl x509 -in "$work/crl-$ca.crt" -noout -ext subjectKeyIdentifier | tail -1 | tr -d ' ')
  like "$(tr -d ' \n' <<<"$text")" "AuthorityKeyIdentifier:$key_id" "$ca: its key is named"
done
is "$(pki /pki/nobody/crl -o /dev/null -w '%{http_code}')" 404 "nobody has none"
is "$(pki "/pki/..%2f..%2fx/crl" -o /dev/null -w '%{http_code}')" 404 "nor has what is no CA"
like "$(cat "$work/issuing.head")" 'Content-Type: application/pkix-crl' "its type"
like "$(cat "$work/issuing.head")" 'Cache-Control: max-age=[1-9][0-9]*, public' "how long it may be kept"
like "$(cat "$work/issuing.head")" 'Last-Modified: .* GMT' "since when it is"
etag=$(sed -n 's/^ETag: //p' "$work/issuing.head" | tr -d '\r')
is "$(pki "/pki/$issuing/crl" -H "If-None-Match: $etag" -o "$work/304" -w '%{http_code} %{size_download}')" "304 0" "who has it gets it not again"
is "$(pki "/pki/$issuing/crl" -I -o /dev/null -w '%{http_code}')" 200 "HEAD"
is "$(stat -c %a "$STACK_DIR/db/crl/$issuing.crl")" 644 "a web server may read it"

# A GET after an acknowledged revocation shows it.
fresh one
revoke "$issuing" "$serial" keyCompromise
answers 200 "revoked"
fetch "$issuing" issuing
like "$text" "Serial Number: $serial" "the next GET shows it"
like "$text" 'Key Compromise' "and why"
is "$(pki "/pki/$issuing/crl" -H "If-None-Match: $etag" -o /dev/null -w '%{http_code}')" 200 "under another ETag"
judged issuing "$work/crl-issuing.crt"
fresh hold
revoke "$issuing" "$serial" certificateHold
fetch "$issuing" issuing
like "$text" 'Certificate Hold' "a hold"
release "$issuing" "$serial"
answers 200 "is released"
fetch "$issuing" issuing
is "$(count)" 1 "and gone from the CRL"
revoke "$issuing" "$serial" certificateHold
release "$issuing" "$serial"
revoke "$issuing" "$serial" certificateHold
answers 200 "on hold, released and on hold, without a look between"
fetch "$issuing" issuing
is "$(count)" 2 "it is listed"
revoke "$issuing" "$serial" superseded
fetch "$issuing" issuing
like "$text" 'Superseded' "a hold becomes a revocation"
hold=$work/hold.crt
for i in $(seq 12); do fresh "many$i"; done
first=$(number issuing)
file=$STACK_DIR/db/crl/$issuing.crl
exec 8<"$file" # so that no other file gets its number
inode=$(stat -c %i "$file")
# Whoever reads the file meanwhile has a whole one.
until [ -e "$work/read" ]; do openssl crl -inform DER -in "$file" -noout 2>>"$work/torn" || echo torn >>"$work/torn"; done &
reader=$!
kill -STOP "$(pid_of driver)"
for i in $(seq 12); do
  curl -s -o "$work/many.$i" -w '%{http_code}\n' --unix-socket "$STACK_DIR/api.sock" -H 'Content-Type: application/json' -d '{}' \
    "http://localhost/api/v1/intermediates/$issuing/certificates/$(serial_of "$work/many$i.crt")/revoke" >"$work/code.$i" &
done
for i in $(seq 12); do stack_until 60 test -s "$work/code.$i"; done
kill -CONT "$(pid_of driver)"
# Whatever the signer has made of that silence.
stack_until 60 token_ready
is "$(cat "$work"/code.* | sort -u)" 200 "twelve are revoked while the token holds its breath"
fetch "$issuing" issuing
is "$(count)" 14 "all are on the next CRL"
[ $((16#$(number issuing) - 16#$first)) -le 6 ] && pass "with fewer CRLs than revocations" || fail "too many CRLs: $first $(number issuing)"
touch "$work/read"
wait "$reader"
is "$(cat "$work/torn" 2>/dev/null)" "" "the file was whole all the time"
[ "$(stat -c %i "$file")" != "$inode" ] && pass "each is a file of its own" || fail "each is a file of its own"
exec 8<&-

# Whole chains, by openssl and NSS.
fresh good
cat "$work/crl-root.crt" "$work/crl-policy.crt" "$work/crl-issuing.crt" >"$work/cas.pem"
crls() {
  for ca in root policy issuing; do fetch "${!ca}" $ca; done
  cat "$work"/{root,policy,issuing}.crl >"$work/crls.pem"
}
verify() { openssl verify -CAfile "$work/cas.pem" -CRLfile "$work/crls.pem" -crl_check_all "$1" 2>&1; }
crls
like "$(verify "$work/good.crt")" OK "openssl takes a good leaf with all CRLs"
like "$(verify "$work/one.crt")" 'certificate revoked' "and no revoked one"
if command -v certutil >/dev/null && command -v crlutil >/dev/null; then
  nss=$work/nss
  mkdir "$nss"
  certutil -N -d "$nss" --empty-password
  for ca in root policy issuing; do certutil -A -d "$nss" -n $ca -t C,, -i "$work/crl-$ca.crt"; done
  for ca in root policy issuing; do succeeds "NSS takes the CRL of $ca" crlutil -I -d "$nss" -i "$work/$ca.der" -B; done
  certutil -A -d "$nss" -n good -t ,, -i "$work/good.crt"
  certutil -A -d "$nss" -n revoked -t ,, -i "$work/one.crt"
  like "$(certutil -V -d "$nss" -n good -u V 2>&1)" 'certificate is valid' "and the good leaf"
  like "$(certutil -V -d "$nss" -n revoked -u V 2>&1)" 'revoked' "and not the revoked one"
else
  skip "NSS" "certutil and crlutil are not installed"
fi

# A CA that is revoked.
api POST "/api/v1/intermediates/$other/revoke" '{"reason": "cessationOfOperation"}'
answers 200 "a CA is revoked"
fetch "$policy" policy
like "$text" "Serial Number: $(serial_of "$work/other.crt")" "its issuer's CRL says so"
before=$(fetch "$other" other && number other)
fetch "$other" other
judged other "$work/other.crt"

# Kill -9 of the front-end at any time; the ledger's notes and CRLs come back.
fresh late
killed frontd
revoke "$issuing" "$serial" superseded
killed frontd
fetch "$issuing" issuing
like "$text" "Serial Number: $serial" "after kill -9 behind the answer the CRL shows it"
killed signd
fresh later
revoke "$issuing" "$serial" superseded
fetch "$issuing" issuing
like "$text" "Serial Number: $serial" "after kill -9 of the signer too"
listed=$(count)

# A database from a backup, and none: numbers go on, nothing is forgotten.
stack_stop
cp -r "$STACK_DIR/db" "$work/backup"
stack_start || e2e_die "not ready"
fresh after
revoke "$issuing" "$serial" certificateHold
fetch "$issuing" issuing
release "$issuing" "$serial"
fetch "$issuing" issuing
fresh held
held=$serial
revoke "$issuing" "$serial" certificateHold
fetch "$issuing" issuing
last=$(number issuing)
for how in backup none; do
  stack_stop
  rm -rf "$STACK_DIR/db"
  if [ "$how" = backup ]; then cp -r "$work/backup" "$STACK_DIR/db"; else mkdir -m 0700 "$STACK_DIR/db"; fi
  stack_start || e2e_die "not ready"
  fetch "$issuing" issuing
  is "$(count)" "$((listed + 1))" "$how: all entries are there"
  [ $((16#$(number issuing))) -gt $((16#$last)) ] && pass "$how: under a higher number" || fail "$how: $(number issuing) after $last"
  judged issuing "$work/crl-issuing.crt"
  last=$(number issuing)
done
release "$issuing" "$held"
answers 200 "what was on hold before is released"
fetch "$issuing" issuing
is "$(count)" "$listed" "and leaves the CRL"
: "$hold" "$before"
tap_done
