#!/usr/bin/env bash
# Charters and ceilings as clients and operators meet them: what a CA may sign,
# for people and for programs; 429 where a rate is reached; a retirement that a
# restored database had forgotten; a loop of 403s.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"
# What was signed today is counted: for the daemons it is noon, and no day ends meanwhile.
programs=$work/bin
mkdir "$programs"
clock_make "$work/clock"
clock_pass "$work/clock" $(((129600 - $(date +%s) % 86400) % 86400))
for program in chancery-frontd chancery-signd chancery-driver-pkcs11 chancery; do
  clock_program "$work/clock" "$STACK_BIN/$program" "$programs/$program"
done
STACK_BIN=$programs
e2e_up
chancery() { COLUMNS=200 "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@"; }
leaf() { # CA
  issue "$1" "$work/leaf.csr" server
}
again() { # after both daemons have read their configuration anew
  stack_stop
  stack_start || e2e_die "not ready"
  stack_until 60 token_ready || e2e_die "the token is not ready"
}
signd_with() { # CLASSES
  stack_stop
  { cat "$work/signd.conf" && printf 'classes = { %s };\n' "$1"; } >"$STACK_DIR/conf/signd.conf"
  again
}

cp -p "$STACK_DIR/conf/signd.conf" "$work/signd.conf"
issuer=$(issuer_make rates)
ca_in() { # NAME PARENT PATH-LEN [MORE]
  api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -nc --arg n "$1" --arg p "$2" --argjson l "$3" --argjson m "${4:-{\}}" \
    '{name: $n, subject: {common_name: ("Rates " + $n)}, algorithm: "ECDSA-P256", path_len_constraint: $l}
     + (if $p == "" then {} else {parent_ca_id: $p} end) + $m')"
  field .id
}
root=$(ca_in root "" 1)
one=$(ca_in one "$root" 0 '{"name_constraints": [{"permitted": ["example.com"], "excluded": ["secret.example.com"]}]}')
two=$(ca_in two "$root" 0)
csr_make "$work/leaf" ec:P-256 DNS:www.example.com

# For people and for programs.
signd_with 'root = { leaf_per_minute = 30; leaf_burst = 6; }; issuing = { leaf_days = 90; leaf_per_minute = 60; leaf_burst = 4;
  leaf_per_day = 1000; name_types = [ "dns" ]; ext_key_usages = [ "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2" ]; };'
said=$(tr -s ' ' <<<"$(chancery audit charter one)")
says() { like "$said" "$1" "chancery audit charter: $2"; } # PATTERN WHAT
says '^class of key issuing$' "the class"
says '^key bound$' "that it may sign"
says '^charter, subject CN ?= ?Rates one$' "the subject"
says "^charter, issuer $root\$" "the issuer"
says '^charter, path length 0$' "the path length"
says '^charter, names permitted dns:example.com$' "permitted names"
says '^charter, names excluded dns:secret.example.com$' "excluded names"
says '^charter, extended key usages any$' "usages of the chain"
says '^ceilings, leaf at most 90 days; 60 a minute, 4 at once; 0 of 1000 today$' "the rate of leaves"
says '^ceilings, ca no$' "that it makes no CA"
says '^ceilings, types of names dns$' "types of names"
says '^holds, leaf until at most 2' "until when"
says '^holds, extended key usages 1.3.6.1.5.5.7.3.1, ?1.3.6.1.5.5.7.3.2$' "the tighter of both"
json=$(chancery --json audit charter "$one")
is "$(jq -c '[.class, .charter.path_len_constraint, .ceilings.kinds.leaf.per_minute, .ceilings.kinds.ca.allowed, .holds.child_path_len_constraint]' <<<"$json")" \
  '["issuing",0,60,false,null]' "--json: for programs"
json=$(chancery --json audit charter "$root")
is "$(jq -c '[.class, .charter.parent_ca_id, .holds.child_path_len_constraint, (.holds.signs_until | keys)]' <<<"$json")" \
  '["root",null,0,["ca","ocsp-responder"]]' "a root's"
api GET /api/v1/intermediates/ica-none/charter
answers 404 "no CA, no charter" ca_not_found

# 429, and how long to wait.
status=201
for ((signed = 0; signed < 50; signed++)); do
  leaf "$one"
  [ "$status" = 201 ] || break
done
answers 429 "a rate that is reached, after $signed" rate_exceeded
header=$(curl -s -D - -o /dev/null --unix-socket "$STACK_DIR/api.sock" -H 'Content-Type: application/json' \
  --data-binary "$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')" \
  "http://localhost/api/v1/intermediates/$one/certificates" | tr -d '\r')
if grep -q '^HTTP/1.1 429' <<<"$header"; then
  like "$header" '^Retry-After: [1-9][0-9]?$' "and Retry-After"
else
  skip "and Retry-After" "there was room again"
fi
api GET "/api/v1/certificates?ca=$one"
is "$(chancery --json audit charter one | jq .ceilings.kinds.leaf.today)" "$(field '.data | length')" "as many are counted as were made"
for ((more = 0; more < 50; more++)); do
  leaf "$two"
  [ "$status" = 201 ] || break
done
answers 429 "a sibling draws on the same root's bucket, $more were left" rate_exceeded
signs() {
  leaf "$1"
  [ "$status" = 201 ]
}
stack_until 60 signs "$one"
is $? 0 "some time later it signs again"
signd_with 'root = { leaf_per_day = 1; };'
leaf "$two"
answers 429 "a daily cap counts what was signed before the start" daily_cap_reached
api GET "/api/v1/audit?limit=1000&type=CEILINGS"
is "$(field '.data | length')" 3 "each change of the ceilings is one record"
like "$(field '.data[-1].text')" 'leaf_per_day = 1;' "in signd.conf's words"
like "$(chancery audit list --type CEILINGS)" 'what signd.conf allows' "and for people"

# A validity that nobody states is within the ceilings; one above them is refused, with what would be accepted.
signd_with 'root = { ca_days = 100; }; issuing = { leaf_days = 2; };'
days() { field '((.not_after | fromdate) - (.not_before | fromdate) + 1) / 86400'; }
asked_for() { # PATH JSON: a dry run
  api POST "/api/v1/$1?dry_run=true" "$2"
}
child=$(jq -nc --arg p "$root" '{name: "three", parent_ca_id: $p, subject: {common_name: "Rates three"}, path_len_constraint: 0}')
asked_for "issuers/$issuer/intermediates" "$child"
is "$(days)" 100 "a CA of no stated validity is as long as the ceiling"
too_long() { # FIELD PATTERN WHAT
  answers 400 "$3" validity_too_long
  is "$(field .error.field)" "$1" "$3: the field"
  like "$(field .error.message)" "$2" "$3: what would be accepted"
}
asked_for "issuers/$issuer/intermediates" "$(jq -c '. + {ttl_days: 101}' <<<"$child")"
too_long ttl_days 'from 1 to 100: ' "a CA for a day more"
asked_for "issuers/$issuer/intermediates" "$(jq -c '. + {ttl_days: 100}' <<<"$child")"
answers 200 "a CA for just as long"
asked_for "intermediates/$one/rotate" '{}'
is "$(days)" 100 "a successor is as long as the ceiling by now"
asked_for "intermediates/$one/renew" '{"ttl_days": 5000}'
too_long ttl_days 'from 1 to 100: ' "a renewal for longer"
api POST "/api/v1/issuers/$issuer/intermediates" '{"name": "other", "subject": {"common_name": "Rates other"}, "ttl_days": 300}'
too_long ttl_days 'ttl_days of 300 .* classes.root.ca_days' "a root for longer"
leaf "$one"
too_long ttl_seconds 'ttl_seconds of [0-9]+, but .*ceilings.kinds.leaf.days' "a leaf of a profile that allows more"

# Case 42: a database from before a retirement.
signd_with ''
stack_stop
cp -rp "$STACK_DIR/db" "$work/db"
again
api POST "/api/v1/intermediates/$two/retire" '{}'
is "$(field .state)" retiring "case 42: a CA is retired"
leaf "$two"
answers 409 "case 42: it issues nothing more" ca_not_active
said=$(tr -s ' ' <<<"$(chancery audit charter two)")
says '^key closed$' "a closed key"
says '^holds, signs no certificates$' "signs nothing"
stack_stop
rm -rf "$STACK_DIR/db"
cp -rp "$work/db" "$STACK_DIR/db"
again
leaf "$two"
answers 409 "case 42: also from a database of before" ca_not_active
api GET "/api/v1/intermediates/$two"
is "$(field .state)" retiring "case 42: which has caught up"
leaf "$one"
answers 201 "case 42: its sibling signs"

# A caller without the role, again and again.
sed -i 's/^  admin = .*/  admin = [ ];/; s/^  operator = .*/  operator = [ ];/; s/^  issuer = .*/  issuer = ( );/' "$STACK_DIR/conf/frontd.conf"
again
head_now() { api GET '/api/v1/audit?last=1' && field .head; }
before=$(head_now)
loop=2000
for ((i = 0; i < loop; i++)); do
  printf 'url = "http://localhost/api/v1/intermediates/ica-%d/retire"\nrequest = POST\noutput = /dev/null\nwrite-out = "%%{http_code}\\n"\nnext\n' "$i"
done | sed '$d' >"$work/loop"
sed -i "s|^url|unix-socket = $STACK_DIR/api.sock\nurl|" "$work/loop"
is "$(curl -s -K "$work/loop" | sort | uniq -c | tr -s ' ' | sed 's/^ //')" "$loop 403" "$loop requests without the role, all 403"
grown=$(($(head_now) - before))
[ "$grown" -le 8 ]
is $? 0 "they are $grown records, at most 8"
again
api GET "/api/v1/audit?last=100&type=NOTE"
is "$(field "[.data[].context | select(.route == \"/api/v1/intermediates/{id}/retire\") | 1 + .left_out] | add")" "$loop" "and each was counted"
tap_done
