#!/usr/bin/env bash
# A backup of a running stack under load; all of the host lost but its token; the backup put back on another host. What
# was signed after the backup is noticed, and the operator's steps are the ones that chancery-backup(7) tells. Then a standby.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
chancery=$CHANCERY_BUILD/chancery
export CHANCERY_SOCKET=$STACK_DIR/api.sock CHANCERY_LEDGER=$STACK_DIR/signer/ledger
mkdir "$STACK_DIR/elsewhere"
: >"$work/issued"
echo 00000000000000000000000000000001 >"$STACK_DIR/elsewhere/machine-id"
E2E_SIGND="head_file = \"$STACK_DIR/elsewhere/head\"; machine_id_file = \"$STACK_DIR/elsewhere/machine-id\"; checkpoint_seconds = 1;"
e2e_up
hierarchy_make store ECDSA-P256 ECDSA-P256 ECDSA-P256
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
issue "$issuing" "$work/leaf.csr" server
answers 201 "a leaf"
succeeds "the log key is kept" "$chancery" audit key --out "$work/log.pub"

backup() { "$chancery" backup "$@" --conf "$STACK_DIR/conf" >"$work/out" 2>"$work/err"; }
verify() { "$chancery" backup verify "$@" >"$work/out" 2>"$work/err"; }

# --- while leaves are issued
(
  while [ ! -e "$work/enough" ]; do
    issue "$issuing" "$work/leaf.csr" server
    [ "$status" != 201 ] || echo . >>"$work/issued"
  done
) &
load=$!
more() { [ "$(wc -l <"$work/issued" 2>/dev/null || echo 0)" -gt "$1" ]; }
stack_until 60 more 20 || fail "no load"
backup "$work/b1"
is $? 9 "a backup under load; it says what of the configuration it leaves out" || diag "$(cat "$work/out" "$work/err")"
like "$(cat "$work/out")" 'left out: .*ledger_id' "by name"
n=$(wc -l <"$work/issued")
stack_until 60 more "$n"
is $? 0 "issuing goes on"
: >"$work/enough"
wait "$load"
verify "$work/b1" --key "$work/log.pub"
is $? 0 "it is good" || diag "$(cat "$work/out" "$work/err")"
succeeds "another reader of its ledger agrees" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$work/b1/ledger"
is "$(sqlite3 "$work/b1/database.sqlite" 'PRAGMA integrity_check')" ok "its database is whole"
is "$(jq -r '.records > 60 and (.root | length == 64)' "$work/b1/manifest.json")" true "the manifest says how much of the ledger there is"
like "$(find "$work/b1/conf" -name '*.conf')" 'signd.conf' "the configuration is in it"
nothing "no PIN is in it" "$(grep -rlF "$(cat "$STACK_DIR/token/pin")" "$work/b1")"
nothing "no private key is in it" "$(grep -rl 'PRIVATE KEY' "$work/b1")"
is "$(stat -c %a "$work/b1")" 700 "it is its owner's"
is "$(find "$work/b1" -type f ! -perm 600 | wc -l)" 0 "and so is each file"
nothing "nothing is left beside the database" "$(find "$STACK_DIR/db" -name '*.copy*')"
known=$(sqlite3 "$work/b1/database.sqlite" 'SELECT max(ledger_seq) FROM certificate')
[ "$known" -lt "$(jq .records "$work/b1/manifest.json")" ] && pass "the ledger knows all that the database does" || fail "the database is ahead of the ledger" "$known"

# --- what a backup isn't
backup "$work/b1"
is $? 6 "a backup never goes over another"
cp -a "$work/b1" "$work/bad"
printf 'x' | dd of="$work/bad/database.sqlite" bs=1 seek=200 conv=notrunc status=none
verify "$work/bad"
is $? 10 "a byte changed"
like "$(cat "$work/out")" 'database.sqlite is not the file' "is told by the file's name"
rm "$work/bad/database.sqlite"
verify "$work/bad"
is $? 10 "a file missing"
rm "$work/bad/manifest.json"
verify "$work/bad"
is $? 5 "without a manifest it is no backup"
jq '.files[0].path = "../../x"' "$work/b1/manifest.json" >"$work/bad/manifest.json"
verify "$work/bad"
is $? 10 "a manifest doesn't lead out of its folder"
mkdir "$work/keys"
csr_make "$work/keys/ca" ec:P-256 DNS:ca.example.com
mv "$work/keys/ca.key" "$work/keys/ca.pem"
openssl pkey -in "$work/keys/ca.pem" -outform DER -out "$work/keys/ca.der"
echo 'a = 1;' >"$work/keys/a.conf"
"$chancery" backup "$work/b2" --conf "$work/keys" --json >"$work/out" 2>"$work/err"
is "$? $(jq -r '[.left_out[].path | sub(".*/"; "")] | sort | join(" ")' "$work/out")" "9 ca.csr ca.der ca.err ca.pem" "a key that lies among the configuration stays out"
is "$(ls "$work/b2/conf")" a.conf "what isn't one doesn't"
"$chancery" --socket "$STACK_DIR/nobody.sock" backup "$work/b3" --conf "$STACK_DIR/conf" >"$work/out" 2>"$work/err"
is "$?" 8 "without the front-end there is none"
verify "$work/b3"
is $? 5 "and what was begun doesn't pass for one"

# --- one leaf more, which no backup has; then all is lost but the token and the head that is kept elsewhere
issue "$issuing" "$work/leaf.csr" server
cp "$work/leaf.crt" "$work/late.crt"
late=$(openssl x509 -in "$work/leaf.crt" -noout -serial | sed 's/.*=//' | tr A-F a-f)
heads() { "$chancery" audit checkpoint >"$work/head" && [ "$(sed -n 2p "$work/head")" -gt "$(jq .records "$work/b1/manifest.json")" ]; }
stack_until 60 heads
is $? 0 "a head over it is kept elsewhere"
stack_stop
rm -rf "$STACK_DIR/signer" "$STACK_DIR/db"
echo 00000000000000000000000000000002 >"$STACK_DIR/elsewhere/machine-id"

# --- restored: the documented steps
verify "$work/b1" --key "$work/log.pub" --head "$work/head"
is $? 10 "a head that was kept says that the backup isn't all"
like "$(cat "$work/out")" 'was signed over [0-9]+ records and there are [0-9]+' "and how many records are lost"
restore() { # BACKUP
  stack_folders
  cp -R "$1/ledger" "$1/crl" "$STACK_DIR/signer/"
  cp "$1/database.sqlite" "$STACK_DIR/db/chancery.sqlite"
  if [ "$STACK_SIGN" != - ]; then chown -R "$STACK_SIGN:$STACK_SIGN" "$STACK_DIR/signer"; fi
  if [ "$STACK_FRONT" != - ]; then chown -R "$STACK_FRONT:$STACK_FRONT" "$STACK_DIR/db"; fi
}
restore "$work/b1"
stack_start || e2e_die "not ready after the restore"
latches() { api GET /api/v1/status && field '.signer.latches | join(" ")'; }
latched() { grep -qE "${1:-.}" <<<"$(latches)"; }
stack_until 60 latched host
like "$(latches)" 'host' "the signer knows that this is another host"
stack_until 60 latched 'rollback|head'
like "$(latches)" 'rollback|head' "and that the ledger is not the newest"
size_before=$("$chancery" audit verify --json "$STACK_DIR/signer" 2>/dev/null | jq .records)
issue "$issuing" "$work/leaf.csr" server
[ "$status" != 201 ] && pass "nothing is signed until somebody has looked" || fail "it signed"
is "$("$chancery" audit verify --json "$STACK_DIR/signer" 2>/dev/null | jq .records)" "$size_before" "nothing is written either"
succeeds "--epoch, with the reason" "$CHANCERY_BUILD/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --epoch "restored from b1"
signs() {
  issue "$issuing" "$work/leaf.csr" server
  [ "$status" = 201 ]
}
stack_until 60 signs
is $? 0 "it goes on issuing"
judge "the first leaf after the restore" "$work/leaf.crt" "$work/leaf.chain" "$work/leaf.root"
stack_until 60 heads
"$chancery" audit verify >"$work/out" 2>"$work/err"
is $? 0 "audit verify" || diag "$(cat "$work/out" "$work/err")"
in_step() { "$chancery" audit reconcile >"$work/out" 2>"$work/err"; }
stack_until 60 in_step
is $? 0 "audit reconcile" || diag "$(cat "$work/out" "$work/err")"
api GET "/api/v1/intermediates/$issuing/certificates/$late"
answers 404 "what was signed after the backup is on no book"
succeeds "whoever has it brings it: cert admit" "$chancery" cert admit "$issuing" "$work/late.crt"
api GET "/api/v1/intermediates/$issuing/certificates/$late"
answers 200 "and it is known again"
stack_until 60 in_step
is $? 0 "ledger and database agree on it" || diag "$(cat "$work/out" "$work/err")"
"$chancery" audit list --type EPOCH --last 10 >"$work/out"
like "$(cat "$work/out")" 'restored from b1' "who opened the epoch, and why, is on the ledger"

# --- a standby: the stopped host's folders, copied again and again, started once
stack_stop
: >"$work/out"
cp -a "$STACK_DIR/signer" "$work/standby-signer"
cp -a "$STACK_DIR/db" "$work/standby-db"
rm -rf "$STACK_DIR/signer" "$STACK_DIR/db"
cp -a "$work/standby-signer" "$STACK_DIR/signer"
cp -a "$work/standby-db" "$STACK_DIR/db"
echo 00000000000000000000000000000003 >"$STACK_DIR/elsewhere/machine-id"
stack_start || e2e_die "the standby is not ready"
stack_until 60 latched host
like "$(latches)" 'host' "a standby waits for its operator's word"
case "$(latches)" in *rollback*) fail "the standby lacks nothing" "$(latches)" ;; *) pass "and it lacks nothing" ;; esac
succeeds "--resume" "$CHANCERY_BUILD/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --resume "the other host is off"
stack_until 60 signs
is $? 0 "the standby issues"
tap_done
