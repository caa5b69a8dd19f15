#!/usr/bin/env bash
# The ledger as an auditor has it: every kind of damage and forgery is found and placed, proofs hold for who has the log
# key and for nobody else, and all of it agrees with a reader that shares no line with ours.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
chancery=$CHANCERY_BUILD/chancery
forge() { python3 "$CHANCERY_SOURCE/tests/e2e/ledger_forge.py" "$@"; }
check() { python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$@"; }
audit() { "$chancery" audit "$@" >"$work/out" 2>"$work/err"; }
exits() { # STATUS WHAT COMMAND...
  local wanted=$1 what=$2 got
  shift 2
  "$@"
  got=$?
  if [ "$got" = "$wanted" ]; then pass "$what"; else fail "$what" "exit status $got, wanted $wanted"$'\n'"$(cat "$work/out" "$work/err")"; fi
}

# --- what is done to files
good=$work/good
forge make "$good" "$work/log.pem" 40 3 37 || e2e_die "no ledger"
openssl pkey -in "$work/log.pem" -pubout >"$work/log.pub"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/other.pem" 2>/dev/null
openssl pkey -in "$work/other.pem" -pubout >"$work/other.pub"
{
  forge sign "$good" "$work/log.pem" 10
  echo
  forge sign "$good" "$work/log.pem" 25
} >"$work/heads"

exits 0 "a ledger as it was written" audit verify "$good"
like "$(tail -n 1 "$work/out")" '^Verified: 40 records, .* the first 37\.$' "is said to be"
exits 0 "with heads and log key from elsewhere" audit verify "$good" --head "$work/heads" --key "$work/log.pub" --json
is "$(jq -r '.root' "$work/out")" "$(check "$good" | sed 's/.*root=\([0-9a-f]*\).*/\1/')" "the tree's root is the other reader's"
is "$(jq -c '[.heads[].holds]' "$work/out")" '[true,true,true]' "and all heads hold"

# Each row: what is done, exit status, codes found, and where the first of them is.
tampered() { # WHAT STATUS CODES PLACE [VERIFY-OPTIONS...]
  local what=$1 wanted=$2 codes=$3 place=$4 got
  shift 4
  audit verify "$work/x" --json "$@"
  got="$? $(jq -r '[.findings[].code] | unique | join(" ")' "$work/out") $(jq -r '.findings[0] | "\(.segment // "-"):\(.seq // "-"):\(.offset // "-")"' "$work/out")"
  is "$got" "$wanted $codes $place" "$what: found, and where"
  audit verify "$work/x" "$@"
  is "$? $(grep -cE '^(error|warning) ' "$work/out")" "$wanted $(grep -cE '^(error|warning) .*[.]$' "$work/out")" "$what: in sentences"
  if check "$work/x" >/dev/null 2>&1; then fail "$what: the other reader finds it too"; else pass "$what: the other reader finds it too"; fi
}
copy() {
  rm -rf "$work/x"
  cp -r "$good" "$work/x"
}
at() { # SEQ: SEGMENT:SEQ:OFFSET
  forge where "$good" "$1" | sed "s/ /:$1:/"
}
for seq in 0 5 15 16 29 36; do
  copy
  forge flip "$work/x" "$seq"
  tampered "a flipped bit in record $seq" 10 "$([ "$seq" != 0 ] || echo 'head_unverified ')record_bytes" "$(at "$seq")"
done
copy
forge swap "$work/x" 8
tampered "two records that changed places" 10 record_order "$(at 8)"
copy
forge remove "$work/x" 9
tampered "a record taken out" 10 "index_differs record_order" "$(at 9)"
copy
forge reseal "$work/x" 9
tampered "a record rewritten with its check" 10 "index_differs segment_root" "$(at 9)"
copy
forge reseal "$work/x" 9
rm "$work/x"/*.idx
tampered "the same without an index" 10 segment_root "0000000000000010.seg:16:0"
copy
forge rewrite "$work/x" 12
tampered "a record rewritten with all hashes" 10 head_root "-:-:-"
like "$(cat "$work/out")" 'one of records 0 to 36 was rewritten' "the head says so"
audit verify "$work/x" --head "$work/heads"
like "$(cat "$work/out")" 'one of records 10 to 24 was rewritten' "kept heads say more closely which"
copy
forge rewrite "$work/x" 12
forge sign "$work/x" "$work/other.pem" 37 >"$work/x/checkpoint"
tampered "rewritten and signed by another key" 10 head_signature "-:-:-"
copy
truncate -s 1000 "$work/x/0000000000000010.seg"
tampered "a segment cut short" 10 records_cut "0000000000000010.seg:24:920"
copy
truncate -s 500 "$work/x/000000000000001f.seg"
tampered "the last segment cut short" 10 "head_ahead records_cut" "000000000000001f.seg:35:500"
copy
rm "$work/x/0000000000000010.seg"
tampered "a segment that is missing" 10 segment_missing "000000000000001f.seg:16:-"
copy
rm "$work/x/0000000000000000.seg"
tampered "the first segment missing" 10 "head_unverified segment_missing" "0000000000000010.seg:0:-"
copy
rm "$work/x/000000000000001f.seg"
tampered "the last segment missing" 10 head_ahead "-:-:-"
copy
cp "$work/x/0000000000000000.seg" "$work/x/0000000000000010.seg"
tampered "a segment in another's place" 10 segment_head "0000000000000010.seg:16:0"
copy
printf '\1' | dd of="$work/x/0000000000000000.seg" bs=1 seek=16000 conv=notrunc status=none
tampered "something in reserved space" 10 reserved_space "0000000000000000.seg:16:16000"
copy
bend "$work/x/0000000000000010.seg" 40
tampered "a bit in a segment's head" 10 segment_head "0000000000000010.seg:16:0"
forge make "$work/stranger" "$work/other.pem" 40 3 37
copy
cp "$work/stranger/checkpoint" "$work/x/"
tampered "another ledger's checkpoint" 10 head_other "-:-:-"
copy
cp "$work/stranger/0000000000000010.seg" "$work/x/"
tampered "another ledger's segment" 10 segment_other "0000000000000010.seg:16:0"
copy
printf 'chancery\n' >"$work/x/checkpoint"
tampered "a checkpoint that is none" 10 head_form "-:-:-"
copy
forge tear "$work/x" 38
tampered "a torn batch that nobody has signed" 9 tail_torn "000000000000001f.seg:37:710"

# What is whole in itself, and yet not the ledger: only what is kept elsewhere tells.
forge make "$work/x2" "$work/log.pem" 22 2 22
audit verify "$work/x2"
is $? 0 "an older copy is whole"
audit verify "$work/x2" --head "$work/heads" --json
is "$? $(jq -r '.findings[0].code' "$work/out")" "10 head_ahead" "an older copy: the heads that were kept are ahead"
like "$(jq -r '.findings[0].message' "$work/out")" 'over 25 records and there are 22' "an older copy: and say by how much"
audit verify "$work/stranger" --key "$work/log.pub" --json
is "$? $(jq -r '[.findings[].code] | join(" ")' "$work/out")" "10 log_key_differs head_signature" "a ledger written anew: the key that was kept tells"
copy
rm "$work/x/checkpoint"
audit verify "$work/x" --json
is "$? $(jq -r '[.findings[].code] | join(" ")' "$work/out")" "9 checkpoint_missing" "no checkpoint: nobody has signed it"

# What can't be read
exits 5 "a folder that isn't there" audit verify "$work/nowhere"

exits 2 "a head that isn't there" audit verify "$good" --head "$work/nowhere"
exits 2 "a key that is none" audit verify "$good" --key "$good/checkpoint"
mkdir -p "$work/none"
exits 5 "an empty folder" audit verify "$work/none"
if [ "$(id -u)" = 0 ]; then
  chmod -R go= "$work/x"
  chmod 755 "$STACK_DIR" "$work"
  verify_as() { setpriv --reuid=65534 --regid=65534 "$@" "$chancery" audit verify "$work/x" >"$work/out" 2>"$work/err"; }
  exits 4 "a folder that is not for this user" verify_as --clear-groups
  chgrp -R 4242 "$work/x"
  chmod 2750 "$work/x"
  chmod 640 "$work/x"/*
  exits 9 "but for a member of its group" verify_as --groups=4242
  refuses "who can change nothing" setpriv --reuid=65534 --regid=65534 --groups=4242 touch "$work/x/checkpoint"
else
  skip "a folder that is not for this user" "not root"
fi

# The bar moves on a terminal, and only there.
exits 0 "without a terminal" audit verify "$good"
nothing "nothing but the report is written" "$(cat "$work/err")"
python3 - "$chancery" "$good" >"$work/bar" <<'PTY'
import os, pty, sys
pty.spawn([sys.argv[1], "audit", "verify", sys.argv[2]])
PTY
like "$(tr '\r' '\n' <"$work/bar")" '\[#+\.*\] +[0-9]+ %' "a bar on a terminal"

# --- proofs
for seq in 0 1 15 16 36; do
  succeeds "record $seq is proved" "$chancery" audit prove --ledger "$good" --record "$seq" --out "$work/p.$seq"
  succeeds "the proof of record $seq holds" "$chancery" audit check-proof "$work/p.$seq" --key "$work/log.pub"
  succeeds "for the other reader too" check --proof "$work/p.$seq" "$work/log.pub"
done
exits 9 "under the key that it names itself it holds with a warning" audit check-proof "$work/p.16"
exits 10 "and under another one not" audit check-proof "$work/p.16" --key "$work/other.pub"
exits 7 "a record behind the signed head has no proof yet" audit prove --ledger "$good" --record 38
exits 5 "one that isn't there has none" audit prove --ledger "$good" --record 40
lines=$(wc -l <"$work/p.16")
bad=0
for ((line = 1; line <= lines; line++)); do
  awk -v n="$line" 'NR == n { c = substr($0, 9, 1); $0 = substr($0, 1, 8) (c == "A" ? "B" : "A") substr($0, 10) } { print }' "$work/p.16" >"$work/p.bad"
  cmp -s "$work/p.16" "$work/p.bad" && continue
  "$chancery" audit check-proof "$work/p.bad" --key "$work/log.pub" >"$work/out" 2>&1 && bad=$line
  [ $? != 139 ] || bad=crash
done
is "$bad" 0 "with any line changed a proof holds no more"
copy
forge rewrite "$work/x" 5
exits 10 "a rewritten ledger gives no proof" audit prove --ledger "$work/x" --record 7

forge sign "$good" "$work/log.pem" 10 >"$work/h10"
forge sign "$good" "$work/log.pem" 25 >"$work/h25"
succeeds "10 of 25 records" "$chancery" audit consistency --ledger "$good" "$work/h10" "$work/h25" --out "$work/c"
succeeds "it holds" "$chancery" audit check-proof "$work/c" --key "$work/log.pub"
succeeds "for the other reader too" check --proof "$work/c" "$work/log.pub"
succeeds "up to the ledger's own head" "$chancery" audit consistency --ledger "$good" "$work/h10" --out "$work/c"
succeeds "it holds" check --proof "$work/c" "$work/log.pub"
exits 10 "the wrong way round" audit consistency --ledger "$good" "$work/h25" "$work/h10"
exits 10 "not with a rewritten record between" audit consistency --ledger "$work/x" "$work/h10"
sed 's/^\(...........\)./\1A/;' "$work/c" >"$work/c.bad"
exits 10 "a changed one doesn't hold" audit check-proof "$work/c.bad" --key "$work/log.pub"

# --- what stands beside the segments
beside() { # WHAT STATUS CODES SENTENCE [VERIFY-OPTIONS...]
  local what=$1 wanted=$2 codes=$3 sentence=$4 got
  shift 4
  audit verify "$work/x" --json "$@"
  got="$? $(jq -r '[.findings[].code] | unique | join(" ")' "$work/out")"
  is "$got" "$wanted $codes" "$what: found"
  like "$(jq -r '[.findings[].message] | join(" ")' "$work/out")" "$sentence" "$what: said"
  audit verify "$work/x" "$@"
}
copy
forge head "$work/x" 37
forge snapshot "$work/x" "$work/log.pem" 20
forge snapshot "$work/x" "$work/log.pem" 33
beside "a head file and two snapshots" 0 "" '^$'
like "$(cat "$work/out")" '[Ff]ile head +37 records, fine' "the head file is fine"
like "$(cat "$work/out")" 'snapshot +33 records, fine' "and so are the snapshots"
cp -r "$work/x" "$work/whole"
again() {
  rm -rf "$work/x"
  cp -r "$work/whole" "$work/x"
}
snap=$work/x/0000000000000014.snap
for offset in 0 9 20 44 60 150; do
  again
  bend "$snap" "$offset"
  beside "a bit in a snapshot's byte $offset" 9 snapshot_damaged 'Snapshot 0000000000000014.snap .* start passes over it'
done
again
truncate -s -10 "$snap"
beside "a snapshot cut short" 9 snapshot_damaged "isn't as the log key signed it"
again
mv "$snap" "$work/x/0000000000000015.snap"
beside "a snapshot under another's name" 9 snapshot_damaged 'than its name says'
again
forge snapshot "$work/x" "$work/other.pem" 20
beside "a snapshot that another key signed" 9 snapshot_damaged "isn't as the log key signed it"
again
forge rewrite "$work/x" 12
rm "$work/x/checkpoint" "$work/x/head"
beside "records rewritten below a snapshot" 10 "checkpoint_missing snapshot_root" 'one of the first 20 records was rewritten'
again
rm "$work/x/000000000000001f.seg" "$work/x/checkpoint"
beside "the end cut off, with its checkpoint" 10 "checkpoint_missing head_file_ahead snapshot_ahead" 'written with 37 records and there are 31'
again
forge rewrite "$work/x" 35
rm "$work/x/checkpoint"
beside "records rewritten that only the head file counts" 10 "checkpoint_missing head_file_root" 'names another tree over the first 37 records'
again
echo nothing >"$work/x/head"
beside "a head file that is none" 9 head_file_form 'says no size and no root'
again
: >"$work/x/head"
beside "one that is not written yet" 0 "" '^$'

# --- segments that are kept elsewhere
forge archive "$work/whole" 16 "$work/attic"
again
beside "an archived segment" 0 "" '^$'
like "$(cat "$work/out")" "archived +records 16 to 30, by their hashes; 0000000000000010.seg is in $work/attic" "is named with its place"
like "$(tail -n 1 "$work/out")" '^Verified: 40 records, .* 15 of them archived and known by their hashes' "and in the verdict"
audit verify "$work/x" --head "$work/heads" --key "$work/log.pub" --json
is "$? $(jq -c '[.root, .archived[0].records, [.heads[].holds]]' "$work/out")" \
  "0 $(audit verify "$good" --json && jq -c '[.root, 15, [true, true, true]]' "$work/out")" "the tree is the same, also at heads over archived records"
succeeds "a record beside it is proved" "$chancery" audit prove --ledger "$work/x" --record 33 --out "$work/p"
succeeds "the proof holds" "$chancery" audit check-proof "$work/p" --key "$work/log.pub"
succeeds "10 of 25 records, of which some are archived" "$chancery" audit consistency --ledger "$work/x" "$work/h10" "$work/h25" --out "$work/c"
succeeds "it holds" check --proof "$work/c" "$work/log.pub"
exits 7 "one in it has no proof from here" audit prove --ledger "$work/x" --record 20
like "$(cat "$work/err")" 'record_archived.*record 20 is archived|record 20 is archived' "and a sentence says why"
audit prove --ledger "$work/x" --record 20 --json
is "$(jq -r .error.code "$work/err")" record_archived "and a code"
exits 7 "neither has a certificate that may be in it" audit prove --ledger "$work/x" --ca nobody --serial 01
like "$(cat "$work/err")" '15 are archived' "a sentence says why"
exits 9 "an export is without them" audit export --jsonl --ledger "$work/x"
is "$(wc -l <"$work/out")" 25 "all others are there"
like "$(cat "$work/err")" '15 records are archived, and not in the export' "and a sentence says so"
exits 0 "but not where none is asked for" audit export --jsonl --ledger "$work/x" --to 15
is "$(wc -l <"$work/out")" 16 "with all that was"
bend "$work/x/0000000000000010.idx" 100
beside "a hash in its index" 10 "segment_root snapshot_root" "or a hash in an archived segment's index"
again
truncate -s 400 "$work/x/0000000000000010.idx"
beside "its index cut short" 10 archived_index "hashes of records 26 to 30"
again
rm "$work/x/0000000000000010.idx"
beside "its index missing" 10 archived_index "hashes of records 16 to 30"
again
rm "$work/x/0000000000000010.arc"
beside "its mark missing" 10 segment_missing "15 records are missing"
again
rm "$work/x/000000000000001f.seg"
beside "the segment behind it missing" 10 "head_ahead head_file_ahead segment_missing snapshot_ahead" "the last one is never archived"
again
rm "$work/x"/*.snap
beside "archived and no snapshot" 9 snapshot_missing "can't start until they are put back"
again
cp "$work/attic/0000000000000010.seg" "$work/x/"
beside "put back" 0 "" '^$'
is "$(grep -c '^ *archived' "$work/out")" 0 "it is read as any other"
tap_done
