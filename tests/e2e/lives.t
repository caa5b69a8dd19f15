#!/usr/bin/env bash
# The ledger from one life of the signer to the next: what a start reads, which
# host and which head it goes on from, who else is at it, and what there is
# room for on its disk.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"

programs=$work/bin clock=$work/clock
mkdir "$programs" "$work/elsewhere"
clock_make "$clock"
clock_program "$clock" "$STACK_BIN/chancery-frontd" "$programs/chancery-frontd"
clock_program "$clock" "$STACK_BIN/chancery-signd" "$programs/chancery-signd"
ln -s "$STACK_BIN/chancery" "$STACK_BIN/chancery-driver-pkcs11" "$programs/"
STACK_BIN=$programs

stack_folders
stack_token || e2e_die "no token"
stack_configure
conf=$STACK_DIR/conf/signd.conf
echo 0123456789abcdef0123456789abcdef >"$work/machine-id"
cat >>"$conf" <<-CONF
snapshot_seconds = 1;
head_file = "$work/elsewhere/head";
machine_id_file = "$work/machine-id";
CONF
stack_init || e2e_die "no ledger"
stack_start || e2e_die "the stack is not ready"
ledger=$STACK_DIR/signer/ledger log=$STACK_DIR/log/signd.log
resume=("$STACK_BIN/chancery-signd" --config "$conf" --resume)

hierarchy_make lives ECDSA-P256 ECDSA-P256 ECDSA-P256
csr_make "$work/leaf" ec:P-256 DNS:lives.example.com
leaf() { issue "$issuing" "$work/leaf.csr" server; }
latches() { api GET /api/v1/status && field '.signer.latches | join(" ")'; }
records() { # TYPE: how many
  api GET "/api/v1/audit?last=500&type=$1"
  field '.data | length'
}
restart() {
  stack_stop
  : >"$log"
  stack_start || e2e_die "not ready after a restart"
}
served() { sed -n "s/.* serving .*$1=\([0-9]*\).*/\1/p" "$log" | tail -n 1; } # FIELD of the last start
resumed() { # WHAT
  succeeds "$1: --resume" "${resume[@]}" "$1"
  local end=$((SECONDS + 120))
  until leaf && [ "$status" = 201 ]; do [ "$SECONDS" -lt "$end" ] || break; done
  answers 201 "$1: it signs again"
}

# Snapshots: of what is older than any request id, made by itself.
leaf
answers 201 "a leaf"
api POST "/api/v1/intermediates/$policy/retire" '{"confirm":false}'
answers 200 "a CA that closes"
shopt -s nullglob
snapshots() { compgen -G "$ledger/*.snap" >/dev/null; }
if stack_until 3 snapshots; then fail "no snapshot of what just happened"; else pass "no snapshot of what just happened"; fi
stack_stop
clock_pass "$clock" 3600
stack_start || e2e_die "not ready an hour later"
is "$(served snapshot)" 0 "without a snapshot a start reads all"
stack_until 120 snapshots && pass "an hour later there is one" || fail "an hour later there is one" "$(tail -n 5 "$log")"
taken() { grep -o 'snapshot size=[0-9]*' "$log" | tail -n 1 | cut -d= -f2; }
is_told() { [ -n "$(taken)" ]; } # behind its file
stack_until 120 is_told
size=$(taken)
[ "${size:-0}" -gt 8 ] && pass "of $size records" || fail "of $size records"
restart
is "$(served snapshot)" "$size" "the next start reads only what follows"
leaf
answers 201 "and signs"
kept=$(api GET /api/v1/issuers/"$issuer"/intermediates && field '[.data[] | .state] | join(" ")')
api POST "/api/v1/intermediates/$policy/retire" '{"confirm":false}'
status_before=$status
newest() { local all=("$ledger"/*.snap) && echo "${all[-1]}"; }
# A signer that runs finds it within a second, and writes it anew. Another byte than the one that is there, whichever that is.
stack_stop
bend "$(newest)" 100
restart
like "$(cat "$log")" 'ledger_snapshot_passed_over' "one that was changed is passed over"
is "$(served snapshot)" 0 "and all is read"
leaf
answers 201 "to the same end"
api POST "/api/v1/intermediates/$policy/retire" '{"confirm":false}'
is "$status" "$status_before" "also for what is closed"
is "$(api GET /api/v1/issuers/"$issuer"/intermediates && field '[.data[] | .state] | join(" ")')" "$kept" "and every CA"
stack_until 120 grep -q ' snapshot size=' "$log" && pass "another one is made" || fail "another one is made"

# Room on the disk.
sed -i 's/^snapshot_seconds/disk_stop_mib = 16777216;\n&/' "$conf"
restart
like "$(cat "$log")" 'level=error event=disk_low|disk_low' "a disk with too little room is in the log"
leaf
answers 503 "nothing is signed on it" disk_low
like "$(latches)" 'almost full' "the status says why"
before=$(records NOTE)
api POST "/api/v1/intermediates/$issuing/retire" '{"confirm":false}'
answers 200 "notes and closings have what is left"
[ "$(records NOTE)" -gt "$before" ] && pass "they are on the ledger" || fail "they are on the ledger"
before=$(records CERT_INTENT)
leaf
is "$(records CERT_INTENT)" "$before" "a request is refused before anything of it is written"
sed -i '/^disk_stop_mib/d' "$conf"
restart
issuing=$(ca_make "$issuer" "lives issuing 2" ECDSA-P256 0)
leaf
answers 201 "with room again it signs"

# Two signers at one folder.
if timeout 100 "$STACK_BIN/chancery-signd" --config "$conf" >"$work/second.log" 2>&1; then
  fail "a second signer does not start"
else
  pass "a second signer does not start"
fi
like "$(cat "$work/second.log")" 'another chancery-signd holds it' "and says why"
leaf
answers 201 "the first one goes on"

# Another ledger: at this folder, and at this driver.
sed "s/^ledger_id.*/ledger_id = \"$(printf 'ab%.0s' {1..16})\";/" "$conf" >"$work/other.conf"
stack_stop
if timeout 100 "$STACK_BIN/chancery-signd" --config "$work/other.conf" >"$work/other.log" 2>&1; then
  fail "a signer of another ledger does not take this one"
else
  pass "a signer of another ledger does not take this one"
fi
like "$(cat "$work/other.log")" "ledger_other|another ledger" "and says why"
sed -i "s|^state_dir.*|state_dir = \"$work/other\";|; /^head_file/d" "$work/other.conf"
mkdir -m 0700 "$work/other"
stack_start || e2e_die "not ready"
sed -i "s|^socket = .*|socket = \"$work/other/sign.sock\";|" "$work/other.conf"
if timeout 200 "$STACK_BIN/chancery-signd" --config "$work/other.conf" --init >"$work/other.log" 2>&1; then
  fail "a driver makes no key for another ledger"
else
  pass "a driver makes no key for another ledger"
fi
like "$(cat "$work/other.log")" 'driver_refused.*pins another ledger' "and says why"

# The archive: a ledger of fifteen months in four segments: the first stays, all of the second has expired for a month.
old=$work/archived
mkdir -m 0700 "$old" "$old/to"
"$CHANCERY_BUILD/tests/bench/ledger_make" "$old" "$(printf 'cd%.0s' {1..16})" 400000 18 >/dev/null
sed "s/^ledger_id.*/ledger_id = \"$(printf 'cd%.0s' {1..16})\";/; s|^state_dir.*|state_dir = \"$old\";|; /^head_file/d
  s|^socket = .*|socket = \"$old/sign.sock\";|" "$conf" >"$old/signd.conf"
segments() { find "$1" -name '*.seg' | wc -l; }
before=$(segments "$old/ledger")
succeeds "--archive" "$STACK_BIN/chancery-signd" --config "$old/signd.conf" --archive "$old/to"
like "$(segments "$old/ledger") $(segments "$old/to")" "^$((before - 1)) 1\$" "moves what has expired"
succeeds "and again" "$STACK_BIN/chancery-signd" --config "$old/signd.conf" --archive "$old/to"
is "$(segments "$old/ledger")" $((before - 1)) "moves no more"
"$STACK_BIN/chancery-signd" --config "$old/signd.conf" >"$old/log" 2>&1 &
started() { grep -q ' serving ' "$old/log"; }
stack_until 120 started && pass "the signer starts without them" || fail "the signer starts without them" "$(tail -n 5 "$old/log")"
read_record() { "$CHANCERY_BUILD/tests/e2e/signer_probe" "$old/sign.sock" "$(printf 'cd%.0s' {1..16})" read "$1"; }
is "$(read_record 0)" 0 "a record that is there can be read"
is "$(read_record "$((16#$(basename "$(find "$old/to" -name '*.seg')" .seg)))")" 216 "ARCHIVED: one that was moved can't"
kill $!
wait $! 2>/dev/null
refuses "--archive to a folder that is not absolute" "$STACK_BIN/chancery-signd" --config "$old/signd.conf" --archive to
rm -rf "$old"

# The whole folder as it was a while ago, and the database too; only the head stands elsewhere.
stack_stop
cp -rp --sparse=always "$STACK_DIR/signer" "$work/old"
cp -rp "$STACK_DIR/db" "$work/old-db"
stack_start || e2e_die "not ready"
leaf
answers 201 "a leaf that ledger and database will forget"
stack_stop
rm -rf "$STACK_DIR/signer" "$STACK_DIR/db"
cp -rp --sparse=always "$work/old" "$STACK_DIR/signer"
cp -rp "$work/old-db" "$STACK_DIR/db"
sum() { cat "$ledger"/*.seg | sha256sum; }
was=$(sum)
STACK_PATIENCE=5 stack_start
stack_until 120 grep -q 'latched what=rollback' "$log" && pass "a head that is kept elsewhere tells of it" ||
  fail "a head that is kept elsewhere tells of it" "$(tail -n 5 "$log")"
asks() { leaf && [ "$status" != 000 ]; }
stack_until 120 asks
is "$status" 503 "nothing is signed"
is "$(sum)" "$was" "and nothing is written"
succeeds "the newer ledger is lost: --epoch" "${resume[@]:0:3}" --epoch "the newer ledger is lost"
signs() { leaf && [ "$status" = 201 ]; }
stack_until 120 signs # a new epoch ends all connections
answers 201 "the newer ledger is lost: it signs again"

# Another host.
stack_stop
echo fedcba9876543210fedcba9876543210 >"$work/machine-id"
was=$(sum)
stack_start || diag "not ready on another host"
leaf
answers 503 "a folder that was copied to another host signs nothing" latched
like "$(latches)" 'written on another host' "and says why"
is "$(sum)" "$was" "nothing is written"
stack_stop
stack_start || diag "not ready on another host"
leaf
answers 503 "also after a restart" latched
resumed "moved to a new machine"
is "$(records HOST)" 2 "the new host is on the ledger"
restart
leaf
answers 201 "where it is at home from now on"
stack_stop
echo 0123456789abcdef0123456789abcdef >"$work/machine-id"
stack_start || diag "not ready on the first host"
leaf
answers 503 "no longer on the first one" latched
tap_done
