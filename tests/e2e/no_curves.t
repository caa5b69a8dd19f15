#!/usr/bin/env bash
# A token that can do RSA alone: the ledger's log key and a CA for which no algorithm is named are RSA then, and who
# asks for a curve is told why not. One such token is openCryptoki's; here it is any, which says so of itself.
set -u
export STACK_TOKEN=faulty
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
stack_folders
stack_token || e2e_die "no token"
tell 'C_GetMechanismInfo lacks CKM_ECDSA' 'C_GetMechanismInfo lacks CKM_EC_EDWARDS_KEY_PAIR_GEN'
e2e_up
is "$token_algorithms" "RSA-2048 RSA-3072 RSA-4096" "the front-end knows what the token can do"
api GET "/api/v1/audit?limit=1"
is "$(field '.data[0].log_algorithm')" 5 "the log key is RSA-3072"
issuer=$(issuer_make curves)
ca() { # NAME [ALGORITHM [PARENT]]
  api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg n "$1" --arg a "${2:-}" --arg p "${3:-}" \
    '{name: $n, subject: {common_name: $n}} + if $a == "" then {} else {algorithm: $a} end +
     if $p == "" then {} else {parent_ca_id: $p} end')"
}
ca default
answers 201 "a CA without an algorithm"
is "$(field .algorithm)" RSA-3072 "is RSA-3072"
ca issuing "" "$(field .id)"
answers 201 "so is one below it"
is "$(field .algorithm)" RSA-3072 "RSA-3072, too"
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
issue "$(field .id)" "$work/leaf.csr" server
answers 201 "which signs a leaf"
judge "the leaf" "$work/leaf.crt" "$work/leaf.chain" "$work/leaf.root"
for algorithm in ECDSA-P256 ECDSA-P384 Ed25519; do
  ca "no $algorithm" "$algorithm"
  answers 400 "$algorithm is refused" algorithm_not_supported
  is "$(field .error.field)" algorithm "$algorithm: the field is named"
done
succeeds "chancery audit checkpoint" "$STACK_BIN/chancery" audit checkpoint --socket "$STACK_DIR/api.sock"
succeeds "an independent reader agrees with a checkpoint under an RSA key" \
  python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"
tap_done
