#!/usr/bin/env bash
# Roots that exist already, registered over the API: with a key in a token, in
# a file, and without any; what is refused of them and why; what is made below
# them; and all of it again from the ledger alone.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/files.sh
. "$(dirname "$0")/files.sh"

keys=$STACK_DIR/keys anchors=$STACK_DIR/anchors
for program in chancery-driver-file chancery-frontd; do
  [ -x "$STACK_BIN/$program" ] || e2e_die "$STACK_BIN/$program was not built"
done
stack_folders
stack_token || e2e_die "no token"
stack_configure
files_configure
stack_init || e2e_die "no ledger"
stack_start || e2e_die "the stack is not ready"
stack_until 100 drivers_ready || e2e_die "the drivers are not ready"

ca=$'basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash'
# A key in $work/NAME.key and a certificate over it in NAME.pem, by itself or by ISSUER.
root_make() { # NAME EXTENSIONS [DAYS [SUBJECT [ISSUER]]]
  [ -e "$work/$1.key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$work/$1.key"
  printf '%s\n' "$2" >"$work/ext"
  openssl req -new -utf8 -key "$work/$1.key" -subj "${4:-/O=Elsewhere/CN=Root $1}" -out "$work/$1.csr"
  local by=(-signkey "$work/$1.key")
  [ -z "${5:-}" ] || by=(-CA "$work/$5.pem" -CAkey "$work/$5.key" -set_serial "0x$(openssl rand -hex 8)")
  openssl x509 -req -in "$work/$1.csr" -days "${3:-30}" -sha256 -extfile "$work/ext" "${by[@]}" -out "$work/$1.pem" 2>"$work/err" ||
    diag "$(cat "$work/err")"
}
# As `openssl ca` does it: dates of our own.
dated_make() { # NAME FROM UNTIL
  root_make "$1" "$ca"
  local d=$work/ca-$1
  mkdir -p "$d" && : >"$d/index"
  printf '[ca]\ndefault_ca = c\n[c]\ndatabase = %s/index\nnew_certs_dir = %s\nrand_serial = yes\ndefault_md = sha256\npolicy = p\nx509_extensions = e\n[p]\nO = supplied\nCN = supplied\n[e]\n%s\n' \
    "$d" "$d" "$ca" >"$d/conf"
  openssl ca -batch -config "$d/conf" -selfsign -keyfile "$work/$1.key" -in "$work/$1.csr" -startdate "$2" -enddate "$3" \
    -notext -out "$work/$1.pem" 2>"$work/err" || diag "$(cat "$work/err")"
}
list_root() { cp "$work/$1.pem" "$anchors/$1.pem"; }
token_tool() { # OPTIONS...
  SOFTHSM2_CONF=$STACK_DIR/token/softhsm2.conf pkcs11-tool --module "$softhsm_module" --token-label main --login \
    --pin "$(cat "$STACK_DIR/token/pin")" "$@" >"$work/tool" 2>&1 || diag "$(cat "$work/tool")"
}
to_token() { # NAME ID: as another program's key
  openssl pkcs8 -topk8 -nocrypt -in "$work/$1.key" -outform DER -out "$work/$1.p8"
  openssl pkey -in "$work/$1.key" -pubout -outform DER -out "$work/$1.pub"
  token_tool --id "$2" --write-object "$work/$1.p8" --type privkey --usage-sign
  token_tool --id "$2" --write-object "$work/$1.pub" --type pubkey
}
# A key made in the token by its own tool, and a root over it: openssl writes the certificate, the token signs it.
token_root() { # NAME ID
  root_make "$1" "$ca"
  for _ in 1 2; do # SoftHSM fails at this by itself, seldom
    token_tool --keypairgen --key-type EC:prime256v1 --id "$2" --label "$1" --usage-sign
    token_tool --id "$2" --read-object --type pubkey --output-file "$work/$1.pub"
    [ ! -s "$work/$1.pub" ] || break
  done
  openssl pkey -pubin -inform DER -in "$work/$1.pub" -out "$work/$1.pub.pem"
  openssl x509 -req -in "$work/$1.csr" -days 30 -sha256 -CA "$work/$1.pem" -CAkey "$work/$1.key" -set_serial 0x1234 \
    -extfile <(printf '%s\nauthorityKeyIdentifier = none\n' "$ca") -force_pubkey "$work/$1.pub.pem" -outform DER -out "$work/$1.der" 2>/dev/null
  local parts='import sys
def tlv(b, at):
    n, head = b[at + 1], 2
    if n & 128:
        head, n = 2 + (n & 127), int.from_bytes(b[at + 2:at + 2 + (n & 127)], "big")
    return at + head, at + head + n
def wrap(tag, b):
    n = len(b)
    k = b"" if n < 128 else n.to_bytes((n.bit_length() + 7) // 8, "big")
    return bytes([tag, n]) + b if n < 128 else bytes([tag, 128 + len(k)]) + k + b
der = open(sys.argv[1], "rb").read()
start, _ = tlv(der, 0)
_, tbs = tlv(der, start)
_, algorithm = tlv(der, tbs)
if len(sys.argv) == 2:
    sys.stdout.buffer.write(der[start:tbs])
else:
    signature = b"\0" + open(sys.argv[2], "rb").read()
    sys.stdout.buffer.write(wrap(0x30, der[start:algorithm] + wrap(3, signature)))'
  python3 -c "$parts" "$work/$1.der" | openssl dgst -sha256 -binary >"$work/$1.digest"
  token_tool --id "$2" --sign --mechanism ECDSA --signature-format openssl --input-file "$work/$1.digest" \
    --output-file "$work/$1.signature"
  python3 -c "$parts" "$work/$1.der" "$work/$1.signature" | openssl x509 -inform DER -out "$work/$1.pem"
}
to_folder() { install -m 0600 "$work/$1.key" "$keys/$1.pem"; }
body_of() { # NAME PEM-FILE [KEY [MORE-JSON]]
  jq -n --arg n "$1" --rawfile p "$2" --arg k "${3:-}" --argjson m "${4:-{\}}" \
    '{name: $n, root_cert_pem: $p} + (if $k == "" then {} else {key_driver_id: $k} end) + $m'
}
register() { # NAME KEY [MORE-JSON [QUERY]]: the root in $work/NAME.pem
  api POST "/api/v1/issuers/$issuer/intermediates${4:-}" "$(body_of "$1" "$work/$1.pem" "$2" "${3:-{\}}")"
}
rows() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "SELECT count(*) FROM $1"; }
# What the signer refused itself comes to the ledger too, counted and later.
records() { api GET '/api/v1/audit?last=1000' && field '[.data[] | select(.type != "REFUSED")] | length'; }
refused() { # STATUS CODE WHAT [FIELD]: the last answer; and nothing was kept
  answers "$1" "$3: $1 $2" "$2"
  is "$(rows ca)" "$cas" "$3: no row"
  [ -z "${4:-}" ] || is "$(field .error.field)" "$4" "$3: names $4"
}

issuer=$(issuer_make elsewhere)
cas=$(rows ca)
root_make token "${ca/CA:TRUE/CA:TRUE, pathlen:1}"$'\nnameConstraints = critical, permitted;DNS:.Example.com, permitted;IP:10.0.0.0/255.0.0.0, excluded;DNS:secret.example.com'
to_token token aabbcc
uri='pkcs11:token=main;id=%aa%BB%cc;type=private'
list_root token

# The driver's own policy, until its configuration says otherwise.
register token "$uri"
refused 409 key_refused "a key that was not made in the token" key_driver_id
printf 'imported_keys = "warn";\n' >>"$STACK_DIR/conf/driver-main.conf"
old=$(pid_of driver)
kill -TERM "$old"
driver_anew() { [ "$(pid_of driver)" != "$old" ] && drivers_ready; }
stack_until 100 driver_anew || e2e_die "the driver does not come back"

# What is refused before the signer is asked.
before=$(records)
root_make other "$ca"
root_make signed "$ca" 30 "/O=Elsewhere/CN=Below" other
register signed "$uri"
refused 400 not_self_signed "case 2: a certificate by another key" root_cert_pem
openssl x509 -in "$work/token.pem" -outform DER | perl -0777 -pe 'substr($_, -1) = chr(ord(substr($_, -1)) ^ 1)' |
  openssl x509 -inform DER -out "$work/broken.pem"
register broken "$uri"
refused 400 not_self_signed "case 2: a signature that does not verify" root_cert_pem
openssl req -x509 -new -key "$work/other.key" -subj "/O=Elsewhere/CN=Root token" -days 5 -out "$work/plain.pem" 2>/dev/null \
  -addext 'basicConstraints = critical, CA:FALSE'
dated_make expired 20200101000000Z 20210101000000Z
register expired "$uri"
refused 400 root_expired "case 27: an expired root" root_cert_pem
dated_make future 20990101000000Z 21000101000000Z
register future "$uri"
refused 400 root_not_yet_valid "case 27: a root of the future" root_cert_pem
root_make usage $'basicConstraints = critical, CA:TRUE\nkeyUsage = critical, cRLSign\nsubjectKeyIdentifier = hash'
register usage "$uri"
refused 400 root_not_ca "case 27: no keyCertSign" root_cert_pem
root_make leaf $'basicConstraints = critical, CA:FALSE\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = hash'
register leaf "$uri"
refused 400 root_not_ca "case 27: CA:FALSE" root_cert_pem
root_make critical "$ca"$'\n1.2.3.4.5 = critical, ASN1:NULL'
register critical "$uri"
refused 400 unknown_critical_extension "case 27: an unknown critical extension" root_cert_pem
like "$(field .error.message)" '1\.2\.3\.4\.5' "and says which"
root_make odd "$ca"$'\nnameConstraints = critical, permitted;RID:1.2.3.4'
register odd "$uri"
refused 400 bad_name_constraint "a constraint of a form that can't be enforced" root_cert_pem
root_make long "${ca/CA:TRUE/CA:TRUE, pathlen:256}"
register long "$uri"
refused 400 root_invalid "a path length of 256" root_cert_pem
root_make nokeyid $'basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign\nsubjectKeyIdentifier = none'
register nokeyid "$uri"
refused 400 root_invalid "no key identifier" root_cert_pem
root_make bidi "$ca" 30 $'/CN=Root \u202etoor'
register bidi "$uri"
refused 400 subject_invalid "a subject that reorders text" root_cert_pem
openssl req -x509 -newkey rsa:1024 -nodes -keyout "$work/weak.key" -subj /CN=weak -days 5 -out "$work/weak.pem" 2>/dev/null
register weak "$uri"
refused 400 algorithm_not_supported "RSA with 1024 bits" root_cert_pem
cat "$work/token.pem" "$work/other.pem" >"$work/two.pem"
register two "$uri"
refused 400 root_not_pem "case 27: a second PEM block" root_cert_pem
cp "$work/token.csr" "$work/request.pem"
register request "$uri"
refused 400 root_not_pem "a request" root_cert_pem
echo hello >"$work/text.pem"
register text "$uri"
refused 400 root_not_pem "no PEM" root_cert_pem
sed 's/^MI/MJ/' "$work/token.pem" >"$work/malformed.pem"
register malformed "$uri"
refused 400 root_malformed "no certificate in the block" root_cert_pem

# A private key that was sent by mistake goes nowhere.
openssl pkey -in "$work/other.key" -out "$work/other.p8.pem"
openssl pkey -in "$work/other.key" -traditional -out "$work/other.ec.pem"
for kind in p8 ec; do
  for order in "$work/token.pem $work/other.$kind.pem" "$work/other.$kind.pem $work/token.pem" "$work/other.$kind.pem"; do
    # shellcheck disable=SC2086 # words
    cat $order >"$work/private.pem"
    register private "$uri"
    refused 400 private_key "case 27: a $kind private key" root_cert_pem
    nothing "case 27: not echoed" "$(grep -F "$(sed -n 2p "$work/other.$kind.pem")" <<<"$body")"
  done
done
api POST "/api/v1/issuers/$issuer/intermediates" "$(body_of private "$work/token.pem" "$uri" "$(jq -n --rawfile k "$work/other.p8.pem" '{metadata: {note: $k}}')")"
refused 400 private_key "case 27: a private key in another member"
api POST "/api/v1/issuers/$issuer/intermediates" \
  "$(jq -n --rawfile k "$work/other.p8.pem" '{name: "x", subject: {common_name: "x"}, metadata: {a: [$k]}}')"
refused 400 private_key "case 27: a private key with a CA that is to be made"

# References
for bad in "$uri?pin-value=1234" "$uri?pin-source=file:/etc/pin" "$uri;module-path=/tmp/x.so" "$uri?module-name=x" "$uri;slot-id=1"; do
  register token "$bad"
  name=${bad#"$uri"?}
  refused 400 bad_key_driver_id "${name%%=*} in the reference" key_driver_id
  like "$(field .error.message)" "must not have ${name%%=*};" "by its name"
done
nothing "the PIN is not echoed" "$(grep 1234 <<<"$body")"
for bad in pkcs11: pkcs11:token=main "$uri;id=1" "$uri;x-y=1" 'pkcs11:id=%1' 'file:../x' file: /etc/x "$(printf 'pkcs11:id=%065d' 1)"; do
  register token "$bad"
  refused 400 bad_key_driver_id "the reference $bad" key_driver_id
done
register token 'pkcs11:token=nowhere;id=%aa%bb%cc'
refused 400 token_not_found "a token that is not there" key_driver_id
register token 'pkcs11:token=main;manufacturer=Nobody;id=%aa%bb%cc'
refused 400 token_not_found "a token of another maker" key_driver_id

# Members that don't go together
register token "$uri" "{\"parent_ca_id\": \"ica-x\"}"
refused 400 conflicting_fields "a root with a parent" parent_ca_id
for member in '"subject": {"common_name": "x"}' '"algorithm": "ECDSA-P256"' '"path_len_constraint": 0' '"ttl_days": 1' '"name_constraints": []'; do
  register token "$uri" "{$member}"
  refused 400 conflicting_fields "${member%%:*} beside the certificate"
done
api POST "/api/v1/issuers/$issuer/intermediates" "{\"name\": \"x\", \"key_driver_id\": \"$uri\"}"
refused 400 missing_field "a key without its root" root_cert_pem
register token "$uri" '{"unknown": 1}'
refused 400 unknown_field "an unknown member" unknown
is "$(records)" "$before" "none of these came to the ledger"

# What the signer refuses.
register token 'pkcs11:token=main;id=%dd%ee%ff'
refused 400 key_not_found "a key that the token does not have" key_driver_id
root_make mine "$ca"
list_root mine
for reference in "$uri" 'pkcs11:id=%aa%bb%cc' 'pkcs11:model=SoftHSM%20v2;id=%aa%bb%cc'; do
  register mine "$reference"
  refused 400 key_mismatch "case 3: a good root, but another key: $reference" key_driver_id
done
rm "$anchors/token.pem"
register token "$uri"
refused 409 root_unlisted "a root that is not listed" root_cert_pem
list_root token
register token "$uri" '{}' '?dry_run=true'
answers 200 "a dry run"
is "$(jq -c '{dry_run, subject, path_len_constraint, key_driver_id}' <<<"$body")" \
  "{\"dry_run\":true,\"subject\":\"O=Elsewhere, CN=Root token\",\"path_len_constraint\":1,\"key_driver_id\":\"$uri\"}" \
  "says what would be registered"
is "$(rows ca)" "$cas" "and keeps nothing"
register mine "$uri" '{}' '?dry_run=true'
answers 200 "without a signature nobody knows that the key is another"

# Registered.
idempotent=(-H 'Idempotency-Key: once')
again() {
  curl -s --max-time 60 --unix-socket "$STACK_DIR/api.sock" -H 'Content-Type: application/json' "${idempotent[@]}" \
    --data-binary "$(body_of token "$work/token.pem" "$uri" '{"metadata": {"from": "elsewhere"}}')" \
    "http://localhost/api/v1/issuers/$issuer/intermediates"
}
body=$(again)
first=$body
token=$(field .id)
like "$token" '^ica-' "case 1: the key in the token and its root are registered"
is "$(jq -c '[.parent_ca_id, .state, .key_driver_id, .name, .subject, .path_len_constraint, .algorithm, .metadata.from]' <<<"$body")" \
  "[null,\"active\",\"$uri\",\"token\",\"O=Elsewhere, CN=Root token\",1,\"ECDSA-P256\",\"elsewhere\"]" "case 1: as what its certificate says"
is "$(jq -c '.name_constraints[0] | [.permitted, .excluded]' <<<"$body")" \
  '[["dns:example.com","ip:10.0.0.0/8"],["dns:secret.example.com"]]' "with its name constraints"
is "$(field .serial)" "$(openssl x509 -in "$work/token.pem" -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f')" "its serial"
is "$(field .fingerprint)" "$(openssl x509 -in "$work/token.pem" -outform DER | sha256sum | cut -d' ' -f1)" "its fingerprint"
is "$(field .not_after)" "$(date -u -d "$(openssl x509 -in "$work/token.pem" -noout -enddate | cut -d= -f2)" +%Y-%m-%dT%H:%M:%SZ)" "its end"
is "$(again)" "$first" "the same request with its key is answered the same"
api GET "/api/v1/intermediates/$token"
is "$(field .key_driver_id)" "$uri" "case 1: the reference is kept"
api GET "/api/v1/intermediates/$token/chain"
is "$(openssl x509 <<<"$body")" "$(openssl x509 -in "$work/token.pem")" "its chain is its certificate"
register token "$uri"
answers 409 "its name is taken" duplicate_name
cp "$work/token.pem" "$work/twin.pem"
register twin "$uri"
answers 400 "so is its subject" subject_taken
rm "$work/twin.key" 2>/dev/null
root_make twin "$ca" 30 '/O=elsewhere/CN=ROOT  token'
register twin ''
answers 400 "however it is written, with another key" subject_taken
api GET '/api/v1/audit?last=100&type=IMPORTED' # refusals may have been written behind it
is "$(jq -c '.data[-1] | [.token, .context.ca, .context.op, .certificate.sha256]' <<<"$body")" \
  "[\"main\",\"$token\",\"ca\",\"$(openssl x509 -in "$work/token.pem" -outform DER | sha256sum | cut -d' ' -f1)\"]" "the ledger has it, with who and why"
like "$(jq -r '.data[-1].context.actor' <<<"$body")" '^uid:' "and by whom"

# Below it
policy() { # NAME MORE-JSON
  api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg n "$1" --arg p "${3:-$token}" --argjson m "$2" \
    '{name: $n, parent_ca_id: $p, subject: {common_name: $n}, algorithm: "ECDSA-P256"} + $m')"
}
policy deep '{"path_len_constraint": 1}'
answers 400 "its path length holds" path_len_exceeded
policy evil '{"name_constraints": [{"permitted": ["evil.com"]}]}'
answers 400 "its name constraints hold" name_constraint_exceeded
policy issuing '{}'
answers 201 "a CA below it"
issuing=$(field .id)
is "$(jq -c '[.path_len_constraint, .name_constraints[0].permitted, .name_constraints[0].excluded]' <<<"$body")" \
  '[0,["dns:example.com","ip:10.0.0.0/8"],["dns:secret.example.com"]]' "inherits both"
csr_make "$work/www" ec:P-256 DNS:www.example.com
issue "$issuing" "$work/www.csr" server
answers 201 "a leaf below that"
judge "the leaf" "$work/www.crt" "$work/www.chain" "$work/www.root"
is "$(openssl x509 -in "$work/www.root")" "$(openssl x509 -in "$work/token.pem")" "its root is the one that was registered"
csr_make "$work/secret" ec:P-256 DNS:a.secret.example.com
issue "$issuing" "$work/secret.csr" server
answers 400 "a leaf in the excluded subtree" name_not_permitted

# A key that the token's own tool made there
token_root native 0102
list_root native
register native 'pkcs11:token=main;id=%01%02;object=native;type=private'
answers 201 "a root over a key that was made in the token"
native=$(field .id)
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg p "$native" \
  '{name: "below native", parent_ca_id: $p, subject: {common_name: "below native"}, algorithm: "RSA-2048"}')"
answers 201 "a CA below the root whose key the token made"
issue "$(field .id)" "$work/www.csr" server
answers 201 "and a leaf"
judge "its leaf" "$work/www.crt" "$work/www.chain" "$work/www.root"

# A key in a file, and a root that signs leaves itself.
root_make filed "${ca/CA:TRUE/CA:TRUE, pathlen:0}"$'\nauthorityKeyIdentifier = keyid:always, issuer:always\nnsComment = from another tool\ncertificatePolicies = 1.2.3'
to_folder filed
list_root filed
register filed file:nobody
answers 400 "a file that is not there" key_not_found
register filed file:filed
answers 201 "the key in a file and its root are registered"
filed=$(field .id)
is "$(field .key_driver_id)" file:filed "case 1: the reference is kept"
issue "$filed" "$work/www.csr" server
answers 201 "a leaf of a root that is alone"
is "$(field .chain_pem)" '' "with nothing between the two"
: >"$work/www.chain"
judge "its leaf" "$work/www.crt" "$work/www.chain" "$work/www.root"
register mine file:filed
answers 400 "another root's key" key_mismatch
cp "$work/filed.key" "$work/again.key"
root_make again "$ca"
list_root again
register again file:filed
answers 409 "the same key under another name" key_bound
policy under '{}' "$filed"
answers 400 "path length 0: nothing below it" path_len_exceeded

# Keys of other kinds
while read -r kind options; do
  # shellcheck disable=SC2086 # words
  openssl genpkey $options -out "$work/$kind.key" 2>/dev/null
  root_make "$kind" "${ca/CA:TRUE/CA:TRUE, pathlen:0}"
  to_folder "$kind"
  list_root "$kind"
  register "$kind" "file:$kind"
  answers 201 "a root with a key $kind"
  is "$(field .algorithm)" "$kind" "its algorithm"
  last=$(field .id)
  issue "$last" "$work/www.csr" server
  answers 201 "its leaf"
  : >"$work/www.chain"
  judge "a leaf of $kind" "$work/www.crt" "$work/www.chain" "$work/www.root"
done <<'KINDS'
RSA-2048 -algorithm RSA -pkeyopt rsa_keygen_bits:2048
ECDSA-P384 -algorithm EC -pkeyopt ec_paramgen_curve:P-384
ECDSA-P521 -algorithm EC -pkeyopt ec_paramgen_curve:P-521
Ed25519 -algorithm ED25519
KINDS

api POST "/api/v1/intermediates/$last/retire" '{}'
answers 200 "a registered root is retired like any other"
issue "$last" "$work/www.csr" server
answers 409 "and issues nothing then" ca_not_active

# A certificate only
root_make away "${ca/CA:TRUE/CA:TRUE, pathlen:2}"
register away ''
answers 409 "a certificate only must be listed, too" root_unlisted
list_root away
register away ''
answers 201 "a certificate only"
away=$(field .id)
is "$(jq -c '[.state, .key_driver_id, .parent_ca_id, .path_len_constraint]' <<<"$body")" '["active",null,null,2]' "active, without a key"
policy orphan '{}' "$away"
answers 201 "a CA below it waits for its certificate"
issue "$away" "$work/www.csr" server
answers 409 "no leaf of it" ca_key_offline
api PATCH "/api/v1/issuers/$issuer" "{\"issuing_ca_id\": \"$away\"}"
answers 409 "nor can it be who issues" ca_not_active

# The command line
chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }
root_make console "$ca"
to_folder console
list_root console
cat "$work/console.pem" "$work/console.key" >"$work/console-both.pem"
like "$(chancery ca register --issuer elsewhere --name console --cert "$work/console-both.pem" --key file:console)" \
  'holds a private key; it was not sent.*\(field cert, private_key\)' "the command line sends no private key"
like "$(chancery ca register --issuer elsewhere --name console --cert "$work/console.pem" --key file:console --dry-run)" \
  '^dry run +(yes|true)' "it tries a registration"
like "$(chancery ca register --issuer elsewhere --name console --cert - --key file:console --metadata why=test <"$work/console.pem")" \
  '^key driver id +file:console' "and makes one"
like "$(chancery ca show console)" '^key driver id +file:console' "it shows where the key is"
like "$(chancery ca register --issuer elsewhere --name console --cert "$work/mine.pem" --key file:console)" \
  'field name, duplicate_name' "and says what is refused"
like "$(chancery audit list --last 30)" 'IMPORTED .*CA O=Elsewhere, CN=Root console, serial [0-9a-f]+, its ECDSA-P256 key [0-9a-f]{12} in token files' \
  "the ledger in words"

# One issuer in single mode
single=$(api POST /api/v1/issuers '{"name": "alone", "hierarchy_mode": "single"}' && field .id)
tree=$issuer issuer=$single
root_make solo "${ca/CA:TRUE/CA:TRUE, pathlen:0}"
root_make tall "$ca"
root_make second "${ca/CA:TRUE/CA:TRUE, pathlen:0}"
for name in solo tall second; do
  to_folder "$name"
  list_root "$name"
done
register tall file:tall
answers 400 "in single mode a root has path length 0" path_len_exceeded
register solo file:solo
answers 201 "and signs itself"
api GET "/api/v1/issuers/$single"
is "$(field .issuing_ca_id)" "$(field .issuing_ca_id | grep '^ica-')" "it is the issuing CA"
register second file:second
answers 409 "and the only one" single_mode
issuer=$tree

# Roles
sed -n '/^roles/,$p' "$STACK_DIR/conf/frontd.conf" >"$work/roles"
cp "$STACK_DIR/conf/frontd.conf" "$work/frontd.conf"
sed -i "s|^  admin = .*|  admin = [ ];|" "$STACK_DIR/conf/frontd.conf"
old=$(pid_of frontd)
kill -TERM "$old"
front_anew() { [ "$(pid_of frontd)" != "$old" ] && stack_ready; }
stack_until 100 front_anew || e2e_die "the front-end does not come back"
cas=$(rows ca)
register mine file:mine
refused 403 forbidden "a caller who is no admin"
cp "$work/frontd.conf" "$STACK_DIR/conf/frontd.conf"

# The ledger is enough.
shown() {
  for i in "$tree" "$single"; do
    api GET "/api/v1/issuers/$i/intermediates"
    jq -S '.data | sort_by(.id) | map(del(.updated_at, .created_at))' <<<"$body"
  done
}
leaves() {
  api GET "/api/v1/certificates"
  jq -S '.data | sort_by(.fingerprint) | map(del(.created_at))' <<<"$body"
}
old=$(pid_of frontd)
kill -TERM "$old"
stack_until 100 front_anew || e2e_die "the front-end does not come back"
api POST "/api/v1/intermediates/$away/retire" '{}'
answers 200 "a root without its key is retired, too"
cas_before=$(shown) leaves_before=$(leaves)
stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without its database"
is "$(shown)" "$cas_before" "without its database, all CAs are back"
is "$(leaves)" "$leaves_before" "and all certificates"
stack_until 100 drivers_ready || e2e_die "the drivers are not ready"
issue "$issuing" "$work/www.csr" server
answers 201 "what is below a registered root issues"
issue "$filed" "$work/www.csr" server
answers 201 "and a registered root itself"
policy orphan2 '{}' "$away"
answers 409 "what was retired is" parent_not_active
register twin ''
answers 400 "and subjects stay taken" subject_taken

# What a key signed in an earlier life, and requests for certificates: the ledger has them, and the front-end knows
# the first when it reads it.
probe() {
  "$CHANCERY_BUILD/tests/e2e/import_probe" "$STACK_DIR/sign/sign.sock" "$(cat "$STACK_DIR/conf/ledger_id")" "$@"
}
openssl x509 -req -in "$work/www.csr" -days 5 -sha256 -CA "$work/filed.pem" -CAkey "$work/filed.key" -set_serial 0x4711 \
  -extfile <(printf 'subjectAltName = DNS:early.example.org, RID:1.2.3\nextendedKeyUsage = critical, serverAuth\n1.2.3.4 = ASN1:NULL\n') \
  -outform DER -out "$work/early.der" 2>/dev/null
bound=$(openssl pkey -in "$work/filed.key" -pubout -outform DER | sha256sum | cut -c1-32)
like "$(probe admit "$bound" "$work/early.der")" '^done' "a certificate of an earlier life is admitted"
like "$(probe csr "$(cut -d' ' -f3 <<<"$(probe create main ECDSA-P256)")" 'Not yet' 0 - "$work/not-yet.der")" '^done' "a request"
stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without its database"
api GET "/api/v1/intermediates/$filed/certificates/4711"
answers 200 "what was admitted is known by its serial"
is "$(jq -c '[.kind, .state, .names]' <<<"$body")" '["leaf","active",["dns:early.example.org"]]' "and what it is"
is "$(openssl x509 -outform DER <<<"$(field .certificate_pem)" | sha256sum)" "$(sha256sum <"$work/early.der")" "to the byte"
is "$(shown)" "$(jq -S . <<<"$cas_before")" "and all CAs are as they were"

stack_stop

# Nowhere is a private key.
for kind in p8 ec; do
  line=$(sed -n 2p "$work/other.$kind.pem")
  nothing "case 1, 27: no line of the $kind key in log, database or ledger" \
    "$(grep -rlF -e "$line" "$STACK_DIR/log" "$STACK_DIR/db" "$STACK_DIR/signer")"
done
nothing "case 1, 27: no private key block in log, database or ledger" \
  "$(grep -rl 'PRIVATE KEY' "$STACK_DIR/log" "$STACK_DIR/db" "$STACK_DIR/signer")"
der=$(openssl pkey -in "$work/other.key" -outform DER | xxd -p | tr -d '\n')
scalar=${der:72:64}
nothing "case 1, 27: nor its scalar" "$(for file in "$STACK_DIR"/log/* "$STACK_DIR"/db/* "$STACK_DIR"/signer/ledger/*; do
  [ -f "$file" ] && xxd -p "$file" | tr -d '\n' | grep -q "$scalar" && echo "$file"
done)"
tap_done
