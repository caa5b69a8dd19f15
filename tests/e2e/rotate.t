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
is "$(made)" "$marked" "and makes nothing"
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
tap_done
