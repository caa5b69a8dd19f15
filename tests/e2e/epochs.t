#!/usr/bin/env bash
# An older ledger under a newer database: nothing is signed until root, with the approvals that signd.conf asks for, opens
# a new epoch; what was lost is listed and saved; what the keys really signed is brought back. And a latch that people lift.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
chancery=$CHANCERY_BUILD/chancery
export CHANCERY_SOCKET=$STACK_DIR/api.sock CHANCERY_LEDGER=$STACK_DIR/signer/ledger
person() { # NAME
  openssl ecparam -name prime256v1 -genkey -noout -out "$work/$1.key"
  openssl ec -in "$work/$1.key" -pubout -out "$work/$1.pem" 2>/dev/null
  chmod 0644 "$work/$1.pem"
}
for name in alice bob mallory; do person "$name"; done
E2E_SIGND='checkpoint_seconds = 1; classes = { root = { kinds = [ "ca", "subca-foreign" ]; }; };'
e2e_up
cat >>"$STACK_DIR/conf/signd.conf" <<-CONF
	approvals = {
	  approvers = ( { name = "alice"; key = "$work/alice.pem"; }, { name = "bob"; key = "$work/bob.pem"; } );
	  resume = 1; epoch = 2; subca_foreign = 1;
	};
CONF
conf=$STACK_DIR/conf/signd.conf
signd() { "$CHANCERY_BUILD/chancery-signd" --config "$conf" "$@" >"$work/out" 2>"$work/err"; }
proposal=$STACK_DIR/signer/word.proposal
sign() { openssl dgst -sha256 -sign "$work/$1.key" -out "$work/$1.sig" "${2:-$proposal}"; }
said() { like "$(cat "$work/out" "$work/err")" "$1" "$2"; }
leaf() { issue "$issuing" "$work/leaf.csr" server; }
signs() { leaf && [ "$status" = 201 ]; }
crl_fetch() { curl -s -S --max-time 60 --unix-socket "$STACK_DIR/pki.sock" -o "$work/crl" "http://localhost/pki/$issuing/crl"; }
crl_number() { crl_fetch && echo $((16#$(openssl crl -inform DER -in "$work/crl" -noout -crlnumber | sed 's/.*0x//'))); }
revoke() { api POST "/api/v1/intermediates/$issuing/certificates/$1/revoke" '{"reason":"keyCompromise"}'; }
put_back() { # the ledger as it was then
  stack_stop
  rm -rf "$STACK_DIR/signer"
  cp -rp "$work/old" "$STACK_DIR/signer"
  STACK_PATIENCE=5
  if stack_start; then fail "the front-end knows more than the ledger"; else pass "the front-end knows more than the ledger"; fi
  STACK_PATIENCE=60
  stack_until 60 test -s "$STACK_DIR/signer/latched.rollback"
  is $? 0 "the signer keeps how much that was"
}
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//' | tr A-F a-f; }
stack_stop
stack_start || e2e_die "not ready"
stack_until 60 token_ready || e2e_die "the token is not ready"
hierarchy_make epoch ECDSA-P256 ECDSA-P256 ECDSA-P256
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
leaf
answers 201 "a leaf"

# Latched by an operator's mistake: the ledger failed, says a marker.
stack_stop
: >"$STACK_DIR/signer/latched.ledger"
stack_start || e2e_die "not ready"
leaf
answers 503 "a signer that has latched" latched
signd --resume "the disk was replaced"
[ $? != 0 ] && pass "root alone doesn't lift it" || fail "root alone doesn't lift it"
said '^To approve: +a signer that has stopped goes on' "the command shows what is to be approved"
said 'Reason: +the disk was replaced' "why"
said 'Latched: +The ledger could not be written' "and what has latched"
leaf
answers 503 "nothing is signed yet" latched
sign mallory
signd --resume "the disk was replaced" --approval "$work/mallory.sig"
said '0 of these 1 signatures' "a signature of nobody who may approve"
sign alice
signd --resume "something else" --approval "$work/alice.sig"
said 'not what would be done now' "another reason than the approved one"
succeeds "with an approval it is lifted" "$CHANCERY_BUILD/chancery-signd" --config "$conf" --resume "the disk was replaced" --approval "$work/alice.sig"
stack_until 60 signs
is $? 0 "it signs again"
[ ! -e "$proposal" ] && pass "the proposal is gone" || fail "the proposal is gone"

# What waits for people when the backup is made.
csr_make "$work/mesh" ec:P-256 '' -subj '/O=mesh/CN=istiod' 2>/dev/null
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile csr "$work/mesh.csr" --arg p "$root" \
  '{name: "mesh", parent_ca_id: $p, csr_pem: $csr, path_len_constraint: 0, ttl_days: 90,
    name_constraints: [{permitted: ["uri:cluster.local", "dns:cluster.local", "email:invalid"], excluded: ["ip:0.0.0.0/0", "ip:::/0"]}]}')"
answers 202 "a CA over somebody else's key is proposed"
mesh=$(field .proposal.id)

# The ledger is put back.
stack_stop
cp -rp "$STACK_DIR/signer" "$work/old"
stack_start || e2e_die "not ready"
stack_until 60 token_ready
leaf
answers 201 "a leaf that the ledger will forget"
cp "$work/leaf.crt" "$work/late.crt"
late=$(serial_of "$work/late.crt")
revoke "$late"
answers 200 "which is revoked"
lost_number=$(crl_number)
like "$lost_number" '^[1-9]' "on a CRL that somebody has fetched"
lost_ca=$(ca_make "$issuer" late-ca ECDSA-P256 0 "$policy")
heads() { "$chancery" audit checkpoint >"$work/head" && [ "$(sed -n 2p "$work/head")" -gt "$kept" ]; }
kept=$("$chancery" --json audit verify "$work/old/ledger" | jq .records)
stack_until 60 heads
is $? 0 "a head over all of that is kept elsewhere"
leaf
answers 201 "another leaf"
put_back
leaf
is "$status" 503 "nothing is signed"
before=$(cat "$CHANCERY_LEDGER"/*.seg | sha256sum)

# What was lost.
mkdir "$work/lost"
"$chancery" audit reconcile --lost "$work/lost" >"$work/out" 2>"$work/err"
is $? 10 "the database has more than the ledger"
said "$late.*the ledger ends before.*to be revoked again" "what that is"
said "CA $lost_ca .late-ca.*the ledger ends before" "a CA, too"
is "$(openssl x509 -in "$work/lost/$lost_ca.pem" -noout -subject -nameopt RFC2253 | grep -c late-ca)" 1 "whose certificate is saved"
is "$(openssl x509 -in "$work/lost/$issuing-$late.pem" -noout -fingerprint -sha256)" \
  "$(openssl x509 -in "$work/late.crt" -noout -fingerprint -sha256)" "and it is saved"

# A new epoch, which two people have to agree to.
signd --resume "the newer ledger is lost"
said 'open a new epoch with --epoch' "--resume is not enough"
signd --epoch "the newer ledger is lost"
said 'a ledger that was put back to an older state goes on' "--epoch asks for approvals"
said 'records were known: those from [0-9]+ on are lost' "and says how much is lost"
is "$(cat "$CHANCERY_LEDGER"/*.seg | sha256sum)" "$before" "until then nothing is written"
[ -s "$proposal" ] && pass "the proposal is there to be signed" || fail "the proposal is there to be signed"
sign alice
signd --epoch "the newer ledger is lost" --approval "$work/alice.sig"
said '1 of these 1 signatures' "one approval of two"
signd --epoch "the newer ledger is lost" --approval "$work/alice.sig" --approval "$work/alice.sig"
said '1 of these 2 signatures' "the same approval twice"
sign bob
cp "$work/alice.sig" "$work/bob.sig" "$work/lost/"
cp "$proposal" "$work/lost/proposal"
succeeds "two approvals open the epoch" "$CHANCERY_BUILD/chancery-signd" --config "$conf" --epoch "the newer ledger is lost" \
  --approval "$work/alice.sig" --approval "$work/bob.sig"
[ ! -e "$STACK_DIR/signer/latched.rollback" ] && pass "the latch is open" || fail "the latch is open"

refuses_database() { "$chancery" status >"$work/out" 2>&1; grep -q 'move it away' "$work/out"; }
stack_until 60 refuses_database
is $? 0 "the front-end is told that its database has what is lost" || diag "$(cat "$work/out")"
signd --epoch "once more"
said 'Nothing says that this ledger was rolled back' "there is none to be opened without need"

# The database is made anew from the ledger, and the certificate comes back.
stack_stop
mv "$STACK_DIR/db" "$work/db.newer"
stack_folders
stack_start || e2e_die "not ready with an empty database"
stack_until 60 token_ready
stack_until 60 signs
is $? 0 "it signs again"
api GET "/api/v1/proposals/$mesh"
is "$status $(field .state)" "200 expired" "what was proposed in the first epoch is void"
like "$(field .why)" "new epoch" "and says why"
api POST "/api/v1/proposals/$mesh/execute" '{}'
like "$status $(field .error.code)" '^409 proposal_' "nobody carries it out"
api GET "/api/v1/intermediates/$issuing/certificates/$late"
answers 404 "what the ledger lost is on no book"
succeeds "cert admit" "$chancery" cert admit "$issuing" "$work/lost/$issuing-$late.pem"
api GET "/api/v1/intermediates/$issuing/certificates/$late"
answers 200 "it is known again"
revoke "$late"
answers 200 "and revoked again"
number=$(crl_number)
[ "$number" -gt "$lost_number" ] && pass "on a CRL with a higher number than any that was lost" || fail "on a CRL with a higher number than any that was lost" "$number"
like "$(openssl crl -inform DER -in "$work/crl" -noout -text | tr A-F a-f)" "$late" "which lists it"
in_step() { "$chancery" audit reconcile >"$work/out" 2>"$work/err"; }
stack_until 60 in_step
is $? 0 "ledger and database agree" || diag "$(cat "$work/out" "$work/err")"
"$chancery" audit list --type EPOCH --last 100 >"$work/out"
said 'epoch 2 from [0-9]+ on.*the newer ledger is lost; [0-9]+ records are lost' "the epoch, its reason and what was lost are on the ledger"
"$chancery" --json audit verify >"$work/out"
is "$? $(jq -c '[.errors, .approved]' "$work/out")" "0 [0,2]" "audit verify finds both approvals"
succeeds "and the other reader" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$CHANCERY_LEDGER"
"$chancery" audit verify --head "$work/head" >"$work/out"
is $? 9 "a head over what was lost isn't forgery"
said 'were lost before epoch 2' "and it says so"
stack_stop
stack_start || e2e_die "not ready"
stack_until 60 token_ready
stack_until 60 signs
is $? 0 "it stays open over a restart"
crl_fetch
before=$(crl_number)

# Back once more, with what was agreed to then.
put_back
cp "$work/lost/proposal" "$proposal"
signd --epoch "the newer ledger is lost" --approval "$work/lost/alice.sig" --approval "$work/lost/bob.sig"
said 'not what would be done now' "approvals of one epoch open no other"
signd --epoch "lost again"
said '^New epoch: +3' "the next one has a number of its own"
sign alice
sign bob
succeeds "it is opened" "$CHANCERY_BUILD/chancery-signd" --config "$conf" --epoch "lost again" \
  --approval "$work/alice.sig" --approval "$work/bob.sig"
stack_stop
rm -rf "$STACK_DIR/db"
stack_folders
stack_start || e2e_die "not ready with an empty database"
stack_until 60 token_ready
stack_until 60 signs
is $? 0 "it signs again"
revoke "$(serial_of "$work/leaf.crt")"
answers 200 "a revocation"
number=$(crl_number)
[ "$number" -gt "$before" ] && pass "CRL numbers go on upwards" || fail "CRL numbers go on upwards" "$number after $before"
"$chancery" --json audit verify >"$work/out"
is "$? $(jq -c .errors "$work/out")" "0 0" "audit verify"
tap_done
