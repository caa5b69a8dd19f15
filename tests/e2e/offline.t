#!/usr/bin/env bash
# A CA below a parent whose key is elsewhere: its request goes out, its
# certificate comes in, whatever is wrong with it is said, and kill -9 at any
# step loses nothing. The parent is what openssl makes of a key in a file.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
e2e_up
anchors=$STACK_DIR/anchors
ca_ext=$'basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash'

root_make() { # NAME EXTENSIONS [DAYS [OPTIONS...]]: a root with its key in $work/NAME.key
  [ -e "$work/$1.key" ] || openssl ecparam -name prime256v1 -genkey -noout -out "$work/$1.key"
  openssl req -new -utf8 -key "$work/$1.key" -subj "/O=Vault/CN=Root $1" -out "$work/$1.csr"
  openssl x509 -req -in "$work/$1.csr" -days "${3:-4000}" -sha256 -extfile <(printf '%s\n' "$2") -signkey "$work/$1.key" \
    "${@:4}" -out "$work/$1.pem" 2>"$work/err" || diag "$(cat "$work/err")"
}
# What the people at the parent do: a certificate in $work/OUT.pem for the request in $work/REQUEST.csr.
sign() { # OUT REQUEST EXTENSIONS [OPTIONS...]
  local by=$parent days=(-days 150) serial=(-set_serial "0x$(openssl rand -hex 9 | sed 's/^./4/')")
  case " ${*:4} " in *' -days '* | *' -not_'*) days=() ;; esac
  case " ${*:4} " in *' -set_serial '*) serial=() ;; esac
  openssl x509 -req -in "$work/$2.csr" -sha256 -extfile <(printf '%s\n' "$3") -CA "$work/$by.pem" -CAkey "$work/$by.key" \
    ${days[@]+"${days[@]}"} ${serial[@]+"${serial[@]}"} "${@:4}" -out "$work/$1.pem" 2>"$work/err" || diag "$(cat "$work/err")"
}
csr_get() { # CA: the request in $work/NAME.csr
  api GET "/api/v1/intermediates/$1/csr"
  printf '%s\n' "$body" >"$work/$2.csr"
}
bring() { # CA PEM-FILE [QUERY]
  api POST "/api/v1/intermediates/$1/certificate${3:-}" "$(jq -n --rawfile p "$2" '{certificate_pem: $p}')"
}
state_of() {
  api GET "/api/v1/intermediates/$1"
  field .state
}

issuer=$(issuer_make offline)
parent=vault
root_make vault "${ca_ext/CA:TRUE/CA:TRUE, pathlen:2}"$'\nnameConstraints = critical, permitted;DNS:example.com, excluded;DNS:secret.example.com'
cp "$work/vault.pem" "$anchors/"
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile p "$work/vault.pem" '{name: "vault", root_cert_pem: $p}')"
answers 201 "a root whose key is elsewhere"
vault=$(field .id)
api GET '/api/v1/audit?last=5&type=NOTE'
is "$(jq -c --arg ca "$vault" '[.data[].context | select(.from and .ca == $ca) | [.from, .to, .serial]]' <<<"$body")" \
  "[[\"created\",\"active\",\"$(openssl x509 -in "$work/vault.pem" -noout -serial | cut -d= -f2 | tr 'A-F' 'a-f')\"]]" \
  "case 11: its step is on record"
mark

# The request goes out.
ca policy "$vault" '{"path_len_constraint": 2}'
refused 400 path_len_exceeded path_len_constraint "what the parent's certificate says holds before there is a key"
ca policy "$vault" '{"name_constraints": [{"permitted": ["evil.com"]}]}'
refused 400 name_constraint_exceeded name_constraints "name constraints too"
ca policy "$vault" '{"path_len_constraint": 1}' '?dry_run=true'
is "$status $(field .path_len_constraint) $(made)" "200 1 $marked" "a dry run makes no key"
ca policy "$vault" '{"path_len_constraint": 1, "ttl_days": 300, "metadata": {"for": "the vault"}}'
answers 201 "a CA below it"
policy=$id
is "$(jq -c '[.state, .certificate_pem, .serial, .fingerprint, .path_len_constraint, .parent_ca_id, .metadata.for]' <<<"$body")" \
  "[\"created\",null,null,null,1,\"$vault\",\"the vault\"]" "is created, without a certificate"
like "$(field .key_driver_id)" '^pkcs11:token=main;id=' "its key is here"
csr_get "$policy" policy
is "$status" 200 "its request"
succeeds "openssl verifies it" openssl req -in "$work/policy.csr" -noout -verify
succeeds "certtool reads it" certtool --crq-info --infile "$work/policy.csr"
text=$(openssl req -in "$work/policy.csr" -noout -text)
like "$text" 'Subject: CN = Case policy' "it names the CA"
like "$text" 'CA:TRUE, pathlen:1' "it asks for the path length"
like "$(tr -s ' \n' ' ' <<<"$text")" 'Name Constraints: critical Permitted: DNS:example.com Excluded: DNS:secret.example.com' \
  "and for the constraints that hold"
first=$body
csr_get "$policy" policy
is "$body" "$first" "asked for again, it is the same"
api GET "/api/v1/issuers/$issuer/intermediates"
is "$(jq -c '.data | map([.name, .state])' <<<"$body")" '[["vault","active"],["policy","created"]]' "it is listed"

api GET "/api/v1/issuers/$issuer/intermediates?format=tree"
is "$(field '.data[0].children[0].state')" created "and stands in the tree"
mark

# Until its certificate is there it can do nothing.
api GET "/api/v1/intermediates/$policy/chain"
refused 409 no_certificate '' "its chain"
leaf "$policy" DNS:www.example.com
refused 409 ca_not_active '' "a leaf of it"
ca under "$policy"
refused 409 parent_not_active parent_ca_id "a CA below it"
ca policy "$vault" '{"subject": {"common_name": "Another"}}'
refused 409 duplicate_name name "another of its name"
ca again "$vault" '{"subject": {"common_name": "CASE policy"}}'
refused 400 subject_taken subject "another of its subject"
retire "$policy"
refused 409 confirm_required confirm "given up without confirm"
api POST "/api/v1/intermediates/$policy/key-gone" '{}'
refused 409 ca_waits '' "its key's end"
api GET "/api/v1/intermediates/$vault/csr"
refused 404 csr_not_found '' "a request of its parent"
bring "$vault" "$work/vault.pem"
refused 409 csr_not_found '' "a certificate for its parent"
bring ica-none "$work/vault.pem"
refused 404 ca_not_found '' "a certificate for nobody"
api GET /api/v1/intermediates/ica-none/csr
refused 404 ca_not_found '' "a request of nobody"

# What may come in instead of its certificate. One that asks for less than its parent allows, so that there is room
# between the two.
ca narrow "$vault" "$(permits dns:a.example.com 'dns:secret.example.com;dns:x.a.example.com' | jq -c '. + {path_len_constraint: 0, ttl_days: 200}')"
narrow=$id
csr_get "$narrow" narrow
root_make stranger "$ca_ext"
cp "$work/vault.key" "$work/vault.kept"
openssl ecparam -name prime256v1 -genkey -noout -out "$work/twin.key"
openssl req -x509 -key "$work/twin.key" -subj '/O=Vault/CN=Root vault' -days 4000 -out "$work/twin.pem" \
  -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
openssl ecparam -name prime256v1 -genkey -noout -out "$work/other.key"
openssl req -new -key "$work/other.key" -subj '/CN=Case narrow' -out "$work/other.csr"
bc=$'basicConstraints = critical, CA:TRUE, pathlen:0\n' ku=$'keyUsage = critical, keyCertSign, cRLSign\n'
ids=$'subjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n'
nc=$'nameConstraints = critical, permitted;DNS:a.example.com, excluded;DNS:secret.example.com, excluded;DNS:x.a.example.com\n'
whole=$bc$ku$ids$nc
by_ca() { # OUT FROM UNTIL: as `openssl ca` does it, with dates of its own
  local d=$work/ca-$1
  mkdir -p "$d" && : >"$d/index"
  printf '[ca]\ndefault_ca = c\n[c]\ndatabase = %s/index\nnew_certs_dir = %s\nrand_serial = yes\ndefault_md = sha256\npolicy = p\nx509_extensions = e\n[p]\nCN = supplied\n[e]\n%s\n' \
    "$d" "$d" "$whole" >"$d/conf"
  openssl ca -batch -config "$d/conf" -cert "$work/vault.pem" -keyfile "$work/vault.key" -in "$work/narrow.csr" -startdate "$2" \
    -enddate "$3" -notext -preserveDN -out "$work/$1.pem" 2>"$work/err" || diag "$(cat "$work/err")"
}
mark
wrong() { # CODE WHAT REQUEST EXTENSIONS [OPTIONS...]
  local code=$1 what=$2
  sign wrong "${@:3}"
  bring "$narrow" "$work/wrong.pem"
  refused 400 "$code" certificate_pem "$what"
}
wrong key_mismatch "for another key" other "$whole"
parent=stranger
wrong wrong_issuer "by another CA" narrow "$whole"
like "$(field .error.message)" 'register it as a certificate only' "which says what to do with that CA"
parent=twin
wrong wrong_issuer "by a CA with its parent's name, and another key" narrow "$whole"
parent=vault
wrong subject_mismatch "for another subject" narrow "$whole" -subj '/CN=Case wide'
like "$(field .error.message)" 'CN=Case wide, .* CN=Case narrow' "which says both"
wrong subject_mismatch "for the same in another order and more" narrow "$whole" -subj '/O=Vault/CN=Case narrow'
wrong path_len_mismatch "with a greater path length" narrow "${whole/pathlen:0/pathlen:1}"
wrong path_len_mismatch "with a path length that is none" narrow "${whole/, pathlen:0/}"
wrong certificate_not_ca "with CA:FALSE" narrow "${whole/CA:TRUE, pathlen:0/CA:FALSE}"
wrong certificate_not_ca "without basicConstraints" narrow "${whole/"$bc"/}"
wrong certificate_not_ca "without keyCertSign" narrow "${whole/keyCertSign, /}"
wrong unknown_critical_extension "with an unknown critical extension" narrow "$whole"$'1.2.3.4.5 = critical, ASN1:NULL\n'
like "$(field .error.message)" '1\.2\.3\.4\.5' "which says which"
wrong bad_name_constraint "with a constraint of a form that can't be enforced" narrow "${whole/permitted;DNS:a.example.com/permitted;RID:1.2.3}"
wrong name_constraint_exceeded "with a wider permitted subtree" narrow "${whole/permitted;DNS:a.example.com/permitted;DNS:example.com}"
wrong name_constraint_exceeded "without an excluded subtree" narrow "${whole/, excluded;DNS:x.a.example.com/}"
wrong name_constraint_exceeded "without constraints" narrow "${whole/"$nc"/}"
wrong validity_too_long "for longer than was asked for" narrow "$whole" -days 202
wrong beyond_issuer "for longer than its parent" narrow "$whole" -days 5000
wrong certificate_invalid "without its parent's key identifier" narrow "${whole/authorityKeyIdentifier = keyid/authorityKeyIdentifier = none}"
wrong certificate_invalid "without its own" narrow "${whole/subjectKeyIdentifier = hash/subjectKeyIdentifier = none}"
sign wrong narrow "$whole" -sha1
bring "$narrow" "$work/wrong.pem"
answers 400 "signed over SHA-1: 400" certificate_invalid
by_ca expired 20200101000000Z 20200301000000Z
by_ca future 20290101000000Z 20290301000000Z
mark
bring "$narrow" "$work/expired.pem"
refused 400 certificate_expired certificate_pem "expired"
bring "$narrow" "$work/future.pem"
refused 400 certificate_not_yet_valid certificate_pem "of the future"
sign wrong narrow "$whole" -set_serial "0x$(openssl x509 -in "$work/vault.pem" -noout -serial | cut -d= -f2)"
bring "$narrow" "$work/wrong.pem"
refused 409 serial_taken certificate_pem "with a serial number that its parent has used"
sign good policy authorityKeyIdentifier=keyid -copy_extensions copy
bring "$narrow" "$work/good.pem"
refused 400 key_mismatch certificate_pem "that of a sibling"
cat "$work/good.pem" "$work/vault.pem" >"$work/two.pem"
bring "$narrow" "$work/two.pem"
refused 400 certificate_not_pem certificate_pem "two blocks"
bring "$narrow" "$work/narrow.csr"
refused 400 certificate_not_pem certificate_pem "its own request"
sed 's/^MI/MJ/' "$work/good.pem" >"$work/malformed.pem"
bring "$narrow" "$work/malformed.pem"
refused 400 certificate_malformed certificate_pem "no certificate in its block"
bring "$narrow" "$work/vault.pem"
refused 400 key_mismatch certificate_pem "its parent's"
cat "$work/good.pem" "$work/other.key" >"$work/private.pem"
bring "$narrow" "$work/private.pem"
refused 400 private_key certificate_pem "a private key beside it"
for json in '{}' '{"certificate_pem": 1}' '{"certificate_pem": null}' '{"certificate_pem": "x", "chain_pem": "y"}'; do
  api POST "/api/v1/intermediates/$narrow/certificate" "$json"
  is "$status $(made)" "400 $marked" "and $json"
done
is "$(state_of "$narrow")" created "it waits still"
by_ca narrow "$(date -u -d -1hour +%Y%m%d%H%M%SZ)" "$(date -u -d +100days +%Y%m%d%H%M%SZ)"
bring "$narrow" "$work/narrow.pem"
answers 200 "until its own comes, from openssl ca, for less than was asked for"
succeeds "its chain is good" chain_judge "$narrow"
leaf "$narrow" DNS:www.a.example.com
issued "a leaf of it"
leaf "$narrow" DNS:www.example.com
refused 400 name_not_permitted csr_pem "and what its certificate permits holds"

# Its certificate comes in.
bring "$policy" "$work/good.pem" '?dry_run=true'
is "$status $(jq -c '[.dry_run, .path_len_constraint, .name_constraints[0].permitted]' <<<"$body") $(made)" \
  "200 [true,1,[\"dns:example.com\"]] $marked" "the certificate, tried"
is "$(state_of "$policy")" created "and nothing is done"
bring "$policy" "$work/good.pem"
answers 200 "the certificate comes in"
like "$(field '[.state, .serial, .metadata.for] | join(" ")')" '^active 4[0-9a-f]{17} the vault$' "the CA is active"
is "$(openssl x509 <<<"$(field .certificate_pem)")" "$(openssl x509 -in "$work/good.pem")" "with what was brought in"
first=$body
bring "$policy" "$work/good.pem"
is "$status $(jq -S . <<<"$body")" "200 $(jq -S . <<<"$first")" "brought in once more, the answer is the same"
mark
sign other-good policy authorityKeyIdentifier=keyid -copy_extensions copy -days 140
bring "$policy" "$work/other-good.pem"
refused 409 ca_not_waiting certificate_pem "another one that ends earlier"
succeeds "its chain is good" chain_judge "$policy"
ca issuing "$policy"
created "a CA below it" .path_len_constraint 0
issuing=$id
leaf "$issuing" DNS:www.example.com
issued "and a leaf"
leaf "$issuing" DNS:a.secret.example.com
refused 400 name_not_permitted csr_pem "what the parent elsewhere excludes holds"
api GET "/api/v1/intermediates/$vault/certificates/$(openssl x509 -in "$work/good.pem" -noout -serial | cut -d= -f2)"
is "$status $(field '[.kind, .state] | join(" ")')" "200 ca active" "the certificate is known by its issuer and serial"
api GET '/api/v1/audit?last=100&type=NOTE'
is "$(jq -c --arg ca "$policy" '[.data[].context | select(.from and .ca == $ca) | [.from, .to, .asked]]' <<<"$body")" \
  '[["created","active","path length 1; permitted dns:example.com; excluded dns:secret.example.com"]]' "case 11: its step is on record"

# Before it ends, the same request gets a later certificate: same key, same limits.
mark
for bad in path_len_mismatch:'basicConstraints = critical, CA:TRUE, pathlen:0' name_constraint_mismatch:'nameConstraints = critical, permitted;DNS:www.example.com, excluded;DNS:secret.example.com' \
  key_id_mismatch:'subjectKeyIdentifier = 00:01:02:03'; do
  sign renewed policy "${bad#*:}"$'\nauthorityKeyIdentifier=keyid' -copy_extensions copy -days 1000
  bring "$policy" "$work/renewed.pem"
  refused 400 "${bad%%:*}" certificate_pem "a later one with ${bad#*:}"
done
sign renewed policy authorityKeyIdentifier=keyid -copy_extensions copy -days 1000
bring "$policy" "$work/renewed.pem" '?dry_run=true'
is "$status $(made)" "200 $marked" "a later one, tried"
bring "$policy" "$work/renewed.pem"
answers 200 "a later certificate for the same request"
is "$(openssl x509 <<<"$(field .certificate_pem)")" "$(openssl x509 -in "$work/renewed.pem")" "is the CA's from then on"
first=$body
bring "$policy" "$work/renewed.pem"
is "$(jq -S . <<<"$body")" "$(jq -S . <<<"$first")" "once more, the same answer"
bring "$policy" "$work/good.pem"
is "$status $(field .error.code)" "409 ca_not_waiting" "the earlier one is not taken back"
succeeds "the chain is good" chain_judge "$issuing"
leaf "$issuing" DNS:www.example.com
issued "a leaf below it"
ca longer "$policy" '{"ttl_days": 400}'
created "and a CA below it that outlasts the earlier certificate"
api GET "/api/v1/certificates?ca=$vault"
is "$(jq --arg s "CN=Case policy" '[.data[] | select(.subject == $s)] | length' <<<"$body")" 2 "both certificates are listed"
retire "$id" && retire "$id" '{"confirm": true}'

# Given up instead.
ca given "$vault" '{"path_len_constraint": 0}'
given=$id
csr_get "$given" given
retire "$given" '{"confirm": true, "note": "not wanted any more"}'
is "$status $(field .state)" "200 retired" "a CA that waits is given up"
api GET '/api/v1/audit?last=5&type=NOTE'
is "$(jq -c --arg ca "$given" '[.data[].context | select(.from and .ca == $ca) | [.from, .to, .note, .sha256]]' <<<"$body")" \
  '[["created","retired","not wanted any more",null]]' "case 11: its step is on record"
mark
api GET "/api/v1/intermediates/$given/csr"
refused 409 ca_given_up '' "its request is not to be had any more"
sign given given authorityKeyIdentifier=keyid -copy_extensions copy
bring "$given" "$work/given.pem"
refused 409 ca_not_waiting '' "nor its certificate taken"
ca given "$vault" '{"subject": {"common_name": "Case given"}}'
refused 400 subject_taken subject "its subject is never free"
ca given "$vault" '{"path_len_constraint": 0, "subject": {"common_name": "Case given, G2"}}'
answers 201 "its name is"
again=$id
api GET "/api/v1/intermediates/$given"
gone=$(field .key_driver_id)
api GET "/api/v1/intermediates/$again"
[ "$(field .key_driver_id)" != "$gone" ]
is $? 0 "and nobody else gets its key"

# What a key signed before it came here.
parent=early
root_make early "${ca_ext/CA:TRUE/CA:TRUE, pathlen:0}"
cp "$work/early.pem" "$anchors/"
openssl pkcs8 -topk8 -nocrypt -in "$work/early.key" -outform DER -out "$work/early.p8"
openssl pkey -in "$work/early.key" -pubout -outform DER -out "$work/early.pub"
for part in p8:privkey pub:pubkey; do
  SOFTHSM2_CONF=$STACK_DIR/token/softhsm2.conf pkcs11-tool --module "$softhsm_module" --token-label main --login --id 0e \
    --pin "$(cat "$STACK_DIR/token/pin")" --write-object "$work/early.${part%:*}" --type "${part#*:}" --usage-sign >"$work/tool" 2>&1 ||
    diag "$(cat "$work/tool")"
done
printf 'imported_keys = "warn";\n' >>"$STACK_DIR/conf/driver-main.conf"
old=$(pid_of driver)
kill -TERM "$old"
driver_anew() { [ "$(pid_of driver)" != "$old" ] && token_ready; }
stack_until 120 driver_anew || e2e_die "the driver does not come back"
api POST "/api/v1/issuers/$issuer/intermediates" \
  "$(jq -n --rawfile p "$work/early.pem" '{name: "early", root_cert_pem: $p, key_driver_id: "pkcs11:token=main;id=%0e"}')"
answers 201 "a root with a life before this one"
early=$(field .id)
csr_make "$work/leaf" ec:P-256 DNS:early.example.org
sign leaf leaf $'subjectAltName = DNS:early.example.org\nauthorityKeyIdentifier = keyid' -set_serial 1000
sign odd leaf $'subjectAltName = DNS:odd.example.org\n1.2.3.4 = critical, ASN1:NULL' -set_serial 1001
sign twice leaf $'subjectAltName = DNS:twice.example.org' -set_serial 1000
admit() { # CA PEM-FILE [QUERY]
  api POST "/api/v1/intermediates/$1/admit${3:-}" "$(jq -n --rawfile p "$2" '{certificate_pem: $p}')"
}
mark
admit "$early" "$work/leaf.pem" '?dry_run=true'
is "$status $(field .serial) $(made)" "200 03e8 $marked" "a leaf of that life, tried"
admit "$early" "$work/leaf.pem"
answers 201 "and admitted"
is "$(jq -c '[.ca_id, .serial, .kind, .state, .names]' <<<"$body")" "[\"$early\",\"03e8\",\"leaf\",\"active\",[\"dns:early.example.org\"]]" \
  "it is listed as what it says"
first=$(jq -S 'del(.created_at)' <<<"$body")
mark
admit "$early" "$work/leaf.pem"
is "$status $(jq -S 'del(.created_at)' <<<"$body") $(made)" "200 $first $marked" "once more, it is there already"
admit "$early" "$work/twice.pem"
refused 409 serial_taken certificate_pem "another with its serial number"
admit "$issuing" "$work/leaf.pem"
refused 400 not_issued certificate_pem "under a CA that has not signed it"
admit "$vault" "$work/leaf.pem"
refused 409 ca_key_offline '' "under a CA whose key is elsewhere"
admit "$again" "$work/leaf.pem"
refused 409 no_certificate '' "under a CA that waits"
admit ica-none "$work/leaf.pem"
refused 404 ca_not_found '' "under none"
admit "$early" "$work/leaf.csr"
refused 400 certificate_not_pem certificate_pem "a request"
admit "$early" "$work/malformed.pem"
refused 400 certificate_malformed certificate_pem "what is none"
admit "$early" "$work/odd.pem"
answers 201 "one with something unknown in it is on record all the same"
api GET '/api/v1/certificates?serial=03e9'
is "$(field '.data | length')" 1 "and found by its serial number"

# A root and a CA below another with one serial number: case 43.
parent=vault
root_make thousand "$ca_ext" 3000 -set_serial 1000
cp "$work/thousand.pem" "$anchors/"
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile p "$work/thousand.pem" '{name: "thousand", root_cert_pem: $p}')"
answers 201 "case 43: a root with serial number 1000"
thousand=$(field .id)
csr_get "$again" again
sign again again authorityKeyIdentifier=keyid -copy_extensions copy -set_serial 1000
bring "$again" "$work/again.pem"
answers 200 "case 43: and a CA below another"
api GET '/api/v1/certificates?serial=03e8'
is "$(field '.data | length')" 3 "case 43: all that have it are listed"
api GET "/api/v1/intermediates/$vault/certificates/03e8"
is "$(openssl x509 <<<"$(field .certificate_pem)")" "$(openssl x509 -in "$work/again.pem")" "case 43: with its issuer it is the right one"
api GET "/api/v1/intermediates/$thousand/certificates/03e8"
is "$(openssl x509 <<<"$(field .certificate_pem)")" "$(openssl x509 -in "$work/thousand.pem")" "case 43: so is the root"

# The command line
chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }
chancery ca create --issuer offline --parent vault --name console --cn Console --path-len 0 --ttl-days 100 >"$work/said"
like "$(cat "$work/said")" '^state +created' "the command line: a CA that waits"
succeeds "its request goes to a file" chancery ca csr console --out "$work/console.csr"
is "$(chancery ca csr console)" "$(cat "$work/console.csr")" "or to the screen"
like "$(chancery ca tree --issuer offline)" 'console +created +no certificate yet' "the tree says so"
sign console console authorityKeyIdentifier=keyid -copy_extensions copy -days 50
like "$(chancery ca certificate console "$work/console.pem" --dry-run)" '^dry run +(yes|true)' "its certificate is tried"
like "$(chancery ca certificate console "$work/good.pem")" 'for another key than this CA.s.*\(field certificate_pem, key_mismatch\)' \
  "what is refused is said"
like "$(chancery ca certificate console - <"$work/console.pem")" '^state +active' "and it comes in"
like "$(chancery cert admit early "$work/odd.pem")" '^serial +03e9' "a certificate is admitted"
like "$(chancery ca csr early)" 'csr_not_found' "a CA without a request"
like "$(chancery audit list --last 30)" 'CSR_INTENT .*request for a certificate of key' "the ledger in words"

# Roles
cp "$STACK_DIR/conf/frontd.conf" "$work/frontd.conf"
sed -i 's/^  admin = .*/  admin = [ ];/; s/^  operator = .*/  operator = [ ];/; s/^  issuer = .*/  issuer = ( );/' "$STACK_DIR/conf/frontd.conf"
front_anew() { [ "$(pid_of frontd)" != "$old" ] && stack_ready; }
front_end() { # SIGNAL
  old=$(pid_of frontd)
  kill "-$1" "$old"
  stack_until 120 front_anew || e2e_die "the front-end does not come back"
}
front_end TERM
bring "$policy" "$work/good.pem"
answers 403 "an auditor brings no certificate in" forbidden
admit "$early" "$work/odd.pem"
answers 403 "nor admits one" forbidden
csr_get "$policy" auditor
is "$status" 200 "but may see the request"
cp "$work/frontd.conf" "$STACK_DIR/conf/frontd.conf"
front_end TERM

# kill -9 at any step: whoever asks again with the same key gets the one CA there is, and then its one certificate.
all_ready() { stack_ready && token_ready; }
settled() { # KEY METHOD PATH BODY: answered by daemons that know of each other again
  API_KEY=$1 api "${@:2}"
  case "$status $(field .error.code)" in 000* | 503* | *request_running) return 1 ;; esac
}
another() { [ "$(pid_of "$1")" != "$2" ] && all_ready; }
daemon_kill() { # DAEMON REQUEST: it dies, who asks has an answer or none, and it is there again
  local old
  old=$(pid_of "$1")
  kill -KILL "$old"
  wait "$2"
  stack_until 120 another "$1" "$old" || e2e_die "not ready after kill -9 of $1"
}
killed() { # DAEMON MILLISECONDS NAME: a CA of that name, from request to leaf
  local name=$3 made bring_body create_body
  create_body=$(jq -nc --arg n "$name" --arg p "$vault" \
    '{name: $n, subject: {common_name: ("Killed " + $n)}, algorithm: "ECDSA-P256", parent_ca_id: $p, path_len_constraint: 0, ttl_days: 50}')
  API_KEY=create-$name api POST "/api/v1/issuers/$issuer/intermediates" "$create_body" &
  made=$!
  sleep "0.$(printf %03d "$2")" # how far it has come by then is different each time
  daemon_kill "$1" "$made"
  stack_until 120 settled "create-$name" POST "/api/v1/issuers/$issuer/intermediates" "$create_body"
  [ "$status" = 201 ] || { echo "create: $status $body" && return; }
  id=$(field .id)
  csr_get "$id" "$name"
  sign "$name" "$name" authorityKeyIdentifier=keyid -copy_extensions copy -days 40
  bring_body=$(jq -nc --rawfile p "$work/$name.pem" '{certificate_pem: $p}')
  API_KEY=bring-$name api POST "/api/v1/intermediates/$id/certificate" "$bring_body" &
  made=$!
  sleep "0.$(printf %03d "$2")"
  daemon_kill "$1" "$made"
  stack_until 120 settled "bring-$name" POST "/api/v1/intermediates/$id/certificate" "$bring_body"
  [ "$status $(field .state)" = "200 active" ] || { echo "certificate: $status $body" && return; }
  leaf "$id" DNS:www.example.com
  [ "$status" = 201 ] || { echo "leaf: $status $body" && return; }
}
for daemon in frontd signd driver; do
  for after in 1 8 20; do
    killed "$daemon" "$after" "$daemon$after" >"$work/killed"
    nothing "kill -9 of $daemon, $after ms after the beginning" "$(cat "$work/killed")"
  done
done
api GET "/api/v1/issuers/$issuer/intermediates"
is "$(field '[.data[] | select(.subject | test("Killed"))] | map(.state) | join(" ")')" \
  'active active active active active active active active active' "each CA is there once"
ca waits "$vault" '{"path_len_constraint": 0}'
waits=$id
csr_get "$waits" waits

# The ledger is enough.
shown() {
  api GET "/api/v1/issuers/$issuer/intermediates"
  jq -S '.data | sort_by(.id) | map(del(.updated_at, .created_at))' <<<"$body"
}
leaves() {
  api GET '/api/v1/certificates?limit=1000'
  jq -S '.data | sort_by(.fingerprint) | map(del(.created_at))' <<<"$body"
}
cas_before=$(shown) leaves_before=$(leaves)
stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without its database"
is "$(shown)" "$cas_before" "without its database, all CAs are back: active, waiting and given up"
is "$(leaves)" "$leaves_before" "and all certificates"
cp "$work/waits.csr" "$work/before.csr"
csr_get "$waits" waits
is "$(cat "$work/waits.csr")" "$(cat "$work/before.csr")" "with the same requests"
stack_until 120 token_ready || e2e_die "the token is not ready"
sign waits waits authorityKeyIdentifier=keyid -copy_extensions copy
bring "$waits" "$work/waits.pem"
answers 200 "so that a certificate for one comes in"
leaf "$issuing" DNS:www.example.com
answers 201 "and those that have theirs issue"
front_end KILL
is "$(state_of "$waits")" active "after one more kill"
api GET /api/v1/doctor
nothing "the doctor finds nothing wrong with any of them" \
  "$(jq -c '.findings[]? | select(.severity == "critical")' <<<"$body")"
retire "$vault"
answers 200 "the parent elsewhere is retired"
ca late "$vault"
is "$status $(field .error.code)" "409 parent_not_active" "and has no more CAs below it"
tap_done
