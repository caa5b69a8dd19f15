#!/usr/bin/env bash
# People in the loop, from the command line: what a new CA waits for, who signs
# it with which program, and every way in which that counts for nothing.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"
[ "$(id -u)" = 0 ] || tap_skip_all "only root can be several people"
setpriv --reuid=54331 --regid=54331 --clear-groups test -x "$CHANCERY_BUILD/chancery" ||
  tap_skip_all "uid 54331 may not run $CHANCERY_BUILD/chancery"

# Who asks is an admin; alice, bob and carol hand in approvals, each from an account of her own.
stack_roles() {
  printf '  admin = [ "uid:0" ];\n  approver = [ "uid:54331", "uid:54332", "uid:54333" ];\n'
  printf '  auditor = [ "uid:54334" ];\n  operator = [ "uid:54335" ];\n  issuer = ( { peers = [ "uid:0" ]; } );\n'
}
declare -A uids=([alice]=54331 [bob]=54332 [carol]=54333 [eve]=54334)
as() { setpriv --reuid="${uids[$1]}" --regid="${uids[$1]}" --clear-groups "${@:2}"; } # NAME COMMAND...
chancery() { "$CHANCERY_BUILD/chancery" --wait "${WAIT:-60}" --socket "$STACK_DIR/api.sock" "$@"; }
person() { # NAME COMMAND...: the command line under that account
  setpriv --reuid="${uids[$1]}" --regid="${uids[$1]}" --clear-groups \
    "$CHANCERY_BUILD/chancery" --wait "${WAIT:-60}" --socket "$STACK_DIR/api.sock" "${@:2}"
}
api_as() { # NAME METHOD PATH [JSON]: as api
  local curl
  curl=$(command -v curl)
  curl() { as "$who" "$curl" "$@"; }
  local who=$1
  api "${@:2}"
  unset -f curl
}

# Their keys: alice's is signed with by openssl, bob's lies on a card, carol's has a passphrase.
mkdir -m 0755 "$work/people"
people=$work/people
key_make() { # NAME: a key without passphrase
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$people/$1.key" 2>/dev/null
  openssl pkey -in "$people/$1.key" -pubout -out "$people/$1.pub"
}
for name in alice carol mallory rita; do key_make "$name"; done
openssl pkey -in "$people/carol.key" -aes-256-cbc -passout pass:seahorse -out "$people/carol.enc"
chown 54331 "$people/alice.key"
chown 54333 "$people/carol.key" "$people/carol.enc"
chmod 0600 "$people"/*.key "$people"/*.enc
mkdir -p "$work/card/tokens"
printf 'directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n' "$work/card/tokens" >"$work/card/conf"
card() { SOFTHSM2_CONF=$work/card/conf pkcs11-tool --module "$softhsm_module" "$@" 2>"$work/card/err"; }
SOFTHSM2_CONF=$work/card/conf softhsm2-util --init-token --free --label card --so-pin 12345678 --pin 123456 >/dev/null
card_key() { card --login --pin 123456 --keypairgen --key-type EC:prime256v1 --id 02 --label 'PIV AUTH key' >/dev/null; }
card_key || card_key # SoftHSM fails at this by itself, seldom
card --read-object --type pubkey --id 02 --output-file "$work/card/pub.der"
openssl pkey -pubin -inform DER -in "$work/card/pub.der" -pubout -out "$people/bob.pub"
chmod 0644 "$people"/*.pub
key_id() { openssl pkey -pubin -in "$people/$1.pub" -outform DER | sha256sum | cut -d' ' -f1; }
pinned() { # NAME...
  local name list=''
  for name in "$@"; do list+="${list:+, }{ name = \"$name\"; key = \"$people/$name.pub\"; }"; done
  echo "( $list )"
}

E2E_FRONTD='api_socket_mode = "0666";'
E2E_SIGND="classes = { root = { kinds = [ \"ca\", \"subca-foreign\" ]; }; };
approvals = { approvers = $(pinned alice bob carol); lifetime_hours = 24; new_ca = 2; new_root = 0; subca_foreign = 2; };"
clock=$STACK_DIR/clock
clock_make "$clock"
stack_folders_plain=$(declare -f stack_configure)
eval "plain_${stack_folders_plain}"
stack_configure() { # both daemons have a clock that can be set
  plain_stack_configure
  clock_program "$clock" "$STACK_BIN/chancery-signd" "$STACK_DIR/conf/signd"
  clock_program "$clock" "$STACK_BIN/chancery-frontd" "$STACK_DIR/conf/frontd"
  sed -i -e "s|$STACK_BIN/chancery-signd |$STACK_DIR/conf/signd |" -e "s|$STACK_BIN/chancery-frontd |$STACK_DIR/conf/frontd |" "$STACK_DIR/stack"
}
e2e_up

issuer=$(issuer_make house)
root=$(ca_make "$issuer" root ECDSA-P256 2)
child() { # NAME [MORE-JSON]
  api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg n "$1" --arg p "$root" --argjson more "${2:-{\}}" \
    '{name: $n, parent_ca_id: $p, subject: {common_name: ("CA " + $n)}, algorithm: "ECDSA-P256", path_len_constraint: 0} + $more')"
}
cas() { # how many of that name there are
  api GET "/api/v1/issuers/$issuer/intermediates"
  jq --arg n "$1" '[.data[] | select(.name == $n)] | length' <<<"$body"
}
bytes_of() { # ID FILE
  chancery proposal show "$1" --bytes "$2" >/dev/null
}
sign() { # NAME FILE: by openssl
  openssl dgst -sha256 -sign "$people/$1.key" -out "$2.$1.sig" "$2"
}
approval() { # NAME SIGNATURE-FILE [ROLE]: the body
  jq -n --arg k "$(key_id "$1")" --arg s "$(base64 -w0 "$2")" --arg r "${3:-approver}" '{key: $k, signature: $s, role: $r}'
}
hand_in() { # AS KEY ID FILE: signs FILE with that key, and hands it in
  sign "$2" "$4"
  api_as "$1" POST "/api/v1/proposals/$3/approvals" "$(approval "$2" "$4.$2.sig")"
}

# A new CA is asked for, and waits.
said=$(chancery ca create --issuer house --parent root --name first --cn 'First CA' --path-len 0 --permit dns:example.com \
  --algorithm ECDSA-P256)
is $? 0 "a CA is asked for"
like "$said" "2 people's approvals" "and is told to need two people"
id=$(awk '$1 == "Proposal:" { print $2 }' <<<"$said")
like "$said" "chancery proposal approve $id" "and what happens next"
api GET "/api/v1/proposals/$id"
answers 200 "the proposal"
is "$(field '"\(.kind) \(.state) \(.needed) \(.given) \(.name)"')" "ca open 2 0 first" "it is open"
is "$(cas first)" 0 "there is no CA yet"
chancery ca create --issuer house --parent root --name first --cn 'Other CA' >/dev/null 2>"$work/err"
like "$(cat "$work/err")" duplicate_name "its name is taken"
like "$(chancery proposal list --state open)" "$id +open +ca +first" "it is listed"
is "$(chancery proposal list --state executed)" "no proposal is in this state." "and not among others"

# In words, out of the bytes.
words=$(chancery proposal show first)
for word in 'a CA below a CA of this ledger' 'CN *= *First CA' 'example.com' "$id" '0 of 2 approvals' 'pkcs11-tool'; do
  like "$words" "$word" "its words say: $word"
done
bytes_of "$id" "$work/first"
api GET "/api/v1/proposals/$id"
is "$(field .bytes)" "$(base64 -w0 "$work/first")" "the bytes, in a file as in JSON"
curl -s --unix-socket "$STACK_DIR/api.sock" "http://localhost/api/v1/proposals/$id/bytes" | cmp -s - "$work/first"
is $? 0 "and as they stand"
is "$(head -c 20 "$work/first")" chancery-proposal-v1 "they begin with words"

# What counts for nothing.
sign alice "$work/first"
api POST "/api/v1/proposals/$id/approvals" "$(approval alice "$work/first.alice.sig")"
answers 403 "who asked for it hands in no approval" own_request
api_as eve POST "/api/v1/proposals/$id/approvals" "$(approval alice "$work/first.alice.sig")"
answers 403 "nor does an auditor" forbidden
api_as eve GET "/api/v1/proposals/$id"
answers 200 "who may look"
hand_in alice mallory "$id" "$work/first"
answers 403 "a key that signd.conf doesn't name" approver_unknown
size=$(stat -c %s "$work/first")
for at in 3 30 $((size / 2)) $((size - 1)); do
  cp "$work/first" "$work/altered"
  byte=$(od -An -tu1 -j "$at" -N1 "$work/first" | tr -d ' ')
  printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$work/altered" bs=1 seek="$at" conv=notrunc status=none
  hand_in alice alice "$id" "$work/altered"
  answers 400 "a signature over other bytes, altered at $at" approval_wrong
done
openssl dgst -sha1 -sign "$people/alice.key" -out "$work/sha1.sig" "$work/first"
api_as alice POST "/api/v1/proposals/$id/approvals" "$(approval alice "$work/sha1.sig")"
answers 400 "a signature with another hash" approval_wrong
api_as alice POST "/api/v1/proposals/$id/approvals" '{"key": "12", "signature": "AAAA"}'
answers 400 "a key id that is none" bad_field
api_as alice POST "/api/v1/proposals/$id/approvals" "$(approval alice "$work/sha1.sig" nobody)"
answers 400 "a role that is none" bad_field
api_as alice POST "/api/v1/proposals/$(printf '0%.0s' {1..32})/approvals" "$(approval alice "$work/sha1.sig")"
answers 404 "a proposal that isn't there" proposal_not_found
api GET /api/v1/proposals/nothing
answers 404 "nor is one of that name" proposal_not_found
api_as alice POST "/api/v1/proposals/$id/execute" '{}'
answers 409 "it can't be carried out without them" proposal_unready
api GET "/api/v1/proposals/$id"
is "$(field '.given == 0')" true "none of that was counted"

# Who is an approver only, or an auditor, and nothing else.
api_as alice POST "/api/v1/issuers/$issuer/intermediates" '{"name": "hers"}'
answers 403 "an approver creates no CA" forbidden
api_as alice GET /api/v1/audit
answers 403 "nor reads the ledger" forbidden
succeeds "but what is to be approved" person alice proposal show "$id"
api_as eve POST "/api/v1/issuers/$issuer/intermediates" '{"name": "hers"}'
answers 403 "an auditor creates no CA" forbidden
api_as eve POST "/api/v1/proposals/$id/reject" '{}'
answers 403 "rejects no proposal" forbidden
api_as eve POST "/api/v1/proposals/$id/execute" '{}'
answers 403 "carries none out" forbidden
api_as eve GET '/api/v1/audit?last=1'
answers 200 "but reads the ledger"
api_as eve GET /api/v1/doctor
answers 200 "and what the doctor says"

# alice, by openssl.
hand_in alice alice "$id" "$work/first"
answers 200 "alice approves, with openssl"
is "$(field '"\(.proposal.given) \(.proposal.state) \(.ca)"')" "1 open null" "one of two"
hand_in alice alice "$id" "$work/first"
answers 409 "once" approval_twice
hand_in bob alice "$id" "$work/first"
answers 409 "from another account neither" approval_twice

# bob, with a card, whose signatures are two numbers.
chmod 0755 "$work/card"
openssl dgst -sha256 -binary -out "$work/first.sha" "$work/first"
card --login --pin 123456 --sign --id 02 -m ECDSA -i "$work/first.sha" -o "$work/first.card" >/dev/null
chmod 0644 "$work/first.card"
is "$(stat -c %s "$work/first.card")" 64 "a card's signature is 64 bytes"
person bob proposal approve first --signature "$work/first.card" --public-key "$people/alice.pub" >"$work/out" 2>"$work/err"
is $? 2 "with the wrong public key it isn't sent"
like "$(cat "$work/err")" signature_wrong "and bob is told why"
openssl dgst -sha384 -sign "$people/alice.key" -out "$work/first.384" "$work/first"
chmod 0644 "$work/first.384"
person alice proposal approve first --signature "$work/first.384" --public-key "$people/alice.pub" >"$work/out" 2>"$work/err"
like "$(cat "$work/err")" 'approval_twice' "over SHA-384 it is as good: it is sent, though alice has approved already"
said=$(person bob proposal approve first --signature "$work/first.card" --public-key "$people/bob.pub")
is $? 0 "bob approves, with a card"
like "$said" 'First CA' "he was shown the words"
like "$said" 'the CA first is active' "and told what came of it"
is "$(cas first)" 1 "the CA is there"
api GET "/api/v1/issuers/$issuer/intermediates"
first=$(jq -r '.data[] | select(.name == "first") | .id' <<<"$body")
api GET "/api/v1/intermediates/$first/chain"
printf '%s\n' "$body" >"$work/chain"
api GET "/api/v1/intermediates/$first"
field .certificate_pem >"$work/first.crt"
is "$(field '"\(.state) \(.path_len_constraint) \(.name_constraints[0].permitted[0])"')" "active 0 dns:example.com" "as it was asked for"
succeeds "openssl verifies it" openssl verify -x509_strict -CAfile "$work/root.crt" "$work/first.crt"
api GET "/api/v1/proposals/$id"
is "$(field '"\(.state) \(.given) \(.approvals | map(.handed_in_by[0:9]) | join(" "))"')" "executed 2 uid:54331 uid:54332" "the proposal is executed"
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
issue "$first" "$work/leaf.csr" server
answers 201 "the CA issues"

# Again: nothing more comes of it.
hand_in carol carol "$id" "$work/first"
answers 409 "an approval too many" proposal_spent
api_as carol POST "/api/v1/proposals/$id/execute" '{}'
answers 200 "carrying it out again answers with what it came to"
is "$(field .ca.id)" "$first" "the same CA"
is "$(cas first)" 1 "there is one of it"
chancery proposal reject "$id" >/dev/null 2>"$work/err"
like "$(cat "$work/err")" proposal_spent "it can't be taken back"

# One is rejected, and its name free again.
child second
answers 202 "another CA"
second=$(field .proposal.id)
bytes_of "$second" "$work/second"
like "$(person alice proposal reject second --note 'not this one')" "is rejected" "alice rejects it"
hand_in alice alice "$second" "$work/second"
answers 409 "it can't be approved any more" proposal_rejected
api_as alice POST "/api/v1/proposals/$second/execute" '{}'
answers 409 "nor carried out" proposal_rejected
like "$(chancery proposal show "$second")" 'why: not this one' "it says why"
child second
answers 202 "the name can be asked for again"
third=$(field .proposal.id)
bytes_of "$third" "$work/third"
hand_in alice alice "$third" "$work/second"
answers 400 "a signature over the first one doesn't count for it" approval_wrong

# carol, with the command line: she is shown it, asked, and asked for her passphrase.
person carol proposal approve "$third" --key "$people/carol.enc" </dev/null >"$work/out" 2>"$work/err"
is $? 2 "without a terminal she isn't asked, and nothing is signed"
like "$(cat "$work/err")" not_signed "she is told so"
chmod 0644 "$people/carol.enc"
person carol proposal approve "$third" --yes --key "$people/carol.enc" >"$work/out" 2>"$work/err"
like "$(cat "$work/err")" 'can be read by others' "a key that others can read is not used"
chmod 0600 "$people/carol.enc"
cat >"$work/terminal.py" <<'PY'
import os, pty, sys, termios
# Runs a command at a terminal of its own and answers each question once.
answers = [tuple(a.split("=", 1)) for a in sys.argv[1].split("|")]
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[2], sys.argv[2:])
seen = ""
while True:
    try:
        piece = os.read(fd, 4096)
    except OSError:
        break
    if not piece:
        break
    seen += piece.decode(errors="replace")
    if answers and answers[0][0] in seen:
        # A passphrase is asked for first, and only then is the terminal told not to show it.
        while answers[0][0].startswith("pass") and termios.tcgetattr(fd)[3] & termios.ECHO:
            pass
        os.write(fd, (answers.pop(0)[1] + "\n").encode())
print(seen)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
at_terminal() { # NAME ANSWERS COMMAND...
  python3 "$work/terminal.py" "$2" setpriv --reuid="${uids[$1]}" --regid="${uids[$1]}" --clear-groups \
    "$CHANCERY_BUILD/chancery" --wait 60 --socket "$STACK_DIR/api.sock" "${@:3}"
}
said=$(at_terminal carol 'Sign this?=no' proposal approve "$third" --key "$people/carol.enc")
is $? 2 "she says no"
like "$said" 'nothing was signed' "and nothing is signed"
said=$(at_terminal carol 'Sign this?=yes|pass phrase=wrong' proposal approve "$third" --key "$people/carol.enc")
is $? 2 "a wrong passphrase"
said=$(at_terminal carol 'Sign this?=yes|pass phrase=seahorse' proposal approve "$third" --key "$people/carol.enc")
is $? 0 "carol approves at her terminal"
like "$said" '1 more approval is needed' "and is told what is missing"
if grep -q seahorse <<<"$said"; then fail "her passphrase isn't shown"; else pass "her passphrase isn't shown"; fi

# Nobody can carry it out while the token is away; both daemons are killed; the approvals are still there.
driver=$(pid_of driver)
sed -i 's/^driver /#driver /' "$STACK_DIR/stack"
stack_stop
mv "$STACK_DIR/stack" "$STACK_DIR/stack.full"
grep -v '^#driver' "$STACK_DIR/stack.full" >"$STACK_DIR/stack"
sed -i 's/^#driver /driver /' "$STACK_DIR/stack.full"
stack_start_partly() { # without the token nobody says that all is ready
  : >"$STACK_DIR/log/supervisor.log"
  setsid "$STACK_SOURCE/scripts/supervise" "$STACK_DIR" </dev/null >>"$STACK_DIR/log/supervisor.log" 2>&1 &
  stack_until 120 linked
}
linked() {
  api GET /api/v1/status
  [ "$(field .signer.link)" = up ] || [ "$(field '.signer.ready')" = true ] || [ -n "$(field '.signer.head')" ]
}
stack_start_partly || e2e_die "no link without the token"
hand_in alice alice "$third" "$work/third"
answers 200 "the last approval, while the token is away"
is "$(field '"\(.proposal.state) \(.execution_error.code)"')" "approved token_away" "it is approved, and not done"
kill -9 "$(pid_of frontd)" "$(pid_of signd)"
stack_stop
cp "$STACK_DIR/stack.full" "$STACK_DIR/stack"
stack_start || e2e_die "not ready after the kill"
api GET "/api/v1/proposals/$third"
is "$(field '"\(.state) \(.given)"')" "approved 2" "after both were killed it is still approved"
child second
answers 409 "and its name is kept" duplicate_name

# A database that is gone: all of it comes back from the ledger.
proposals() { api GET /api/v1/proposals && jq -S '.data | map(del(.updated_at)) | map(.approvals |= map(del(.at)))' <<<"$body"; }
before=$(proposals)
stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without its database"
is "$(proposals)" "$before" "without its database the front-end knows the proposals from the ledger"
said=$(chancery proposal execute second)
is $? 0 "it is carried out"
like "$said" 'the CA second is active' "and there"
chancery proposal execute "$third" >/dev/null
is $? 0 "asking again is answered alike"
is "$(cas second)" 1 "there is one of it"
api GET "/api/v1/proposals/$third"
is "$(field .state)" executed "the proposal says so"
before=$(proposals)
stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without its database"
is "$(proposals)" "$before" "and so does the ledger"

# A CA over somebody else's key: a service mesh, which signs for its own workloads and nothing else.
csr_make "$work/mesh" ec:P-256 '' -subj '/O=mesh/CN=istiod' 2>/dev/null
mesh() { # JSON [QUERY]: what is asked for, with this changed
  api POST "/api/v1/issuers/$issuer/intermediates${2:-}" "$(jq -n --rawfile csr "$work/mesh.csr" --arg p "$root" --argjson more "$1" \
    '{name: "mesh", parent_ca_id: $p, csr_pem: $csr, path_len_constraint: 0, ttl_days: 90,
      name_constraints: [{permitted: ["uri:cluster.local", "dns:cluster.local", "email:invalid"], excluded: ["ip:0.0.0.0/0", "ip:::/0"]}]} + $more')"
}
mesh '{"path_len_constraint": null}'
answers 400 "without a path length" missing_field
mesh '{"name_constraints": null}'
answers 400 "without name constraints" constraints_needed
mesh '{"name_constraints": [{"permitted": [], "excluded": ["dns:example.org"]}]}'
answers 400 "with nothing but exclusions" constraints_needed
mesh '{"name_constraints": [{"permitted": ["uri:cluster.local"]}]}'
answers 400 "with a form of name that isn't limited" constraints_needed
like "$(field .error.message)" 'any DNS name.*dns:invalid' "and is told which, and what to do"
mesh '{"parent_ca_id": null}'
answers 400 "without a parent" missing_field
mesh '{"algorithm": "ECDSA-P256"}'
answers 400 "an algorithm can't be chosen for it" conflicting_fields
mesh '{"rotation": "off"}'
answers 400 "nor a rule of succession" conflicting_fields
sed 's/^M/N/' "$work/mesh.csr" >"$work/broken.csr"
mesh "$(jq -n --rawfile c "$work/broken.csr" '{csr_pem: $c}')"
answers 422 "a request that is none"
openssl req -in "$work/mesh.csr" -outform DER -out "$work/mesh.der"
size=$(stat -c %s "$work/mesh.der")
byte=$(od -An -tu1 -j $((size - 1)) -N1 "$work/mesh.der" | tr -d ' ')
printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$work/mesh.der" bs=1 seek=$((size - 1)) conv=notrunc status=none
openssl req -inform DER -in "$work/mesh.der" -out "$work/unproved.csr"
mesh "$(jq -n --rawfile c "$work/unproved.csr" '{csr_pem: $c}')"
answers 422 "without proof that its holder has the key" csr_bad_signature
mesh "$(jq -n --rawfile c "$work/mesh.key" '{csr_pem: $c}')"
answers 400 "its private key, by mistake" private_key
mesh '{"ttl_days": 1101}'
answers 400 "for longer than the signer's ceiling" validity_too_long
is "$(field .error.field)" ttl_days "the field is named"
like "$(field .error.message)" 'from 1 to 1100: .* ceiling for what root signs' "and what would be accepted"
mesh '{"ttl_days": 1100}'
answers 202 "at the ceiling"
chancery proposal reject "$(field .proposal.id)" >/dev/null
mesh '{"ttl_days": null}' '?dry_run=true'
answers 200 "for as long as is usual"
is "$(field '((.not_after | fromdate) - (.not_before | fromdate) + 1) / 86400')" 1100 "which is within the ceiling"
said=$(chancery ca create --issuer house --parent root --name mesh --foreign-csr "$work/mesh.csr" --path-len 0 --ttl-days 90 \
  --permit uri:cluster.local --permit dns:cluster.local --permit email:invalid --exclude ip:0.0.0.0/0 --exclude ip:::/0)
like "$said" "2 people's approvals" "as it should be, it needs two people"
mesh_id=$(awk '$1 == "Proposal:" { print $2 }' <<<"$said")
like "$(chancery proposal show mesh)" "OUTSIDE this ledger, over somebody else's key" "they are told that it is outside"
bytes_of "$mesh_id" "$work/mesh.bin"
hand_in alice alice "$mesh_id" "$work/mesh.bin"
answers 200 "alice agrees"
hand_in carol carol "$mesh_id" "$work/mesh.bin"
answers 201 "and carol"
mesh_ca=$(field .ca.id)
is "$(field '"\(.ca.outside_ledger) \(.ca.key_driver_id) \(.ca.state) \(.ca.subject)"')" "true null active O=mesh, CN=istiod" "it is there, marked"
field .ca.certificate_pem >"$work/mesh.crt"
is "$(openssl x509 -in "$work/mesh.crt" -noout -pubkey)" "$(openssl pkey -in "$work/mesh.key" -pubout)" "over the holder's key"
like "$(chancery ca tree)" 'mesh +active, outside .*outside this ledger +only .*uri:cluster.local' "the tree says so"
like "$(COLUMNS=60 "$CHANCERY_BUILD/chancery" --socket "$STACK_DIR/api.sock" ca tree)" '^outside: over somebody else.s key; what it signs is not on this ledger' \
  "and in words, on a narrow screen as well"
is "$(chancery --json ca show mesh | jq -c .next_rotation)" null "no successor of it is due here"
api GET "/api/v1/intermediates/$mesh_ca/charter"
answers 409 "nor has the signer a charter of it" ca_outside_ledger
like "$(chancery ca show mesh)" 'outside ledger +(yes|true)' "so does ca show"
like "$(chancery ca tree --format html)" '"outside_ledger": ?true' "and the page knows"
like "$(chancery doctor)" '1 active CA is over somebody else.s key, outside this ledger' "so does the doctor"
like "$(chancery audit list --type CERT_INTENT 2>&1)" 'CA outside this ledger O=mesh, CN=istiod' "and the ledger"
# What its holder signs, judged by others.
workload() { # FILE-STEM SAN
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/O=workload' -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'subjectAltName=critical,%s\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\nauthorityKeyIdentifier=keyid\nbasicConstraints=critical,CA:FALSE\n' "$2" >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$work/mesh.crt" -CAkey "$work/mesh.key" -set_serial 0x1122334455667788 -days 1 -extfile "$1.ext" -out "$1.crt" 2>/dev/null
}
workload "$work/pod" URI:spiffe://cluster.local/ns/shop/sa/cart
workload "$work/stray" URI:spiffe://elsewhere.example/ns/shop/sa/cart
workload "$work/web" DNS:www.example.com
verify() { openssl verify -x509_strict -CAfile "$work/root.crt" -untrusted "$work/mesh.crt" "$1"; }
succeeds "a workload's certificate verifies" verify "$work/pod.crt"
refuses "one of another trust domain doesn't" verify "$work/stray.crt"
refuses "nor one for a web site" verify "$work/web.crt"
cat "$work/pod.crt" "$work/mesh.crt" >"$work/pod.chain"
succeeds "certtool says so too" certtool --verify --load-ca-certificate "$work/root.crt" --infile "$work/pod.chain"
# It does nothing here.
issue "$mesh_ca" "$work/leaf.csr" server
answers 409 "it issues nothing here" ca_outside_ledger
child below "{\"parent_ca_id\": \"$mesh_ca\"}"
answers 409 "no CA is made below it" ca_outside_ledger
api POST "/api/v1/intermediates/$mesh_ca/rotate" '{}'
answers 409 "it has no successor here" ca_outside_ledger
api POST "/api/v1/intermediates/$mesh_ca/renew" '{}'
answers 409 "and is not renewed here" ca_outside_ledger
cas_now() { api GET "/api/v1/issuers/$issuer/intermediates" && jq -S '.data | sort_by(.id) | map(del(.updated_at, .created_at))' <<<"$body"; }
before=$(cas_now)
stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without its database"
is "$(cas_now)" "$before" "the ledger remembers it as it is"
api POST "/api/v1/intermediates/$mesh_ca/revoke" '{"reason": "cessationOfOperation"}'
answers 200 "it can be revoked"
is "$(field .state)" revoked "and is"
api GET "/api/v1/certificates?subject_ca=$mesh_ca"
is "$(field '.data[0].state')" revoked "its certificate too"

# One expires.
child late
answers 202 "one that nobody looks at"
late=$(field .proposal.id)
bytes_of "$late" "$work/late"
hand_in alice alice "$late" "$work/late"
answers 200 "but alice"
clock_pass "$clock" $((25 * 3600))
hand_in carol carol "$late" "$work/late"
answers 409 "a day later it has expired" proposal_expired
api_as carol POST "/api/v1/proposals/$late/execute" '{}'
answers 409 "and isn't carried out" proposal_expired
api GET "/api/v1/proposals/$late"
is "$(field .state)" expired "it says so"
child late
answers 202 "its name is free again"

# A successor waits for people as well.
api POST "/api/v1/intermediates/$first/rotate" '{"now": true}'
answers 202 "a successor is proposed"
is "$(field .proposal.name)" "first, G2" "by its name"
next=$(field .proposal.id)
api POST "/api/v1/intermediates/$first/rotate" '{}'
answers 202 "asking again"
is "$(field .proposal.id)" "$next" "is answered with the same one"
bytes_of "$next" "$work/next"
hand_in alice alice "$next" "$work/next"
hand_in carol carol "$next" "$work/next"
answers 201 "two agree"
is "$(field '"\(.ca.name) \(.ca.predecessor_ca_id)"')" "first, G2 $first" "and it is the CA's successor"

# Both daemons are killed at any moment around the last approval, again and again: each comes to one CA, or to none and
# says so.
RANDOM=${CHANCERY_SEED:-7}
wanted() { api GET "/api/v1/proposals/$one" && [ "$status" = 200 ]; }
for round in 1 2 3 4 5 6; do
  child "round$round"
  one=$(field .proposal.id)
  bytes_of "$one" "$work/one"
  hand_in alice alice "$one" "$work/one"
  sign carol "$work/one"
  (API_PATIENCE=20 api_as carol POST "/api/v1/proposals/$one/approvals" "$(approval carol "$work/one.carol.sig")") &
  last=$!
  delay=$((RANDOM % 60))
  [ "$round" = 1 ] || sleep "$(printf '0.%03d' "$delay")"
  kill -9 "$(pid_of signd)" "$(pid_of frontd)" 2>/dev/null
  wait "$last"
  stack_until 120 stack_ready || e2e_die "not ready after a kill"
  stack_until 60 wanted
  if [ "$(field .given)" = 1 ]; then
    api_as carol POST "/api/v1/proposals/$one/approvals" "$(approval carol "$work/one.carol.sig")"
  else
    api_as carol POST "/api/v1/proposals/$one/execute" '{}'
  fi
  came="$status $(field .error.code) $(cas "round$round")"
  like "$came" '^(20[01]  1|409 proposal_failed 0)$' "killed after $delay ms: one CA, or none"
  api GET "/api/v1/proposals/$one"
  like "$(field .state)" '^(executed|failed)$' "and the proposal says which"
done

# Duties that come together are named, and who asks has to sign as well.
says() { if grep -qF -- "$1" <<<"$doctor"; then pass "$2"; else fail "$2" "$doctor"; fi; }
doctor=$(chancery doctor)
says 'Approvals are asked for; admin, approver and auditor are told apart.' "the doctor sees duties told apart"
stack_stop
sed -i -e 's/new_ca = 2;/new_ca = 1;/' -e "s|approvals = {|& requesters = $(pinned rita carol);|" "$STACK_DIR/conf/signd.conf"
sed -i -e 's/^ *approver = .*/  approver = [ "uid:0", "uid:54331", "uid:54333" ];/' -e 's/^ *auditor = .*/  auditor = [ "uid:0", "uid:54331" ];/' \
  "$STACK_DIR/conf/frontd.conf"
sed -i 's/subca_foreign = 2;/resume = 1;/' "$STACK_DIR/conf/signd.conf"
stack_start || e2e_die "not ready with other duties"
doctor=$(chancery doctor)
says 'is both admin and auditor.' "an admin who audits"
says 'Give roles.auditor in frontd.conf to somebody who can change nothing' "and what would be better"
says 'is both admin and approver.' "an admin who approves"
says 'is both approver and auditor.' "an approver who audits"
says "The key of carol is pinned as an approver's and as a requester's." "a requester who approves"
says 'One approval is enough for a new CA (approvals.new_ca).' "one approval that is enough"
says 'One approval is enough for lifting a latch (approvals.resume).' "for this, too"
mesh '{"name": "mesh2", "subject": {"common_name": "mesh2"}}'
answers 409 "a CA over an outside key is never made without approvals" approvals_not_configured
child asked
answers 202 "a CA that its requester has to sign for"
asked=$(field .proposal.id)
bytes_of "$asked" "$work/asked"
hand_in alice alice "$asked" "$work/asked"
answers 200 "it has its approval"
is "$(field '"\(.proposal.state) \(.proposal.given) \(.proposal.requester_signs)"')" "open 1 true" "but not its requester's signature"
api_as alice POST "/api/v1/proposals/$asked/execute" '{}'
answers 409 "so it isn't carried out" proposal_unready
person carol proposal approve "$asked" --yes --key "$people/carol.key" --as-requester >/dev/null
is $? 0 "carol signs as the requester"
is "$(cas asked)" 1 "and the CA is there"
child mine
mine=$(field .proposal.id)
bytes_of "$mine" "$work/mine"
sign carol "$work/mine"
api_as carol POST "/api/v1/proposals/$mine/approvals" "$(approval carol "$work/mine.carol.sig")"
answers 200 "carol approves"
api_as carol POST "/api/v1/proposals/$mine/approvals" "$(approval carol "$work/mine.carol.sig" requester)"
like "$status $(field .error.code)" '^(403 approval_own|409 approval_twice)$' "then she is not its requester"
sign rita "$work/mine"
api POST "/api/v1/proposals/$mine/approvals" "$(approval rita "$work/mine.rita.sig" requester)"
answers 201 "rita is, from the account that asked"

# Roots from elsewhere, and what they sign, where people say which.
stack_stop
sed -i -e 's/new_ca = 1;/new_ca = 1; import_root = 1;/' -e '$a import_roots = "approved";' "$STACK_DIR/conf/signd.conf"
sed -i -e 's/ requesters = ([^)]*);//' -e '/^classes = /d' "$STACK_DIR/conf/signd.conf"
sed -i -e 's/^ *approver = .*/  approver = [ "uid:54331", "gid:54441" ];/' -e 's/^ *auditor = .*/  auditor = [ "gid:54441" ];/' \
  "$STACK_DIR/conf/frontd.conf"
stack_start || e2e_die "not ready with approved roots"
doctor=$(chancery doctor)
says 'gid 54441 is both approver and auditor.' "a group that two roles name is named, whoever is in it"
mesh '{"name": "mesh2"}'
answers 400 "a CA over an outside key needs a class of key that may sign it" kind
like "$(field .error.message)" 'signd.conf would have to list "subca-foreign" in classes.root.kinds' "and is told so"
agree() { # PROPOSAL: one person's approval
  bytes_of "$1" "$work/agreed"
  hand_in alice alice "$1" "$work/agreed"
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj '/CN=Vault Root' -days 4000 -keyout "$work/vault.key" \
  -addext keyUsage=critical,keyCertSign,cRLSign -out "$work/vault.pem" 2>/dev/null
said=$(chancery ca register --issuer house --name vault --cert "$work/vault.pem")
like "$said" "1 person's approval" "a root from elsewhere waits for somebody"
like "$(chancery proposal show vault)" 'a root from elsewhere' "who is told what it is"
vault=$(awk '$1 == "Proposal:" { print $2 }' <<<"$said")
agree "$vault"
answers 201 "approved, it is registered"
is "$(field '"\(.ca.name) \(.ca.state) \(.ca.key_driver_id)"')" "vault active null" "as a certificate only"
vault=$(field .ca.id)
child below-vault "{\"parent_ca_id\": \"$vault\"}"
answers 201 "a CA below it, whose certificate is signed elsewhere"
below=$(field .id)
chancery ca csr "$below" --out "$work/below.csr" >/dev/null
printf 'basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n' >"$work/below.ext"
openssl x509 -req -in "$work/below.csr" -CA "$work/vault.pem" -CAkey "$work/vault.key" -set_serial 0x1122334455667788 -days 300 \
  -extfile "$work/below.ext" -out "$work/below.pem" 2>/dev/null
said=$(chancery ca certificate "$below" "$work/below.pem")
like "$said" "1 person's approval" "bringing it in waits for somebody, too"
brought=$(awk '$1 == "Proposal:" { print $2 }' <<<"$said")
api POST "/api/v1/intermediates/$below/certificate" "$(jq -n --rawfile p "$work/below.pem" '{certificate_pem: $p}')"
answers 202 "bringing it in again"
is "$(field .proposal.id)" "$brought" "is answered with the same proposal"
agree "$brought"
answers 200 "approved, it is brought in"
is "$(field '"\(.proposal.state) \(.ca.state)"')" "executed active" "and the CA is active"
before=$(cas_now)
waiting=$(proposals)
stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without its database"
is "$(cas_now)" "$before" "the ledger remembers both"
is "$(proposals)" "$waiting" "and what was approved of them"

# All of it is on the ledger, and an auditor believes nobody.
api GET "/api/v1/audit?type=APPROVED&limit=100"
is "$(field '.data | length')" "$(chancery --json proposal list | jq '[.data[].approvals[]] | length')" "each approval is on the ledger"
like "$(chancery audit list --type PROPOSED)" 'proposed to people: CA vault, asked for by uid:0' "in words, too"
like "$(chancery audit list --last 1000 --type PROPOSED)" 'proposed to people: CA outside this ledger, mesh, asked for' "a CA outside it, as such"

# A cross-certificate opens another way to a CA, and can't be proposed.
api POST "/api/v1/issuers/$issuer/intermediates" '{"name": "other", "subject": {"common_name": "Other Root"}, "algorithm": "ECDSA-P256",
  "path_len_constraint": 3, "ttl_days": 4000}'
answers 201 "another root"
other=$(field .id)
api POST "/api/v1/intermediates/$first/cross" "{\"issuer_ca_id\": \"$other\"}"
answers 409 "a cross-certificate by it" approval_needed
like "$(field .error.message)" 'approvals.new_ca of signd.conf to 0' "and who may change that"
tap_done
