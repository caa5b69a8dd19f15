#!/usr/bin/env bash
# Latches: what stops the signer stays so over restarts, until root says
# otherwise with a reason, which is on the ledger. Clock, disk, rollback, a key
# whose signatures are wrong.
set -u
export STACK_TOKEN=faulty
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"
day=86400

# The signer and the front-end with one clock, the signer with a disk that can fail, the token with one that can lie.
programs=$work/bin clock=$work/clock disk=$work/disk
mkdir "$programs"
clock_make "$clock"
clock_program "$clock" "$STACK_BIN/chancery-frontd" "$programs/chancery-frontd"
clock_program "$clock" "$STACK_BIN/chancery-signd" "$programs/chancery-signd"
sed -i "s|shim.so'|shim.so:$CHANCERY_BUILD/tests/shim/disk.so' CHANCERY_SHIM_DISK='$disk'|" "$programs/chancery-signd"
ln -s "$STACK_BIN/chancery" "$STACK_BIN/chancery-driver-pkcs11" "$programs/"
STACK_BIN=$programs

stack_folders
stack_token || e2e_die "no token"
stack_configure
stack_init || e2e_die "no ledger"
stack_start || e2e_die "the stack is not ready"
resume=("$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --resume)

hierarchy_make latch ECDSA-P256 ECDSA-P256 ECDSA-P256
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
leaf() { issue "$issuing" "$work/leaf.csr" server; }
leaf
answers 201 "a leaf"
latches() { api GET /api/v1/status && field '.signer.latches | join(" ")'; }
records() { # TYPE: how many
  api GET "/api/v1/audit?last=500&type=$1"
  field '.data | length'
}
restart() {
  stack_stop
  stack_start || e2e_die "not ready after a restart"
}
signs_until() { # SECONDS: until leaves are issued again
  local end=$((SECONDS + $1))
  until leaf && [ "$status" = 201 ]; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}
resumed() { # WHAT: by the command, while the signer runs
  succeeds "$1: --resume" "${resume[@]}" "$1"
  signs_until 120 && pass "$1: it signs again" || fail "$1: it signs again" "$status $body"
}

# Nothing to resume.
succeeds "--resume where nothing is latched" "${resume[@]}" "nothing is wrong"
is "$(records RESUMED)" 0 "leaves no record"
refuses "a reason is needed" "${resume[@]}" ""
refuses "of at most 400 bytes" "${resume[@]}" "$(printf '%0401d' 0)"
refuses "without control characters" "${resume[@]}" $'a\nb'

# The clock jumps by two days, as seen from the time since boot.
clock_step "$clock" $((2 * day))
leaf
like "$status $(field .error.code)" '^503 (latched|clock)$' "a clock that jumps stops the signer"
stack_until 100 grep -q 'latched what="clock"' "$STACK_DIR/log/signd.log"
like "$(latches)" 'set by more than a day' "and the status says so"
leaf
answers 503 "it is latched" latched
recorded() { # WHAT: as the last one; the record is not waited for
  api GET "/api/v1/audit?last=500&type=LATCHED"
  [ "$(field '.data[-1].what')" = "$1" ]
}
succeeds "the ledger says so" stack_until 100 recorded clock
recorded clock
[ "$(date -d "$(field '.data[-1].time')" +%s)" -lt $(($(date +%s) + day)) ] && pass "and its record has not followed the clock" ||
  fail "and its record has not followed the clock" "$body"
clock_step "$clock" $((-2 * day))
sleep 0.3
leaf
answers 503 "still when the clock is right again" latched
restart
leaf
answers 503 "and after a restart" latched
if [ "$(id -u)" = 0 ]; then
  chmod 755 "$STACK_DIR" "$work" "$programs"
  chmod 644 "$STACK_DIR/conf/signd.conf"
  refuses "somebody else may not --resume" setpriv --reuid 65533 --clear-groups --regid 65533 "${resume[@]}" "let me"
  leaf
  answers 503 "and nothing has changed" latched
fi
# As it is from the beginning: for the moment before its chmod it would be root's own.
printf 'forged\n' >"$STACK_DIR/signer/forged"
chmod 666 "$STACK_DIR/signer/forged"
looks() { grep -c resume_refused "$STACK_DIR/log/signd.log"; }
seen=$(looks)
looked_at() { [ "$(looks)" -gt "$seen" ]; }
mv "$STACK_DIR/signer/forged" "$STACK_DIR/signer/resume"
stack_until 100 looked_at || fail "the signer looks at the request"
leaf
answers 503 "a request that others could have written is not believed" latched
rm -f "$STACK_DIR/signer/resume"
resumed "the clock was set by mistake"
api GET "/api/v1/audit?last=500&type=RESUMED"
is "$(field '.data[-1].reason')" "the clock was set by mistake" "the ledger has the reason"
is "$(field '.data[-1].uid')" "$(id -u)" "and who gave it"
[ ! -e "$STACK_DIR/signer/resume" ] && pass "and the request is gone" || fail "and the request is gone"
restart
leaf
answers 201 "and so it stays after a restart"

# While the signer is down.
clock_step "$clock" $((-2 * day))
leaf
like "$status $(field .error.code)" '^(503 (latched|clock)|400 issuer_expired)$' "a clock that jumps back stops it too"
is_latched() { [ -n "$(latches)" ]; }
stack_until 100 is_latched && pass "and it is latched" || fail "and it is latched"
clock_step "$clock" $((2 * day))
stack_stop
succeeds "--resume while no signer runs" "${resume[@]}" "while it was down"
stack_start || e2e_die "not ready"
signs_until 120 && pass "is taken up at the next start" || fail "is taken up at the next start" "$status $body"
api GET "/api/v1/audit?last=500&type=RESUMED"
is "$(field '.data[-1].reason')" "while it was down" "with its reason"

# Ninety days and more between two lives.
stack_stop
clock_pass "$clock" $((89 * day))
stack_start || e2e_die "not ready after 89 days"
leaf
answers 201 "eighty-nine days without the signer are borne"
stack_stop
clock_pass "$clock" $((91 * day))
stack_start || e2e_die "not ready after 91 days"
leaf
like "$status $(field .error.code)" '^503 (latched|clock)$' "ninety-one days are not"
stack_until 100 sh -c "tail -n 20 '$STACK_DIR/log/signd.log' | grep -q 'more than 90 days'"
like "$(latches)" 'more than 90 days' "and the status says why"
resumed "it was in a drawer"

# A key whose signatures are wrong, three times.
tell 'C_Sign flip'
for i in 1 2 3; do
  leaf
  answers 503 "a wrong signature is released to nobody ($i)" signature_wrong
done
leaf
answers 503 "after three the key is latched" key_latched
tell
other=$(ca_make "$issuer" other ECDSA-P256 0 "$policy")
issue "$other" "$work/leaf.csr" server
answers 201 "other keys go on"
restart
leaf
answers 503 "it is latched after a restart" key_latched
like "$(latches)" 'three signatures that do not verify' "and the status says why"
resumed "the token has new firmware"

# The disk fails.
: >"$disk"
leaf
answers 503 "a disk that fails stops the signer" ledger_failed
stack_until 100 test -e "$STACK_DIR/signer/latched.ledger" && pass "which it remembers beside the ledger" ||
  fail "which it remembers beside the ledger"
rm "$disk"
leaf
answers 503 "the same process never writes again" ledger_failed
restart
leaf
answers 503 "after a restart it is latched" latched
like "$(latches)" 'could not be written' "and says why"
resumed "the disk was replaced"
[ ! -e "$STACK_DIR/signer/latched.ledger" ] && pass "the marker is gone" || fail "the marker is gone"

# The ledger is put back to what it was a while ago.
stack_stop
cp -rp "$STACK_DIR/signer" "$work/old"
stack_start || e2e_die "not ready"
leaf
answers 201 "a leaf that the ledger will forget"
stack_stop
rm -rf "$STACK_DIR/signer"
cp -rp "$work/old" "$STACK_DIR/signer"
STACK_PATIENCE=5
if stack_start; then fail "a ledger that was rolled back is noticed"; else pass "a ledger that was rolled back is noticed"; fi
stack_until 100 test -e "$STACK_DIR/signer/latched.rollback" && pass "and remembered" || fail "and remembered"
stack_stop
mv "$STACK_DIR/db" "$work/db.new"
mkdir "$STACK_DIR/db"
STACK_PATIENCE=60
stack_start || e2e_die "not ready with an empty database"
leaf
answers 503 "also when nobody knows better any more, nothing is signed" epoch_needed
refuses "--resume is not enough" "${resume[@]}" "the newer ledger is lost"
resume=("${resume[@]:0:3}" --epoch)
resumed "the newer ledger is lost; the database was made anew"
tap_done
