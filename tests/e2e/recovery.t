#!/usr/bin/env bash
# What a PKCS#11 module may answer, a row each, and what the driver makes of it: cured within the request, refused, or
# the process ends without an answer and the next one signs. Against SoftHSM behind the module that fails on demand.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/driver_faulty.sh
. "$CHANCERY_SOURCE/tests/e2e/driver_faulty.sh"

configure
started
key_make "$key"
key_make "$other"
signs "a token that is well"

# Sessions, handles and the login: made anew within the request.
for row in 'CKR_SESSION_HANDLE_INVALID:C_SignInit lose-sessions' 'CKR_SESSION_CLOSED:C_Sign CKR_SESSION_CLOSED' \
  'CKR_OBJECT_HANDLE_INVALID:C_SignInit CKR_OBJECT_HANDLE_INVALID' 'CKR_KEY_HANDLE_INVALID:C_SignInit CKR_KEY_HANDLE_INVALID' \
  'CKR_USER_NOT_LOGGED_IN:C_SignInit CKR_USER_NOT_LOGGED_IN' 'CKR_USER_NOT_LOGGED_IN, and it is so:C_SignInit logout'; do
  name=${row%%:*}
  started
  signs "$name: before"
  tell "${row#*:} times 1"
  signs "$name: cured within the request"
  is "$(status_of recoveries)" 1 "$name: by one recovery"
  is "$(calls C_Login)" 2 "$name: with one more login"
  same_process "$name: in the same process"
done
like "$(status_of detail)" 'C_Sign answered CKR_(OBJECT|KEY)_HANDLE_INVALID 1 time, last at 20..-' "STATUS has the words"
tell 'C_SignInit CKR_SESSION_HANDLE_INVALID times 2'
ends 70 "CKR_SESSION_HANDLE_INVALID twice"
down
tell 'C_FindObjects nothing times 1'
up
tell 'C_FindObjects nothing times 1' 'C_GetSessionInfo CKR_SESSION_CLOSED times 1'
signs "a key that isn't found is looked for again if the login is gone" "$other"
is "$(status_of recoveries)" 1 "after a recovery"
ask sign 00ff ECDSA-P256 "$(digest 32)" >"$dir/out" 2>&1
like "$(cat "$dir/out")" '^refused=10 ' "a token that is well has no such key: KEY_UNKNOWN"
is "$(status_of recoveries)" 1 "without any recovery"
started
tell 'C_Login CKR_USER_ALREADY_LOGGED_IN after times 1' 'C_SignInit lose-sessions times 1'
signs "CKR_USER_ALREADY_LOGGED_IN: is as good as CKR_OK"
[ ! -e "$dir/state/main.login-pending" ]
is $? 0 "CKR_USER_ALREADY_LOGGED_IN: and leaves no marker"

# One session in the middle of something.
started
signs "CKR_OPERATION_ACTIVE: before"
tell 'C_SignInit CKR_OPERATION_ACTIVE times 1'
signs "CKR_OPERATION_ACTIVE: cured within the request"
said session_replaced "CKR_OPERATION_ACTIVE: by another session in its place"
is "$(status_of recoveries) $(calls C_Login)" "0 1" "CKR_OPERATION_ACTIVE: the others and the login stay"
same_process "CKR_OPERATION_ACTIVE: in the same process"

# Exhaustion.
for name in CKR_HOST_MEMORY CKR_DEVICE_MEMORY CKR_SESSION_COUNT; do
  started
  signs "$name: before"
  is "$(status_of sessions)" 2 "$name: two sessions"
  tell "C_SignInit $name times 1"
  signs "$name: cured within the request"
  is "$(status_of sessions)" 1 "$name: by fewer sessions"
  signs "$name: which sign on"
  same_process "$name: in the same process"
done
tell 'C_SignInit CKR_HOST_MEMORY times 1'
signs "CKR_HOST_MEMORY with one session left: cured"
is "$(status_of recoveries)" 1 "CKR_HOST_MEMORY with one session left: by a recovery"
down
tell 'C_OpenSession CKR_SESSION_COUNT skip 2'
configure 'workers = 8;'
up
is $? 0 "CKR_SESSION_COUNT at the start: it comes up"
is "$(status_of sessions)" 2 "CKR_SESSION_COUNT at the start: with what there is"
configure

# Failures: once is not the end, twice is.
for name in CKR_GENERAL_ERROR CKR_DEVICE_ERROR CKR_FUNCTION_FAILED; do
  started
  signs "$name: before"
  tell "C_Sign $name times 1"
  signs "$name: once is tried again"
  same_process "$name: in the same process"
  tell "C_Sign $name"
  ends 70 "$name twice"
done
for name in CKR_CRYPTOKI_NOT_INITIALIZED CKR_LIBRARY_LOAD_FAILED; do
  started
  tell "C_SignInit $name times 1"
  ends 70 "$name"
done

# The token is away.
for name in CKR_DEVICE_REMOVED CKR_TOKEN_NOT_PRESENT CKR_SLOT_ID_INVALID CKR_TOKEN_NOT_RECOGNIZED; do
  started
  tell "C_SignInit $name times 1"
  ends 69 "$name"
done
tell 'token away'
sign
ended
is "$status" 69 "a token that is taken away: the process ends"
: >"$dir/log"
up
is $? 0 "a token that is away: the next process waits with its socket open"
ask hello >"$dir/out" 2>&1
like "$(cat "$dir/out")" '^refused=30 retry_after=5 ' "a token that is away: TOKEN_AWAY"
is "$(status_of state)" 2 "a token that is away: STATUS says so"
like "$(status_of detail)" 'C_GetSlotList answered CKR_TOKEN_NOT_PRESENT [0-9]+ times?, last at' "a token that is away: and why"
waiting=$pid
tell
until ask hello >/dev/null 2>&1; do kill -0 "$pid" 2>/dev/null || break; done
signs "a token that is back is found"
is "$pid" "$waiting" "a token that is back: by the process that waited"
is "$(status_of state)" 1 "a token that is back: STATUS says so"
down
for name in C_Initialize C_GetSlotList C_OpenSession; do
  tell "$name CKR_FUNCTION_FAILED times 1"
  up
  until ask hello >/dev/null 2>&1; do kill -0 "$pid" 2>/dev/null || break; done
  signs "$name fails at the start: it is tried again"
  down
done

# Hangs and crashes.
configure 'sign_seconds = 6;' 'create_seconds = 6;' # it hangs so long; whatever does not has to be quicker
started
tell 'C_Sign hang'
ends 75 "C_Sign hangs"
tell 'C_Sign crash times 1'
ends 139 "C_Sign crashes"
tell 'C_GenerateKeyPair hang'
ask create 00aa ECDSA-P256 never >/dev/null 2>&1
ended
is "$status" 75 "C_GenerateKeyPair hangs: the process ends"
configure 'start_seconds = 2;'
tell 'C_Initialize hang'
fails_with 75 'token_hung thread=0 doing=bring-up'
is $? 0 "C_Initialize hangs: the process ends"
tell
configure

# What only this key, or its use, can explain: refused, never tried again, and after three not asked for.
for name in CKR_KEY_FUNCTION_NOT_PERMITTED CKR_MECHANISM_INVALID CKR_DATA_LEN_RANGE CKR_KEY_TYPE_INCONSISTENT; do
  started
  signs "$name: before"
  before=$(calls C_SignInit)
  tell "C_SignInit $name"
  refuses_to_sign 22 "$name: refused"
  is "$(($(calls C_SignInit) - before))" 1 "$name: without another try"
  refuses_to_sign 22 "$name: a second time"
  refuses_to_sign 22 "$name: a third time"
  tell
  refuses_to_sign 15 "$name: the key is latched"
  said "key_latched token=chancery key=$key answer=$name" "$name: and the log says why"
  signs "$name: the others aren't" "$other"
  same_process "$name: in the same process"
done
started
signs "a process that is started anew asks for it again"
tell 'C_SignInit CKR_MECHANISM_INVALID times 2'
refuses_to_sign 22 "two failures"
refuses_to_sign 22 "of three"
signs "then a signature"
tell 'C_SignInit CKR_MECHANISM_INVALID times 2'
refuses_to_sign 22 "and two more"
refuses_to_sign 22 "latch nothing"
signs "because they are counted in a row"

# The module can't lock.
down
tell 'C_Initialize CKR_CANT_LOCK times 1'
up
is "$(status_of sessions)" 1 "CKR_CANT_LOCK: one session"
said 'module_one_thread.*CKR_CANT_LOCK' "CKR_CANT_LOCK: and the log says so"
signs "CKR_CANT_LOCK: which signs"

# An idle token is kept awake, and what it lost is there before anybody asks.
configure 'keep_alive_seconds = 1;'
started
tell 'C_GenerateRandom lose-sessions times 1'
end=$((SECONDS + 100))
until [ "$(status_of recoveries)" = 1 ] || [ $SECONDS -ge $end ]; do sleep 0.1; done
is "$(status_of recoveries)" 1 "sessions lost while idle are made anew"
signs "before a signature is asked for"
tell 'C_GetTokenInfo CKR_DEVICE_REMOVED'
ended
is "$status" 69 "a token that goes away while idle is noticed"
configure 'keep_alive_seconds = 0;'
started
before=$(calls C_GenerateRandom)
sign
is "$(calls C_GenerateRandom)" "$before" "keep_alive_seconds = 0: nothing is asked of an idle token"
configure

# Keys that are not what they should be, and modules that say so of good ones.
for row in 'CKA_LOCAL=0:not LOCAL' 'CKA_SENSITIVE=0:not SENSITIVE' 'CKA_ALWAYS_SENSITIVE=0:not ALWAYS_SENSITIVE' \
  'CKA_EXTRACTABLE=1:EXTRACTABLE' 'CKA_NEVER_EXTRACTABLE=0:not NEVER_EXTRACTABLE' 'CKA_SIGN=0:not SIGN' \
  'CKA_DECRYPT=1:for more than signatures' 'CKA_UNWRAP=1:for more than signatures' 'CKA_DERIVE=1:for more than signatures' \
  'CKA_EXTRACTABLE=none:EXTRACTABLE' 'CKA_ALWAYS_AUTHENTICATE=1:ALWAYS_AUTHENTICATE'; do
  [ -z "$pid" ] || down
  tell "C_GetAttributeValue says ${row%%:*}"
  : >"$dir/log"
  up
  said "key_refused key=$key algorithm=ECDSA-P256 attributes=\"${row#*:}\"" "${row%%:*}: seen at the start"
  refuses_to_sign 13 "${row%%:*}: doesn't sign"
done
down
for row in 'imported_keys = "warn";:CKA_LOCAL=0 CKA_ALWAYS_SENSITIVE=0 CKA_NEVER_EXTRACTABLE=0 CKA_DECRYPT=1' \
  'require_local = false;:CKA_LOCAL=0'; do
  configure "${row%%:*}"
  lines=()
  for one in ${row#*:}; do lines+=("C_GetAttributeValue says $one"); done
  tell "${lines[@]}"
  up
  signs "${row%%:*} lets it sign: ${row#*:}"
  down
done
configure 'imported_keys = "warn";'
for one in CKA_SENSITIVE=0 CKA_EXTRACTABLE=1 CKA_SIGN=0; do
  tell "C_GetAttributeValue says $one"
  up
  refuses_to_sign 13 "imported_keys = \"warn\" never covers $one"
  down
done
configure
started
tell 'C_GetAttributeValue says CKA_EXTRACTABLE=1'
like "$(ask public "$key")" 'attributes=0x3f' "PUBLIC tells what the token says now"
refuses_to_sign 13 "and from then on the key doesn't sign"
started
tell 'C_FindObjects doubled' 'C_SignInit lose-sessions times 1'
refuses_to_sign 12 "two keys under one id, seen at a recovery, are refused"
started
tell 'C_SignInit other-key'
refuses_to_sign 14 "a private key that isn't the public key's is refused"
tell 'C_GenerateKeyPair CKR_TEMPLATE_INCONSISTENT times 3'
ask create 00bb ECDSA-P256 bb >/dev/null 2>"$dir/err"
is "$(cat "$dir/err")" dropped=COPYABLE "what the token would not take is told"
tell 'C_GenerateKeyPair CKR_TEMPLATE_INCONSISTENT'
ask create 00cc ECDSA-P256 cc >"$dir/out" 2>&1
like "$(cat "$dir/out")" '^refused=22 ' "never is anything left out that guards the key"

# A pair that could not be made is tried once more, if nothing in the token bears its name. SoftHSM fails so by itself, seldom.
for name in CKR_GENERAL_ERROR CKR_DEVICE_MEMORY; do
  started
  id=$(printf '%s' "$name" | sha256sum | cut -c1-8)
  tell "C_GenerateKeyPair $name times 1"
  succeeds "C_GenerateKeyPair $name: made at the second try" ask create "$id" ECDSA-P256 "$id"
  succeeds "$name: it is there" ask public "$id"
  before=$(calls C_GenerateKeyPair)
  tell "C_GenerateKeyPair $name"
  ask create "aa$id" ECDSA-P256 "aa$id" >"$dir/out" 2>&1
  like "$(cat "$dir/out")" '^refused=31 ' "$name twice: refused"
  most=2
  [ $name != CKR_GENERAL_ERROR ] || most=3 # twice as it is, once without what old modules don't know
  is "$(($(calls C_GenerateKeyPair) - before))" $most "$name: no more than $most tries"
  tell
  signs "$name: the other keys sign"
done
started
before=$(calls C_GenerateKeyPair)
tell 'C_GenerateKeyPair CKR_GENERAL_ERROR times 1 after'
ask create 00dd ECDSA-P256 dd >"$dir/out" 2>&1
like "$(cat "$dir/out")" '^refused=31 ' "what was made all the same is refused"
is "$(($(calls C_GenerateKeyPair) - before))" 1 "and no second one beside it"
tell
ask create 00dd ECDSA-P256 dd >"$dir/out" 2>&1
like "$(cat "$dir/out")" '^refused=11 ' "its id is taken for ever"

# The PIN. Whoever finds the marker does not try.
latched() { # WHAT
  fails_with 77 "${2:-pin_latched}"
  is $? 0 "$1"
}
for name in CKR_PIN_INCORRECT CKR_PIN_LOCKED CKR_PIN_EXPIRED CKR_USER_PIN_NOT_INITIALIZED; do
  started
  down
  tell --reset
  tell "C_Login $name times 1"
  latched "$name: latched, told to who says HELLO, and the process ends" "pin_refused.*$name"
  latched "$name: the next process doesn't try"
  latched "$name: nor the one after it"
  is "$(calls C_Login)" 1 "$name: one try in all"
  succeeds "$name: --resume" "$driver" --config "$dir/driver.conf" --resume main
  up
  signs "$name: then it signs"
  like "$(ask hello)" 'resumed=1' "$name: and the next HELLO tells of it"
  ask status >/dev/null
  like "$(ask hello)" 'resumed=0' "$name: once"
done
started
tell 'C_Login CKR_PIN_INCORRECT' 'C_SignInit lose-sessions times 1'
sign
is $? 2 "CKR_PIN_INCORRECT in a recovery: nothing is answered"
ended
is "$status" 77 "CKR_PIN_INCORRECT in a recovery: latched"
is "$(calls C_Login)" 2 "CKR_PIN_INCORRECT in a recovery: after one try"
"$driver" --config "$dir/driver.conf" --resume main 2>/dev/null
for flag in CKF_USER_PIN_COUNT_LOW CKF_USER_PIN_FINAL_TRY CKF_USER_PIN_LOCKED; do
  tell --reset
  rm -f "$dir/state/main.login-resumed"
  tell "C_GetTokenInfo flags +$flag"
  latched "$flag: latched" "pin_not_tried token=chancery flag=$flag"
  is "$(calls C_Login)" 0 "$flag: without a try"
done
"$driver" --config "$dir/driver.conf" --resume main 2>/dev/null
latched "--resume doesn't help against CKF_USER_PIN_LOCKED" pin_not_tried
tell 'C_GetTokenInfo flags +CKF_USER_PIN_COUNT_LOW'
"$driver" --config "$dir/driver.conf" --resume main 2>/dev/null
up
signs "but allows one try at CKF_USER_PIN_COUNT_LOW"
down
latched "and no second one" pin_not_tried
tell

# Logins that ended without a word about the PIN.
configure
tell 'C_Login crash times 1'
up
up
signs "a login that nobody knows the end of is tried once more"
down
tell --reset
tell 'C_Login crash'
up
up
latched "and then no more" 'pin_latched.*2 logins'
is "$(calls C_Login)" 2 "after two tries"
"$driver" --config "$dir/driver.conf" --resume main 2>/dev/null
configure 'login_tries = 1;'
tell 'C_Login crash times 1'
up
latched "login_tries = 1: not even once" 'pin_latched.*1 logins'
"$driver" --config "$dir/driver.conf" --resume main 2>/dev/null
tell 'C_Login CKR_DEVICE_ERROR times 3'
up
until ask hello >/dev/null 2>&1; do kill -0 "$pid" 2>/dev/null || break; done
signs "an answer that isn't about the PIN uses no try up"
down

# Tokens with other ways in.
tell 'token keypad'
pin='' configure
up
signs "a token with a keypad is logged in without a PIN here"
down
tell --reset
tell 'token open'
up
signs "a token that wants no login signs"
is "$(calls C_Login)" 0 "without any"
down
tell
fails_with 78 pin_missing
is $? 0 "a token that wants a PIN, and driver.conf has none"

tap_done
