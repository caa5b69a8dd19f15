#!/usr/bin/env bash
# What an offline root does not sign: what the approvers whose keys it knows have not approved, what has expired or is
# not written yet, and what its own charter does not allow, whoever approves that.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/ceremony.sh
. "$(dirname "$0")/ceremony.sh"
# shellcheck source=tests/shim/clock.sh
. "$STACK_SOURCE/tests/shim/clock.sh"
e2e_up
ceremony_up
agree=(yes yes Ada yes) # the words, the clock, one person

key_make() { # NAME OPTION...
  local name=$1
  shift
  (umask 077 && openssl genpkey "$@" -out "$work/$name.key" 2>/dev/null) && openssl pkey -in "$work/$name.key" -pubout -out "$work/$name.pub"
}
key_make eve -algorithm EC -pkeyopt ec_paramgen_curve:P-256
key_make mal -algorithm RSA -pkeyopt rsa_keygen_bits:2048
key_make zoe -algorithm ED25519

# The root's folder knows two approvers, and what is below the root is within one domain.
init() { ceremony init --module "$softhsm_module" --token main --driver "$STACK_BIN/chancery-driver-pkcs11" "$@"; }
init --approver "eve=$work/eve.pub" --approvals 2
declined 2 '' "more approvals than approvers"
init --approver "eve=$work/eve.pub" --approver "mal=$work/mal.pub"
done_well "the folder of an offline root with approvers"
like "$(said)" 'approved beforehand by 2 of the 2' "who must both approve"
ceremony root --subject 'O=Vault, CN=Narrow Root' --path-len 1 --permit dns:example.com --out root.pem -- yes Ada yes
done_well "the root"
like "$(said)" 'names it may certify dns:example.com' "for one domain"
cp "$stick/root.pem" "$STACK_DIR/anchors/"
issuer_make tree >/dev/null
like "$(chancery ca register --issuer tree --name root --cert "$stick/root.pem")" 'state +active' "is known online"
asked() { # NAME: a CA below it, and its request
  chancery ca create --issuer tree --parent root --name "$1" --cn "$1 CA" --path-len 0 --permit dns:example.com --ttl-days 900 >/dev/null
  chancery ca request "$1" --out "$stick/$1.request" --open-days 2 >"$work/asked"
}
asked policy
is $? 0 "its request is written"
like "$(tr -s ' ' <"$work/asked")" 'expires at [0-9]{4}' "and says how long it may be answered"
api POST "/api/v1/intermediates/$(chancery --json ca show policy | jq -r .id)/request" '{"open_days": 367}'
answers 400 "for a year at most" bad_field

# Approvals.
sign() { ceremony sign "$1.request" --out "$1.response" -- "${agree[@]}"; }
sign policy
declined 1 'by 2 of those .* by 0 \(approvals_missing\)' "a request that nobody approved"
like "$(chancery ca approve "$stick/policy.request" --key "$work/eve.key")" 'not_signed' "nobody approves unasked"
chancery ca approve "$stick/policy.request" --key "$work/eve.key" --yes >"$work/approved"
is $? 0 "eve approves"
like "$(tr -s ' \n' ' ' <"$work/approved")" 'a CA named CN=policy CA .* names it may certify dns:example.com' "and reads what"
is "$(words_in "$work/approved")" "$(words_in "$work/asked")" "under the same words"
like "$(chancery ca approve "$stick/policy.request" --key "$work/eve.key" --yes)" 'approval_twice' "one key approves once"
sign policy
declined 1 'by eve.* by 2 of those .* by 1 \(approvals_missing\)' "one approval of two"
chancery ca approve "$stick/policy.request" --key "$work/zoe.key" --yes >/dev/null
is $? 0 "somebody else approves"
sign policy
declined 1 'of a key that is not known here.* by 1 \(approvals_missing\)' "who does not count"
cp "$stick/policy.request" "$stick/half.request"
chancery ca approve "$stick/policy.request" --bytes "$work/bytes" >/dev/null
is "$(head -1 "$work/bytes")" chancery-request-v1 "what is approved can be signed elsewhere"
openssl dgst -sha256 -sign "$work/eve.key" -out "$work/signature" "$work/bytes"
like "$(chancery ca approve "$stick/policy.request" --public-key "$work/mal.pub" --signature "$work/signature")" 'signature_wrong' \
  "a signature of another key"
openssl dgst -sha256 -sign "$work/mal.key" -out "$work/signature" "$work/bytes"
like "$(chancery ca approve "$stick/policy.request" --public-key "$work/mal.pub" --signature "$work/signature")" 'with 3 in all' \
  "mal's comes from elsewhere"
like "$("$STACK_BIN/chancery-ceremony" show "$stick/policy.request" | tr -s ' \n' ' ')" 'approvals with it 3' "anybody can see that there are three"
forge "$stick/policy.request" "$stick/bent.request" 70 # of the ledger's id
sign bent
declined 1 'approval_wrong' "another request than was approved"
letter_bend "$stick/policy.request" "$stick/swapped.request" 'inside[:] = inside.replace(open("'"$work"'/signature", "rb").read(), bytes(256))'
sign swapped
declined 1 'The approval of mal .*approval_wrong' "a signature that was altered"

# Times: on a copy of the folder, since what is refused stands on its ledger, too, with the time.
clock=$work/clock
clock_make "$clock"
clock_program "$clock" "$STACK_BIN/chancery-ceremony" "$work/late"
at() { # NAME: a copy, with that clock
  vault_state=$STACK_DIR/$1 vault_program=$work/late
  cp -a "$vault" "$vault_state"
  sed -i "s|$vault/|$vault_state/|g; s|\"$vault\"|\"$vault_state\"|g" "$vault_state"/*.conf
}
clock_pass "$clock" $((2 * 86400 + 60))
at later
sign policy
declined 1 'request_expired' "two days later the request has expired"
ceremony show
like "$(said)" 'signs' "the folder is as it was"
clock_make "$clock"
clock_step "$clock" -86400
at earlier
sign policy
declined 1 'request_early' "the day before it was not written"
vault_state=$vault vault_program=$STACK_BIN/chancery-ceremony

# The root's charter stands above all who approve.
asked wide
letter_bend "$stick/wide.request" "$stick/wide.request" 'inside[:] = inside.replace(b"\x01\x0b\x00example.com", b"\x01\x0b\x00example.org")'
for who in eve mal; do chancery ca approve "$stick/wide.request" --key "$work/$who.key" --yes >/dev/null; done
sign wide
declined 1 '[0-9]+, name_constraints\)' "names that are not the root's to give"
is "$(ls "$stick"/*.response 2>/dev/null)" "" "nothing was signed until now"

# And what it does sign.
sign policy
done_well "what both approved"
like "$(said)" '(approved beforehand by (eve|mal), .*){2}' "it says who they are"
API_KEY=response api POST /api/v1/responses "$(jq -n --rawfile r "$stick/policy.response" '{response_pem: $r}')"
answers 200 "comes in"
is "$(field .state)" active "and the CA is active"
before=$body
API_KEY=response api POST /api/v1/responses "$(jq -n --rawfile r "$stick/policy.response" '{response_pem: $r}')"
is "$status $body" "200 $before" "whoever asks once more with the same Idempotency-Key gets the same answer"
sign half
done_well "the same request with fewer approvals"
like "$(said)" 'Nothing is signed again' "is the same request, and answered already"
import "$stick/half.response"
is "$code" response_used "and comes in once"
chancery --json ca show policy | jq -r .certificate_pem >"$work/policy.crt"
succeeds "and verifies" openssl verify -x509_strict -CAfile "$stick/root.pem" "$work/policy.crt"
succeeds "the ledger of the ceremonies verifies" "$STACK_BIN/chancery" audit verify "$vault/ledger"
tap_done
