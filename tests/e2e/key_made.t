#!/usr/bin/env bash
# How the driver makes a key: what it asks of the token, as a program between the two that isn't ours writes it down;
# what it may do without, what never; and that a key which came out otherwise doesn't sign.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/driver_faulty.sh
. "$CHANCERY_SOURCE/tests/e2e/driver_faulty.sh"
spy=''
for path in /usr/lib/*/pkcs11-spy.so /usr/lib64/pkcs11-spy.so; do [ ! -e "$path" ] || spy=$path; done
id=0123456789abcdef0123456789abcd

# What is asked of the token, attribute by attribute, in its last C_GenerateKeyPair.
spied() { # ID ALGORITHM
  down
  rm -f "$dir/spied"
  up
  ask create "$1" "$2" "key $1" >"$dir/out" 2>&1
}
template() { # Public|Private: "NAME VALUE" a line
  python3 - "$dir/spied" "p$1KeyTemplate[" <<-'PY' >"$dir/template"
	import re, sys
	text = open(sys.argv[1], errors="replace").read().replace("CKA_? (0x00000171)", "CKA_COPYABLE")
	call = text.split("C_GenerateKeyPair")[-1].split("[out]")[0]
	part = call.split(sys.argv[2])[1].split("[in]")[0]
	for name, value in re.findall(r"^ *(CKA_\w+) +(.*)$", part, re.M):
	    print(name, value.strip())
	PY
}
has() { # NAME VALUE
  grep -qE "^$1 $2" "$dir/template"
  is $? 0 "$algorithm: $1 is stated: $2"
}
guarded() { # what no token may be let off
  for name in TOKEN PRIVATE SENSITIVE SIGN; do has CKA_$name True; done
  has CKA_EXTRACTABLE False
}
if [ -z "$spy" ]; then
  skip "templates" "no pkcs11-spy.so here"
else
  softhsm=$FAULTY_MODULE
  FAULTY_MODULE=$spy
  configure
  sed -i "s|^environment = {|&  PKCS11SPY = \"$softhsm\"; PKCS11SPY_OUTPUT = \"$dir/spied\";|" "$dir/driver.conf"
  up
  n=0
  for row in ECDSA-P384:CKM_ECDSA RSA-2048:CKM_RSA_PKCS Ed25519:CKM_EDDSA; do
    algorithm=${row%:*} n=$((n + 1))
    spied "${id}0$n" "$algorithm"
    template Private
    guarded
    for name in SIGN_RECOVER DECRYPT UNWRAP DERIVE MODIFIABLE ALWAYS_AUTHENTICATE; do has CKA_$name False; done
    has CKA_COPYABLE ''
    has CKA_ALLOWED_MECHANISMS '.*/ 8$'
    has CKA_ID '.*/ 16$'
    template Public
    has CKA_TOKEN True
    has CKA_PRIVATE False
    has CKA_ID '.*/ 16$'
    like "$(grep -A3 ': C_SignInit$' "$dir/spied" | grep -m 1 'pMechanism->type')" "= ${row#*:} *\$" \
      "$algorithm: signs by ${row#*:}, the form that any token has"
  done
  algorithm='all that may be left out is'
  tell 'C_GenerateKeyPair CKR_TEMPLATE_INCONSISTENT times 15'
  spied "${id}11" ECDSA-P256
  template Private
  guarded
  is "$(grep -cE 'DECRYPT|UNWRAP|DERIVE|COPYABLE|MODIFIABLE' "$dir/template")" 0 "$algorithm left out at last"
  like "$(cat "$dir/out")" '^refused=13 ' "but the key came out good for more than signatures: refused"
  down
  FAULTY_MODULE=$softhsm
fi
configure
started

# A key that came out otherwise.
tell 'C_GetAttributeValue says CKA_KEY_GEN_MECHANISM=CKM_EDDSA'
refused 13 create "${id}21" ECDSA-P256 "21"
is $? 0 "a key that was made by another mechanism than was asked for is refused"
said 'key_attributes .*generated_as_asked=no' "and the log says so"
for row in CKA_LOCAL=0 CKA_SENSITIVE=0 CKA_ALWAYS_SENSITIVE=0 CKA_EXTRACTABLE=1 CKA_NEVER_EXTRACTABLE=0 CKA_SIGN=0; do
  tell "C_GetAttributeValue says $row"
  n=$((n + 1))
  refused 13 create "${id}3$n" ECDSA-P256 "3$n"
  is $? 0 "a key that comes out with $row is refused"
done
tell 'C_Sign flip'
refused 14 create "${id}22" ECDSA-P256 "22"
is $? 0 "a key whose first signature is wrong is refused"
tell 'C_Sign CKR_KEY_SIZE_RANGE'
refused 22 create "${id}23" ECDSA-P256 "23"
is $? 0 "a key that is made and can't sign is refused"

# Making one is never tried again where it may have been made.
tell 'C_GenerateKeyPair CKR_SESSION_HANDLE_INVALID times 1'
succeeds "without a session nothing was made: tried again" ask create "${id}41" ECDSA-P256 "41"
n=41
for answer in CKR_DEVICE_ERROR CKR_GENERAL_ERROR; do
  n=$((n + 1))
  started
  tell "C_GenerateKeyPair $answer after times 1"
  before=$(calls C_GenerateKeyPair)
  refused 31 create "$id$n" ECDSA-P256 "$n"
  is $? 0 "$answer, and it was made: refused"
  is $(($(calls C_GenerateKeyPair) - before)) 1 "$answer: after one try"
  refused 11 create "$id$n" ECDSA-P256 "$n"
  is $? 0 "$answer: and what it left behind is seen"
done

# A token of several parts may not show at once what it has made.
started
tell 'C_FindObjects nothing'
refused 10 create "${id}45" ECDSA-P256 "45"
is $? 0 "a key that the token doesn't show is not used"
tell
like "$(ask list)" "^${id}45\$" "once it does, the key is listed"
succeeds "and can prove itself" ask sign "${id}45" ECDSA-P256 "$(digest 32)"

# Mechanisms that the token lacks.
ecdsa() { printf '%d' $(($(ask hello | sed -n s/^algorithms=//p) & 0xe)); }
started
[ "$(ecdsa)" -gt 0 ]
is $? 0 "a token with ECDSA"
n=52
for lack in CKM_ECDSA CKM_EC_KEY_PAIR_GEN; do
  n=$((n + 1))
  down
  tell "C_GetMechanismInfo lacks $lack"
  up
  is "$(ecdsa)" 0 "without $lack it says so"
  refused 20 create "${id}51" ECDSA-P256 "51"
  is $? 0 "without $lack: no such key is made"
  succeeds "without $lack: others are" ask create "$id$n" RSA-2048 "$n"
done

# Time: a key may take a minute, a signature may not; a slow token is no broken one.
down
tell
configure 'sign_seconds = 10;' 'create_seconds = 100;'
started
key_make "$key"
tell 'C_GenerateKeyPair sleep 11s'
ask create "${id}61" ECDSA-P256 "61" >"$dir/made" 2>&1 &
making=$!
until [ "$(tell --used 1)" -ge 1 ]; do kill -0 $making 2>/dev/null || break; done
signs "while a key is made, others sign"
wait $making
is $? 0 "a key that takes longer than a signature may is made"
tell 'C_Sign sleep 700ms'
signs "a token that takes 700 ms for a signature"
same_process "in the same process"
tell 'C_Sign short'
ends 70 "signatures of another length"
down
tap_done
