#!/usr/bin/env bash
# Rotation by rule, years in seconds: successors are made and take over in time, leaves that are asked for all the while
# are never cut short below what the rule promises, and are good before two judges at each time.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/rotation.sh
. "$(dirname "$0")/rotation.sh"
rotation_up

# A third of the issuing CA's life is what its leaves may have at any time; so long are those that are asked for.
life=120
promised=$((life / 3 * day))
ca root '' '{"ttl_days": 900, "path_len_constraint": 1, "rotation": {"prepare_days": 40, "activate_days": 10}}'
answers 201 "a root for 900 days"
first_root=$id
ca issuing "$first_root" "{\"ttl_days\": $life, \"path_len_constraint\": 0}"
answers 201 "an issuing CA for $life days"
first=$id
api PATCH "/api/v1/issuers/$issuer" "{\"issuing_ca_id\": \"$first\"}"
answers 200 "the issuer issues by it"
csr_make "$work/leaf" ec:P-256 DNS:www.example.com

# A leaf of the longest life; what is wrong with it, if anything is.
leaf_of() { # NUMBER
  local got begin end
  api POST "/api/v1/issuers/$issuer/certificates" \
    "$(jq -n --rawfile csr "$work/leaf.csr" --argjson t "$promised" '{csr_pem: $csr, profile: "server", ttl_seconds: $t}')"
  [ "$status" = 201 ] || { echo "leaf $1: $status $body"; return; }
  field .certificate_pem >"$work/leaf.$1.crt"
  field .chain_pem >"$work/leaf.$1.chain"
  field .root_pem >"$work/leaf.$1.root"
  begin=$(date -d "$(field .not_before)" +%s) end=$(date -d "$(field .not_after)" +%s)
  [ $((end - begin + 1)) = "$promised" ] || echo "leaf $1: $(((end - begin + 1) / day)) days, by $(field .ca_id)"
  got=$(by_clock openssl verify -x509_strict -CAfile "$work/leaf.$1.root" -untrusted "$work/leaf.$1.chain" "$work/leaf.$1.crt" 2>&1) ||
    echo "leaf $1: $got"
}
old_leaf() { # NUMBER: still good, unless its time is over
  [ "$(date -d "$(openssl x509 -in "$work/leaf.$1.crt" -noout -enddate | sed 's/.*=//')" +%s)" -gt "$(clock_now "$clock")" ] || return 0
  by_clock openssl verify -x509_strict -CAfile "$work/leaf.$1.root" -untrusted "$work/leaf.$1.chain" "$work/leaf.$1.crt" 2>&1 |
    grep -v ': OK$' | sed "s/^/old leaf $1: /"
}
# Never two that are in use, never none; as many in parallel as the rule says.
shape() {
  database "SELECT 'CAs in use: ' || count(*) FROM ca WHERE name LIKE 'issuing%' AND state = 'active'
    AND predecessor_id NOT IN (SELECT id FROM ca WHERE state = 'active') HAVING count(*) <> 1"
  database "SELECT 'the issuer issues by ' || ca.name || ', ' || state FROM ca JOIN issuer ON issuing_ca_id = ca.id WHERE state <> 'active'"
}
step=6 number=0 wrong='' parallel=0
for ((at = 0; at < 1000; at += step)); do
  wrong+=$(leaf_of "$number")
  ((number < 6)) || wrong+=$(old_leaf $((number - 6)))
  wrong+=$(shape)
  ((number++))
  parallel=$((parallel + $(database "SELECT count(*) > 1 FROM ca WHERE name LIKE 'issuing%' AND state = 'active'")))
  days_pass "$step" || { fail "the scheduler goes on" "day $at"; break; }
done
nothing "a leaf each $step days, for 1000 days: none cut short, all good when made and weeks later, one CA in use" "$wrong"
like "$parallel" '^[2-9][0-9]$' "for a good part of the time two were valid in parallel ($parallel of $number)"
like "$(database "SELECT count(*) FROM ca WHERE name LIKE 'issuing%'")" '^(1[89]|2[01])$' "as many generations as the rule wants"
like "$(database "SELECT count(*) FROM ca WHERE name LIKE 'root%'")" '^[23]$' "of the root as well"
is "$(database "SELECT count(DISTINCT subject_fold) = count(*), count(DISTINCT key_id) = count(*) FROM ca")" '1|1' \
  "each with a subject and a key of its own"
is "$(state_of "$first")" retired "the first is retired by itself, its last certificate having expired"
is "$(database "SELECT count(*) FROM ca JOIN certificate ON certificate.ca = ca.n WHERE ca.state = 'retired'
  AND certificate.subject <> ca.subject AND certificate.not_after > $(clock_now "$clock")" 2>&1)" 0 "no retired CA has one that is valid"
agree "after 1000 days"
chancery ca tree >"$work/tree"
like "$(cat "$work/tree")" 'root, G2' "the tree shows the generations"
tap_done
