#!/usr/bin/env bash
# Further certificates over a CA's key: renewed with the same key, and certified by another CA. Old and new leaves before
# other programs' eyes; what is wider or shorter is refused; the database made again from the ledger says the same.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
e2e_up
chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }
renew() { api POST "/api/v1/intermediates/$1/renew${3:-}" "${2:-{\}}"; }
cross() { api POST "/api/v1/intermediates/$1/cross${3:-}" "$2"; }
field_of() { # CA FIELD
  local status body
  api GET "/api/v1/intermediates/$1"
  field "$2"
}
database() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "$1"; }
seconds() { date -d "$1" +%s; }
shot() { # NAME: the last issued leaf with its chain and root under this name
  local part
  for part in crt chain root; do cp "$work/issued.$part" "$work/$1.$part"; done
}
verify() { openssl verify -x509_strict -CAfile "$1" -untrusted "$2" "$3"; }

issuer=$(issuer_make renew '"off"')
ca root '' '{"path_len_constraint": 2, "ttl_days": 2000}'
created "a root for 2000 days"
root=$id
ca policy "$root" "$(jq -nc --argjson c "$(permits dns:example.com dns:secret.example.com)" \
  '$c + {ttl_days: 400, ocsp_responder_url: "http://ocsp.example.com/"}')"
created "a CA for 400 days"
policy=$id
ca issuing "$policy" '{"path_len_constraint": 0, "ttl_days": 400}'
issuing=$id
leaf "$issuing" DNS:old.example.com
issued "a leaf before"
shot old

# A renewal
mark
renew "$issuing"
refused 400 renewal_not_longer ttl_days "with its parent's end in the way there is nothing to gain"
renew "$policy" '{"ttl_days": 300}'
refused 400 renewal_not_longer ttl_days "a renewal that would end earlier"
renew "$policy" '{"ttl_days": 0}'
refused 400 bad_field ttl_days "none of no days"
renew "$policy" '{"path_len_constraint": 5}'
refused 400 unknown_field path_len_constraint "a renewal has no limits of its own to state"
renew "$policy" '{"ttl_days": 800}' '?dry_run=true'
answers 200 "a dry run"
nothing_made "makes nothing"
before=$(field_of "$policy" '[.serial, .fingerprint, .not_after] | join(" ")')
kept=$(field_of "$policy" '[.subject, .path_len_constraint, (.effective_name_constraints | tostring), .key_driver_id, .id] | join(" ")')
subject_key=$(field_of "$policy" .certificate_pem | openssl x509 -noout -ext subjectKeyIdentifier,authorityInfoAccess)
API_KEY=renew-1 renew "$policy" '{"ttl_days": 800}'
answers 200 "renewed for 800 days"
succeeds "with a chain for two judges" chain_judge "$policy"
is "$(field_of "$policy" '[.subject, .path_len_constraint, (.effective_name_constraints | tostring), .key_driver_id, .id] | join(" ")')" "$kept" \
  "it says the same as before"
refuses "but for serial number and end" test "$(field_of "$policy" '[.serial, .fingerprint, .not_after] | join(" ")')" = "$before"
is "$(field_of "$policy" .certificate_pem | openssl x509 -noout -ext subjectKeyIdentifier,authorityInfoAccess)" "$subject_key" \
  "its key identifier and its OCSP responder are the same"
renewed=$(field_of "$policy" .fingerprint)
API_KEY=renew-1 renew "$policy" '{"ttl_days": 800}'
answers 200 "the same request again"
is "$(field .fingerprint)" "$renewed" "is answered with the same certificate"
api GET "/api/v1/certificates?subject_ca=$policy"
is "$(field '.data | length')" 2 "both certificates of the CA are found by its id"
renew "$issuing" '{"ttl_days": 700}'
answers 200 "now its child can be renewed too"
leaf "$issuing" DNS:new.example.com
issued "a leaf afterwards"
shot new
succeeds "the old leaf is good with its old chain" verify "$work/old.root" "$work/old.chain" "$work/old.crt"
succeeds "and with the new one" verify "$work/new.root" "$work/new.chain" "$work/old.crt"
succeeds "the new leaf also with the old one" verify "$work/old.root" "$work/old.chain" "$work/new.crt"
api GET "/api/v1/intermediates/$issuing/chain"
printf '%s\n' "$body" >"$work/served"
is "$(grep -c BEGIN "$work/served")" 3 "one certificate of each CA is served"
end=$(seconds "$(field_of "$issuing" .not_after)")
[ "$end" -gt $(($(date +%s) + 600 * 86400)) ]
is $? 0 "the child ends later than its parent did before"

# A root, and one of which the signer makes no more
renew "$root" '{"ttl_days": 3000}'
answers 200 "a root is renewed by itself"
field .certificate_pem >"$work/root.new"
succeeds "the old leaf is good under the new root" verify "$work/root.new" "$work/old.chain" "$work/old.crt"
succeeds "which certtool takes" certtool --verify --load-ca-certificate "$work/root.new" --infile "$work/root.new"

api GET "/api/v1/issuers/$issuer/intermediates?format=tree"
is "$(field '.data | map(.name + ">" + (.children | map(.name) | join(","))) | join(" ")')" 'root>policy' "it still stands above its child"

# Cross-certificates
ca other '' '{"path_len_constraint": 3, "ttl_days": 1500}'
other=$id
ca narrow '' "$(permits dns:www.example.com)"
narrow=$id
mark
cross "$policy" '{}'
refused 400 missing_field issuer_ca_id "a cross-certificate by nobody"
cross "$policy" '{"issuer_ca_id": "ica-none"}'
refused 404 ca_not_found issuer_ca_id "by a CA that is not there"
cross "$policy" "{\"issuer_ca_id\": \"$policy\"}"
refused 400 cross_below issuer_ca_id "by itself"
cross "$root" "{\"issuer_ca_id\": \"$policy\"}"
refused 400 cross_below issuer_ca_id "by a CA below it"
cross "$policy" "{\"issuer_ca_id\": \"$root\"}"
refused 400 cross_parent issuer_ca_id "by its own parent"
cross "$other" "{\"issuer_ca_id\": \"$issuing\"}"
refused 400 path_len_exceeded issuer_ca_id "by a CA that may have none below it"
cross "$policy" "{\"issuer_ca_id\": \"$other\", \"path_len_constraint\": 2}"
refused 400 cross_wider path_len_constraint "with a greater path length"
cross "$policy" "$(jq -nc --arg i "$other" --argjson c "$(permits 'dns:example.com;dns:example.org' dns:secret.example.com)" '$c + {issuer_ca_id: $i}')"
refused 400 cross_wider name_constraints "that permits more"
cross "$policy" "$(jq -nc --arg i "$other" --argjson c "$(permits dns:example.com)" '$c + {issuer_ca_id: $i}')"
refused 400 cross_wider name_constraints "that excludes less"
cross "$policy" "{\"issuer_ca_id\": \"$other\"}" '?dry_run=true'
answers 200 "a dry run"
nothing_made "makes nothing"
API_KEY=cross-1 cross "$policy" "{\"issuer_ca_id\": \"$other\"}"
answers 201 "a cross-certificate by another root"
crossed=$(field .fingerprint)
field .certificate_pem >"$work/cross.crt"
field .root_pem >"$work/other.crt"
is "$(field '[.path_len_constraint, .subject_ca_id, .issuer_ca_id] | join(" ")')" "1 $policy $other" "with the CA's own path length"
like "$(openssl x509 -in "$work/cross.crt" -noout -ext nameConstraints)" 'DNS:example.com' "with the CA's own name constraints"
API_KEY=cross-1 cross "$policy" "{\"issuer_ca_id\": \"$other\"}"
is "$status $(field .fingerprint)" "201 $crossed" "the same request again is answered with the same one"
openssl x509 -in "$work/old.chain" >"$work/issuing.crt" # the first of the chain
cat "$work/issuing.crt" "$work/cross.crt" >"$work/bridge"
succeeds "the old leaf is good under the other root" verify "$work/other.crt" "$work/bridge" "$work/old.crt"
succeeds "the new one too" verify "$work/other.crt" "$work/bridge" "$work/new.crt"
cat "$work/new.crt" "$work/bridge" >"$work/bridged"
succeeds "which certtool takes" certtool --verify --load-ca-certificate "$work/other.crt" --infile "$work/bridged"
succeeds "the linter finds nothing" "$STACK_BIN/chancery" lint "$work/cross.crt"
cross "$policy" "{\"issuer_ca_id\": \"$narrow\"}"
answers 201 "by one that permits less it says less"
field .certificate_pem >"$work/narrow.crt"
field .root_pem >"$work/narrow.root"
cat "$work/issuing.crt" "$work/narrow.crt" >"$work/bridge"
refuses "so that a leaf outside of that is not good there" verify "$work/narrow.root" "$work/bridge" "$work/old.crt"
api GET "/api/v1/intermediates/$issuing/chain"
is "$(grep -c BEGIN <<<"$body")" 3 "the chain that is served is still that of its own parents"

# The old root certifies the next one, while both are active.
api POST "/api/v1/intermediates/$root/rotate" '{}'
answers 201 "the root's successor"
next=$(field .id)
field .certificate_pem >"$work/next.crt"
said=$(chancery ca cross "$next" --by "$root" --out "$work/next-by-root.crt")
like "$said" "$next" "is certified by the old root"
succeeds "and so good for whoever has the old root alone" verify "$work/root.new" "$work/next-by-root.crt" "$work/next-by-root.crt"
api POST "/api/v1/intermediates/$root/rotate" '{"now": true}'
answers 200 "then it takes over"
mark
cross "$policy" "{\"issuer_ca_id\": \"$root\"}"
refused 409 parent_not_active issuer_ca_id "the old root certifies no more, not its child"
cross "$other" "{\"issuer_ca_id\": \"$root\"}"
refused 409 parent_not_active issuer_ca_id "nor another root"
renew "$policy" '{"ttl_days": 900}'
refused 409 parent_not_active issuer_ca_id "nor renews"
renew "$root" '{"ttl_days": 3650}'
refused 409 ca_not_active '' "and is not renewed"

# From the ledger alone
said=$(database "SELECT id, state, hex(fingerprint), not_after, predecessor_id FROM ca ORDER BY id;
  SELECT hex(fingerprint), state, kind, hex(serial) FROM certificate ORDER BY fingerprint")
stack_stop
rm -f "$STACK_DIR"/db/chancery.sqlite*
stack_start || e2e_die "the stack is not ready with an empty database"
is "$(database "SELECT id, state, hex(fingerprint), not_after, predecessor_id FROM ca ORDER BY id;
  SELECT hex(fingerprint), state, kind, hex(serial) FROM certificate ORDER BY fingerprint")" "$said" \
  "the database made again from the ledger says the same"
leaf "$issuing" DNS:again.example.com
issued "and its CAs go on"
like "$(chancery audit list --last 400)" 'KEY_RENEWED .* renewed by the certificate of' "the renewals are on the ledger"
tap_done
