#!/usr/bin/env bash
# chancery doctor in situations that are broken on purpose: each is named, with
# what to do, and by its code; when all is put right nothing is left.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/two_tokens.sh
. "$CHANCERY_SOURCE/tests/e2e/two_tokens.sh"
two_tokens_up

doctor() { # its words in $said, its exit status in $code
  said=$(COLUMNS=200 "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" doctor 2>&1)
  code=$?
}
codes_are() { # those of the findings, sorted
  api GET /api/v1/doctor
  [ "$status" = 200 ] && [ "$(field '[.findings[].code] | sort | unique | join(" ")')" = "$1" ]
}
finds() { # CODES EXIT-STATUS WHAT: within a minute
  if stack_until 60 codes_are "$1"; then pass "$3"; else fail "$3" "wanted: $1"$'\n'"got: $body"; fi
  stack_until 60 exits_with "$2" || diag "$said"
  is "$code" "$2" "$3: exit status $2"
}
exits_with() {
  doctor
  [ "$code" = "$1" ]
}
says() { # PATTERN WHAT
  like "$(tr -s ' \n' ' ' <<<"$said")" "$1" "$2"
}

hierarchy_make one ECDSA-P256 ECDSA-P256 ECDSA-P256
second_is_default
hierarchy_make two ECDSA-P256 ECDSA-P256 ECDSA-P256
checked() { [ "$(grep -c keys_checked "$STACK_DIR/log/signd.log")" -ge 4 ]; }
stack_until 120 checked
finds "" 0 "a stack that is well"
says 'Nothing is wrong' "and says so"
for group in signer tokens keys clock ledger disk sockets; do
  says " $group " "it has looked at: $group"
done

# A token that is away.
second_pull
finds token_away 10 "a token that is pulled out"
says 'CRITICAL Token second .* is away since .* its CAs answer 503' "it names the token"
says 'Does chancery-driver@second run' "and what to do"
second_plug
finds "" 0 "plugged in again"

# A wrong PIN.
cp -p "$STACK_DIR/token2/pin" "$work/pin"
printf wrong-pin >"$STACK_DIR/token2/pin"
kill -KILL "$(pid_of driver2)"
finds pin_latched 10 "a PIN that the token refuses"
says 'chancery-driver-pkcs11 --resume second' "and how it is tried again"
cp -p "$work/pin" "$STACK_DIR/token2/pin"
succeeds "which is done" "$STACK_BIN/chancery-driver-pkcs11" --config "$STACK_DIR/conf/driver-second.conf" --resume second
finds "" 0 "with the right PIN"
# The token is ready before the signer has written that down.
resumed() {
  api GET "/api/v1/audit?last=500&type=TOKEN_RESUMED"
  [ "$(field '.data | length')" -gt 0 ]
}
stack_until 60 resumed
is "$(field '.data | map(.token) | join(" ")')" second "and the ledger has it that somebody resumed the token, once"

# Keys.
id=$(key_of "$issuing")
cp -rp "$STACK_DIR/token2/tokens" "$work/backup"
second_tool --delete-object --type privkey --id "$id"
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
issue "$issuing" "$work/leaf.csr" server
finds key_missing 10 "a key that vanished"
says "The key $id of CA two-issuing in token second is not used. The token has no such key" "it names CA, key and token"
says 'chancery ca key-gone' "and the way out"
# First the key, then its driver: SoftHSM does not see what comes beneath a process that runs.
second_restore "$work/backup"
kill -KILL "$(pid_of driver2)"
finds "" 0 "a key that is back"
second_tool --keypairgen --key-type EC:prime256v1 --id "$id" --label twin --usage-sign
kill -KILL "$(pid_of driver2)"
finds key_ambiguous 10 "two keys under one id"
rm -rf "$STACK_DIR/token2/tokens"
cp -rp "$work/backup" "$STACK_DIR/token2/tokens"
kill -KILL "$(pid_of driver2)"
finds "" 0 "one of them removed"

# The database and the ledger say different things.
sql() {
  python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=30); c.execute(sys.argv[2]); c.commit()' \
    "$STACK_DIR/db/chancery.sqlite" "$1"
}
stack_stop
cp -rp "$STACK_DIR/db" "$work/db"
sql "UPDATE ca SET state = 'retired' WHERE id = '$issuing'"
stack_start || e2e_die "not ready with a database that was changed"
finds ca_not_closed 10 "a CA that is retired in the database alone"
stack_stop
rm -rf "$STACK_DIR/db"
cp -rp "$work/db" "$STACK_DIR/db"
sql "UPDATE ca SET key_id = (SELECT key_id FROM ca WHERE id = '$root') WHERE id = '$issuing'" 2>/dev/null ||
  sql "UPDATE ca SET key_id = x'00112233445566778899aabbccddeeff' WHERE id = '$issuing'"
stack_start || e2e_die "not ready with a database that was changed"
stack_until 60 tokens_are "main second"
differs() {
  api GET /api/v1/doctor
  grep -qE 'ca_key_(unknown|differs)' <<<"$body"
}
stack_until 60 differs
like "$(field '[.findings[].code] | join(" ")')" 'ca_key_(unknown|differs)' "a CA with a key that is not its own"
stack_stop
rm -rf "$STACK_DIR/db"
cp -rp "$work/db" "$STACK_DIR/db"
sql "UPDATE ca SET path_len = 3 WHERE id = '$issuing'"
stack_start || e2e_die "not ready with a database that was changed"
finds ca_path_len 10 "a path length that was raised in the database alone"
says 'CRITICAL The database has CA two-issuing with path length 3, its certificate says path length 0.' "it says which, and what"
says 'The signer keeps to its charter, .* move its database aside' "and what to do"
stack_stop
rm -rf "$STACK_DIR/db"
cp -rp "$work/db" "$STACK_DIR/db"
# permitted: dns:evil.test; excluded: nothing
sql "UPDATE ca SET effective = x'01000109006576696c2e746573740000' WHERE id = '$issuing'"
stack_start || e2e_die "not ready with a database that was changed"
finds ca_constraints 10 "name constraints that the database alone has"
says 'of CA two-issuing differ: only the database has dns:evil.test among the permitted subtrees' "it names the subtree"
stack_stop
rm -rf "$STACK_DIR/db"
cp -rp "$work/db" "$STACK_DIR/db"
stack_start || e2e_die "not ready"
finds "" 0 "the database put right"

# A CA near its end.
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg p "$policy" \
  '{name: "short", subject: {common_name: "Short"}, algorithm: "ECDSA-P256", parent_ca_id: $p, path_len_constraint: 0, ttl_days: 20}')"
short=$(field .id)
finds ca_expires 9 "a CA that expires in twenty days is a warning"
says 'warning CA short expires on' "and named"
api POST "/api/v1/intermediates/$short/retire" '{}'
finds "" 0 "retired it is none"

# One account has every role here, and no approvals are asked for.
says 'No approvals are asked for; roles are shared: .* is admin and auditor' "roles that come together are named"

# The log key, which no CA has.
log_key=$(SOFTHSM2_CONF=$STACK_DIR/token/softhsm2.conf pkcs11-tool --module "$softhsm_module" \
  --token-label main --login --pin "$(cat "$STACK_DIR/token/pin")" -O --type privkey 2>/dev/null |
  sed -n 's/^ *ID: *//p' | while read -r key; do
  api GET "/api/v1/audit?last=1000"
  grep -q "\"key_id\": *\"$key\"" <<<"$body" || echo "$key"
done)
cp -rp "$STACK_DIR/token/tokens" "$work/main"
SOFTHSM2_CONF=$STACK_DIR/token/softhsm2.conf pkcs11-tool --module "$softhsm_module" --token-label main --login \
  --pin "$(cat "$STACK_DIR/token/pin")" --delete-object --type privkey --id "$log_key" >/dev/null 2>&1
kill -KILL "$(pid_of driver)"
finds log_key 10 "a log key that vanished"
rm -rf "$STACK_DIR/token/tokens"
cp -rp "$work/main" "$STACK_DIR/token/tokens"
kill -KILL "$(pid_of driver)" 2>/dev/null
finds "" 0 "and came back"

# The sockets.
chmod 0600 "$STACK_DIR/front/pki.sock"
finds socket_mode 9 "a socket with another mode"
rm "$STACK_DIR/front/pki.sock"
finds socket_missing 10 "a socket that was removed"
kill -KILL "$(pid_of frontd)"
stack_until 60 tokens_are "main second"
finds "" 0 "started anew"

# The signer.
stack_stop
: >"$STACK_DIR/signer/latched.ledger"
stack_start || e2e_die "not ready while latched"
stack_until 60 tokens_are "main second"
finds latched 10 "a latch"
says 'chancery-signd --resume REASON' "and how it is opened"
"$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --resume "seen to" >/dev/null 2>&1
finds "" 0 "opened"
mv "$STACK_DIR/conf/signd.conf" "$STACK_DIR/conf/signd.away"
kill -KILL "$(pid_of signd)"
finds signer_away 10 "no signer"
says 'journalctl -u chancery-signd' "and where to look"
mv "$STACK_DIR/conf/signd.away" "$STACK_DIR/conf/signd.conf"
stack_until 60 tokens_are "main second"
finds "" 0 "it is back"

# A signer that was started anew is asked for its tokens, whatever the last one said of them a moment ago.
frozen="$(pid_of driver) $(pid_of driver2)"
before=$(links)
stack_until 60 tokens_are "main second"
# shellcheck disable=SC2086 # words
kill -STOP $frozen
kill -KILL "$(pid_of signd)"
stack_until 60 linked_since "$before"
is "$(ready_tokens)" "" "no token is said to be ready that the signer has not reached yet"
# shellcheck disable=SC2086 # words
kill -CONT $frozen
stack_until 60 tokens_are "main second"
finds "" 0 "it reaches them"

# Two things at once, as programs see them.
second_pull
chmod 0600 "$STACK_DIR/front/api.sock"
if [ "$(id -u)" = 0 ]; then
  finds "socket_mode token_away" 10 "two things at once"
  json=$("$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" --json doctor)
  is "$(jq -r .state <<<"$json")" critical "--json: the worst of them"
  is "$(jq -r '.findings[] | select(.code == "token_away") | .about' <<<"$json")" second "--json: about whom"
fi
tap_done
