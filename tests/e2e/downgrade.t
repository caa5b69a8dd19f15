#!/usr/bin/env bash
# What a later version has written is refused with one sentence and an exit status that no unit answers with another
# start; it is left as it is, and the later version, put back, goes on with it.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up
issuer=$(issuer_make house)
root=$(ca_make "$issuer" root ECDSA-P256 0)
like "$root" '^ica-' "there is something to lose"
stack_stop
database=$STACK_DIR/db/chancery.sqlite ledger=$STACK_DIR/signer/ledger
[ -s "$database" ] && [ -d "$ledger" ] || e2e_die "database or ledger stand elsewhere"

ended() { # PROGRAM CONF [ARGUMENT]: $status, $log with what it said; none of them runs for long
  log=$work/log
  timeout 120 "$STACK_BIN/$1" --config "$STACK_DIR/conf/$2" "${@:3}" >"$log" 2>&1
  status=$?
}
told() { # WHAT PATTERN: one error, which says it
  is "$status" 78 "$1: an end that another start would not change"
  is "$(grep -c ' error ' "$log")" 1 "  with one line of error"
  like "$(cat "$log")" "$2" "  that says what to do"
}
state() { (cd "$1" && find . -type f ! -name '*-shm' ! -name '*-wal' -exec sha256sum {} + | sort); }

# --- the database
was=$(sqlite3 "$database" 'PRAGMA user_version')
sqlite3 "$database" "PRAGMA user_version = $((was + 1)); PRAGMA wal_checkpoint(TRUNCATE)" >"$work/out"
before=$(state "$STACK_DIR/db")
newer="its schema is version $((was + 1)) and this program knows up to $was: install the newer chancery"
ended chancery-frontd frontd.conf
told "a database of a later schema" "$newer"
ended chancery-frontd frontd.conf --migrate
told "  and --migrate" "$newer"
is "$(state "$STACK_DIR/db")" "$before" "  which is left as it is"
sqlite3 "$database" "PRAGMA user_version = $was"
mv "$database" "$work/kept"
sqlite3 "$database" "CREATE TABLE theirs (x); INSERT INTO theirs VALUES (1)"
ended chancery-frontd frontd.conf
told "a database of another program" "a database of some other program"
rm -f "$database"*
mv "$work/kept" "$database"

# --- the ledger
last=$(find "$ledger" -name '*.seg' | sort | tail -n 1)
version() { printf "\\x$1" | dd of="$last" bs=1 seek=8 conv=notrunc status=none; } # the u32 behind the first eight bytes
chmod u+w "$last"
version 02
before=$(state "$ledger")
ended chancery-signd signd.conf
told "a segment of a later format" "a later version has written it, and this program knows format 1: install the newer chancery"
is "$(state "$ledger")" "$before" "  which is left as it is"
version 01
cp -a "$ledger" "$work/ledger"
python3 "$(dirname "$0")/ledger_forge.py" append "$ledger" 250 || e2e_die "no record was appended"
before=$(state "$ledger" | grep -v idx)
ended chancery-signd signd.conf
told "a record of a type to come" 'type=250 .*a record of a later version: install the newer chancery'
is "$(state "$ledger" | grep -v idx)" "$before" "  which is left as it is"
rm -rf "$ledger" && cp -a "$work/ledger" "$ledger"
sed "s/^ledger_id.*/ledger_id = \"$(printf 'ab%.0s' {1..16})\";/" "$STACK_DIR/conf/signd.conf" >"$STACK_DIR/conf/other.conf"
ended chancery-signd other.conf
told "another ledger than the configuration names" "another ledger"

# --- put back
if stack_start && stack_until 60 token_ready; then pass "put back, all of it starts"; else fail "put back, all of it starts"; fi
api GET "/api/v1/intermediates/$root"
answers 200 "  and has what it had"
tap_done
