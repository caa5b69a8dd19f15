#!/usr/bin/env bash
# The ledger against the database: whatever one has and the other lacks is named; a database from a backup, and none at
# all, catch up with everything that the ledger knows; and an auditor's tools on the ledger of running daemons.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
chancery=$CHANCERY_BUILD/chancery
export CHANCERY_SOCKET=$STACK_DIR/api.sock CHANCERY_LEDGER=$STACK_DIR/signer/ledger
audit() { "$chancery" audit "$@" >"$work/out" 2>"$work/err"; }
# A front-end between which and the signer somebody may stand.
stack_folders
stack_token >/dev/null || e2e_die "no token"
stack_configure
sed -i "s|^sign_socket = .*|sign_socket = \"$work/forger.sock\";|" "$STACK_DIR/conf/frontd.conf"
python3 "$CHANCERY_SOURCE/tests/e2e/forger.py" "$work/forger.sock" "$STACK_DIR/sign/sign.sock" "$work/words" &
stack_until 100 test -S "$work/forger.sock" || e2e_die "nobody between front-end and signer"
stack_init || e2e_die "no ledger"
stack_start || e2e_die "the stack is not ready"
stack_until 60 token_ready || e2e_die "the token is not ready"
hierarchy_make rec ECDSA-P256 ECDSA-P256 ECDSA-P256
other=$(ca_make "$issuer" other ECDSA-P256 0 "$policy")
for i in 1 2 3; do
  csr_make "$work/leaf$i" ec:P-256 "DNS:www$i.example.com"
  issue "$issuing" "$work/leaf$i.csr" server
done
answers 201 "leaves"
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//' | tr A-F a-f; }

# --- the ledger of running daemons
audit verify
is $? 0 "it is verified while its signer runs"
succeeds "the other reader agrees" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$CHANCERY_LEDGER"
succeeds "the log key" "$chancery" audit key --out "$work/log.pub"
serial=$(serial_of "$work/leaf2.crt")
proved() { "$chancery" audit prove --ca "$1" --serial "$serial" --out "$work/proof" >"$work/out" 2>"$work/err"; }
stack_until 60 proved rec-issuing
is $? 0 "a certificate is proved by its CA's name and its serial number" || cat "$work/err"
succeeds "by its CA's id" "$chancery" audit prove --ca "$issuing" --serial "$(sed 's/../&:/g; s/:$//' <<<"$serial" | tr a-f A-F)" --out "$work/proof"
succeeds "by itself" "$chancery" audit prove --certificate "$work/leaf2.crt" --out "$work/proof2"
succeeds "the same proof, but for the head" diff <(sed '/^$/,$d' "$work/proof" | grep -A1 '^record') <(sed '/^$/,$d' "$work/proof2" | grep -A1 '^record')
succeeds "it holds, for this certificate" "$chancery" audit check-proof "$work/proof2" --key "$work/log.pub" --certificate "$work/leaf2.crt" --out "$work/proved.pem"
is "$(openssl x509 -in "$work/proved.pem" -outform DER | sha256sum)" "$(openssl x509 -in "$work/leaf2.crt" -outform DER | sha256sum)" "which the proof itself holds"
succeeds "for the other reader too" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" --proof "$work/proof2" "$work/log.pub"
audit check-proof "$work/proof2" --key "$work/log.pub" --certificate "$work/leaf1.crt"
is $? 10 "and not for another"
succeeds "a CA is proved like that" "$chancery" audit prove --certificate "$work/rec-issuing.crt" --out "$work/proof"
audit prove --ca rec-issuing --serial 0102
is $? 5 "a serial number that nobody signed"
audit prove --ca nobody --serial "$serial"
is $? 5 "a CA that isn't there"
"$chancery" audit export --jsonl >"$work/online"
"$chancery" audit export --ledger "$CHANCERY_LEDGER" --to "$(($(wc -l <"$work/online") - 1))" >"$work/offline"
is "$(jq -cS . "$work/offline" | sha256sum)" "$(jq -cS . "$work/online" | sha256sum)" "the service and the files give the same records"
is "$("$chancery" audit export --ledger "$CHANCERY_LEDGER" --raw --to 0 | jq -r .leaf | base64 -d | sha256sum | cut -c1-8)" \
  "$(dd if="$CHANCERY_LEDGER/0000000000000000.seg" bs=1 skip=80 count="$("$chancery" audit export --ledger "$CHANCERY_LEDGER" --raw --to 0 | jq -r .leaf | base64 -d | wc -c)" status=none | sha256sum | cut -c1-8)" "raw, to the byte"
"$chancery" audit export --ledger "$CHANCERY_LEDGER" --follow --type CERT_INTENT >"$work/followed" &
follower=$!
"$chancery" audit checkpoint --follow --key "$work/log.pub" >"$work/heads" &
heads=$!
grows() { [ "$(wc -l <"$1")" -gt "$2" ]; }
stack_until 60 grows "$work/followed" 3 || fail "nothing is followed"
stack_until 60 grows "$work/heads" 5
n=$(wc -l <"$work/followed")
[ "$(id -u)" != 0 ] || chgrp -R 4242 "$CHANCERY_LEDGER"
chmod 2750 "$CHANCERY_LEDGER"
csr_make "$work/leaf4" ec:P-256 DNS:www4.example.com
issue "$issuing" "$work/leaf4.csr" server
stack_until 60 grows "$work/followed" "$n"
is $? 0 "new records are followed"
stack_until 60 grows "$work/heads" 6
is $? 0 "new heads are followed"
if [ "$(id -u)" = 0 ]; then
  is "$(stat -c %g:%a "$CHANCERY_LEDGER/checkpoint")" 4242:640 "what the signer writes belongs to the folder's group"
else
  skip "what the signer writes belongs to the folder's group" "not root"
fi
kill "$follower" "$heads"
wait "$follower" "$heads" 2>/dev/null
audit verify --head "$work/heads" --key "$work/log.pub" --json
is "$? $(jq '[.heads[].holds] | length > 2 and all' "$work/out")" "0 true" "all heads that were kept hold"

# --- everything that can happen to a certificate
stack_stop
cp -r "$STACK_DIR/db" "$work/backup"
stack_start || e2e_die "not ready"
csr_make "$work/leaf5" ec:P-256 DNS:www5.example.com
issue "$issuing" "$work/leaf5.csr" server
answers 201 "a leaf after the backup"
late=$(ca_make "$issuer" late ECDSA-P256 0 "$policy")
api POST "/api/v1/intermediates/$other/retire" '{}'
api POST "/api/v1/intermediates/$other/retire" '{"confirm": true}'
is "$(field .state)" retired "a CA is retired"
revoked=$(serial_of "$work/leaf5.crt")
succeeds "a revocation's note" python3 "$CHANCERY_SOURCE/tests/e2e/note.py" "$STACK_DIR/sign/sign.sock" "$(cat "$STACK_DIR/conf/ledger_id")" 3 \
  "{\"op\":\"revoke\",\"ca\":\"$issuing\",\"serial\":\"$revoked\",\"reason\":\"1\"}"
# Lost: the signer dies while the token signs.
at_least() { [ "$("$chancery" audit export --type "$1" 2>/dev/null | wc -l)" -ge "$2" ]; }
n=$("$chancery" audit export --type CERT_INTENT | wc -l)
kill -STOP "$(pid_of driver)"
csr_make "$work/leaf6" ec:P-256 DNS:www6.example.com
curl -s -o /dev/null --max-time 100 -H 'Content-Type: application/json' --unix-socket "$STACK_DIR/api.sock" \
  --data-binary "$(jq -n --rawfile csr "$work/leaf6.csr" '{csr_pem: $csr, profile: "server"}')" \
  "http://localhost/api/v1/intermediates/$issuing/certificates" &
client=$!
stack_until 100 at_least CERT_INTENT $((n + 1)) || diag "no intent"
old=$(pid_of signd)
kill -KILL "$old"
kill -CONT "$(pid_of driver)"
stack_until 100 stack_ready
stack_until 100 at_least LOST 1
is $? 0 "a signature is lost"
wait "$client" 2>/dev/null
stack_until 60 token_ready
# Withheld: what comes back says something else. The CA issues nothing after that.
printf 'true.example.com\nfake.example.com\n' >"$work/words"
csr_make "$work/leaf7" ec:P-256 DNS:true.example.com
issue "$late" "$work/leaf7.csr" server
answers 503 "a certificate is withheld" certificate_withheld
rm "$work/words"
noted() { "$chancery" audit export --type NOTE | jq -e 'select(.context.op == "withheld")' >/dev/null; }
stack_until 100 noted
is $? 0 "which goes to the ledger"

# The note of the revocation was made beside the front-end, so it reads it with the next restart.
stack_stop
stack_start || e2e_die "not ready"
state() { # all that there is, as a caller sees it
  "$chancery" cert list --json --limit 1000 | jq -S '[.data[] | {serial, state, ledger_seq, profile, not_after, ca_id, kind, revoked: (.revoked_at != null)}
    | if .state == "withheld" then del(.serial) else . end] | sort_by(.ledger_seq)'
  "$chancery" ca list --json | jq -S '[.data[] | {id, name, state, fingerprint, held: (.held != null), ledger_seq}] | sort_by(.id)'
}
state >"$work/before"
is "$("$chancery" cert list --state lost --json | jq -c '[.data[] | [.state, .fingerprint, .names[0]]]')" '[["lost",null,"dns:www6.example.com"]]' "the lost one is listed by itself"
is "$("$chancery" cert list --state withheld --json | jq -c '[.data[].state]')" '["withheld"]' "and the withheld one"
is "$("$chancery" cert list --state revoked --json | jq -r '.data[].serial')" "$revoked" "and the revoked one"
lost=$("$chancery" cert list --state lost --json | jq -r '.data[0].serial')
is "$("$chancery" cert show --ca "$issuing" --serial "$lost" --json | jq '.certificate_pem')" null "nobody is given what was lost"
issue "$late" "$work/leaf7.csr" server
answers 409 "the CA of the withheld one issues nothing" ca_held

counts='[.certificates, .lost, .revocations, .withheld, .cas] | map(.ledger == .database) | all'
audit reconcile --json
is "$? $(jq -c '[.findings[].code]' "$work/out") $(jq "$counts" "$work/out")" '9 ["withheld_differs"] true' "reconciled, but for what came back forged"
audit reconcile
like "$(tail -n 1 "$work/out")" '^Reconciled: every signature has its row' "in words"

restored() { # WHAT
  state >"$work/after"
  succeeds "$1: everything is back" diff "$work/before" "$work/after"
  audit reconcile --json
  is "$? $(jq "$counts" "$work/out") $(jq -c '[.findings[].code]' "$work/out")" '0 true []' "$1: reconciled"
  csr_make "$work/again" ec:P-256 DNS:again.example.com
  issue "$other" "$work/again.csr" server
  answers 409 "$1: case 42: a retired CA issues nothing"
  issue "$late" "$work/leaf7.csr" server
  answers 409 "$1: nor does the CA of the withheld one" ca_held
}
stack_stop
rm -rf "$STACK_DIR"/db/*
cp -p "$work"/backup/* "$STACK_DIR/db/"
stack_start || e2e_die "not ready with its backup"
restored "an old backup"
stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without a database"
restored "no database at all"
issue "$issuing" "$work/again.csr" server
answers 201 "and it goes on"
state >"$work/before"

# --- what somebody did to the database
sql() {
  stack_stop
  sqlite3 "$STACK_DIR/db/chancery.sqlite" "$1"
  stack_start || e2e_die "not ready"
}
differs() { # WHAT CODES
  audit reconcile --json
  is "$? $(jq -r '[.findings[].code] | unique | join(" ")' "$work/out")" "10 $2" "$1"
}
stack_stop
cp -r "$STACK_DIR/db" "$work/good"
good() {
  stack_stop
  rm -rf "$STACK_DIR"/db/*
  cp -p "$work"/good/* "$STACK_DIR/db/"
}
one="serial = x'$serial'"
good
sql "DELETE FROM certificate_name WHERE certificate = (SELECT n FROM certificate WHERE $one); DELETE FROM certificate WHERE $one"
differs "a row that is gone" signature_without_row
like "$(jq -r '.findings[0].message' "$work/out")" "^The ledger's record [0-9]+ is of a certificate that was signed" "in a sentence"
good
sql "INSERT INTO certificate SELECT n + 1000, CAST(x'aa' || substr(fingerprint, 2) AS BLOB), mark, ca, x'7777', kind, state, profile, subject, not_before, not_after, actor,
  CAST(x'11' || substr(request_id, 2) AS BLOB), 1, created_at, revoked_at, revocation_reason, why, der, noted, unlisted FROM certificate WHERE $one"
differs "a row that nobody signed" row_without_signature
good
sql "UPDATE certificate SET fingerprint = CAST(x'aa' || substr(fingerprint, 2) AS BLOB) WHERE $one"
differs "a row of another certificate" certificate_differs
good
sql "UPDATE certificate SET state = 'active' WHERE state = 'lost'"
differs "a lost one that is called good" state_differs
good
sql "UPDATE certificate SET state = 'active', revoked_at = 0 WHERE state = 'revoked'"
differs "a revocation undone" revocation_missing
good
sql "UPDATE certificate SET state = 'revoked', revoked_at = 5 WHERE $one"
differs "a revocation that nobody noted" revocation_without_record
good
sql "UPDATE ca SET state = 'active' WHERE id = '$other'"
differs "a retired CA that is active again" transition_missing
good
sql "UPDATE ca SET state = 'retiring' WHERE id = '$issuing'"
differs "a step that nobody noted" transition_without_record
good
stack_start || e2e_die "not ready"
cp -r "$CHANCERY_LEDGER" "$work/copy"
rm "$work/copy/checkpoint"
audit reconcile --ledger "$work/copy" --json
is "$? $(jq -r '[.findings[].code] | unique | join(" ")' "$work/out")" "9 checkpoint_missing" "against a copy that nobody signed, with a warning"
python3 "$CHANCERY_SOURCE/tests/e2e/ledger_forge.py" flip "$work/copy" 5
audit reconcile --ledger "$work/copy" --json
is "$? $(jq -r '[.findings[].code] | contains(["record_bytes"])' "$work/out")" "10 true" "against a damaged one it says so"

# --- a responder's certificate and a CRL that this database never saw
good
stack_start || e2e_die "not ready"
key_of() { # CA: its key's id, as the probe wants it
  api GET "/api/v1/intermediates/$1"
  field .key_driver_id | sed 's/.*[:;]id=//; s/[;?].*//; s/%//g' | xxd -r -p
}
mkdir -p "$work/probe"
key_of "$issuing" >"$work/probe/one.key"
is "$(stat -c %s "$work/probe/one.key")" 16 "the CA's key"
probe() { "$CHANCERY_BUILD/tests/e2e/crl_probe" "$STACK_DIR/sign/sign.sock" "$(cat "$STACK_DIR/conf/ledger_id")" "$work/probe" "$@" 2>>"$work/probed"; }
is "$(probe key resp main ECDSA-P256)" 0 "a responder's key"
is "$(probe responder resp one)" 0 "a responder's certificate"
is "$(probe crl one first number=1)" 0 "a CRL"
is "$(probe ocsp one resp said "#77:unknown")" 0 "an OCSP answer"
state >"$work/before"
kind_three() {
  "$chancery" cert list --json --limit 1000 | jq -r --arg serial "$(openssl x509 -inform DER -in "$work/probe/resp.der" -noout -serial | sed 's/.*=//' | tr A-F a-f)" \
    '.data[] | select(.serial == $serial) | "\(.kind) \(.state) \(.ca_id)"'
}
caught_up() { # WHAT
  like "$(kind_three)" "^(other|[a-z_-]*responder) active $issuing\$" "$1: the responder's certificate is there"
  audit reconcile --json
  is "$? $(jq "$counts" "$work/out") $(jq -c '[.findings[].code]' "$work/out")" '0 true []' "$1: reconciled"
  is "$(jq -c '[.crls.ledger, (.crls.lost | length)]' "$work/out")" '[1,0]' "$1: the CRL is counted"
  csr_make "$work/after" ec:P-256 DNS:after.example.com
  issue "$issuing" "$work/after.csr" server
  answers 201 "$1: the CA issues"
}
stack_stop
stack_start || e2e_die "not ready with a responder on the ledger"
caught_up "a database that goes on"
stack_stop
rm -rf "$STACK_DIR"/db/*
stack_start || e2e_die "not ready without a database and with a responder"
caught_up "none at all"

# A CRL whose signature the driver never gave: its signer dies meanwhile.
kill -STOP "$(pid_of driver)"
probe crl one second number=2 &
client=$!
crl_intents() { [ "$("$chancery" audit export --type CRL_INTENT 2>/dev/null | wc -l)" -ge 2 ]; }
stack_until 100 crl_intents || diag "no intent"
kill -KILL "$(pid_of signd)"
kill -CONT "$(pid_of driver)"
wait "$client" 2>/dev/null
stack_until 100 stack_ready
stack_until 60 token_ready
audit reconcile --json
is "$(jq -c '[.crls.ledger, .crls.lost[].number, .crls.lost[].ca_key]' "$work/out")" "[1,2,\"$(xxd -p "$work/probe/one.key")\"]" "a CRL without a result is named"
audit reconcile
like "$(cat "$work/out")" 'CRL number 2 of key [0-9a-f]{32} has no result' "in a sentence"
tap_done
