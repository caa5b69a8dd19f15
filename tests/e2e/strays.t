#!/usr/bin/env bash
# Certificates that went astray: one that may have been signed and never came back, one that came back as something
# else. Nobody revokes them; both are on their CA's next CRL by themselves and revoked for who asks OCSP, also for a
# database that was made anew.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/ocsp.sh
. "$(dirname "$0")/ocsp.sh"
by_clock() { "$@"; } # for ocsp.sh
# A front-end between which and the signer somebody may stand.
stack_folders
stack_token >/dev/null || e2e_die "no token"
stack_configure
sed -i "s|^sign_socket = .*|sign_socket = \"$work/forger.sock\";|" "$STACK_DIR/conf/frontd.conf"
python3 "$CHANCERY_SOURCE/tests/e2e/forger.py" "$work/forger.sock" "$STACK_DIR/sign/sign.sock" "$work/words" &
stack_until 30 test -S "$work/forger.sock" || e2e_die "nobody between front-end and signer"
stack_init || e2e_die "no ledger"
stack_start || e2e_die "the stack is not ready"
stack_until 60 token_ready || e2e_die "the token is not ready"
hierarchy_make strays ECDSA-P256 ECDSA-P256 ECDSA-P256
held=$(ca_make "$issuer" held ECDSA-P256 0 "$policy")
cp "$work/strays-issuing.crt" "$work/$issuing.crt"
cp "$work/held.crt" "$work/$held.crt"
for name in lost true good; do csr_make "$work/$name" ec:P-256 "DNS:$name.example.com"; done
issue "$issuing" "$work/good.csr" server
answers 201 "a leaf"
crl_text() { # CA
  curl -s -S --max-time 100 -o "$work/crl" --unix-socket "$STACK_DIR/pki.sock" "http://localhost/pki/$1/crl"
  text=$(openssl crl -inform DER -in "$work/crl" -CAfile "$work/$1.crt" -verify -noout -text 2>&1)
}
records() { # TYPE: how many are on the ledger
  local body status
  api GET "/api/v1/audit?from=0&limit=1000&type=$1"
  field '.data | length'
}
at_least() { [ "$(records "$1")" -ge "$2" ]; }
stray() { # STATE: the serial number of the only one
  local body status
  api GET "/api/v1/certificates?state=$1"
  field '.data[].serial'
}
is_there() { [ -n "$(stray "$1")" ]; }

# Lost: the signer dies while the token signs.
n=$(records CERT_INTENT)
kill -STOP "$(pid_of driver)"
curl -s -o /dev/null --max-time 20 -H 'Content-Type: application/json' --unix-socket "$STACK_DIR/api.sock" \
  --data-binary "$(jq -n --rawfile csr "$work/lost.csr" '{csr_pem: $csr, profile: "server"}')" \
  "http://localhost/api/v1/intermediates/$issuing/certificates" &
client=$!
stack_until 20 at_least CERT_INTENT $((n + 1)) || diag "no intent"
kill -KILL "$(pid_of signd)"
kill -CONT "$(pid_of driver)"
stack_until 60 stack_ready
stack_until 60 is_there lost && pass "a signature is lost" || fail "a signature is lost"
wait "$client" 2>/dev/null
stack_until 60 token_ready
# Withheld: what comes back says something else.
printf 'true.example.com\nfake.example.com\n' >"$work/words"
issue "$held" "$work/true.csr" server
answers 503 "what comes back says something else, and is withheld" certificate_withheld
rm "$work/words"
# Files don't come through to the signer, and so no CRLs, unless nobody stands between.
stack_stop
sed -i "s|^sign_socket = .*|sign_socket = \"$STACK_DIR/sign/sign.sock\";|" "$STACK_DIR/conf/frontd.conf"
stack_start || e2e_die "not ready"
lost=$(stray lost) withheld=$(stray withheld)

unknown_to_nobody() { # WHAT
  local pair ca serial
  for pair in "$issuing:$lost" "$held:$withheld"; do
    ca=${pair%:*} serial=${pair#*:}
    crl_text "$ca"
    like "$text" "^verify OK" "$1: a CRL of its CA"
    is "$(grep -ci "Serial Number: $serial\$" <<<"$text") $(grep -c 'Serial Number: ' <<<"$text")" "1 1" "  lists it"
    openssl ocsp -no_nonce -issuer "$work/$ca.crt" -serial "0x$serial" -reqout "$work/q" >/dev/null 2>&1
    told() { post "$ca" "$work/q" && [ "$(wc -c <"$work/answer")" -gt 5 ]; }
    stack_until 100 told
    like "$(openssl ocsp -no_nonce -respin "$work/answer" -issuer "$work/$ca.crt" -serial "0x$serial" -CAfile "$work/strays-root.crt" \
      -verify_other <(cat "$work/$ca.crt" "$work/strays-policy.crt") 2>&1 | tr '\n' ' ')" "^Response verify OK 0x[0-9A-Fa-f]*: revoked" "  OCSP says revoked"
  done
}
unknown_to_nobody "nobody revoked it"
api POST "/api/v1/intermediates/$issuing/certificates/$lost/revoke" '{"reason": "keyCompromise"}'
answers 200 "who revokes it is told that it is"
crl_text "$issuing"
like "$(grep -i -A4 "Serial Number: $lost\$" <<<"$text" | tr '\n' ' ')" "Revocation Date" "  and it is on the CRL as before"
number=$(openssl crl -inform DER -in "$work/crl" -noout -crlnumber)
crl_text "$issuing"
is "$(openssl crl -inform DER -in "$work/crl" -noout -crlnumber)" "$number" "  nor does another one follow"
api POST "/api/v1/intermediates/$held/certificates/$withheld/release" '{}'
answers 409 "and it is not released" not_on_hold
openssl ocsp -no_nonce -issuer "$work/$issuing.crt" -cert "$work/good.crt" -reqout "$work/q" >/dev/null 2>&1
post "$issuing" "$work/q"
like "$(openssl ocsp -no_nonce -respin "$work/answer" -issuer "$work/$issuing.crt" -cert "$work/good.crt" -noverify 2>&1 | tr '\n' ' ')" "good.crt: good" \
  "another one of that CA is good"
stack_stop
rm -f "$STACK_DIR"/db/chancery.sqlite*
stack_start || e2e_die "not ready"
stack_until 60 is_there lost
lost_again=$(stray lost)$(api GET "/api/v1/certificates?state=revoked" && field '.data[].serial')
like "$lost_again" "$lost" "a database made anew knows it"
withheld=$(stray withheld)
unknown_to_nobody "a database made anew"
tap_done
