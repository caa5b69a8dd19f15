#!/usr/bin/env bash
# How the driver uses its token: no search and no session where none is needed, none left open, nothing of an old login
# used again, no call in two threads' way, its PIN nowhere but in its memory. Against SoftHSM behind the module that
# fails on demand.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/driver_faulty.sh
. "$CHANCERY_SOURCE/tests/e2e/driver_faulty.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"

open_now() { echo $(($(calls C_OpenSession) - $(calls C_CloseSession))); }
counted() { for call; do printf '%s ' "$(calls "$call")"; done; }
bench() { timeout 60 "$client" "$dir/main.sock" "$ledger" bench "$key" ECDSA-P256 "$(digest 32)" "$@"; } # SECONDS IN-FLIGHT

configure
started
key_make "$key"
key_make "$other"
signs "a key"
signs "another" "$other"

# What is known of a key is kept as long as the login: searches are slow, and sessions are few.
life=(C_OpenSession C_CloseSession C_Login C_FindObjectsInit C_GetAttributeValue)
before=$(counted "${life[@]}")
wrong=0
for _ in {1..20}; do sign || wrong=$((wrong + 1)); done
is "$wrong" 0 "twenty signatures"
is "$(counted "${life[@]}")" "$before" "for which no session is opened, nobody logs in and nothing is looked for"
is "$(calls C_Logout)" 0 "no logout is ever made: some tokens sign on after it"
is $((0x$(awk '$1 == "SigIgn:" { print $2 }' "/proc/$pid/status") >> 12 & 1)) 1 \
  "SIGPIPE, of a module whose own daemon has died, ends nobody"
nothing "it has no child process" "$(cat "/proc/$pid/task/$pid/children")"

# After a recovery nothing of the old life is used.
before=$(calls C_FindObjectsInit)
tell 'C_SignInit logout times 1'
signs "a login that was lost"
[ "$(calls C_FindObjectsInit)" -gt "$before" ]
is $? 0 "the key is looked for anew"
started
signs "a key, before it is exchanged"
tool() { SOFTHSM2_CONF=$SOFTHSM2_CONF pkcs11-tool --module "$FAULTY_MODULE" --token-label "$TOKEN" --login --pin "$(cat "$PIN_FILE")" "$@" >"$dir/tool" 2>&1; }
third=00112233445566778899aabbccddee03
pair_make() { tool --keypairgen --key-type EC:prime256v1 --id "$third" --label "key $third" --usage-sign; }
key_make "$third"
signs "a third key" "$third"
tool --delete-object --type privkey --id "$third" && tool --delete-object --type pubkey --id "$third" &&
  { pair_make || pair_make; } # SoftHSM fails at this by itself, seldom
is $? 0 "another key takes its place"
tell 'C_SignInit lose-sessions times 1'
refuses_to_sign 14 "after a recovery another public key under its id is not its key" "$third"
said key_changed "and the log says so"
signs "the others sign on"

# Sessions: as few as the token has, none left behind.
down
tell 'token sessions 3'
tell --reset
up
is "$(status_of sessions)" 2 "a token with three sessions: two, one is kept for making keys"
wrong=''
for i in {10..33}; do ask create "00$i" ECDSA-P256 "many $i" >"$dir/out" 2>&1 || wrong+=$(cat "$dir/out"); done
nothing "twenty-four keys, one after the other" "$wrong"
is "$(open_now)" 2 "no session is left open"
tell 'token sessions 3' 'C_GenerateKeyPair CKR_TEMPLATE_INCOMPLETE times 5'
for i in {40..44}; do refused 22 create "00$i" ECDSA-P256 "bad $i" || wrong+="$i "; done
nothing "five that the token refuses" "$wrong"
is "$(open_now)" 2 "nor by a failure"
signs "and it signs"
down
n=90
for row in 2:1 1:1 16:2 18446744073709551614:2; do
  n=$((n + 1))
  tell "token sessions ${row%:*}"
  up
  is "$(status_of sessions)" "${row#*:}" "a token that says it has ${row%:*} sessions: ${row#*:}"
  signs "a token that says it has ${row%:*} sessions: it signs"
  ask create "00$n" ECDSA-P256 "last ${row%:*}" >"$dir/out" 2>&1
  is $? 0 "a token that says it has ${row%:*} sessions: it makes a key"
  down
done
tell

# An operation that is left active.
started
signs "before an operation is left active"
tell 'C_SignInit CKR_DEVICE_ERROR after times 1'
signs "an operation that was left active: its session is replaced"
said 'token_error .*answer=CKR_OPERATION_ACTIVE' "because the module says so"
is "$(status_of recoveries) $(calls C_Login)" "0 1" "the others and the login stay"
down
configure 'workers = 1;'
started
tell 'C_SignInit CKR_OPERATION_ACTIVE times 1'
signs "an operation left active in the only session"
is "$(status_of recoveries) $(calls C_Login)" "0 1" "the login goes with the last session, so the new one is opened first"
down
configure
started
signs "before a recovery that finds one session of two"
tell 'C_SignInit lose-sessions times 1' 'C_OpenSession CKR_SESSION_COUNT skip 1 times 1'
signs "a recovery that finds one session of two: cured"
is "$(status_of sessions)" 1 "and it goes on with that one"
started
tell 'C_SignInit lose-sessions times 1' 'C_OpenSession CKR_SESSION_COUNT'
ends 70 "a recovery that finds no session at all"
down

# What a token was short of may be there again a minute later.
clock_make "$dir/clock"
clock_program "$dir/clock" "$driver" "$dir/driver"
driver=$dir/driver
configure 'keep_alive_seconds = 1;'
started
signs "before memory runs out"
tell 'C_SignInit CKR_DEVICE_MEMORY times 1'
signs "memory that has run out"
is "$(status_of sessions)" 1 "costs a session"
clock_pass "$dir/clock" 61
end=$((SECONDS + 60))
until [ "$(status_of sessions)" = 2 ] || [ $SECONDS -ge $end ]; do sleep 0.1; done
is "$(status_of sessions)" 2 "which is opened again after a minute"
is "$(calls C_Login)" 1 "under the login that stands"
signs "and signs"
down
driver=$CHANCERY_BUILD/chancery-driver-pkcs11
configure 'workers = 4;'
started
signs "before"
tell 'C_SignInit CKR_OPERATION_ACTIVE times 2'
signs "a module that can't do two things at a time: signs"
[ "$(status_of sessions)" -lt 4 ]
is $? 0 "with fewer sessions"
signs "and goes on"
down

# Many at a time, and everything goes wrong meanwhile.
configure 'workers = 4;'
started
tell 'C_SignInit lose-sessions skip 50 times 1' 'C_SignInit CKR_OBJECT_HANDLE_INVALID skip 100 times 1' \
  'C_Sign CKR_DEVICE_ERROR skip 150 times 1' 'C_SignInit CKR_OPERATION_ACTIVE skip 200 times 1' \
  'C_SignInit logout skip 250 times 1' 'C_Sign CKR_DEVICE_MEMORY skip 300 times 1'
end=$((SECONDS + 120))
until [ "$(tell --used 6)" -gt 320 ] || [ $SECONDS -ge $end ]; do bench 1 32 >"$dir/out" 2>&1 || break; done
like "$(cat "$dir/out")" '^signatures=[1-9]' "each of many requests gets its signature while sessions, handles and login are lost"
[ "$(tell --used 6)" -gt 300 ]
is $? 0 "all of these were met"
same_process "by one process"
bench 2 32 >"$dir/out" 2>&1 &
busy=$!
before=$(status_of signatures)
until [ "$(status_of signatures)" -gt "$before" ]; do kill -0 $busy 2>/dev/null || break; done
down
is "$status" 0 "SIGTERM in the middle of many: no thread is inside the module when it is finalized"
wait $busy
configure
started

# Two clients make keys at the same moment: the token makes one after the other.
making=()
tell 'C_GenerateKeyPair sleep 300ms'
for i in 1 2 3 4; do
  ask create "00e$i" ECDSA-P256 "at once $i" >"$dir/made.$i" 2>"$dir/err" &
  making+=($!)
done
ask create 00e1 ECDSA-P256 "at once 1" >"$dir/made.5" 2>"$dir/err"
wait "${making[@]}"
is "$(grep -hv ^refused "$dir"/made.? | sort -u | grep -c .)" 4 "keys that are asked for at the same moment: each is made"
is "$(cat "$dir"/made.? | grep -c '^refused=11 ')" 1 "and one that two ask for is made once"
tell

down
tap_done
