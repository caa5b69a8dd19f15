#!/usr/bin/env bash
# A token that fails, as a client of the HTTP interface sees it: whoever waits within the signer's deadline gets the
# certificate, also when the driver had to be started anew; for how long a token is away, 503 and Retry-After; and a
# PIN that was refused is tried once, until an operator says so.
set -u
STACK_TOKEN=faulty
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# A fault is for the certificate that is asked for next, not for a checkpoint that is due just then.
E2E_SIGND='checkpoint_seconds = 3600;'

e2e_up
tell() { "$CHANCERY_BUILD/tests/tokens/tell" "$STACK_DIR/token/faulty" "$@"; }
driver_log=$STACK_DIR/log/driver.log
csr_make "$work/leaf" ec:P-256 DNS:leaf.example
issuer=$(issuer_make recovery)
root=$(ca_make "$issuer" root ECDSA-P256 0)

get_certificate() { # 0 for a certificate that openssl verifies
  issue "$root" "$work/leaf.csr" server
  [ "$status" = 201 ] && openssl verify -x509_strict -CAfile "$work/leaf.root" "$work/leaf.crt" >/dev/null 2>&1
}
gets_certificate() { # WHAT
  if get_certificate; then pass "$1"; else fail "$1" "$status $body"$'\n'"$(tail -n 4 "$driver_log")"; fi
}
gets_certificate "a token that is well"
served_by() { echo "$(pid_of signd) $(pid_of frontd)"; }
daemons=$(served_by)

for row in 'CKR_SESSION_HANDLE_INVALID:C_SignInit lose-sessions times 1' 'CKR_USER_NOT_LOGGED_IN:C_SignInit logout times 1' \
  'CKR_OPERATION_ACTIVE:C_SignInit CKR_OPERATION_ACTIVE times 1' 'CKR_HOST_MEMORY:C_SignInit CKR_HOST_MEMORY times 1' \
  'CKR_DEVICE_ERROR:C_Sign CKR_DEVICE_ERROR times 1'; do
  before=$(pid_of driver)
  tell "${row#*:}"
  gets_certificate "${row%%:*}: who waits gets the certificate"
  is "$(pid_of driver)" "$before" "${row%%:*}: from the same driver"
done

# A token that would say the same again is not away.
tell 'C_SignInit CKR_MECHANISM_INVALID times 1'
issue "$root" "$work/leaf.csr" server
is "$status $(field .error.code)" "503 token_refused" "CKR_MECHANISM_INVALID: a refusal, and nobody is told to wait"
gets_certificate "the next one is asked for all the same"

another_driver() { [ "$(pid_of driver)" != "$before" ]; }
# The process ends, its supervisor starts another, the signer repeats the bytes of its intent.
for row in 'CKR_GENERAL_ERROR twice:C_Sign CKR_GENERAL_ERROR times 2' 'CKR_DEVICE_REMOVED:C_SignInit CKR_DEVICE_REMOVED times 1' \
  'CKR_CRYPTOKI_NOT_INITIALIZED:C_SignInit CKR_CRYPTOKI_NOT_INITIALIZED times 1' 'a crash:C_Sign crash times 1' \
  'a crash after the signature:C_Sign crash after times 1' 'a hang:C_Sign hang times 1'; do
  before=$(pid_of driver)
  tell "${row#*:}"
  gets_certificate "${row%%:*}: who waits gets the certificate"
  # What fails may also have been the challenge of another key after the row before.
  stack_until 100 another_driver
  is $? 0 "${row%%:*}: another driver"
done

# Many wait at once.
tell 'C_Sign sleep 20ms' 'C_Sign crash skip 3 times 1'
for i in {1..8}; do
  (
    cp "$work/leaf.csr" "$work/many$i.csr"
    issue "$root" "$work/many$i.csr" server
    echo "$status" >"$work/many$i.status"
  ) &
  waiting[i]=$!
done
wait "${waiting[@]}"
is "$(cat "$work"/many?.status | sort | uniq -c | tr -s ' ')" " 8 201" "a crash under eight clients: all get their certificate"
is "$(for i in {1..8}; do openssl x509 -in "$work/many$i.crt" -noout -serial; done | sort -u | wc -l)" 8 \
  "with eight serial numbers"

# Away for longer than anybody waits.
tell 'token away'
api GET /api/v1/intermediates
curl -s -o "$work/body" -D "$work/head" --max-time 100 --unix-socket "$STACK_DIR/api.sock" -X POST \
  -H 'Content-Type: application/json' --data-binary "$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')" \
  "http://localhost/api/v1/intermediates/$root/certificates"
like "$(head -n 1 "$work/head")" ' 503 ' "a token that is away: 503"
like "$(cat "$work/head")" '^Retry-After: [1-9]' "with Retry-After"
api GET /api/v1/status
like "$body" 'TOKEN_AWAY|token is not there|away' "the status says so"
tell
stack_until 100 get_certificate
is $? 0 "the token is back: certificates as before"

# What a token does not take is on record for good, with the key that was made without it.
tell 'C_GenerateKeyPair CKR_TEMPLATE_INCONSISTENT times 3'
less=$(ca_make "$issuer" less ECDSA-P256 0)
[ -n "$less" ]
is $? 0 "a token that refuses an attribute which guards nothing: the key is made"
tell
api GET "/api/v1/audit?last=100&type=KEY_RESULT"
is "$(field '.data[-1].dropped')" COPYABLE "and the ledger says what it lacks"
like "$("$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" audit list --last 100 --type KEY_RESULT)" \
  'its token would not take COPYABLE' "as the command line shows it"

# The PIN was changed behind its back.
cp "$STACK_DIR/token/pin" "$work/pin"
echo 00000000 >"$STACK_DIR/token/pin"
tell --reset
kill -TERM "$(pid_of driver)"
stack_until 100 grep -q 'pin_refused.*CKR_PIN_INCORRECT' "$driver_log"
is $? 0 "a wrong PIN is refused"
stack_until 100 grep -q pin_latched "$driver_log"
is $? 0 "the processes that follow don't try it"
cp "$work/pin" "$STACK_DIR/token/pin"
issue "$root" "$work/leaf.csr" server
is "$status" 503 "503 meanwhile"
latch_is_told() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" --json doctor 2>/dev/null | jq -e '.findings[] | select(.code == "pin_latched" and .severity == "critical")' >/dev/null; }
stack_until 100 latch_is_told
is $? 0 "the doctor calls for somebody"
like "$(curl -s --max-time 60 --unix-socket "$STACK_DIR/pki.sock" http://localhost/metrics)" '^chancery_token_ready\{token="main"\} 0$' \
  "and so do the metrics"
is "$(tell --calls C_Login)" 1 "one try in all"
succeeds "--resume" "$CHANCERY_BUILD/chancery-driver-pkcs11" --config "$STACK_DIR/conf/driver-main.conf" --resume main
stack_until 100 get_certificate
is $? 0 "certificates as before"
is "$(served_by)" "$daemons" "through all of this neither the signer nor the front-end was started anew"

tap_done
