#!/usr/bin/env bash
# An offline root from its first key to its last: two hosts that never see each
# other's sockets, two tokens, two ledgers, and files that people carry. What
# people are asked goes through standard input, as from a keyboard.
set -u
STACK_CRL_HOURS=168
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/ceremony.sh
. "$(dirname "$0")/ceremony.sh"
e2e_up
ceremony_up
api GET /api/v1/status
online=$(jq -r .signer.ledger_id <<<"$body")

agree=(yes yes Ada yes Bob yes) # the words, the clock, two people

# The folder of the root, and the root.
shm_before=$(ls -d /dev/shm/chancery.* 2>/dev/null)
ceremony init --module "$softhsm_module" --token main --people 2 --driver "$STACK_BIN/chancery-driver-pkcs11"
done_well "the folder of an offline root"
is "$(stat -c %a "$vault")" 700 "is its owner's alone"
like "$(said)" '2 people must agree' "two people must agree to each signature"
ceremony init --module "$softhsm_module" --token main --driver "$STACK_BIN/chancery-driver-pkcs11"
declined 1 'already' "a second one in its place"
ceremony root --subject 'C=DE, O=Vault, CN=Vault Root' --path-len 2 --out root.pem -- no
declined 3 'Put the clock right' "whoever finds the clock wrong gets no root"
ceremony root --subject 'C=DE, O=Vault, CN=Vault Root' --path-len 2 --out root.pem -- yes Ada yes Bob no
declined 3 'Bob did not agree' "nor if one of two does not agree"
ceremony root --subject 'C=DE, O=Vault, CN=Vault Root' --path-len 2 --out root.pem -- yes Ada yes ada Bob
declined 3 'it takes another person' "nor if one person answers for two"
is "$(ls "$stick")" "" "and nothing is written"
ceremony root --subject 'C=DE, O=Vault, CN=Vault Root' --path-len 2 --out root.pem -- yes Ada yes Bob yes
done_well "the root"
like "$(said)" 'a root named C=DE, O=Vault, CN=Vault Root .* 2 levels at most' "is shown in words"
root_words=$(words_in "$work/said")
is "$(wc -w <<<"$root_words")" 8 "eight words stand for its certificate"
is "$(openssl x509 -in "$stick/root.pem" -noout -issuer | sed s/issuer/subject/)" "$(openssl x509 -in "$stick/root.pem" -noout -subject)" \
  "it is self-signed"
judge "the root" "$stick/root.pem" /dev/null "$stick/root.pem"
cp "$stick/root.pem" "$work/root.pem"
ceremony root --subject 'C=DE, O=Vault, CN=Vault Root' --path-len 2 --out again.pem
done_well "asked for once more"
is "$(cat "$stick/again.pem")" "$(cat "$work/root.pem")" "the same certificate is written again"
ceremony root --subject 'C=DE, O=Vault, CN=Vault Root' --algorithm ECDSA-P256 --path-len 2 --out again.pem
done_well "whatever else is said"
nothing "no PIN is in any file there" "$(grep -rlF "$pin" "$vault" "$stick")"
# Another ceremony on this host has a folder there for as long as its driver starts; ours would stay.
shm=$(ls -d /dev/shm/chancery.* 2>/dev/null)
shm_gone() { [ -z "$(shm_left)" ]; }
shm_left() {
  local one
  for one in $shm; do
    case $shm_before in *"$one"*) continue ;; esac
    [ ! -e "$one" ] || echo "$one"
  done
}
stack_until 60 shm_gone
nothing "nor in memory's files" "$(shm_left)"

# On the online host: the root is known by its certificate, a CA below it waits.
issuer=$(issuer_make tree)
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile p "$stick/root.pem" '{name: "root", root_cert_pem: $p}')"
answers 409 "a root that nobody listed is not taken" root_unlisted
cp "$stick/root.pem" "$STACK_DIR/anchors/"
like "$(chancery ca register --issuer tree --name root --cert "$stick/root.pem")" 'state +active' "listed, it is"
root=$(chancery --json ca show root | jq -r .id)
like "$(chancery ca create --issuer tree --parent root --name policy --cn 'Policy CA' --path-len 1 --permit dns:example.com --ttl-days 2000)" \
  'state +created' "a CA below it waits for its certificate"
policy=$(chancery --json ca show policy | jq -r .id)
like "$(chancery ca request policy)" 'out' "a request needs a file"
chancery ca request policy --out "$stick/policy.request" >"$work/asked"
is $? 0 "its request is written"
like "$(cat "$work/asked")" 'kind +certificate' "it asks for a certificate"
is "$(words_in "$work/asked" | wc -w)" 8 "with eight words"
like "$(head -1 "$stick/policy.request")" '^-----BEGIN CHANCERY REQUEST-----$' "in armour"
api GET '/api/v1/audit?last=10&type=NOTE'
is "$(jq -c --arg ca "$policy" '[.data[].context | select(.op == "asked" and .ca == $ca) | .letter]' <<<"$body")" '["certificate"]' \
  "it is on record"
is "$(chancery --json ca request policy --out "$stick/other.request" | jq -r .words | wc -w)" 8 "and as JSON"
isnt "$(cat "$stick/other.request")" "$(cat "$stick/policy.request")" "no two requests are the same"
like "$(chancery ca request nobody --out "$work/none")" 'ca_not_found|no CA' "no request of no CA"

# Refused at the ceremony, before anybody is asked.
sed '5s/A/B/; 5s/a/b/' "$stick/policy.request" >"$stick/altered.request"
ceremony sign altered.request --out none
declined 1 'request_altered' "a request that was altered"
head -c 300 "$stick/policy.request" >"$stick/short.request"
ceremony sign short.request --out none
declined 1 'request_altered' "one that is cut"
ceremony sign root.pem --out none
declined 1 'request_malformed' "what is none"
ceremony crl policy.request --out none
declined 1 'request_kind' "a request of the other kind"
ceremony sign policy.request --out none -- no
declined 3 'another request than theirs' "words that differ"
ceremony sign policy.request --out none -- yes yes Ada no
declined 3 'Ada did not agree' "people who don't agree"
[ ! -e "$stick/none" ]
is $? 0 "nothing is written for any of them"

# The other vault: another root.
vault_state=$STACK_DIR/other vault_token=$STACK_DIR/other-token
token_make "$vault_token"
mine=$pin pin=$(cat "$vault_token/pin")
ceremony init --module "$softhsm_module" --token main --driver "$STACK_BIN/chancery-driver-pkcs11"
ceremony root --subject 'O=Vault, CN=Other Root' --out other.pem -- yes Eve yes
done_well "another root, for which one person is enough"
ceremony sign policy.request --out wrong.response -- yes yes Eve yes
declined 1 'wrong_root' "does not sign what the first is asked for"
vault_state=$vault vault_token=$STACK_DIR/vault-token pin=$mine

# kill -9 between the record and the signature: the driver is stopped, so that the token is never reached.
driver_of() { pgrep -P "$1" -f chancery-driver-pkcs11; }
intent_there() { strings -n 8 "$vault"/ledger/*.seg | grep -c 'Ada, Bob' | grep -qx "$1"; }
before=$(strings -n 8 "$vault"/ledger/*.seg | grep -c 'Ada, Bob')
mkfifo "$work/answers"
(cd "$stick" && SOFTHSM2_CONF=$vault_token/softhsm2.conf exec "$STACK_BIN/chancery-ceremony" --state "$vault" sign policy.request --out killed.response) \
  <"$work/answers" >"$work/killed" 2>&1 &
keeper=$!
exec 7>"$work/answers"
printf '%s\nyes\nyes\nAda\nyes\n' "$pin" >&7
stack_until 60 grep -q 'Person 2 of 2' "$work/killed" || e2e_die "the ceremony does not come to its second person"
signer=$(pgrep -P "$keeper" chancery-cerem)
driver=$(driver_of "$keeper")
kill -STOP "$driver"
printf 'Bob\nyes\n' >&7
stack_until 60 intent_there $((before + 1))
is $? 0 "what will be signed is recorded first"
kill -KILL "$signer"
kill -CONT "$driver"
wait "$keeper" 2>/dev/null
exec 7>&-
[ ! -e "$stick/killed.response" ]
is $? 0 "kill -9 before the signature: there is no response"
driver_gone() { ! pgrep -f "config $vault/driver.conf" >"$work/drivers"; }
stack_until 60 driver_gone
nothing "its driver has gone with it" "$(cat "$work/drivers")"

# The signature.
ceremony sign policy.request --out policy.response -- "${agree[@]}"
done_well "the next ceremony signs"
is "$(words_in "$work/said")" "$(words_in "$work/asked")" "the words are those that the online host showed"
like "$(said)" 'a CA named CN=Policy CA .* 1 level at most names it may certify dns:example.com' "what is signed is shown in words"
like "$("$STACK_BIN/chancery-ceremony" --state "$vault" show | tr -s ' \n' ' ')" 'signs it is ECDSA-P384' "the root's folder shows its key"
cp "$work/said" "$work/signed"
ceremony sign policy.request --out second.response
done_well "the same request once more"
like "$(said)" 'answered before.* Nothing is signed again' "is answered from the record"
isnt "$(cat "$stick/second.response")" "" "so that a response that was lost can be written again"

# Refused when it comes back.
sed '4s/[A-Z]/a/' "$stick/policy.response" >"$work/altered.response"
import "$work/altered.response"
is "$code" response_altered "a response that was altered"
api POST /api/v1/responses "$(jq -n --rawfile r "$work/altered.response" '{response_pem: $r}')"
answers 400 "by the front-end as well" response_altered
api POST /api/v1/responses '{"response_pem": "nothing"}'
answers 400 "what is none" response_malformed
api POST /api/v1/responses '{}'
answers 400 "nothing at all" missing_field
head=21 # "chancery-response-v1\n", then the kind, the nonce, the hash of the request
forge "$stick/policy.response" "$work/nonce.response" $((head + 1))
import "$work/nonce.response"
is "$code" response_unknown "one with another nonce"
forge "$stick/policy.response" "$work/hash.response" $((head + 33))
import "$work/hash.response"
is "$code" response_other "one for another request"
forge "$stick/policy.response" "$work/kind.response" "$head"
import "$work/kind.response"
is "$code" response_malformed "one of an unknown kind"
size=$(python3 -c "import base64,sys; l=open(sys.argv[1]).read().splitlines(); print(len(base64.b64decode(''.join(l[1:-2]))))" "$stick/policy.response")
forge "$stick/policy.response" "$work/signature.response" $((size - 1))
import "$work/signature.response"
is "$code" wrong_issuer "one whose certificate was altered"
forge "$stick/policy.request" "$stick/forged.request" 400
ceremony sign forged.request --out none -- "${agree[@]}"
isnt "$rc" 0 "a request that was altered and given a new checksum is not what people read"
[ ! -e "$stick/none" ]
is $? 0 "and is not signed"
is "$(chancery --json ca show policy | jq -r .state)" created "nothing of it came in"

# It comes in.
like "$(chancery ca import "$stick/policy.response" --dry-run)" 'dry.run +(yes|true)' "tried"
out=$(chancery ca import "$stick/policy.response")
like "$out" 'state +active' "it comes in, and the CA is active"
is "$(words_in <(printf '%s\n' "$out"))" "$(words_in <(sed -n '/response is in/,$p' "$work/signed"))" "under the words that were read aloud"
import "$stick/policy.response"
is "$code" response_used "replayed, it is refused"
import "$stick/second.response"
is "$code" response_used "so is the other copy"
chancery --json ca show policy | jq -r .certificate_pem >"$work/policy.crt"
judge "the policy CA" "$work/policy.crt" /dev/null "$work/root.pem"
policy_serial=$(openssl x509 -in "$work/policy.crt" -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f')

# The tree goes on by itself.
ca issuing "$policy"
created "an issuing CA below it" .path_len_constraint 0
issuing=$id
leaf "$issuing" DNS:www.example.com
issued "a leaf"
field .certificate_pem >"$work/leaf.crt"
field .chain_pem >"$work/leaf.chain"
judge "the leaf" "$work/leaf.crt" "$work/leaf.chain" "$work/root.pem"
mkdir "$work/nss"
certutil -N -d "sql:$work/nss" --empty-password
certutil -A -d "sql:$work/nss" -n root -t CT,, -i "$work/root.pem"
csplit -s -z -f "$work/between" "$work/leaf.chain" '/BEGIN/' '{*}'
for link in "$work"/between*; do certutil -A -d "sql:$work/nss" -n "${link##*/}" -t ,, -i "$link"; done
certutil -A -d "sql:$work/nss" -n leaf -t ,, -i "$work/leaf.crt"
succeeds "NSS takes the leaf" certutil -V -d "sql:$work/nss" -n leaf -u V
leaf "$issuing" DNS:www.example.org
refused 400 name_not_permitted csr_pem "within the names that the offline root allowed"

# What the root can't sign.
chancery ca create --issuer tree --parent policy --name inner --cn Inner --path-len 0 >/dev/null
api POST "/api/v1/intermediates/$issuing/request" '{}'
answers 409 "a CA whose parent is here asks no offline root" nothing_to_ask
chancery ca create --issuer tree --parent root --name deep --cn Deep --path-len 1 >/dev/null
chancery ca request deep --out "$stick/deep.request" >/dev/null
# pathLenConstraint stands behind subject: a list of one, tag 1 (CN), "Deep"
letter_bend "$stick/deep.request" "$stick/deep.request" 'at = inside.index(b"\x01\x00\x01\x04\x00Deep") + 9; inside[at] += 1'
ceremony sign deep.request --out deep.response -- "${agree[@]}"
declined 1 'path_len' "a CA as deep as the root itself"

# The root's list.
crl_asked() { chancery ca request root --days "${2:-365}" --out "$stick/$1.request" >"$work/asked"; }
crl_asked first
is $? 0 "the root's CRL is asked for"
like "$(cat "$work/asked")" 'kind +crl' "as what it is"
api POST "/api/v1/intermediates/$root/request" '{"days": 367}'
answers 400 "for a year at most" bad_field
ceremony crl first.request --out first.response -- "${agree[@]}"
done_well "and signed"
like "$(said)" "number 1 or more certificates on it 0 .* this root's first" "with nothing on it"
like "$(chancery ca revoke policy --reason superseded)" 'state +revoked' "a CA below it is revoked"
ceremony crl first.request --out first.again
done_well "the same request once more"
is "$(cat "$stick/first.again")" "$(cat "$stick/first.response")" "has the same response"
crl_asked second
ceremony crl second.request --out second.crl.response -- "${agree[@]}"
done_well "the next one"
like "$(said)" "CN=Policy CA serial number $policy_serial since .*: another one has replaced it" "says in words what it is about"
import "$stick/second.crl.response"
like "$out" 'number +2.*' "it comes in"
pki() { curl -s -o "$work/served.crl" -w '%{http_code}' --unix-socket "$STACK_DIR/pki.sock" "http://localhost/pki/$root/crl"; }
is "$(pki)" 200 "and is served"
openssl crl -inform DER -in "$work/served.crl" -out "$work/served.pem"
succeeds "openssl verifies it" openssl crl -in "$work/served.pem" -CAfile "$work/root.pem" -noout
like "$(openssl crl -in "$work/served.pem" -noout -text | tr -d ' \n:' | tr 'A-F' 'a-f')" "SerialNumber$policy_serial" \
  "it lists the CA"
cat "$work/root.pem" "$work/served.pem" >"$work/with.crl"
openssl verify -x509_strict -crl_check -CAfile "$work/with.crl" "$work/policy.crt" >"$work/verified" 2>&1
like "$(cat "$work/verified")" 'certificate revoked' "so that openssl takes it no more"
succeeds "certtool reads it" certtool --crl-info --inder --infile "$work/served.crl"
succeeds "certtool verifies it" certtool --verify-crl --load-ca-certificate "$work/root.pem" --infile "$work/served.pem"
curl -s --unix-socket "$STACK_DIR/pki.sock" http://localhost/metrics >"$work/metrics"
is "$(awk -v name="chancery_crl_next_update_timestamp_seconds{ca=\"$root\"" 'index($0, name) == 1 { print $NF }' "$work/metrics")" \
  "$(date -d "$(openssl crl -in "$work/served.pem" -noout -nextupdate | sed 's/.*=//')" +%s)" "when it ends is a gauge"
succeeds "chancery lint finds nothing in it" "$STACK_BIN/chancery" lint "$work/served.pem"
import "$stick/first.response"
is "$code" crl_number "one with a lower number is not taken behind it"
import "$stick/second.crl.response"
is "$code" response_used "nor the same again"
is "$(pki)" 200 "the newer one stays"
api GET '/api/v1/doctor'
nothing "the doctor has nothing to say of it" "$(jq -c '.findings[] | select(.code | test("^offline_crl"))' <<<"$body")"
crl_asked third 1
ceremony crl third.request --out third.response -- "${agree[@]}"
import "$stick/third.response"
pki >/dev/null
cp "$work/served.crl" "$work/third.crl"
api GET '/api/v1/doctor'
is "$(jq -r '.findings[] | select(.code == "offline_crl_soon") | .about' <<<"$body")" root "the doctor reminds of the next one"
like "$(curl -s --unix-socket "$STACK_DIR/pki.sock" http://localhost/metrics)" \
  "chancery_offline_crl_next_update_timestamp_seconds\{ca=\"$root\",issuer=\"[^\"]*\",name=\"root\"\} $(date -u -d "$(openssl crl -inform DER -in "$work/third.crl" -noout -nextupdate | cut -d= -f2)" +%s)" \
  "and /metrics says when it ends"
like "$(chancery doctor)" 'CRL of the offline root root ends on' "on the command line, too"
forge "$stick/first.request" "$stick/forged.request" 60
ceremony crl forged.request --out none -- "${agree[@]}"
[ ! -e "$stick/none" ]
is $? 0 "a request for a list that was altered is not answered"
like "$(chancery ca tree --issuer tree)" 'policy +revoked' "the tree knows"

# The front-end without its database: the ledger is enough.
stack_stop
rm -f "$STACK_DIR"/db/chancery.sqlite*
stack_start || e2e_die "not ready without its database"
is "$(pki)" 200 "without its database the list is still served"
import "$stick/third.response"
is "$code" response_used "and what came in is known"
import "$stick/first.response"
is "$code" crl_number "as is its number"

# Its end.
gone_key=$("$STACK_BIN/chancery-ceremony" --state "$vault" show | awk '$1 == "Key" { print $2; exit }')
ceremony destroy ffff
declined 1 'No key of this folder' "no other key is destroyed"
ceremony destroy "${gone_key:0:8}" -- Ada yes Bob yes yes no
declined 3 'still has it' "a key that is there is not said to be gone"
(
  export SOFTHSM2_CONF=$vault_token/softhsm2.conf
  for type in privkey pubkey; do
    pkcs11-tool --module "$softhsm_module" --token-label main --login --pin "$pin" --delete-object --type "$type" --id "$gone_key"
  done
) >"$work/tool" 2>&1 || diag "$(cat "$work/tool")"
ceremony destroy "${gone_key:0:8}" -- Ada yes Bob yes yes
done_well "a key is destroyed"
like "$("$STACK_BIN/chancery-ceremony" --state "$vault" show | tr -s ' \n' ' ')" 'state destroyed' "and known to be"
crl_asked last
ceremony crl last.request --out none -- "${agree[@]}"
isnt "$rc" 0 "it signs nothing more"

# What stays: the ledger, and transcripts that it vouches for.
succeeds "the ledger of the ceremonies verifies" "$STACK_BIN/chancery" audit verify "$vault/ledger"
log=$(ls -t "$vault"/transcripts/*-sign.log | head -1)
succeeds "each transcript has its hash beside it" bash -c "cd '$vault/transcripts' && sha256sum -c --quiet *.sha256"
like "$(tr '\n' ' ' <"$(grep -l 'Ada, shall' "$vault"/transcripts/*-sign.log | tail -1)")" \
  '\? Person 1 of 2, your name: .*> Ada .*\? Ada, shall the root sign this\? Type yes if you agree: .*> yes' "with what was asked and answered"
python3 - "$vault" >"$work/unrecorded" <<'PY'
import glob, hashlib, sys
ledger = b"".join(open(name, "rb").read() for name in glob.glob(sys.argv[1] + "/ledger/*.seg"))
for log in glob.glob(sys.argv[1] + "/transcripts/*.log"):
    if hashlib.sha256(open(log, "rb").read()).digest() not in ledger:
        print(log)
PY
is "$(wc -l <"$work/unrecorded")" "$(grep -LE 'The ceremony is over' "$vault"/transcripts/*.log | wc -l)" "and on the ledger, but for those that came to no end"
is "$(jq -r .signer.ledger_id <<<"$(api GET /api/v1/status && echo "$body")")" "$online" "the online host has its own ledger, as before"
tap_done
