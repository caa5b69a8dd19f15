#!/usr/bin/env bash
# What was to be signed when the signer died, and what came back as something else: nobody has such a certificate from
# us, and if somebody has it after all, the next CRL lists it, by itself.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/crls.sh
. "$(dirname "$0")/crls.sh"
: "${text:=}"
# Between the front-end and the signer somebody may stand.
stack_folders
stack_token >/dev/null || e2e_die "no token"
stack_configure
sed -i "s|^sign_socket = .*|sign_socket = \"$work/forger.sock\";|" "$STACK_DIR/conf/frontd.conf"
printf 'crl_delta_hours = 8;\npki_base_url = "http://pki.example.com/pki";\n' >>"$STACK_DIR/conf/frontd.conf"
python3 "$CHANCERY_SOURCE/tests/e2e/forger.py" "$work/forger.sock" "$STACK_DIR/sign/sign.sock" "$work/words" &
stack_until 60 test -S "$work/forger.sock" || e2e_die "nobody between front-end and signer"
stack_init || e2e_die "no ledger"
stack_start || e2e_die "the stack is not ready"
stack_until 60 token_ready || e2e_die "the token is not ready"
issuer=$(issuer_make lost)
root=$(ca_make "$issuer" root ECDSA-P256 1)
one=$(ca_make "$issuer" one ECDSA-P256 0 "$root")
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg p "$root" '{name: "many", subject: {common_name: "CA many"},
  parent_ca_id: $p, algorithm: "ECDSA-P256", path_len_constraint: 0, crl_shards: 2}')"
answers 201 "a CA with one CRL, and one with two"
field .certificate_pem >"$work/many.crt"
many=$(field .id)
# Each CA's OCSP responder is made by itself; none is under way any more when the signer is to die, or it would be lost too.
responders() { [ "$(sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" 'SELECT count(*) FROM responder WHERE ledger_seq > 0')" = 3 ]; }
stack_until 90 responders
is $? 0 "three CAs, and a responder of each"

count_of() { # STATE: certificates in it
  local status body
  api GET "/api/v1/certificates?state=$1&limit=1000"
  jq '.data | length' <<<"$body"
}
serial_in() { # STATE CA: the newest one's
  local status body
  api GET "/api/v1/certificates?state=$1&limit=1000"
  jq -r --arg ca "$2" '[.data[] | select(.ca_id == $ca)][-1].serial' <<<"$body" | tr a-f A-F
}
at_least() { # STATE COUNT
  [ "$(count_of "$1")" -ge "$2" ]
}
leaves() {
  "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" audit export --type CERT_INTENT 2>/dev/null |
    jq -c 'select(.context.op == "leaf")' | wc -l
}
more_leaves() { [ "$(leaves)" -gt "$1" ]; }
# The token holds its breath, the intent is on the ledger, the signer dies.
lose() { # CA NAME
  local before lost client old
  before=$(leaves)
  lost=$(count_of lost)
  csr_make "$work/$2" ec:P-256 "DNS:$2.example.com"
  old=$(pid_of driver)
  kill -STOP "$old"
  curl -s -o /dev/null --max-time 60 -H 'Content-Type: application/json' --unix-socket "$STACK_DIR/api.sock" \
    --data-binary "$(jq -n --rawfile csr "$work/$2.csr" '{csr_pem: $csr, profile: "server"}')" \
    "http://localhost/api/v1/intermediates/$1/certificates" &
  client=$!
  stack_until 60 more_leaves "$before" || diag "no intent"
  kill -KILL "$(pid_of signd)"
  kill -CONT "$old"
  stack_until 60 stack_ready || diag "not ready"
  stack_until 60 at_least lost $((lost + 1)) || diag "nothing is lost"
  wait "$client" 2>/dev/null
  stack_until 60 token_ready || diag "no token"
}
# It is signed, and comes back with another name in it.
withhold() { # CA
  csr_make "$work/true" ec:P-256 DNS:true.example.com
  printf 'true.example.com\nfake.example.com\n' >"$work/words.new"
  mv "$work/words.new" "$work/words" # whole from its beginning
  issue "$1" "$work/true.csr" server
  rm "$work/words"
}
file_lists() { # NAME SERIAL: the file in the folder, which nobody asks for
  openssl crl -inform DER -in "$STACK_DIR/db/crl/$1.crl" -noout -text 2>/dev/null | grep -q "Serial Number: $2"
}

lose "$one" gone
serial=$(serial_in lost "$one")
stack_until 100 file_lists "$one" "$serial" && pass "what was lost is on the next CRL by itself" || fail "what was lost is on the next CRL by itself"
fetch "$one" one
like "$text" "Serial Number: $serial" "and for whoever asks"
is "$(count)" 1 "alone"
is "$(grep -c 'Reason Code' <<<"$text")" 0 "without a reason"
judged one "$work/one.crt"
stack_until 60 file_lists "$one.delta" "$serial" && pass "the delta says it too" || fail "the delta says it too"

lose "$many" spread
serial=$(serial_in lost "$many")
shard=$((16#${serial: -8} % 2))
stack_until 100 file_lists "$many.$shard" "$serial" && pass "where there are shards, on its own" || fail "where there are shards, on its own"
refuses "and on no other" file_lists "$many.$((1 - shard))" "$serial"
fetch "$many" many "/$shard"
judged many "$work/many.crt"

withhold "$one"
answers 503 "a certificate that says something else is withheld" certificate_withheld
stack_until 60 at_least withheld 1
serial=$(serial_in withheld "$one")
stack_until 100 file_lists "$one" "$serial" && pass "it is on the next CRL by itself" || fail "it is on the next CRL by itself"
fetch "$one" one
is "$(count)" 2 "beside what was lost"
judged one "$work/one.crt"
withhold "$many"
answers 503 "another of the CA with shards" certificate_withheld
stack_until 60 at_least withheld 2
serial=$(serial_in withheld "$many")
shard=$((16#${serial: -8} % 2))
stack_until 100 file_lists "$many.$shard" "$serial" && pass "is on its own" || fail "is on its own"

# Another database knows them from the ledger.
stack_stop
rm -rf "$STACK_DIR/db"
mkdir -m 0700 "$STACK_DIR/db"
stack_start || e2e_die "not ready"
fetch "$one" one
is "$(count)" 2 "a database from the ledger alone forgets none"
judged one "$work/one.crt"
tap_done
