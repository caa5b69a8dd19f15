#!/usr/bin/env bash
# The hierarchy's rules over the API, each point with its case's number: the tree
# and its path lengths, subjects, states and what is recorded of them.
#   here                 4 6 7 8 9 10 11 20 21 22 29 30 32 33 34 36 43 46
#   hierarchy_names.t    5 23 24 25 26 37 38 44
#   hierarchy_time.t     28 35 39
#   race.t               31
#   migrate.t            12
#   register.t           1 2 3 27
#   retry.t              45
#   liar.t               40 (and signer_probe.c, with the signer alone) 41
#   offline.t            43, and CAs whose parent's key is elsewhere
#   patterns.t           the trees that people build
#   scale.t              a thousand CAs
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
e2e_up
issuer=$(issuer_make cases)
mark

# Path lengths
ca root1 '' '{"path_len_constraint": 1}'
created "case 4: a root with path length 1" .path_len_constraint 1
root1=$id
ca child1 "$root1" '{"path_len_constraint": 1}'
refused 400 path_len_exceeded path_len_constraint "case 4: under 1, 1 is asked for"
ca child0 "$root1" '{"path_len_constraint": 0}'
created "case 4: under 1, 0 is asked for" .path_len_constraint 0
child0=$id
ca unset0 "$root1"
created "case 4: under 1, nothing is asked for" .path_len_constraint 0
for asked in '{}' '{"path_len_constraint": 0}' '{"path_len_constraint": 5}' '{"path_len_constraint": null}'; do
  ca below "$child0" "$asked"
  refused 400 path_len_exceeded path_len_constraint "case 20: under 0, $asked"
done
ca free ''
created "case 21: a root without path length" .path_len_constraint null
free=$id
for asked in 0 1 5 null; do
  ca "free$asked" "$free" "{\"path_len_constraint\": $asked}"
  created "case 21: under none, $asked is asked for" .path_len_constraint "$asked"
done
ca freed "$free"
created "case 21: under none, nothing is asked for: it stays without" .path_len_constraint null
nothing "case 21: as its certificate says" "$(field .certificate_pem | openssl x509 -noout -text | grep -i pathlen)"
for parent in "$root1" "$free" ''; do
  for asked in -1 256 1.5 '"1"' true '[0]' 99999999999999999999; do
    ca odd "$parent" "{\"path_len_constraint\": $asked}"
    refused 400 bad_field path_len_constraint "case 22: path length $asked"
  done
done

# A chain
ca root3 '' '{"path_len_constraint": 3}'
created "case 6: a root with path length 3" .path_len_constraint 3
root3=$id last=$id
for length in 2 1 0; do
  ca "line$length" "$last"
  created "case 6: the next below, unset" .path_len_constraint "$length"
  last=$id
  [ "$length" != 2 ] || line2=$id
done
api GET "/api/v1/intermediates/$last/chain"
is "$(grep -c BEGIN <<<"$body")" 4 "case 6: the deepest's chain is four PEM blocks"
is "$(openssl x509 -noout -subject <<<"$body")" "subject=CN = Case line0" "case 6: itself first"
is "$(tac <<<"$body" | sed '/BEGIN/q' | tac | openssl x509 -noout -subject)" "subject=CN = Case root3" "case 6: the root last"
succeeds "case 6: openssl verify and certtool take it" chain_judge "$last"
ca fifth "$last"
refused 400 path_len_exceeded path_len_constraint "case 6: nothing below the last"
line0=$last

# Subjects
subject() { # WHAT CODE FIELD SUBJECT-JSON
  ca subject "$root1" "{\"subject\": $4}"
  refused 400 "$2" "$3" "case 29: $1"
}
subject "an empty subject" subject_empty subject '{}'
subject "an empty common name" subject_invalid subject.common_name '{"common_name": ""}'
subject "blanks" subject_invalid subject.common_name '{"common_name": "  "}'
subject "no subject" bad_field subject '[]'
subject "a control character" subject_invalid subject.common_name '{"common_name": "a\u0007b"}'
subject "a NUL" malformed_json '' '{"common_name": "a\u0000b"}'
subject "a line feed" subject_invalid subject.organization '{"common_name": "x", "organization": ["a\nb"]}'
subject "a bidi override" subject_invalid subject.common_name '{"common_name": "CA \u202etoor"}'
subject "a bidi isolate" subject_invalid subject.common_name '{"common_name": "CA \u2066toor"}'
subject "a zero-width space" subject_invalid subject.common_name '{"common_name": "C\u200bA"}'
for bound in common_name:64 organization:64 organizational_unit:64 locality:128 province:128; do
  long=$(printf "%0$((${bound#*:} + 1))d" 0) name=${bound%:*}
  value="\"$long\""
  [ "$name" = common_name ] || value="[$value]"
  subject "$name of ${#long} characters" subject_invalid "subject.$name" "{\"$name\": $value}"
done
subject "a country of three letters" subject_invalid subject.country '{"country": ["USA"], "common_name": "x"}'
long=$(printf '%064d' 0)
ca longest "$root1" "{\"subject\": {\"common_name\": \"$long\", \"organization\": [\"$long\"]}}"
created "case 29: 64 characters"
subject "the parent's" subject_taken subject '{"common_name": "Case root1"}'
subject "a sibling's" subject_taken subject '{"common_name": "Case child0"}'
subject "a sibling's in other case and spacing" subject_taken subject '{"common_name": " CASE  child0 "}'
subject "that of a CA in another tree" subject_taken subject '{"common_name": "Case line0"}'
ca again '' '{"subject": {"common_name": "Case root1"}}'
refused 400 subject_taken subject "case 29: a root with a known subject"

# States
ca early "$root1" && early=$id
created "case 33: an active CA"
retire "$early" '{"confirm": true}'
refused 409 not_retiring confirm "case 33: confirm on an active CA"
api GET "/api/v1/intermediates/$early"
is "$(field .state)" active "case 33: it is active as before"
retire "$root3"
is "$status $(field .state)" "200 retiring" "case 7: a root with active CAs below it: retiring"
mark
retire "$root3" '{"confirm": true}'
refused 409 active_descendants '' "case 7: confirmed"
retire "$line2"
is "$status $(field .state)" "200 retiring" "case 30: its child: retiring"
mark
retire "$root3" '{"confirm": true}'
refused 409 active_descendants '' "case 30: the root with a retiring child and an active grandchild, confirmed"
ca under "$line2"
refused 409 parent_not_active parent_ca_id "case 7: no CA below one that is retiring"
leaf "$line0" DNS:www.example.com
issued "case 32: a leaf of an active CA below them"
retire "$line0"
is "$status $(field .state)" "200 retiring" "case 8: a childless CA"
mark
leaf "$line0" DNS:www.example.com
refused 409 ca_not_active '' "case 32: a leaf of a retiring CA"
retire "$line0"
refused 409 confirm_required confirm "case 8: again without confirm"
like "$(field .error.message)" confirm "case 8: the sentence says what is missing"
retire "$line0" '{"confirm": "yes"}'
refused 400 bad_field confirm "case 8: a confirm that is no boolean"
retire "$line0" '{"confirm": true}'
is "$status $(field .state)" "200 retired" "case 8: with confirm"
mark
for more in '{}' '{"confirm": true}'; do
  retire "$line0" "$more"
  refused 409 already_retired '' "case 8: once more, $more"
done
leaf "$line0" DNS:www.example.com
refused 409 ca_not_active '' "case 32: a leaf of a retired CA"
ca under "$line0"
like "$status $(field .error.code)" '^(400 path_len_exceeded|409 parent_not_active)$' "case 32: nor a CA"
retire "$root3" '{"confirm": true}'
refused 409 active_descendants '' "case 30: the great-grandchild is retired, the others are not"
api GET "/api/v1/issuers/$issuer/intermediates"
line1=$(field '.data[] | select(.name == "line1") | .id')
for one in "$line1" "$line2" "$root3"; do
  [ "$one" != "$line1" ] || retire "$one"
  retire "$one" '{"confirm": true}'
  is "$status $(field .state)" "200 retired" "case 30: from below, each can be"
done
mark

# Generations
ca line0 "$root1" '{"subject": {"common_name": "Case line0"}}'
refused 400 subject_taken subject "case 36: a retired CA's subject is never free"
ca line0 "$root1" '{"subject": {"common_name": "Case line0, G2"}}'
created "case 36: its name is, for the next generation"
ca line0 "$root1" '{"subject": {"common_name": "Case line0, G3"}}'
refused 409 duplicate_name name "case 36: while it is not taken again"
ca root2 ''
created "case 36: a second root beside the first"
api GET "/api/v1/issuers/$issuer/intermediates?format=tree"
is "$(field '[.data[] | select(.state == "active")] | length')" 3 "case 36: three roots overlap"

# What is asked for in another way
for what in name:root1:duplicate_name:409 algorithm:DSA-1024:algorithm_not_supported:400 algorithm:RSA-1024:algorithm_not_supported:400; do
  IFS=: read -r member value code wanted <<<"$what"
  ca other "$root1" "{\"$member\": \"$value\"}"
  refused "$wanted" "$code" "$member" "case 34: $member $value"
done
ca other "$root1" '{"pathlen": 1}'
refused 400 unknown_field pathlen "case 34: an unknown field"
ca other ica-none
refused 404 ca_not_found parent_ca_id "case 34: an unknown parent"
known=$issuer issuer=iss-none
ca other ''
refused 404 issuer_not_found '' "case 34: an unknown issuer"
issuer=$known
api POST /api/v1/issuers '{"name": "cases"}'
refused 409 duplicate_name name "case 34: an issuer's name again"
api POST "/api/v1/issuers/$issuer/intermediates" '{"name": "x",'
refused 400 malformed_json '' "case 34: malformed JSON"
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n '{name: "x", root_cert_pem: "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n"}')"
refused 400 root_malformed root_cert_pem "case 34: malformed DER"
head -c 262145 /dev/zero | tr '\0' ' ' >"$work/large"
api POST "/api/v1/issuers/$issuer/intermediates" "@$work/large"
refused 413 body_too_large '' "case 34: a body over the limit"
body=$(jq -n --arg p "$root1" '{name: "chunked", subject: {common_name: "Case chunked"}, algorithm: "ECDSA-P256", parent_ca_id: $p}' |
  curl -s -S --max-time 100 -X POST -w '\n%{http_code}' --unix-socket "$STACK_DIR/api.sock" -H 'Content-Type: application/json' \
    -H 'Transfer-Encoding: chunked' --data-binary @- "http://localhost/api/v1/issuers/$issuer/intermediates")
status=${body##*$'\n'} body=${body%$'\n'*}
created "case 34: a chunked body"

# Dry runs
ca dry "$root1" '{}' '?dry_run=true'
is "$status $(field '[.path_len_constraint, .dry_run] | join(" ")') $(made)" "200 0 true $marked" "case 46: a CA, and nothing is made"
ca dry "$root1" '{"path_len_constraint": 1}' '?dry_run=true'
refused 400 path_len_exceeded path_len_constraint "case 46: with every check"
ca dry "$root1" '{"subject": {"common_name": "Case child0"}}' '?dry_run=true'
refused 400 subject_taken subject "case 46: also of what others have"
leaf "$child0" DNS:dry.example.com server '{}' '?dry_run=true'
is "$status $(field '.names | join(" ")') $(made)" "200 dns:dry.example.com $marked" "case 46: a leaf, and nothing is made"
leaf "$child0" URI:https://x/ server '{}' '?dry_run=true'
refused 400 name_type_not_allowed csr_pem "case 46: with every check"
api POST "/api/v1/intermediates/$child0/retire?dry_run=true" '{}'
is "$status $(field '[.from, .to] | join(" ")') $(made)" "200 active retiring $marked" "case 46: a step, and it is not taken"

# Counters
rates=$(issuer_make counted)
known=$issuer issuer=$rates
ca counted '' && counted=$id
ca counting "$counted" && counting=$id
for step in '{}' '{"confirm": true}'; do retire "$counting" "$step"; done
metrics=$(curl -s --max-time 100 --unix-socket "$STACK_DIR/pki.sock" http://localhost/metrics)
for counter in create_root create_child retire_retiring retire_retired; do
  like "$metrics" "^chancery_hierarchy_operations_total\{operation=\"$counter\",issuer=\"$rates\"\} 1\$" "case 9: $counter"
done

# Records
api GET "/api/v1/intermediates/$counting"
is "$(field .state)" retired "case 11: a CA that was made, retired and confirmed"
serial=$(field .serial) fingerprint=$(field .fingerprint)
api GET '/api/v1/audit?last=40&type=NOTE'
steps=$(jq -c --arg ca "$counting" '[.data[].context | select(.from and .ca == $ca)]' <<<"$body")
is "$(jq -c 'map([.from, .to])' <<<"$steps")" '[["created","active"],["active","retiring"],["retiring","retired"]]' \
  "case 11: one record a step, with the states before and after"
is "$(jq -c 'map([.ca, .serial, .sha256]) | unique' <<<"$steps")" "[[\"$counting\",\"$serial\",\"$fingerprint\"]]" \
  "case 11: with id, serial and fingerprint"
is "$(jq -c 'map(.actor | test("^uid:")) | unique' <<<"$steps")" '[true]' "case 11: and who did it"
ca bounded '' "$(permits 'dns:example.com;dns:example.org' dns:secret.example.com)" && bounded=$id
ca limited "$bounded" "$(permits dns:a.example.com dns:secret.example.com)"
api GET '/api/v1/audit?last=10&type=NOTE'
is "$(jq -c --arg ca "$id" '.data[].context | select(.from and .ca == $ca) | [.asked, .eff]' <<<"$body")" \
  '["permitted dns:a.example.com; excluded dns:secret.example.com","path length none; permitted dns:a.example.com; excluded dns:secret.example.com"]' \
  "case 11: and the constraints, requested and effective"
issuer=$known

# The same serial twice
conf=$'basicConstraints = critical, CA:TRUE, pathlen:1\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash'
for name in thousand grand; do
  openssl ecparam -name prime256v1 -genkey -noout -out "$work/$name.key"
  openssl req -new -key "$work/$name.key" -subj "/CN=Case $name" -out "$work/$name.csr"
  openssl x509 -req -in "$work/$name.csr" -days 30 -sha256 -extfile <(echo "$conf") -set_serial 1000 -signkey "$work/$name.key" \
    -out "$work/$name.pem" 2>/dev/null
  cp "$work/$name.pem" "$STACK_DIR/anchors/"
  api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg n "$name" --rawfile p "$work/$name.pem" '{name: $n, root_cert_pem: $p}')"
  is "$status $(field .serial)" "201 03e8" "case 43: a CA with serial number 1000"
done
grand=$(field .id)
api GET '/api/v1/certificates?serial=03e8'
is "$(field '.data | length')" 2 "case 43: both are listed by it"
api GET "/api/v1/intermediates/$grand/certificates/03e8"
is "$(openssl x509 <<<"$(field .certificate_pem)")" "$(openssl x509 -in "$work/grand.pem")" "case 43: with its CA it is the right one"
refuses "case 43: the command line wants more than a serial number" "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" cert show --serial 03e8
is "$("$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" cert list --serial 03e8 | grep -c 03e8)" 2 "case 43: and lists both"

# Roles
tries() { # STATUS CODE WHAT: everything that changes the hierarchy
  local what method path json
  while IFS='|' read -r what method path json; do
    api "$method" "$path" "$json"
    is "$status $(field .error.code)" "$1 $2" "$3: $what"
  done <<-REQUESTS
	create an issuer|POST|/api/v1/issuers|{"name":"role"}
	change an issuer|PATCH|/api/v1/issuers/$issuer|{"hierarchy_mode":"tree"}
	create a CA|POST|/api/v1/issuers/$issuer/intermediates|{"name":"role","subject":{"common_name":"role"}}
	retire a CA|POST|/api/v1/intermediates/$root1/retire|{}
	record a key's end|POST|/api/v1/intermediates/$root1/key-gone|{}
	carry a CRL number|POST|/api/v1/intermediates/$root1/crl-number|{"last":9}
	bring a certificate in|POST|/api/v1/intermediates/$root1/certificate|{}
	admit a certificate|POST|/api/v1/intermediates/$root1/admit|{}
	REQUESTS
}
while read -r method path; do
  if [ "$method" = GET ]; then api GET "$path"; else api "$method" "$path" '{}'; fi
  is "$status $(field .error.code)" "404 ca_not_found" "case 10: an unknown CA: $method $path"
done <<'PATHS'
GET /api/v1/intermediates/ica-none
GET /api/v1/intermediates/ica-none/chain
POST /api/v1/intermediates/ica-none/retire
POST /api/v1/intermediates/ica-none/key-gone
GET /api/v1/intermediates/ica-none/csr
GET /api/v1/intermediates/..%2f..%2fetc
PATHS
mark
before=$(api GET '/api/v1/audit?last=1' && field .head)
cp "$STACK_DIR/conf/frontd.conf" "$work/frontd.conf"
sed -i 's/^  admin = .*/  admin = [ ];/; s/^  operator = .*/  operator = [ ];/; s/^  issuer = .*/  issuer = ( );/' "$STACK_DIR/conf/frontd.conf"
front_anew() { [ "$(pid_of frontd)" != "$old" ] && stack_ready; }
front_restart() {
  old=$(pid_of frontd)
  kill -TERM "$old"
  stack_until 120 front_anew || e2e_die "the front-end does not come back"
}
front_restart
tries 403 forbidden "case 10: an auditor may not"
leaf "$child0" DNS:www.example.com
is "$status" 403 "case 10: an auditor may not: issue a leaf"
api GET "/api/v1/intermediates/$root1"
is "$status" 200 "case 10: an auditor may read"
api GET "/api/v1/audit?from=$before&limit=100&type=NOTE"
is "$(field '[.data[].context | select(.route) | "\(.method) \(.route)"] | sort | join(", ")')" \
  "PATCH /api/v1/issuers/{id}, POST /api/v1/intermediates/{id}/admit, POST /api/v1/intermediates/{id}/certificate, POST /api/v1/intermediates/{id}/certificates, POST /api/v1/intermediates/{id}/crl-number, POST /api/v1/intermediates/{id}/key-gone, POST /api/v1/intermediates/{id}/retire, POST /api/v1/issuers, POST /api/v1/issuers/{id}/intermediates" \
  "case 10: each denial is on record"
is "$(field '[.data[].context | select(.route) | .actor | test("^uid:")] | unique | join(" ")')" true "case 10: with who it was"
api GET "/api/v1/intermediates/$root1"
is "$(field .state)" active "case 10: and nothing was done"
cp "$work/frontd.conf" "$STACK_DIR/conf/frontd.conf"
front_restart
api POST /api/v1/issuers '{"name": "role"}'
is "$status" 201 "case 10: an admin may"
tap_done
