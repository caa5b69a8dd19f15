#!/usr/bin/env bash
# Rotation by hand: the successor, both in parallel, then the step from one to the other; who may not be rotated; many
# at once; what the ledger makes of it.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
e2e_up
chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }
rotate() { # CA [JSON [QUERY]]
  api POST "/api/v1/intermediates/$1/rotate${3:-}" "${2:-{\}}"
}
state_of() {
  api GET "/api/v1/intermediates/$1"
  field .state
}
database() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "$1"; }

issuer=$(issuer_make rotate)
ca root '' '{"path_len_constraint": 2, "rotation": "off"}'
root=$id
ca policy "$root" "$(permits dns:example.com dns:secret.example.com)"
policy=$id
ca issuing "$policy" '{"path_len_constraint": 0, "algorithm": "ECDSA-P384", "metadata": {"team": "web"}}'
issuing=$id
api PATCH "/api/v1/issuers/$issuer" "{\"issuing_ca_id\": \"$issuing\"}"
answers 200 "the issuer issues by it"
issuer_leaf() { # NAME: $work/NAME.crt, .chain, .root
  csr_make "$work/$1" ec:P-256 "DNS:$1.example.com"
  api POST "/api/v1/issuers/$issuer/certificates" \
    "$(jq -n --rawfile csr "$work/$1.csr" '{csr_pem: $csr, profile: "server"}')"
  [ "$status" = 201 ] || return 0
  field .certificate_pem >"$work/$1.crt"
  field .chain_pem >"$work/$1.chain"
  field .root_pem >"$work/$1.root"
}
issuer_leaf before
answers 201 "a leaf before"

mark
rotate "$issuing" '{}' '?dry_run=true'
answers 200 "a dry run"
is "$(field .name)" 'issuing, G2' "says what it would be called"
nothing_made "and makes nothing"
rotate "$issuing"
answers 201 "a successor"
created "with a chain for two judges"
second=$(field .id)
is "$(field '[.name, .state, .path_len_constraint, .algorithm, .predecessor_ca_id, .parent_ca_id, .metadata.team] | join(" ")')" \
  "issuing, G2 active 0 ECDSA-P384 $issuing $policy web" "of the same parent, length, algorithm and metadata"
like "$(field .subject)" 'CN=Case issuing\\?, G2' "with the next generation's subject"
is "$(field '.effective_name_constraints | tostring')" "$(
  api GET "/api/v1/intermediates/$issuing"
  field '.effective_name_constraints | tostring'
)" "and its limits"
api GET "/api/v1/intermediates/$issuing"
is "$(field .state)" active "the first goes on"
issuer_leaf between
is "$(field .ca_id)" "$issuing" "and still signs what is asked of the issuer"
leaf "$second" DNS:www.example.com
issued "while the second could already"
rotate "$issuing"
answers 200 "asked once more"
is "$(field .id)" "$second" "it is the same successor"
mark
rotate "$second"
refused 409 not_in_use '' "a successor that waits is not rotated"
rotate "$issuing" '{"now": true}'
answers 200 "now it takes over"
is "$(field .id)" "$second" "the second"
is "$(state_of "$issuing")" retiring "the first is retiring"
issuer_leaf after
is "$(field .ca_id)" "$second" "what is asked of the issuer comes from the second"
for one in before between after; do judge "$one" "$work/$one.crt" "$work/$one.chain" "$work/$one.root"; done
rotate "$issuing" '{"now": true}'
answers 200 "once more is as good as once"
is "$(field .id)" "$second" "and still the second"
mark
rotate "$root" '{"rotate": 1}'
refused 400 unknown_field rotate "a member that is not known"
rotate "$root" '{"now": 1}'
refused 400 bad_field now "not a truth value"
rotate ica-none
refused 404 ca_not_found '' "a CA that is not there"

# What is asked of a CA by its own id comes from the generation in use; so do a role's rights.
leaf "$issuing" DNS:own.example.com
issued "asked of the first by its id"
is "$(field .ca_id)" "$second" "a leaf is signed by the second"
retire "$second"
leaf "$issuing" DNS:own.example.com
answers 409 "where that has retired without a successor, by nobody" ca_not_active

# Below a root whose key is elsewhere the successor is made as far as it can be.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/vault.key" -out "$work/vault.pem" -days 4000 \
  -subj '/CN=Vault' -addext 'basicConstraints = critical, CA:TRUE, pathlen:1' -addext 'keyUsage = critical, keyCertSign, cRLSign' 2>"$work/err" ||
  diag "$(cat "$work/err")"
cp "$work/vault.pem" "$STACK_DIR/anchors/"
bring() { # CA: its request goes to the vault, its certificate comes back
  api GET "/api/v1/intermediates/$1/csr"
  printf '%s\n' "$body" >"$work/$1.csr"
  openssl x509 -req -in "$work/$1.csr" -CA "$work/vault.pem" -CAkey "$work/vault.key" -days 300 -sha256 -set_serial "0x4$(openssl rand -hex 9)" \
    -extfile <(printf 'basicConstraints = critical, CA:TRUE, pathlen:0\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash\nauthorityKeyIdentifier = keyid\n') \
    -out "$work/$1.pem" 2>"$work/err" || diag "$(cat "$work/err")"
  api POST "/api/v1/intermediates/$1/certificate" "$(jq -n --rawfile p "$work/$1.pem" '{certificate_pem: $p}')"
}
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile p "$work/vault.pem" '{name: "vault", root_cert_pem: $p}')"
answers 201 "a root whose key is elsewhere"
vault=$(field .id)
ca regional "$vault" '{"path_len_constraint": 0, "ttl_days": 300, "rotation": {"prepare_days": 20, "activate_days": 5}}'
answers 201 "a CA below it"
regional=$id
bring "$regional"
answers 200 "has its certificate"
rotate "$regional"
is "$status $(field '[.name, .state, .predecessor_ca_id] | join(" ")')" "201 regional, G2 created $regional" "its successor waits for one"
waiting=$(field .id)
rotate "$regional"
is "$status $(field .id)" "200 $waiting" "asked once more, it is the same"
rotate "$regional" '{"now": true}'
answers 409 "it can't take over yet" no_successor
api GET /api/v1/doctor
like "$(jq -r '.findings[] | select(.code == "successor_waits") | .about' <<<"$body")" "^$waiting\$" "the doctor says what it waits for"
api GET "/api/v1/intermediates/$regional"
is "$(field .successor_ca_id)" "$waiting" "the CA shows it"
stack_stop
rm -f "$STACK_DIR"/db/chancery.sqlite*
stack_start || e2e_die "the stack is not ready with an empty database"
api GET "/api/v1/intermediates/$waiting"
is "$(field '[.state, .predecessor_ca_id, (.rotation | tostring)] | join(" ")')" \
  "created $regional {\"prepare_days\":20,\"activate_days\":5}" "the ledger alone says so too"
bring "$waiting"
answers 200 "its certificate comes in"
is "$(field '[.state, .predecessor_ca_id, (.rotation | tostring)] | join(" ")')" \
  "active $regional {\"prepare_days\":20,\"activate_days\":5}" "and it is active"
rotate "$regional" '{"now": true}'
is "$status $(field .id)" "200 $waiting" "now it takes over"
leaf "$regional" DNS:www.example.com
issued "and signs what is asked of the first"
is "$(field .ca_id)" "$waiting" "by itself"
is_retired() { [ "$(state_of "$regional")" = retired ]; }
stack_until 100 is_retired
is $? 0 "the first, which has signed nothing that is valid, is retired by itself"
said=$(database "SELECT id, state, predecessor_id, rotation, ttl FROM ca ORDER BY id; SELECT name, issuing_ca_id, rotation FROM issuer")
stack_stop
rm -f "$STACK_DIR"/db/chancery.sqlite*
stack_start || e2e_die "the stack is not ready with an empty database"
same() { [ "$(database "SELECT id, state, predecessor_id, rotation, ttl FROM ca ORDER BY id; SELECT name, issuing_ca_id, rotation FROM issuer")" = "$said" ]; }
stack_until 100 same
is "$(database "SELECT id, state, predecessor_id, rotation, ttl FROM ca ORDER BY id; SELECT name, issuing_ca_id, rotation FROM issuer")" "$said" \
  "the database made again from the ledger says the same of all of them"
tap_done
