#!/usr/bin/env bash
# The ledger is what counts: a front-end whose database is gone takes all of it
# back from there.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up
hierarchy_make lost ECDSA-P384 ECDSA-P256 ECDSA-P256
for i in 1 2 3; do
  csr_make "$work/leaf$i" ec:P-256 "DNS:www$i.example.com"
  issue "$issuing" "$work/leaf$i.csr" server
  answers 201 "leaf $i"
done

cas() {
  api GET "/api/v1/issuers/$issuer/intermediates"
  jq -S '.data | sort_by(.id) | map(del(.updated_at, .created_at, .metadata))' <<<"$body"
}
certificates() {
  api GET "/api/v1/certificates?ca=$issuing"
  jq -S '.data | sort_by(.serial) | map({serial, fingerprint, not_before, not_after, ledger_seq, profile, state})' <<<"$body"
}
issuers() {
  api GET /api/v1/issuers
  jq -S '.data | map({id, name, hierarchy_mode})' <<<"$body"
}
cas_before=$(cas) certificates_before=$(certificates) issuers_before=$(issuers)
is "$(jq length <<<"$cas_before")" 3 "three CAs before"
is "$(jq length <<<"$certificates_before")" 3 "three leaves before"

stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without its database"
pass "ready again without its database"
is "$(issuers)" "$issuers_before" "the issuer is back"
is "$(cas)" "$cas_before" "the CAs are back"
is "$(certificates)" "$certificates_before" "the leaves are back"
csr_make "$work/after" ec:P-256 DNS:after.example.com
issue "$issuing" "$work/after.csr" server
answers 201 "and the CA issues"
judge "after the loss" "$work/after.crt" "$work/after.chain" "$work/after.root"

# A database from a backup: what came later comes from the ledger.
stack_stop
cp -r "$STACK_DIR/db" "$work/backup"
stack_start || e2e_die "not ready"
csr_make "$work/later" ec:P-256 DNS:later.example.com
issue "$issuing" "$work/later.csr" server
answers 201 "a leaf after the backup"
later=$(certificates)
stack_stop
rm -rf "$STACK_DIR"/db/*
cp -p "$work"/backup/* "$STACK_DIR/db/"
stack_start || e2e_die "not ready with its backup"
is "$(certificates)" "$later" "a restored backup catches up"

# A database that knows more than the ledger: the signer was rolled back, and nothing is served over that.
stack_stop
cp -r "$STACK_DIR/signer" "$work/signer-old"
stack_start || e2e_die "not ready"
csr_make "$work/last" ec:P-256 DNS:last.example.com
issue "$issuing" "$work/last.csr" server
answers 201 "the one leaf that the ledger will forget"
stack_stop
rm -rf "$STACK_DIR/signer"
cp -rp "$work/signer-old" "$STACK_DIR/signer"
STACK_PATIENCE=5
if stack_start; then fail "a ledger that was rolled back is noticed"; else pass "a ledger that was rolled back is noticed"; fi
csr_make "$work/never" ec:P-256 DNS:never.example.com
stack_until 60 stack_listens "$STACK_DIR/front/api.sock"
issue "$issuing" "$work/never.csr" server
is "$status" 503 "and nothing is signed over it"
tap_done
