#!/usr/bin/env bash
# Power losses and full disks. What was never acknowledged may be gone, and the
# house goes on; what was acknowledged and is gone is noticed, and nothing is
# served over it; a database that lost its end takes it back from the ledger.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
export CHANCERY_MAX_PAUSE=500
e2e_up
cuts=$CHANCERY_BUILD/tests/e2e/cuts
hierarchy_make cut ECDSA-P256 ECDSA-P256 ECDSA-P256
csr_make "$work/leaf" ec:P-256 DNS:cut.example.com
leaf=$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')
leaves=/api/v1/intermediates/$issuing/certificates

# Some at once, so that batches have more than one record; then steps, which are notes.
issue_some() { # HOW MANY AT ONCE
  local i asked=()
  for ((i = 0; i < $1; i++)); do
    curl -s -o /dev/null --max-time 60 -H 'Content-Type: application/json' --data-binary "$leaf" \
      --unix-socket "$STACK_DIR/api.sock" "http://localhost$leaves" &
    asked+=($!)
  done
  wait "${asked[@]}"
}
for n in 1 6 1 6 6 1; do issue_some $n; done
done_ca=$(ca_make "$issuer" cut-done ECDSA-P256 0 "$policy")
api POST "/api/v1/intermediates/$done_ca/retire" '{"confirm":false}'
api POST "/api/v1/intermediates/$done_ca/retire" '{"confirm":true}'
answers 200 "a ledger with leaves, CAs and steps"
api GET /api/v1/audit/checkpoint
answers 200 "and a checkpoint"
issue_some 4
issue_some 1
kill_all() { # without a word and all at once, as power does
  kill -KILL -- "-$(cat "$STACK_DIR/supervisor.pid")"
  stack_until 60 stack_gone || diag "somebody is left: $(stack_members)"
  stack_stop
}
kill_all

# All of it by the ledger's own room: every boundary, and places inside every record.
copy=$work/ledger
cp -r --sparse=always "$STACK_DIR/signer/ledger" "$copy"
mkdir "$work/scratch"
while IFS=$'\t' read -r what broken; do
  case $what in '#'*) diag "${what#\#}" ;; *) nothing "ledger, $what" "$broken" ;; esac
done < <("$cuts" try "$copy" "$work/scratch" 2>/dev/null || printf 'the program that cuts\tdied\n')

# The same with the daemons, for some cuts. Both memories as they were when the power went.
cp -r --sparse=always "$STACK_DIR/signer" "$work/signer-then"
cp -r "$STACK_DIR/db" "$work/db-then"
segment=ledger/0000000000000000.seg
mapfile -t places < <("$cuts" list "$copy")
at_of() { cut -d' ' -f1 <<<"${places[$1]}"; }
end=$((${#places[@]} - 1))
db() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "$1"; }
everything() {
  db "SELECT lower(hex(serial)) || lower(hex(fingerprint)) || ledger_seq || state FROM certificate WHERE state <> 'lost' ORDER BY 1"
  db "SELECT id || name || state || lower(hex(key_id)) FROM ca ORDER BY 1"
  db "SELECT id || name || hierarchy_mode || issuing_ca_id FROM issuer ORDER BY 1"
  db "SELECT lower(hex(key_id)) || ca_id FROM key ORDER BY 1"
}
back_then() {
  rm -rf "$STACK_DIR/signer" "$STACK_DIR/db"
  cp -rp --sparse=always "$work/signer-then" "$STACK_DIR/signer"
  cp -rp "$work/db-then" "$STACK_DIR/db"
}
said_no() { grep -qE 'hello_refused reason=ROLLED_BACK|ledger_broken' "$STACK_DIR/log/signd.log"; }
refusal() { # by the signer, in its log; and a 503 for whoever asks
  rm -f "$STACK_DIR"/log/*.log
  STACK_PATIENCE=0 stack_start
  stack_until 60 said_no || return 1
  front_answers() { API_PATIENCE=60 api POST "$leaves" "$leaf" && [ "$status" != 000 ]; }
  stack_until 60 front_answers
  [ "$status" = 503 ] && ! stack_ready
}

stack_start || e2e_die "not ready after the power loss"
pass "nothing cut: ready again"
whole=$(everything)
stack_stop
rm -rf "$work/signer-then" "$work/db-then" "$copy"
cp -r --sparse=always "$STACK_DIR/signer" "$work/signer-then"
cp -r "$STACK_DIR/db" "$work/db-then"
mapfile -t places < <("$cuts" list "$STACK_DIR/signer/ledger")
end=$((${#places[@]} - 1))

# What a client was told of is cut off: the record of the last leaf, of the last step, of much more; also inside them.
last_of() { # TYPE: the number of its last record
  printf '%s\n' "${places[@]}" | awk -v t="$1" '$3 == t { n = $2 } END { print n }'
}
# shellcheck disable=SC2317 # called below
noticed() { # WHAT OFFSET
  back_then
  truncate -s "$2" "$STACK_DIR/signer/$segment"
  if refusal; then pass "cut off, noticed: $1"; else fail "cut off, noticed: $1" "$status $body"; fi
  stack_stop
}
for type in CERT_RESULT CERT_INTENT NOTE KEY_BOUND; do
  n=$(last_of $type)
  noticed "the last $type and all behind it" "$(at_of "$n")"
  [ $type != CERT_INTENT ] || noticed "half of the last $type" $(($(at_of "$n") + 60))
done
noticed "all but a third" "$(at_of $((end / 3)))"

# The same without what the checkpoint would notice: the database knows.
n=$(last_of CERT_RESULT)
rm -f "$work/signer-then/ledger/checkpoint"
noticed "the last CERT_RESULT, and no checkpoint" "$(at_of "$n")"
noticed "the last NOTE, and no checkpoint" "$(at_of "$(last_of NOTE)")"
noticed "all but the half, and no checkpoint" "$(at_of $((end / 2)))"
back_then
stack_start || e2e_die "not ready"
is "$(everything)" "$whole" "whole again: all is there"

# What nobody was told of: an intent whose signature never came, cut at its boundary and inside.
kill -STOP "$(pid_of driver)"
curl -s -o /dev/null --max-time 60 -H 'Content-Type: application/json' --data-binary "$leaf" \
  --unix-socket "$STACK_DIR/api.sock" "http://localhost$leaves" &
intent_is_there() { [ "$("$cuts" list "$STACK_DIR/signer/ledger" | tail -2 | head -1 | cut -d' ' -f3)" = CERT_INTENT ]; }
stack_until 60 intent_is_there || diag "no intent"
kill_all
rm -rf "$work/signer-then" "$work/db-then"
cp -r --sparse=always "$STACK_DIR/signer" "$work/signer-then"
cp -r "$STACK_DIR/db" "$work/db-then"
mapfile -t places < <("$cuts" list "$STACK_DIR/signer/ledger")
end=$((${#places[@]} - 1))
n=$(last_of CERT_INTENT)
rm "$work/signer-then/ledger/head" # it is told after the flush, and what is cut here never was flushed
goes_on() { # WHAT
  if stack_start && is "$(everything)" "$whole" "goes on, nothing lost: $1"; then
    api POST "$leaves" "$leaf"
    answers 201 "and issues: $1"
  else
    fail "goes on: $1"
    stack_show_logs
  fi
  stack_stop
}
lost() { "$cuts" list "$STACK_DIR/signer/ledger" | awk '$3 == "LOST"' | wc -l; }
before=$(lost)
for part in 0 1 30 60; do
  back_then
  truncate -s $(($(at_of "$n") + part)) "$STACK_DIR/signer/$segment"
  goes_on "an intent cut at byte $part"
done
is "$(lost)" "$before" "an intent that is gone is not lost"
back_then
goes_on "an intent without a result"
is "$(lost)" $((before + 1)) "it is closed as lost"
back_then
printf 'garbage of a page that was never written whole' | dd of="$STACK_DIR/signer/$segment" bs=1 seek="$(at_of $end)" conv=notrunc 2>/dev/null
goes_on "garbage behind the last record"
back_then
dd if=/dev/zero of="$STACK_DIR/signer/$segment" bs=1 seek=$(($(at_of 5) + 40)) count=64 conv=notrunc 2>/dev/null
if refusal; then pass "damage in the middle: refused"; else fail "damage in the middle: refused" "$status $body"; fi
like "$(grep ledger_broken "$STACK_DIR/log/signd.log" | head -1)" 'why="(damaged, with|the ledger is shorter than its checkpoint)' \
  "with a clear sentence"
stack_stop

# Killed while it recovers, and while the front-end catches up from nothing.
back_then
rm -rf "$STACK_DIR"/db/*
STACK_PATIENCE=0 stack_start || true
for i in 1 2 3 4 5 6; do
  stack_until 60 test -e "$STACK_DIR/pid/signd" && sleep "0.0$((i * 13 % 10))"
  kill -KILL "$(pid_of signd)" 2>/dev/null
  sleep "0.0$((i * 7 % 10))"
  kill -KILL "$(pid_of frontd)" 2>/dev/null
done
if stack_until 60 stack_ready; then pass "killed in recovery and catch-up: ready at last"; else fail "killed in recovery and catch-up: ready at last"; fi
is "$(everything)" "$whole" "with all that there was"

# The database's log, cut at frames and inside them. The front-end is the only one that starts anew.
stack_stop
sed -i.all '/^frontd /d' "$STACK_DIR/stack"
STACK_PATIENCE=0 stack_start || true
front_start() {
  (stack_exec - "$STACK_BIN/chancery-frontd" --config "$STACK_DIR/conf/frontd.conf") >>"$STACK_DIR/log/frontd.log" 2>&1 </dev/null &
  front=$!
  stack_until 120 stack_ready
}
front_kill() {
  kill -KILL "$front"
  wait "$front" 2>/dev/null
}
front_start || e2e_die "the front-end does not come up"
for n in 1 4 1 4; do issue_some $n; done
cut_ca=$(ca_make "$issuer" cut-late ECDSA-P256 0 "$policy")
api POST "/api/v1/intermediates/$cut_ca/retire" '{"confirm":false}'
front_kill
whole=$(everything)
rm -rf "$work/db-then"
cp -r "$STACK_DIR/db" "$work/db-then"
wal=$STACK_DIR/db/chancery.sqlite-wal
size=$(stat -c %s "$wal" 2>/dev/null || echo 0)
page=4096 frame=$((4096 + 24))
frames=$(((size - 32) / frame))
diag "$frames frames of $page bytes in the database's log"
bad='' tried=0
wal_try() { # WHAT: the database as it is now
  tried=$((tried + 1))
  if ! front_start; then
    bad+="$1: not ready; "
  elif [ "$(everything)" != "$whole" ]; then
    bad+="$1: $(diff <(echo "$whole") <(everything) | head -2 | tr '\n' ' '); "
  fi
  front_kill
}
step=$((frames / 5))
[ -z "${CHANCERY_SLOW:-}" ] && [ "$step" -gt 0 ] || step=1
for ((f = 0; f <= frames; f += step)); do
  for inside in 0 10 2000; do
    rm -rf "$STACK_DIR/db"
    cp -rp "$work/db-then" "$STACK_DIR/db"
    rm -f "$STACK_DIR"/db/*-shm
    truncate -s $((32 + f * frame + inside)) "$wal"
    wal_try "frame $f byte $inside"
  done
done
rm -rf "$STACK_DIR/db"
cp -rp "$work/db-then" "$STACK_DIR/db"
rm -f "$STACK_DIR"/db/*-shm "$wal"
wal_try "no log"
rm -rf "$STACK_DIR"/db/*
wal_try "no database"
nothing "$tried times the database lost its end: all of it is back from the ledger" "$bad"
stack_stop
mv "$STACK_DIR/stack.all" "$STACK_DIR/stack"

# Full disks.
small_disk() { # FOLDER SIZE: its contents on a file system of its own, or false
  mkdir "$work/aside" && cp -rp --sparse=always "$1/." "$work/aside/" &&
    mount -t tmpfs -o "size=$2,mode=0700" none "$1" 2>"$work/mount.err" && cp -rp --sparse=never "$work/aside/." "$1/"
}
disks_down() { # whatever still stands
  local disk
  for disk in $(grep -o " $STACK_DIR/[^ ]*" /proc/mounts); do umount -l "$disk"; done
  e2e_down
}
trap disks_down EXIT

if small_disk "$STACK_DIR/db" 6m; then
  stack_start || e2e_die "not ready with a small disk"
  API_KEY=before api POST "$leaves" "$leaf"
  answers 201 "a small disk for the database"
  head -c 6m /dev/zero >"$STACK_DIR/db/filler" 2>/dev/null
  for ((i = 0; i < 200; i++)); do
    API_KEY=full-$i api POST "$leaves" "$leaf"
    [ "$status" = 201 ] || break
  done
  answers 503 "it is full: refused" store_failed
  told=$(everything | wc -l)
  API_KEY=full api POST "$leaves" "$leaf"
  answers 503 "and refused again"
  rm "$STACK_DIR/db/filler"
  late() { API_KEY=full-$i api POST "$leaves" "$leaf"; [ "$status" = 201 ]; }
  if stack_until 60 late; then pass "space again: the refused one is issued, without a new start"; else fail "space again" "$status $body"; fi
  [ "$(everything | wc -l)" -gt "$told" ] && pass "nothing is missing" || fail "nothing is missing"
  in_step() { [ "$(db "SELECT count(*) FROM certificate WHERE state <> 'lost'")" = "$("$cuts" list "$STACK_DIR/signer/ledger" | awk '$3 == "CERT_RESULT"' | wc -l)" ]; }
  if stack_until 60 in_step; then pass "database and ledger have the same certificates"; else
    fail "database and ledger have the same certificates" "$(db "SELECT count(*) FROM certificate WHERE state <> 'lost'")"; fi
  stack_stop
  rm -rf "$work/aside" && mkdir "$work/aside" && cp -rp "$STACK_DIR/db/." "$work/aside/" && umount -l "$STACK_DIR/db" &&
    cp -rp "$work/aside/." "$STACK_DIR/db/" && rm -rf "$work/aside"
else
  skip "a full disk below the database" "$(head -1 "$work/mount.err" 2>/dev/null): no file system can be mounted here"
  rm -rf "$work/aside"
fi

"$cuts" fill "$STACK_DIR/signer/ledger" 20000
rm "$STACK_DIR/signer/ledger/head"               # which knows nothing of these
echo 'disk_stop_mib = 1;' >>"$STACK_DIR/conf/signd.conf" # so that it comes to that
if small_disk "$STACK_DIR/signer" 100m; then
  stack_start || e2e_die "not ready with a small disk for the ledger"
  for ((i = 0; i < 60; i++)); do
    API_KEY=roll-$i api POST "$leaves" "$leaf"
    [ "$status" = 201 ] || break
  done
  answers 503 "no room for the ledger's next segment: refused"
  diag "refused as $(field .error.code) after $i"
  API_KEY=roll-more api POST "$leaves" "$leaf"
  answers 503 "and refused again"
  stack_stop
  rm -rf "$work/aside" && mkdir "$work/aside" && cp -rp --sparse=always "$STACK_DIR/signer/." "$work/aside/" &&
    umount -l "$STACK_DIR/signer" && rm -rf "$STACK_DIR/signer" && cp -rp --sparse=always "$work/aside" "$STACK_DIR/signer"
  stack_start || e2e_die "not ready with space again"
  API_KEY=roll-$i api POST "$leaves" "$leaf"
  answers 503 "space again, started anew: it waits for root's word" latched
  succeeds "root gives it" "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --resume "the disk has room again"
  late() { API_KEY=roll-$i api POST "$leaves" "$leaf"; [ "$status" = 201 ]; }
  if stack_until 60 late; then pass "the refused one is issued"; else fail "space again" "$status $body"; fi
  is "$(find "$STACK_DIR/signer/ledger" -name '*.seg' | wc -l)" 2 "in the next segment"
else
  skip "a full disk below the ledger" "$(head -1 "$work/mount.err" 2>/dev/null): no file system can be mounted here"
fi
stack_stop
succeeds "the ledger reads well from outside" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"
tap_done
