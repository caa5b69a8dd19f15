#!/usr/bin/env bash
# Signatures that are lost while all daemons go on: the token gives a wrong one, or another key's, or none. Each is LOST on
# the ledger, and has its row in the database soon, by itself, though requests behind it went well meanwhile; without a
# row it would be on no CRL, if somebody had it after all.
set -u
export STACK_TOKEN=faulty
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up
issuer=$(issuer_make lost)
root=$(ca_make "$issuer" root ECDSA-P256 1)
issuing=$(ca_make "$issuer" issuing ECDSA-P256 0 "$root")
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
goes_well() { issue "$issuing" "$work/leaf.csr" server && [ "$status" = 201 ]; }
in_step() { goes_well && [ "$(sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" 'SELECT committed FROM ledger')" -gt "$head" ]; }
calm() { # all is well, and nothing is uncertain any more: the database is complete up to here
  tell
  stack_until 120 token_ready || diag "no token"
  api GET '/api/v1/audit?last=1'
  head=$(field '.data[0].seq')
  stack_until 200 in_step || diag "the database is not in step with the ledger: $head"
}
of_ledger() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" audit export --type LOST | jq -s 'map(select(.intent_type == 4)) | length'; }
in_database() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "SELECT count(*) FROM certificate WHERE state = 'lost'"; }
lost_is() { [ "$(in_database)" = "$1" ]; }
front=$(pid_of frontd) signer=$(pid_of signd)
lost=0
there() { # WHAT
  is "$(of_ledger)" "$((++lost))" "$1 is LOST on the ledger"
  tell
  stack_until 120 goes_well || diag "no leaf behind it: $status $body"
  stack_until 200 lost_is "$lost"
  is "$? $(in_database)" "0 $lost" "  and in the database"
}
# Other signatures come between, of checkpoints and of keys that prove themselves: until one of the right kind is hit.
tries() { # DEED COMMAND [TIMES]
  local n
  for n in {1..20}; do
    calm
    tell "$1 skip $(((n - 1) % 3))${3:+ $3}"
    "$2" "$n"
    [ "$(of_ledger)" = "$lost" ] || break
  done
}
leaf() { issue "$issuing" "$work/leaf.csr" server; }
create() { # NUMBER
  api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg p "$root" --arg n "never-$1" \
    '{name: $n, subject: {common_name: $n}, parent_ca_id: $p, algorithm: "ECDSA-P256", path_len_constraint: 0}')"
}
renew() { api POST "/api/v1/intermediates/$issuing/renew" "{\"ttl_days\": $((3660 + 10 * $1))}"; } # NUMBER: each later
tries 'C_Sign flip' leaf 'times 1'
answers 503 "a leaf with a wrong signature"
there "it"
tries 'C_SignInit other-key' leaf 'times 1'
answers 503 "a leaf with another key's signature"
there "it"
tries 'C_Sign CKR_FUNCTION_FAILED' leaf
answers 503 "a leaf with none"
there "it"
tries 'C_Sign flip' create 'times 1'
answers 503 "a CA with a wrong signature"
there "its certificate"
tries 'C_Sign flip' renew 'times 1'
answers 503 "a renewal with a wrong signature"
there "the new certificate"
is "$(pid_of frontd) $(pid_of signd)" "$front $signer" "no daemon was started anew"
tap_done
