#!/usr/bin/env bash
# The token that fails on demand (tests/tokens/README), with programs that aren't
# ours: each of its words does what the page says, and nothing else.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
dir=$(mktemp -d /tmp/ch.XXXXXX)
trap 'rm -rf "$dir"' EXIT

made=$(CHANCERY_BUILD=$CHANCERY_BUILD "$CHANCERY_SOURCE/tests/tokens/up-faulty" "$dir" chancery) || tap_skip_all "no token"
while IFS='=' read -r name value; do export "$name=$value"; done <<<"$made"
: "${MODULE:=}" "${PIN_FILE:=}" "${FAULTY_DIR:=}" "${FAULTY_MODULE:=}"
pin=$(cat "$PIN_FILE")

tell() { "$CHANCERY_BUILD/tests/tokens/tell" "$FAULTY_DIR" "$@"; }
quiet() { pkcs11-tool --module "$MODULE" --token-label chancery "$@"; }
tool() { quiet --login --pin "$pin" "$@"; }
sign() { # KEY: what openssl says of the signature
  tool --sign --mechanism ECDSA --id "$1" --input-file "$dir/digest" --output-file "$dir/signature" \
    --signature-format openssl >"$dir/said" 2>&1 || return 2
  openssl pkeyutl -verify -pubin -keyform DER -inkey "$dir/$1.pub" -in "$dir/digest" -sigfile "$dir/signature"
}
answers() { # CKR WHAT COMMAND...
  local wanted=$1 what=$2 said
  shift 2
  said=$("$@" 2>&1)
  like "$said$(cat "$dir/said" 2>/dev/null)" "$wanted" "$what"
}
raw() { "$CHANCERY_BUILD/tests/bench/raw_sign" "$MODULE" chancery "$PIN_FILE" "$1" ec256 1 "${2:-1}" 2>&1; }
flags() { quiet -L 2>/dev/null | grep 'token flags'; }

head -c 32 /dev/urandom >"$dir/digest"
for id in 01 02; do
  tool --keypairgen --key-type EC:prime256v1 --id $id --label "key $id" --usage-sign >"$dir/said" 2>&1 || diag "$(cat "$dir/said")"
  tool --read-object --type pubkey --id $id --output-file "$dir/$id.pub" >"$dir/said" 2>&1
done
succeeds "untold, it signs" sign 01

# What it is told is judged before it is heard.
refuses "an unknown function" tell 'C_Sing CKR_OK'
refuses "an unknown answer" tell 'C_Sign CKR_DEVICE_ERR'
refuses "a word too many" tell 'C_Sign hang sometimes'
refuses "a deed in the wrong call" tell 'C_Login flip'
refuses "a time without a unit" tell 'C_Sign sleep 5'
many=()
for _ in {1..33}; do many+=('C_Sign hang'); done
refuses "more than 32 faults" tell "${many[@]}"
succeeds "the earlier faults stand: none" sign 01

# Answers: when, how often, in which calls.
tell 'C_Sign CKR_DEVICE_ERROR'
like "$(raw 01)" "C_Sign answered 0x30" "CKR_DEVICE_ERROR from each call"
like "$(raw 01)" "C_Sign answered 0x30" "and the next"
tell 'C_Sign CKR_DEVICE_ERROR skip 1 times 1'
succeeds "skip 1: the first goes through" sign 01
refuses "times 1: the second doesn't, in another process" sign 01
succeeds "the third does" sign 01
is "$(tell --used 1)" 3 "used: three calls fitted"
tell 'C_OpenSession,C_FindObjects* 0x80000001'
answers 'rv = .*0x80000001|0x80000001' "a number, a list and a pattern" sign 01
tell '* CKR_FUNCTION_FAILED'
refuses "every function" tool -O
tell 'C_Sign CKR_DEVICE_REMOVED after times 1'
like "$(raw 01)" "C_Sign answered 0x32" "after: the answer is lost"

# Counts.
tell
tell --reset
sign 01 >"$dir/said" 2>&1
is "$(tell --calls C_Login)" 1 "C_Login was called once"
is "$(tell --calls C_Sign)" 1 "C_Sign, too"
like "$(tell --calls)" '^C_SignInit 1$' "and all that was called is listed"

# Signatures that are none.
for deed in 'C_Sign flip' 'C_Sign zero' 'C_SignInit other-key'; do
  tell "$deed"
  refuses "$deed: doesn't verify" sign 01
done
openssl pkeyutl -verify -pubin -keyform DER -inkey "$dir/02.pub" -in "$dir/digest" -sigfile "$dir/signature" >"$dir/said" 2>&1
is $? 0 "other-key: it is the other key's"
tell 'C_Sign short'
tool --sign --mechanism ECDSA --id 01 --input-file "$dir/digest" --output-file "$dir/signature" >"$dir/said" 2>&1
is "$(wc -c <"$dir/signature")" 63 "short: a byte less"

# Sessions, objects, attributes.
tell 'C_SignInit lose-sessions'
answers CKR_SESSION_HANDLE_INVALID "lose-sessions" sign 01
tell 'C_SignInit logout'
refuses "logout" sign 01
objects() { tool -O --type privkey 2>/dev/null | grep -c 'Private Key Object'; }
tell
is "$(objects)" 2 "two keys"
tell 'C_FindObjects nothing'
is "$(objects)" 0 "nothing: none"
tell 'C_FindObjects doubled'
is "$(objects)" 2 "doubled: pkcs11-tool, which asks for one at a time, sees no lie"
tell 'C_GetAttributeValue says CKA_LOCAL=0' 'C_GetAttributeValue says CKA_EXTRACTABLE=1' 'C_GetAttributeValue says CKA_ALWAYS_SENSITIVE=none'
access=$(tool -O --type privkey --id 01 2>/dev/null | grep Access:)
like "$access" extractable "says: extractable"
is "$(grep -cE 'local|always' <<<"$access")" 0 "says: neither local nor always sensitive: $access"
tell
like "$(tool -O --type privkey --id 01 2>/dev/null)" 'sensitive, always sensitive, never extractable, local' "all of it was a lie"
tell 'C_GetMechanismInfo lacks CKM_ECDSA'
like "$(quiet -M 2>/dev/null)" '^ +ECDSA *$' "lacks: nothing is known of a mechanism"

refuses "says: not a number of bytes" tell 'C_GetAttributeValue says CKA_KEY_GEN_MECHANISM=5'
tell 'C_GetAttributeValue says CKA_KEY_GEN_MECHANISM=CKM_EDDSA'
succeeds "says: a mechanism, of which pkcs11-tool asks nothing" sign 01

# The token as a whole.
tell 'C_GetTokenInfo flags +CKF_USER_PIN_FINAL_TRY -CKF_LOGIN_REQUIRED'
like "$(flags)" 'final user PIN try' "flags: added"
is "$(flags | grep -c 'login required')" 0 "flags: taken away"
tell 'token away'
refuses "away: it isn't found" sign 01
tell
succeeds "and back" sign 01
tell 'token pin-tries 3'
wrong() { quiet --login --pin 00000000 -O --type privkey; }
answers CKR_PIN_INCORRECT "pin-tries: a wrong one" wrong
like "$(flags)" 'user PIN count low' "it shows"
answers CKR_PIN_INCORRECT "a second" wrong
like "$(flags)" 'final user PIN try' "one is left"
answers CKR_PIN_INCORRECT "a third" wrong
like "$(flags)" 'user PIN locked' "it is locked"
answers CKR_PIN_LOCKED "also for the right one" sign 01
tell --reset
succeeds "until someone resets it" sign 01
tell 'token open'
is "$(quiet -O --type privkey 2>/dev/null | grep -c 'Private Key Object')" 2 "open: no login needed"
tell 'token other'
like "$(quiet -L 2>/dev/null)" 'serial num *: *9999999999999999' "other: by its serial number"
tell 'token sessions 1'
like "$(raw 01 2)" 'answered 0xb1|CKR_SESSION_COUNT' "sessions: not more than there may be"
succeeds "sessions: one is enough for one" sign 01
tell 'token keypad'
like "$(flags)" 'PIN pad present' "keypad: the flag"
tell

# Crash, hang and sleep.
tell 'C_Sign crash after times 1'
sign 01 >"$dir/said" 2>&1
tool --sign --mechanism ECDSA --id 01 --input-file "$dir/digest" --output-file "$dir/signature" >"$dir/said" 2>&1
is $? 0 "crash: once"
tell 'C_Sign crash'
(tool --sign --mechanism ECDSA --id 01 --input-file "$dir/digest" --output-file "$dir/signature" >"$dir/said" 2>&1) 2>/dev/null
is $? 139 "crash: by SIGSEGV"
tell 'C_Sign hang'
timeout 5 pkcs11-tool --module "$MODULE" --token-label chancery --login --pin "$pin" --sign --mechanism ECDSA --id 01 \
  --input-file "$dir/digest" --output-file "$dir/signature" >"$dir/said" 2>&1
is $? 124 "hang"
tell 'C_Sign sleep 5ms parallel 8'
rate=$(raw 01 16)
diag "5 ms, 8 in parallel, 16 threads: $rate"
rate=${rate##*rate=}
[ "${rate%.*}" -le 1616 ] && [ "${rate%.*}" -gt 0 ]
is $? 0 "sleep: not more than 1,600 a second, however many ask"
tell
tap_done
