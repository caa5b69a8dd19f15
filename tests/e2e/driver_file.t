#!/usr/bin/env bash
# The file driver over a folder of PEM keys: each algorithm made, signed with
# and verified by openssl, keys that stood there before, and what it refuses.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
client=$CHANCERY_BUILD/tests/e2e/driver-client
driver=$CHANCERY_BUILD/chancery-driver-file
dir=$(mktemp -d /tmp/ch.XXXXXX)
ledger=000102030405060708090a0b0c0d0e0f
id=00112233445566778899aabbccddee
pid=''
keys=$dir/keys
# shellcheck source=tests/e2e/driver.sh
. "$CHANCERY_SOURCE/tests/e2e/driver.sh"

finish() {
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
  rm -rf "$dir"
}
trap finish EXIT
umask 077
mkdir "$keys"
: >"$dir/log"

configure() { # [LINE...]: more settings
  cat >"$dir/driver.conf" <<-CONF
	name = "files";
	socket = "$dir/main.sock";
	peers = [ "uid:$(id -u)" ];
	ledger_id = "$ledger";
	folder = "$keys";
	CONF
  printf '%s\n' "$@" >>"$dir/driver.conf"
}
name() { printf %s "$1" | xxd -p | tr -d '\n'; }
logged() { grep -q -- "$1" "$dir/log"; }
public() { # ID ALGORITHM: its public key where verified() wants it
  ask public "$1" | tail -n 1 | xxd -r -p | openssl pkey -pubin -inform DER -out "$dir/$2.pem" 2>/dev/null
}
starts() { # WHAT
  if up; then pass "$1"; else fail "$1" "$(cat "$dir/log")"; fi
}

# It must be told that this is insecure.
configure
succeeds "without insecure it does not start, and names the setting" fails_with 78 'setting=insecure expected="true'
configure 'insecure = false;'
succeeds "nor with insecure = false" fails_with 78 'setting=insecure expected="true'
configure 'insecure = true;' "passphrase_file = \"$dir/none\";"
succeeds "nor without its passphrase" fails_with 78 "secret_unreadable file=$dir/none"
configure 'insecure = true;'
sed -i "s,^folder = .*,folder = \"$dir/nowhere\";," "$dir/driver.conf"
succeeds "nor without its folder" fails_with 78 "folder_unreadable folder=$dir/nowhere"
configure 'insecure = true;'
starts "with insecure = true it comes up"
succeeds "and warns" logged 'level=warning.*insecure\|warning.*insecure'
like "$(ask hello)" '^algorithms=0xfe$' "HELLO: all seven algorithms"
like "$(ask hello)" '^model=insecure PEM files$' "HELLO says what it is"

# Every algorithm, from an empty folder to a signature that openssl verifies.
n=1
while read -r algorithm size; do
  succeeds "creates a key: $algorithm" ask create "${id}0$n" "$algorithm" "key $n"
  is "$(stat -c %a "$keys/${id}0$n.pem")" 600 "closed to others: $algorithm"
  public "${id}0$n" "$algorithm"
  succeeds "signs, and openssl verifies: $algorithm" verified "$algorithm" "${id}0$n" "$size"
  is "$(openssl pkey -in "$keys/${id}0$n.pem" -pubout 2>/dev/null)" "$(cat "$dir/$algorithm.pem")" \
    "openssl reads the file: $algorithm"
  like "$(ask public "${id}0$n")" '^attributes=0x' "PUBLIC names attributes: $algorithm"
  [ "$size" = 1000 ] || succeeds "refuses a digest of another size: $algorithm" \
    refused 21 sign "${id}0$n" "$algorithm" "$(digest $((size - 1)))"
  n=$((n + 1))
done <<<"$algorithms"
is "$(ask list | wc -l)" 7 "lists them"
before=$(sha256sum <"$keys/${id}01.pem")
succeeds "a second CREATE of an id is refused" refused 11 create "${id}01" ECDSA-P256 again
is "$(sha256sum <"$keys/${id}01.pem")" "$before" "and the key stays as it was"
succeeds "another algorithm than the key's is refused" refused 20 sign "${id}01" ECDSA-P384 "$(digest 48)"
succeeds "an unknown key is refused" refused 10 sign "${id}99" ECDSA-P256 "$(digest 32)"
succeeds "an unknown algorithm is refused" refused 20 create "${id}88" 77 none
is "$(find "$keys" -name '.*.new')" '' "no half-made file is left"

# A worker keeps the key that it signed with last; never one whose file has changed.
pem_make() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 "${@:2}" -out "$keys/$1.pem" 2>/dev/null; }
pem_make often
public "$(name often)" ECDSA-P256
succeeds "a key signs" verified ECDSA-P256 "$(name often)" 32
succeeds "and once more" verified ECDSA-P256 "$(name often)" 32
succeeds "its neighbour in between" verified ECDSA-P384 "${id}02" 48
pem_make other
mv "$keys/other.pem" "$keys/often.pem"
cp "$dir/ECDSA-P256.pem" "$dir/first.pem"
public "$(name often)" ECDSA-P256
succeeds "another key takes its name" test "$(cat "$dir/first.pem")" != "$(cat "$dir/ECDSA-P256.pem")"
for try in 1 2 3 4; do # there are two workers, and each of them had the first
  succeeds "and signs ($try)" verified ECDSA-P256 "$(name often)" 32
done
chmod 0644 "$keys/often.pem"
succeeds "opened to others it is refused" refused 13 sign "$(name often)" ECDSA-P256 "$(digest 32)"
chmod 0600 "$keys/often.pem"
succeeds "closed again it signs" verified ECDSA-P256 "$(name often)" 32
rm "$keys/often.pem"
succeeds "removed it is unknown" refused 10 sign "$(name often)" ECDSA-P256 "$(digest 32)"

# Keys that stood there before.
pem_make old-root
public "$(name old-root)" ECDSA-P256
succeeds "an existing PEM signs under its name" verified ECDSA-P256 "$(name old-root)" 32
like "$(ask list)" "^$(name old-root)\$" "and is listed"
succeeds "CREATE does not take an existing name" refused 11 create "$(name old-root)" ECDSA-P256 other
pem_make locked -aes256 -pass pass:open-sesame
succeeds "an encrypted PEM is refused" refused 13 sign "$(name locked)" ECDSA-P256 "$(digest 32)"
succeeds "and the log names passphrase_file" logged 'file=locked.pem.*passphrase_file'
ln -s old-root.pem "$keys/link.pem"
succeeds "a symbolic link is refused" refused 13 sign "$(name link)" ECDSA-P256 "$(digest 32)"
pem_make open
chmod 0644 "$keys/open.pem"
succeeds "a key with mode 0644 is refused" refused 13 sign "$(name open)" ECDSA-P256 "$(digest 32)"
mkdir "$keys/folder.pem"
succeeds "a folder is refused" refused 13 sign "$(name folder)" ECDSA-P256 "$(digest 32)"
echo none >"$keys/text.pem"
succeeds "a file that is no key is refused" refused 13 sign "$(name text)" ECDSA-P256 "$(digest 32)"
head -c 16385 /dev/zero >"$keys/large.pem"
succeeds "a file over 16384 bytes is refused" refused 13 sign "$(name large)" ECDSA-P256 "$(digest 32)"
openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:secp256k1 -out "$keys/koblitz.pem" 2>/dev/null
succeeds "a key of another curve is refused" refused 20 public "$(name koblitz)"
cp "$keys/old-root.pem" "$dir/outside.pem"
cp "$keys/old-root.pem" "$keys/.hidden.pem"
for bad in ../outside .hidden 'old root' "$keys/old-root"; do
  succeeds "no key has the name '${bad##*/}' (${#bad} bytes)" refused 10 sign "$(name "$bad" | head -c 128)" ECDSA-P256 "$(digest 32)"
done
nothing "and none of those is listed" "$(ask list | grep -e "$(name .hidden)" -e "$(name outside)")"
like "$(ask status)" '^signatures=16$' "STATUS counts the signatures"
down
is "$status" 0 "SIGTERM ends it with 0"

# With a passphrase.
echo wrong >"$dir/wrong"
echo open-sesame >"$dir/passphrase"
configure 'insecure = true;' "passphrase_file = \"$dir/wrong\";"
starts "comes up with a wrong passphrase"
succeeds "which opens no key" refused 13 sign "$(name locked)" ECDSA-P256 "$(digest 32)"
down
configure 'insecure = true;' "passphrase_file = \"$dir/passphrase\";"
starts "comes up with the right one"
public "$(name locked)" ECDSA-P256
succeeds "an encrypted PEM signs" verified ECDSA-P256 "$(name locked)" 32
succeeds "a new key" ask create "${id}77" Ed25519 new
like "$(cat "$keys/${id}77.pem")" 'BEGIN ENCRYPTED PRIVATE KEY' "is written encrypted"
public "${id}77" Ed25519
succeeds "and signs" verified Ed25519 "${id}77" 1000
public "${id}01" ECDSA-P256
succeeds "keys are found again by a new process" verified ECDSA-P256 "${id}01" 32
chmod 0644 "$dir/passphrase"
down
succeeds "a passphrase that others can read is refused" fails_with 78 secret_exposed
tap_done
