#!/usr/bin/env bash
# Revoking certificates and CAs: each reason, holds and their release, who may, what is refused; on the ledger before
# anybody is told, and there for a database from a backup.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up
hierarchy_make rev ECDSA-P256 ECDSA-P256 ECDSA-P256
other=$(ca_make "$issuer" other ECDSA-P256 0 "$policy")
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//' | tr A-F a-f; }
fresh() { # NAME: a leaf, its serial in $serial
  csr_make "$work/$1" ec:P-256 "DNS:$1.example.com"
  issue "$issuing" "$work/$1.csr" server
  serial=$(serial_of "$work/$1.crt")
}
revoke() { # CA SERIAL REASON [QUERY]
  api POST "/api/v1/intermediates/$1/certificates/$2/revoke${4:-}" "$(jq -nc --arg r "$3" 'if $r == "" then {} else {reason: $r} end')"
}
release() { api POST "/api/v1/intermediates/$1/certificates/$2/release" '{}'; }

for reason in unspecified keyCompromise cACompromise affiliationChanged superseded cessationOfOperation privilegeWithdrawn aACompromise; do
  fresh "r-${reason,,}"
  revoke "$issuing" "$serial" "$reason"
  answers 200 "revoked: $reason"
  is "$(field '.state + " " + .revocation_reason')" "revoked $reason" "and shown so"
done
[ -n "$(field .revoked_at)" ] && pass "with the time" || fail "with the time"
revoke "$issuing" "$serial" aACompromise
answers 200 "once more is as good as once"
revoke "$issuing" "$serial" keyCompromise
answers 409 "but not for another reason" already_revoked
revoke "$issuing" "$serial" certificateHold
answers 409 "nor to a hold" already_revoked
release "$issuing" "$serial"
answers 409 "what is revoked is not released" not_on_hold
fresh plain
for bad in removeFromCRL unused 1 KEYCOMPROMISE; do
  revoke "$issuing" "$serial" "$bad"
  answers 400 "no reason: $bad" bad_field
done
release "$issuing" "$serial"
answers 200 "released already"
revoke "$issuing" "$serial" superseded '?dry_run=true'
answers 200 "a dry run"
is "$(field .state)" active "changes nothing"
revoke "$other" "$serial" superseded
answers 404 "another CA hasn't got that serial" certificate_not_found
revoke "$issuing" 00 superseded
answers 404 "nor is there such a serial" certificate_not_found
api POST "/api/v1/intermediates/$issuing/certificates/$serial/revoke" '{"reason": "superseded", "when": 1}'
answers 400 "an unknown member"
revoke "$issuing" "$serial" ''
is "$status $(field .revocation_reason)" "200 unspecified" "without a reason"

fresh hold
fingerprint=$(openssl x509 -in "$work/hold.crt" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
api POST "/api/v1/certificates/$fingerprint/revoke" '{"reason": "certificateHold", "note": "laptop left in a train"}'
is "$status $(field .revocation_reason)" "200 certificateHold" "on hold, by its fingerprint"
api POST "/api/v1/certificates/$fingerprint/release" '{"note": "found again"}'
is "$status $(field .state)" "200 active" "and released"
revoke "$issuing" "$serial" certificateHold
answers 200 "on hold again"
revoke "$issuing" "$serial" keyCompromise
is "$status $(field .revocation_reason)" "200 keyCompromise" "a hold becomes a revocation"
release "$issuing" "$serial"
answers 409 "which is not released" not_on_hold

# Many at once, and twice the same: one note each.
fresh twice
before=$(api GET /api/v1/status && field .signer.head)
added() { # the records since; sums of what the signer refused come when it has time
  api GET "/api/v1/audit?from=$before&limit=1000"
  jq -r '[.data[].type | select(. != "REFUSED")] | join(" ")' <<<"$body"
}
for i in 1 2 3 4 5 6 7 8; do
  curl -s -o "$work/at-once.$i" -w '%{http_code}\n' --unix-socket "$STACK_DIR/api.sock" -H 'Content-Type: application/json' \
    -d '{"reason": "superseded"}' "http://localhost/api/v1/intermediates/$issuing/certificates/$serial/revoke" >"$work/code.$i" &
done
for i in 1 2 3 4 5 6 7 8; do stack_until 100 test -s "$work/code.$i"; done
is "$(sort -u "$work"/code.*)" 200 "eight at once are all told that it is revoked"
is "$(added)" NOTE "and the ledger has one note"

# The command line.
chancery() { "$CHANCERY_BUILD/chancery" --socket "$STACK_DIR/api.sock" "$@" >"$work/out" 2>"$work/err"; }
fresh cli
chancery cert revoke "$serial" --reason superseded
is $? 2 "case 43: by a serial number alone nothing is revoked"
like "$(cat "$work/err")" "$issuing" "case 43: its CAs are named"
chancery cert revoke 7f00 --reason superseded
is $? 5 "nobody has that serial number"
chancery cert revoke xyz
is $? 2 "no hex"
chancery cert revoke --ca rev-issuing "$serial" --reason nonsense
is $? 3 "no reason"
chancery cert revoke --ca rev-issuing "$(sed 's/../&:/g; s/:$//' <<<"${serial^^}")" --reason certificateHold --note 'lost badge' --json
is "$? $(jq -r .revocation_reason "$work/out")" "0 certificateHold" "with the CA it is, by name and with colons"
chancery cert release --ca rev-issuing "$serial" --json
is "$? $(jq -r .state "$work/out")" "0 active" "and released"
chancery cert revoke "$(openssl x509 -in "$work/cli.crt" -noout -fingerprint -sha256 | sed 's/.*=//')" --json
is "$? $(jq -r .state "$work/out")" "0 revoked" "by its fingerprint"
for i in 1 2 3 4; do fresh "bulk$i"; done
printf '# these two\n%s\n%s\n' "$(serial_of "$work/bulk1.crt")" "$(serial_of "$work/bulk2.crt")" >"$work/serials"
chancery cert revoke-many --reason superseded --yes
is "$?" 2 "many: an empty filter is refused"
chancery cert revoke-many --serials "$work/serials" --yes
is "$?" 2 "many: serial numbers need their CA"
chancery cert revoke-many --ca rev-issuing --subject '*bulk*' --reason superseded
like "$(cat "$work/out")" '4 would be revoked' "many: a preview"
chancery cert revoke-many --ca rev-issuing --serials "$work/serials" --reason superseded --yes
is "$? $(cat "$work/out")" "0 2 revoked, 0 not." "many: by a file"
chancery cert revoke-many --profile server --subject '*bulk*' --reason superseded --yes
is "$? $(cat "$work/out")" "0 2 revoked, 0 not." "many: by profile and pattern, what is left"
leaves_of() { "$CHANCERY_BUILD/chancery" --socket "$STACK_DIR/api.sock" cert list --state active --limit 1000 --json | jq "[.data[] | select(.kind == \"leaf\" and $1)] | length"; }
for i in 1 2 3 4 5; do fresh "file$i"; done
revoke "$issuing" "$(serial_of "$work/file2.crt")" keyCompromise
revoke "$issuing" "$(serial_of "$work/file3.crt")" certificateHold
{
  serial_of "$work/file1.crt" | tr a-f A-F | sed 's/../&:/g; s/:$//'
  serial_of "$work/file2.crt"
  printf '# and\n00%s\n' "$(serial_of "$work/file3.crt")"
  printf '7f00\n00\n%s\n' "$(serial_of "$work/other.crt")"
} >"$work/serials"
chancery cert revoke-many --ca rev-issuing --serials "$work/serials" --json
is "$? $(jq -c '[.would_revoke, (.data | length), .before, (.unknown | sort)]' "$work/out")" \
  "5 [2,2,1,$(jq -nc --arg s "$(serial_of "$work/other.crt")" '["00", $s, "7f00"] | sort')]" "many: what a file names is looked up, and what there isn't is told"
is "$(leaves_of '(.names | tostring | contains("file"))')" 3 "  and nothing is revoked yet"
chancery cert revoke-many --ca rev-issuing --serials "$work/serials" --profile client --yes
is "$? $(cat "$work/out")" "5 0 revoked, 0 not." "  --profile leaves out what is of another"
chancery cert revoke-many --ca rev-issuing --serials "$work/serials" --reason superseded --yes
is "$? $(cat "$work/out")" "5 2 revoked, 0 not." "  done: what is active, and what was on hold"
like "$(cat "$work/err")" "3 of the serial numbers .*7f00" "  and who named what there isn't is told"
for i in 1:superseded 2:keyCompromise 3:superseded; do
  api GET "/api/v1/intermediates/$issuing/certificates/$(serial_of "$work/file${i%:*}.crt")"
  is "$(field '.state + " " + .revocation_reason')" "revoked ${i#*:}" "  file${i%:*}: for its reason"
done
printf '%s\nnonsense\n' "$(serial_of "$work/file4.crt")" >"$work/serials"
chancery cert revoke-many --ca rev-issuing --serials "$work/serials" --yes
is "$? $(cat "$work/out")" "2 " "many: a file that can't be read as a whole is refused as a whole"
: >"$work/serials"
chancery cert revoke-many --ca rev-issuing --serials "$work/serials" --yes
is "$? $(cat "$work/out")" "0 0 revoked, 0 not." "  one that names nothing revokes nothing"
chancery cert revoke-many --ca rev-issuing --serials "$work/no-such-file" --yes
is "$?" 2 "  and there must be one"
chancery cert revoke-many --profile server --json
is "$? $(jq .would_revoke "$work/out")" "0 $(leaves_of '.profile == "server"')" "many: by a profile alone"
chancery cert revoke-many --subject '*.example.com' --json
is "$? $(jq .would_revoke "$work/out")" "0 $(leaves_of true)" "many: by a pattern alone"
chancery cert revoke-many --subject 'example.com' --json
is "$? $(jq .would_revoke "$work/out")" "0 0" "  which is not found within a name"
many=$(ca_make "$issuer" many ECDSA-P256 0 "$root")
for i in 1 2 3; do
  csr_make "$work/all$i" ec:P-256 "DNS:all$i.example.com"
  issue "$many" "$work/all$i.csr" server
done
chancery cert revoke-many --ca nobody --yes
is "$?" 5 "many: of no CA"
chancery cert revoke-many --ca many --reason certificateHold --yes </dev/null
is "$? $(cat "$work/out") $(cat "$work/err")" "0 3 revoked, 0 not. " "many: all of a CA, and no bar for who is no terminal"
is "$(leaves_of ".ca_id == \"$many\"")" 0 "  none of it is active"
csr_make "$work/bar" ec:P-256 DNS:bar.example.com
for i in 1 2; do issue "$many" "$work/bar.csr" server; done
python3 -c 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)' "$CHANCERY_BUILD/chancery" --socket "$STACK_DIR/api.sock" \
  cert revoke-many --ca many --yes >"$work/out" 2>&1 </dev/null
is "$(grep -o '\[#*\( *\)\] [12] of 2' "$work/out" | tr -s '# ' | tr '\n' ,)" '[# ] 1 of 2,[#] 2 of 2,' "many: a bar for who is one"
spare=$(ca_make "$issuer" spare ECDSA-P256 0 "$policy")
chancery ca revoke spare --reason cessationOfOperation --json
is "$? $(jq -r '.id + " " + .state' "$work/out")" "0 $spare revoked" "a CA"

# CAs.
revoke_ca() { api POST "/api/v1/intermediates/$1/revoke" "{\"reason\": \"$2\"}"; }
revoke_ca "$root" keyCompromise
answers 409 "a root is not revoked" is_root
revoke_ca "$policy" certificateHold
answers 400 "a CA is not put on hold" bad_field
revoke_ca nobody cACompromise
answers 404 "nor is there nobody" ca_not_found
revoke "$policy" "$(serial_of "$work/other.crt")" cACompromise
answers 409 "not as a certificate alone" is_ca
revoke_ca "$other" cessationOfOperation
is "$status $(field .state)" "200 revoked" "a CA is revoked"
revoke_ca "$other" cessationOfOperation
is "$status $(field .state)" "200 revoked" "once more is as good as once"
api GET "/api/v1/intermediates/$policy/certificates/$(serial_of "$work/other.crt")"
is "$(field '.state + " " + .revocation_reason')" "revoked cessationOfOperation" "its certificate is so"
csr_make "$work/none" ec:P-256 DNS:none.example.com
issue "$other" "$work/none.csr" server
answers 409 "it issues nothing" ca_not_active
revoke_ca "$policy" cACompromise
is "$status $(field .state)" "200 revoked" "a CA with another below it"
api GET "/api/v1/intermediates/$issuing"
is "$(field .state),$(field .broken)" "active,true" "which is shown as broken"
api GET "/api/v1/issuers/$issuer/intermediates"
is "$(jq -r --arg id "$issuing" '.data[] | select(.id == $id) | .broken' <<<"$body")" true "in the list too"
issue "$issuing" "$work/none.csr" server
answers 409 "and issues nothing" chain_revoked
chancery ca tree
like "$(cat "$work/out")" 'rev-issuing +active, cut off ' "the tree says so"
like "$(cat "$work/out")" '^cut off: a CA above it is revoked' "and what that means"
chancery doctor
is $? 9 "the doctor warns"
like "$(tr -s ' \n' ' ' <"$work/out")" 'CA rev-issuing is active, and rev-policy above it is revoked' "and names both"
chancery audit list --last 1000 --type NOTE
like "$(cat "$work/out")" "revoked: serial $(serial_of "$work/rev-policy.crt") of CA $root, itself a CA" "the ledger has it in words"
fresh_serial=$(serial_of "$work/plain.crt")
revoke "$issuing" "$fresh_serial" ''
answers 200 "what it issued can still be revoked"

# An issuer revokes what it issued, and nothing else. Two of them, which the front-end knows by their sockets' users.
as() { # UID METHOD PATH [JSON]
  body=$(setpriv --reuid="$1" --regid="$1" --clear-groups curl -s -S --max-time 100 -X "$2" -w '\n%{http_code}' \
    --unix-socket "$STACK_DIR/front/api.sock" ${4:+-H 'Content-Type: application/json' --data-binary "$4"} "http://localhost$3" 2>"$work/curl.err")
  status=${body##*$'\n'}
  body=${body%$'\n'*}
}
issued_as() { # UID NAME: its serial in $serial, its fingerprint in $fingerprint
  csr_make "$work/$2" ec:P-256 "DNS:$2.example.com"
  as "$1" POST "/api/v1/intermediates/$mine/certificates" "$(jq -n --rawfile csr "$work/$2.csr" '{csr_pem: $csr, profile: "server"}')"
  answers 201 "$1 issues $2"
  serial=$(field .serial) fingerprint=$(field .fingerprint)
}
if [ "$(id -u)" = 0 ]; then
  mine=$(ca_make "$issuer" mine ECDSA-P256 0 "$root")
  stack_stop
  sed -i 's/^  issuer = ( \(.*\) );$/  issuer = ( \1, { peers = [ "uid:54321" ]; }, { peers = [ "uid:54322" ]; } );/' "$STACK_DIR/conf/frontd.conf"
  stack_start || e2e_die "not ready"
  issued_as 54321 hers
  her_serial=$serial
  as 54322 POST "/api/v1/intermediates/$mine/certificates/$her_serial/revoke" '{"reason": "keyCompromise"}'
  answers 403 "another issuer may not revoke it" forbidden
  as 54322 POST "/api/v1/certificates/$fingerprint/revoke" '{"reason": "keyCompromise"}'
  answers 403 "  nor by its fingerprint" forbidden
  as 54321 POST "/api/v1/certificates/$fingerprint/revoke" '{"reason": "certificateHold"}'
  answers 200 "she may"
  as 54322 POST "/api/v1/intermediates/$mine/certificates/$her_serial/release" '{}'
  answers 403 "  the other may not release it" forbidden
  as 54321 POST "/api/v1/intermediates/$mine/certificates/$her_serial/release" '{}'
  answers 200 "  but she"
  as 54321 POST "/api/v1/intermediates/$issuing/certificates/$fresh_serial/revoke" '{"reason": "superseded"}'
  answers 403 "what an admin issued is not hers" forbidden
  as 54321 POST "/api/v1/intermediates/$mine/revoke" '{"reason": "superseded"}'
  answers 403 "  nor is a CA" forbidden
  as 54323 POST "/api/v1/certificates/$fingerprint/revoke" '{}'
  answers 403 "who has no role revokes nothing" forbidden
  is "$(sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "SELECT state FROM certificate WHERE hex(fingerprint) = upper('$fingerprint')")" active \
    "  and it is as it was"
fi

chancery audit reconcile --ledger "$STACK_DIR/signer/ledger"
is $? 0 "ledger and database agree" || cat "$work/out" "$work/err"
listing() { "$CHANCERY_BUILD/chancery" --socket "$STACK_DIR/api.sock" cert list --json --limit 1000 |
  jq -S '[.data[] | {serial, ca_id, state, revoked_at, revocation_reason}] | sort_by(.serial)'; }
listing >"$work/before.json"
states() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" 'SELECT id, state FROM ca ORDER BY id'; }
states >"$work/before.states"
stack_stop
rm -f "$STACK_DIR"/db/chancery.sqlite*
stack_start || e2e_die "not ready"
listing >"$work/after.json"
states >"$work/after.states"
succeeds "a database made anew has the same revocations" diff "$work/before.json" "$work/after.json"
succeeds "and the same CAs" diff "$work/before.states" "$work/after.states"
if [ "$(id -u)" = 0 ]; then
  as 54322 POST "/api/v1/intermediates/$mine/certificates/$her_serial/revoke" '{"reason": "superseded"}'
  answers 403 "and knows who issued what" forbidden
  as 54321 POST "/api/v1/intermediates/$mine/certificates/$her_serial/revoke" '{"reason": "superseded"}'
  answers 200 "who still may revoke it"
fi
tap_done
