#!/usr/bin/env bash
# The PKCS#11 driver against a private SoftHSM token: each verb over its
# socket, answers checked with openssl; who is refused; what breaks and how it
# comes back. Run in the build folder, or with CHANCERY_BUILD set.
set -u

source=${CHANCERY_SOURCE:-$(cd "$(dirname "$0")/../.." && pwd)}
build=${CHANCERY_BUILD:-$PWD}
client=$build/tests/e2e/driver-client
driver=$build/chancery-driver-pkcs11
dir=$(mktemp -d /tmp/ch.XXXXXX)
ledger=000102030405060708090a0b0c0d0e0f
id=00112233445566778899aabbccddee
pid='' point=0 failed=0

finish() {
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
  rm -rf "$dir"
}
trap finish EXIT

ok() { # STATUS WHAT
  point=$((point + 1))
  if [ "$1" -eq 0 ]; then
    echo "ok $point - $2"
  else
    echo "not ok $point - $2"
    tail -n 5 "$dir/log" 2>/dev/null | sed 's/^/#   /'
    failed=1
  fi
}
check() { # WHAT COMMAND...
  local what=$1
  shift
  "$@" >"$dir/out" 2>"$dir/err"
  ok $? "$what"
}
same() { # WHAT GOT EXPECTED
  [ "$2" = "$3" ]
  local status=$?
  ok $status "$1"
  [ $status -eq 0 ] || echo "#   got '$2', expected '$3'"
}

eval "$("$source/tests/tokens/up-softhsm" "$dir/token")" || exit 1
export SOFTHSM2_CONF # for pkcs11-tool; the driver has it from driver.conf
mkdir "$dir/state" "$dir/faulty"
: >"$dir/log"

configure() { # [LINE...]: more settings; FILE is $dir/driver.conf
  cat >"$dir/driver.conf" <<-CONF
	name = "main";
	socket = "$dir/main.sock";
	peers = [ "uid:$(id -u)" ];
	ledger_id = "$ledger";
	module = "${module:-$MODULE}";
	token = "${token:-chancery}";
	pin_file = "${pin:-$PIN_FILE}";
	state_dir = "$dir/state";
	environment = {
	  SOFTHSM2_CONF = "$SOFTHSM2_CONF";
	  FAULTY_MODULE = "$MODULE";
	  FAULTY_DIR = "$dir/faulty";
	  FAULTY_PIN_FILE = "$PIN_FILE";
	};
	CONF
  printf '%s\n' "$@" >>"$dir/driver.conf"
}

# shellcheck source=tests/e2e/driver.sh
. "$source/tests/e2e/driver.sh"
frame() { # VERB BODY-HEX [VERSION KIND]: a request with tag 7
  local n=$((${#2} / 2))
  printf '%02x%02x%02x%02x%s%s%02x000700000000000000%s' $((n & 255)) $((n >> 8 & 255)) $((n >> 16 & 255)) \
    $((n >> 24)) "${3:-01}" "${4:-01}" "$1" "$2"
}
raw_code() { # HEX: the number of the last refusal that comes back before the connection is closed
  local back
  back=$(timeout 60 "$client" "$dir/main.sock" - raw "$1" | tr -d '\n') || return 1
  [ "${#back}" -ge 36 ] || return 1
  python3 - "$back" <<-'PY'
	import sys, struct
	b, code = bytes.fromhex(sys.argv[1]), None
	while b:
	    n, version, kind, verb, tag = struct.unpack("<IBBHQ", b[:16])
	    if kind == 3: code = struct.unpack("<H", b[16:18])[0]
	    b = b[16 + n:]
	print(code)
	PY
}

# Every algorithm, from an empty token to a signature that openssl verifies.
configure
up
ok $? "comes up and says READY=1"
check "HELLO names the token" ask hello
serial=$(sed -n s/^serial=//p "$dir/out")
same "HELLO: label" "$(grep ^label= "$dir/out")" label=chancery
same "HELLO: all seven algorithms" "$(grep ^algorithms= "$dir/out")" algorithms=0xfe
n=1
while read -r algorithm size; do
  check "creates a key: $algorithm" ask create "${id}0$n" "$algorithm" "key $n"
  xxd -r -p "$dir/out" | openssl pkey -pubin -inform DER -out "$dir/$algorithm.pem" 2>/dev/null
  check "signs: $algorithm" verified "$algorithm" "${id}0$n" "$size"
  ask public "${id}0$n" >"$dir/out" 2>&1
  same "made here, sensitive, never extractable, for signatures only: $algorithm" \
    "$(grep ^attributes "$dir/out")" attributes=0x37
  [ "$size" = 1000 ] || check "refuses a digest of another size: $algorithm" \
    refused 21 sign "${id}0$n" "$algorithm" "$(digest $((size - 1)))"
  n=$((n + 1))
done <<<"$algorithms"
same "lists them" "$(ask list | wc -l)" 7
check "a taken id is refused" refused 11 create "${id}01" ECDSA-P256 new
check "a taken label is refused" refused 11 create "${id}ff" ECDSA-P256 "key 1"
check "an unknown key is refused" refused 10 sign "${id}ff" ECDSA-P256 "$(digest 32)"
check "another algorithm than the key's is refused" refused 20 sign "${id}01" ECDSA-P384 "$(digest 48)"
check "an unknown algorithm is refused" refused 20 create "${id}ff" 99 new

# What pkcs11-tool, which isn't ours, sees of a key.
pkcs11-tool --module "$MODULE" --token-label chancery --login --pin "$(cat "$PIN_FILE")" -O --type privkey \
  --id "${id}01" >"$dir/out" 2>/dev/null
grep -q "Usage: *sign$" "$dir/out" && grep -q "sensitive, always sensitive, never extractable, local" "$dir/out"
ok $? "pkcs11-tool: sign only, sensitive, never extractable, local"

# Frames, in the order in which they are judged. Each is answered and its connection closed.
hello=$(frame 1 "0100$ledger")
same "the first message must be HELLO" "$(raw_code "$(frame 2 '')")" 3
same "an unknown verb" "$(raw_code "$(frame 99 '')")" 4
same "another version of frames" "$(raw_code "$(frame 1 "0100$ledger" 02)")" 5
same "another version of the protocol" "$(raw_code "$(frame 1 "0200$ledger")")" 5
same "another ledger" "$(raw_code "$(frame 1 "0100ff${ledger#00}")")" 6
same "a reply instead of a request" "$(raw_code "$(frame 1 "0100$ledger" 01 02)")" 1
same "a body that ends early" "$(raw_code "$(frame 1 "0100${ledger%00}0f" | head -c 66)0000")" 1
same "bytes left over" "$(raw_code "$hello$(frame 2 00)")" 1
same "an empty key id" "$(raw_code "$hello$(frame 4 0000)")" 1
same "a body over its verb's limit, before it is there" "$(raw_code "${hello}8100000001010400$(printf %016d 0)")" 1
same "a length over every limit" "$(raw_code "ffffffff01010100$(printf %016d 0)")" 1
check "and the driver serves on" verified ECDSA-P256 "${id}01" 32
check "requests in flight, more than the queue takes, are answered or refused" \
  sh -c "timeout 60 $client $dir/main.sock $ledger bench ${id}01 ECDSA-P256 $(digest 32) 1 200"
check "a flood is refused as BUSY and hurts nobody" refused 33 bench "${id}05" RSA-3072 "$(digest 32)" 1 2000
check "after it, signatures as before" verified RSA-3072 "${id}05" 32
"$client" "$dir/main.sock" "$ledger" bench "${id}05" RSA-3072 "$(digest 32)" 60 100 >/dev/null 2>&1 &
lost=$!
check "a connection lost in the middle disturbs nobody: while it lives" verified ECDSA-P256 "${id}01" 32
kill -KILL $lost
wait $lost 2>/dev/null
check "a connection lost in the middle disturbs nobody: afterwards" verified ECDSA-P256 "${id}01" 32
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
  chmod 755 "$dir" && chmod 666 "$dir/main.sock"
  for uid in 65533 65534; do
    setpriv --reuid $uid --clear-groups "$client" "$dir/main.sock" "$ledger" hello >/dev/null 2>&1
    same "uid $uid is refused" $? 2
    grep -q "peer_refused uid=$uid" "$dir/log"
    ok $? "and logged"
  done
fi
down
same "SIGTERM ends it cleanly" "$status" 0
[ ! -e "$dir/main.sock" ]
ok $? "and its socket is gone"

# A key that someone else wrote into the token, and two with one id.
tool() { pkcs11-tool --module "$MODULE" --token-label chancery --login --pin "$(cat "$PIN_FILE")" "$@" >/dev/null 2>&1; }
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -outform DER -out "$dir/outside.der" 2>/dev/null
openssl pkey -in "$dir/outside.der" -inform DER -pubout -outform DER -out "$dir/outside.pub" 2>/dev/null
tool --write-object "$dir/outside.der" --type privkey --id "${id}a0" --label outside --usage-sign --sensitive
tool --write-object "$dir/outside.der" --type privkey --id "${id}a2" --label open --usage-sign --extractable
tool --write-object "$dir/outside.pub" --type pubkey --id "${id}a2" --label open
tool --write-object "$dir/outside.pub" --type pubkey --id "${id}a0" --label outside
tool --keypairgen --key-type EC:prime256v1 --id "${id}a1" --label twin --usage-sign
tool --keypairgen --key-type EC:prime256v1 --id "${id}a1" --label twin --usage-sign
configure
up
check "a key from outside doesn't sign" refused 13 sign "${id}a0" ECDSA-P256 "$(digest 32)"
check "two keys with one id are refused" refused 12 sign "${id}a1" ECDSA-P256 "$(digest 32)"
check "keys are found again by a new process" verified ECDSA-P384 "${id}02" 48
down
configure 'imported_keys = "warn";'
: >"$dir/log"
up
check "unless driver.conf allows it" ask sign "${id}a0" ECDSA-P256 "$(digest 32)"
grep -q "key_imported key=${id}a0 .*\"not LOCAL, not ALWAYS_SENSITIVE, not NEVER_EXTRACTABLE, for more than signatures\"" "$dir/log"
ok $? "with a warning that says what it lacks"
check "but never one that can be read out" refused 13 sign "${id}a2" ECDSA-P256 "$(digest 32)"
tool --delete-object --type privkey --id "${id}a0"
check "a key that was deleted while it was in use is unknown" refused 10 sign "${id}a0" ECDSA-P256 "$(digest 32)"
check "and the others sign on" verified ECDSA-P256 "${id}01" 32
down

# Faults.
tell() { "$build/tests/tokens/tell" "$dir/faulty" "$@"; }
module=$build/tests/tokens/faulty.so
configure
up
check "through a module that can break" verified ECDSA-P256 "${id}01" 32
tell 'C_SignInit lose-sessions times 1'
check "lost sessions are opened anew within the request" verified ECDSA-P256 "${id}01" 32
grep -q token_recovery "$dir/log" && [ "$(tell --used 1)" -gt 1 ]
ok $? "and the log says so"
tell 'C_SignInit CKR_DEVICE_ERROR times 1'
check "an error of the device is no refusal: once is not the end" verified ECDSA-P256 "${id}01" 32
tell 'C_Sign flip'
check "a private key that fails its challenge is refused" refused 14 sign "${id}02" ECDSA-P384 "$(digest 48)"
tell 'C_SignInit CKR_DEVICE_ERROR'
ask sign "${id}01" ECDSA-P256 "$(digest 32)" >/dev/null 2>&1
same "a second failure is not answered" $? 2
ended
same "and ends the process" "$status" 70
tell
configure 'sign_seconds = 1;'
up
ok $? "and it comes back"
tell 'C_SignInit hang'
ask sign "${id}01" ECDSA-P256 "$(digest 32)" >/dev/null 2>&1
ended
same "a call over its deadline ends the process" "$status" 75
tell 'C_GetTokenInfo flags +CKF_USER_PIN_FINAL_TRY'
configure
check "few PIN tries left: no try is made" fails_with 77 "flag=CKF_USER_PIN_FINAL_TRY"
[ ! -e "$dir/state/main.login-pending" ]
ok $? "and no marker is left"
tell
module=''

# The PIN.
(umask 077 && echo 99999999 >"$dir/wrong")
pin=$dir/wrong
configure
check "a wrong PIN is reported" fails_with 77 "pin_refused.*CKR_PIN_INCORRECT"
pin=''
configure
check "and never tried again, even if it is right now" fails_with 77 pin_latched
check "--resume wants the right name" test "$("$driver" --config "$dir/driver.conf" --resume other 2>/dev/null; echo $?)" = 78
check "--resume lifts it" "$driver" --config "$dir/driver.conf" --resume main
up
ok $? "and it comes up"
fails_with 70 token_taken
ok $? "a second process is kept from the token"
down

# Configuration.
chmod 0644 "$dir/wrong"
pin=$dir/wrong
configure
check "a PIN file that others can read" fails_with 78 secret_exposed
chmod 0420 "$dir/wrong"
check "or that its group can change" fails_with 78 secret_exposed
chmod 0400 "$dir/wrong"
if [ "$(id -u)" = 0 ]; then
  chown 65533 "$dir/wrong"
  check "or that belongs to somebody else" fails_with 78 "secret_exposed .*owner=65533"
fi
pin=$dir/none
configure
check "no PIN file" fails_with 78 "secret_unreadable file=$dir/none"
pin='' token=elsewhere
configure
up
ok $? "no such token: it waits for one"
grep -q "token_missing token=elsewhere" "$dir/log" && grep -q "token_awaited token=elsewhere" "$dir/log"
ok $? "says so"
check "and answers TOKEN_AWAY" refused 30 hello
down
same "until it is told to end" "$status" 0
token="pkcs11:token=chancery;serial=$serial;manufacturer=SoftHSM%20project"
configure
up
ok $? "a token by its URI, with its serial number"
check "as the token says itself" sh -c "$client $dir/main.sock $ledger hello | grep -qx serial=$serial"
down
token='pkcs11:token=chancery;slot-id=0'
configure
check "never by its slot: in a URI" fails_with 78 "setting=token expected=\"token= and serial=, never a slot"
token='pkcs11:token=chancery?pin-value=1234'
configure
check "nor with its PIN there" fails_with 78 "setting=token expected=\"a URI without pin-value"
token=''
configure 'slot = 0;'
check "never by its slot: alone" fails_with 78 "line=15 setting=slot expected=\"no slot"
token='' module=/nowhere/p11.so
configure
check "no such module" fails_with 78 "module_missing module=/nowhere/p11.so"
module=/lib/x86_64-linux-gnu/libm.so.6
[ ! -e "$module" ] || {
  configure
  check "not a module" fails_with 78 module_invalid
}
module=''
configure 'wokers = 2;'
check "a typo, with file and line" fails_with 78 "file=$dir/driver.conf line=15 setting=wokers"
configure 'workers = 17;'
check "a number out of range" fails_with 78 "line=15 setting=workers expected=\"a whole number from 1 to 16\""
configure
sed -i "s,^socket = .*,socket = \"$dir/$(printf 'x%.0s' $(seq 100))\";," "$dir/driver.conf"
check "a socket path that is too long" fails_with 78 "setting=socket expected=\"a path of at most 107 bytes\""
sed -i 's,^ledger_id.*,ledger_id = "0001";,' "$dir/driver.conf"
check "a ledger id that is none" fails_with 78 "line=4 setting=ledger_id"

echo "1..$point"
exit $failed
