#!/usr/bin/env bash
# The driver on NSS' software token, a module with ways of its own: its settings come with C_Initialize, it says of keys
# that it made that they weren't made there, of attributes that it doesn't know that everything has failed, and of a
# login that is gone that memory has run out. What driver.conf has for that lets it sign, and nothing less does.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# read by driver.sh
# shellcheck disable=SC2034
client=$CHANCERY_BUILD/tests/e2e/driver-client driver=$CHANCERY_BUILD/chancery-driver-pkcs11
# shellcheck disable=SC2034
ledger=000102030405060708090a0b0c0d0e0f
key=00112233445566778899aabbccddee01
module='' pid=''
for path in /usr/lib/*/libsoftokn3.so /usr/lib/*/nss/libsoftokn3.so /usr/lib64/libsoftokn3.so; do [ ! -e "$path" ] || module=$path; done
{ [ -n "$module" ] && command -v certutil >/dev/null; } || tap_skip_all "NSS is not here: install libnss3-tools"
dir=$(mktemp -d /tmp/ch.XXXXXX)
finish() {
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM
# shellcheck source=tests/e2e/driver.sh
. "$CHANCERY_SOURCE/tests/e2e/driver.sh"
mkdir -m 700 "$dir/nss" "$dir/state"
: >"$dir/log"
(umask 077 && echo long-enough-1 >"$dir/pin")
certutil -N -d "sql:$dir/nss" -f "$dir/pin" || tap_skip_all "no database of NSS can be made"

configure() { # [LINE...]: more settings
  cat >"$dir/driver.conf" <<-CONF
	name = "main";
	socket = "$dir/main.sock";
	peers = [ "uid:$(id -u)" ];
	ledger_id = "$ledger";
	module = "$module";
	init_args = "configdir='sql:$dir/nss' certPrefix='' keyPrefix='' secmod='secmod.db' flags=";
	token = "NSS Certificate DB";
	pin_file = "$dir/pin";
	state_dir = "$dir/state";
	CONF
  printf '%s\n' "$@" >>"$dir/driver.conf"
}
made() { # ID ALGORITHM: its public key in $dir/ALGORITHM.pem
  ask create "$1" "$2" "key $1" >"$dir/spki" 2>"$dir/err" || return 1
  xxd -r -p "$dir/spki" | openssl pkey -pubin -inform DER -out "$dir/$2.pem" 2>/dev/null
}

configure
sed -i /^init_args/d "$dir/driver.conf"
up
refused 30 hello
is $? 0 "without init_args the module is not where its keys are: no such token"
down
configure
up
like "$(ask hello)" '^label=NSS Certificate DB$' "with them the token is there"
refused 13 create "$key" ECDSA-P256 first
is $? 0 "a key that the token says was made elsewhere is refused"
like "$(tail -n 3 "$dir/log")" 'key_attributes .*attributes=0x36 ' "for this reason and no other"
down
configure 'require_local = false;'
up
succeeds "unless driver.conf says that this token's word is worth nothing there" ask sign "$key" ECDSA-P256 "$(digest 32)"
for row in ECDSA-P256:32:02 ECDSA-P384:48:03 RSA-2048:32:04; do
  algorithm=${row%%:*} id=${key%01}${row##*:} size=${row#*:}
  succeeds "$algorithm: a key is made" made "$id" "$algorithm"
  is "$(cat "$dir/err")" "dropped=ALLOWED_MECHANISMS,ALWAYS_AUTHENTICATE,COPYABLE" "$algorithm: without what the token doesn't know"
  succeeds "$algorithm: it signs" verified "$algorithm" "$id" "${size%:*}"
  like "$(ask public "$id")" '^attributes=0x36$' "$algorithm: sensitive, never extractable, for signatures only"
done
is "$(ask list | wc -l)" 4 "all are listed"
refused 11 create "$key" ECDSA-P256 again
is $? 0 "none is made twice"
down
up
succeeds "another process finds them" verified ECDSA-P256 "${key%01}02" 32
down

# The PIN.
(umask 077 && echo wrong-enough-1 >"$dir/wrong")
sed -i "s|^pin_file.*|pin_file = \"$dir/wrong\";|" "$dir/driver.conf"
fails_with 77 'pin_refused.*CKR_PIN_INCORRECT'
is $? 0 "a wrong PIN is known as one, and latched"
tap_done
