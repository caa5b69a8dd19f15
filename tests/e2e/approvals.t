#!/usr/bin/env bash
# Approvals, as the signer counts them: proposals, detached signatures by other
# programs, and every way in which one of them is worth nothing. There is no
# front-end here: what asks is one that was captured.
set -u
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/signer_only.sh
. "$CHANCERY_SOURCE/tests/e2e/signer_only.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"
signer_only_up
w=$STACK_DIR/work
mkdir -p "$w" "$STACK_DIR/anchors"
cp -p "$STACK_DIR/conf/signd.conf" "$STACK_DIR/conf/signd.base"

probe=$CHANCERY_BUILD/tests/e2e/approve_probe
probe() { "$probe" "$STACK_DIR/sign/sign.sock" "$id" "$@"; }
word() { cut -d' ' -f"$1" <<<"$2"; }
refused() { like "$1" "^refused $2 " "${*:3}"; } # GOT CODE WHAT
signer_with() { # LINE...: under the same settings with these besides
  if [ -n "$signer" ]; then kill -TERM "$signer" && wait "$signer"; fi
  { cat "$STACK_DIR/conf/signd.base" && printf '%s\n' "$@"; } >"$STACK_DIR/conf/signd.conf"
  start_signer || {
    stack_show_logs
    fail "the signer starts with: $*"
    tap_done
  }
}
restart() { # after a crash
  kill_signer
  start_signer
}

# Keys of people, of every kind.
person() { # NAME GENPKEY-ARGUMENTS...
  openssl genpkey -quiet "${@:2}" -out "$w/$1.key" 2>/dev/null || openssl genpkey "${@:2}" -out "$w/$1.key" 2>/dev/null
  openssl pkey -in "$w/$1.key" -pubout -out "$w/$1.pem"
  openssl pkey -in "$w/$1.key" -pubout -outform DER -out "$w/$1.der"
  chmod 0644 "$w/$1.pem"
}
for name in alice mallory rita sub; do person "$name" -algorithm EC -pkeyopt ec_paramgen_curve:P-256; done
person bob -algorithm RSA -pkeyopt rsa_keygen_bits:2048
person carol -algorithm ED25519
person dave -algorithm EC -pkeyopt ec_paramgen_curve:P-384
person erin -algorithm EC -pkeyopt ec_paramgen_curve:P-521
sign() { # NAME FILE [OPTION...]: its signature in $w/sig
  if [ "$1" = carol ]; then
    openssl pkeyutl -sign -inkey "$w/$1.key" -rawin -in "$2" -out "$w/sig"
  else
    openssl dgst "${@:3}" -sign "$w/$1.key" -out "$w/sig" "$2"
  fi
}
approve() { # NAME PROPOSAL [OPTION...]: by a signature over what was proposed last
  local how=("${@:3}")
  [ ${#how[@]} -gt 0 ] || how=(-sha256)
  sign "$1" "$w/proposal" "${how[@]}"
  probe approve "$2" "${role:-0}" "$w/$1.der" "$w/sig"
}
propose() { PROPOSE="$w/proposal" probe "$@"; } # COMMAND...: what it says; the bytes are in $w/proposal
approved() { # NAME...: with approvals of these; says the id
  local said who
  said=$(propose "${@:2}")
  for who in $1; do approve "$who" "$(word 2 "$said")" >/dev/null; done
  word 2 "$said"
}
spend() { PROPOSAL=$1 probe "${@:2}"; }

people() { # NAME...: as members of a list
  local name list=''
  for name in "$@"; do list+="${list:+, }{ name = \"$name\"; key = \"$w/$name.pem\"; }"; done
  echo "( $list )"
}
classes='classes = { root = { kinds = [ "ca", "subca-foreign" ]; }; };'
rules='lifetime_hours = 2; new_ca = 2; subca_foreign = 1; resume = 1;'
everybody='alice bob carol dave erin'
# shellcheck disable=SC2086 # words
approvers=$(people $everybody)
END=$((EPOCHSECONDS + 200 * 86400))
export END

# What signd.conf must not say.
check() { # LINE...: what is wrong with them
  { cat "$STACK_DIR/conf/signd.base" && printf '%s\n' "$@"; } >"$STACK_DIR/conf/wrong.conf"
  "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/wrong.conf" --check 2>&1
}
like "$(check "approvals = { approvers = $(people alice bob); new_ca = 3; };")" 'approvals.new_ca' "more approvals than approvers"
like "$(check "approvals = { approvers = $(people alice alice); };")" 'stand in this list once' "a key twice"
like "$(check 'approvals = { approvers = ( { name = "x"; key = "/nowhere"; } ); };')" 'approvers.\[0\].key' "a key that isn't there"
chmod 0666 "$w/mallory.pem"
like "$(check "approvals = { approvers = $(people mallory); };")" 'nobody else may write' "a key that anybody may change"
chmod 0644 "$w/mallory.pem"
like "$(check "approvals = { approvers = ( { name = \"alice\"; key = \"$w/alice.pem\"; sha256 = \"$(printf '0%.0s' {1..64})\"; } ); };")" \
  'sha256' "a key that isn't the pinned one"
succeeds "a key that is" check "approvals = { approvers = ( { name = \"alice\"; key = \"$w/alice.pem\";
  sha256 = \"$(sha256sum <"$w/alice.der" | cut -d' ' -f1)\"; } ); };"
like "$(check 'import_roots = "approved";')" 'approvals.import_root' "approved roots without approvals"
like "$(check "approvals = { approvers = $(people alice); import_root = 1; };")" 'import_root' "approvals of roots that a folder lists"

# A root, by two people of five.
signer_with "$classes" "approvals = { approvers = $approvers; $rules };"
is "$(probe approvers | head -1)" "epoch=1 hours=2 ca=2 root=2 foreign=1 import=0 resume=1 new_epoch=0" "what signd.conf says of them"
is "$(probe approvers | tail -n +2 | tr -d '\n')" "0 alice0 bob0 carol0 dave0 erin" "and whom it names"
root=$(probe create main)
refused "$(probe self "$root" Root)" 433 "a root without approvals"
refused "$(propose garbled)" 515 "a proposal of a body that fits no verb"
refused "$(propose verb 8)" 515 "a proposal of another verb, with nothing in it"
refused "$(propose verb 13)" 515 "a proposal of a note"
said=$(propose self "$root" Root)
like "$said" '^proposed 00000001[0-9a-f]{24} 2 0$' "a proposal; its id begins with the epoch"
first=$(word 2 "$said")
is "$(head -c 21 "$w/proposal" | od -An -c | tr -d ' \n')" 'chancery-proposal-v1\n' "its bytes begin with words"
words=$(probe tell "$w/proposal")
like "$words" '^Subject: +.*CN=Root' "it can be told in words: whom"
like "$words" '^To approve: +a self-signed root' "what"
like "$words" "^SHA-256: +$(sha256sum <"$w/proposal" | cut -d' ' -f1)" "and of which bytes"
refused "$(spend "$first" self "$root" Root)" 508 "a proposal that nobody has approved"
refused "$(approve mallory "$first")" 510 "an approval by an unknown key"
refused "$(role=1 approve alice "$first")" 510 "a requester where there are none"
refused "$(role=2 approve alice "$first")" 514 "a role that there isn't"
cp "$w/proposal" "$w/altered"
printf 'X' | dd of="$w/altered" bs=1 seek=40 conv=notrunc status=none
sign alice "$w/altered" -sha256
refused "$(probe approve "$first" 0 "$w/alice.der" "$w/sig")" 511 "a signature over bytes that differ in one"
sign bob "$w/proposal" -sha256
refused "$(probe approve "$first" 0 "$w/alice.der" "$w/sig")" 511 "somebody else's signature"
: >"$w/sig"
refused "$(probe approve "$first" 0 "$w/alice.der" "$w/sig")" 511 "an empty signature"
sign bob "$w/proposal" -sha1
refused "$(probe approve "$first" 0 "$w/bob.der" "$w/sig")" 511 "a signature over SHA-1"
is "$(approve alice "$first")" "done 1 of 2" "alice approves: P-256, openssl dgst -sha256"
refused "$(approve alice "$first")" 512 "alice approves twice"
refused "$(spend "$first" self "$root" Root)" 508 "one approval of two"
restart
refused "$(approve alice "$first")" 512 "and twice across a crash"
is "$(approve bob "$first")" "done 2 of 2" "bob approves after it: RSA, PKCS #1 v1.5"
refused "$(spend "$first" self "$root" Other)" 507 "another name than the approved one"
refused "$(END=$((END + 1)) spend "$first" self "$root" Root)" 507 "a second longer"
like "$(spend "$first" self "$root" Root "$w/root.crt")" '^done ' "what was approved"
succeeds "openssl reads the root" openssl x509 -inform DER -in "$w/root.crt" -noout -checkend 1000
refused "$(probe leaf "$root")" 400 "it signs no leaves"

# A CA below it; and that its approvals are for nothing else.
ca=$(probe create main)
refused "$(probe ca "$root" "$ca" Policy example.com "$w/ca.crt")" 433 "a CA without approvals"
second=$(approved 'carol dave' ca "$root" "$ca" Policy example.com "$w/ca.crt")
refused "$(spend "$second" foreign "$root" "$w/sub.der" Policy example.com 0 "$w/sub.crt")" 507 "a CA over another key, of another kind"
refused "$(spend "$second" ca "$root" "$(probe create main)" Policy example.com "$w/ca.crt")" 507 "another key"
refused "$(spend "$second" ca "$root" "$ca" Policy example.org "$w/ca.crt")" 507 "another name constraint"
like "$(spend "$second" ca "$root" "$ca" Policy example.com "$w/ca.crt")" '^done ' "a CA, by Ed25519 and P-384"
refused "$(propose leaf "$ca")" 500 "a proposal of a leaf"
refused "$(spend "$second" leaf "$ca")" 500 "a leaf that names a proposal"
like "$(probe leaf "$ca")" '^done ' "a leaf needs nobody"

# subca-foreign.
foreign() { "$1" "${@:2:$#-1}"; }
refused "$(probe foreign "$root" "$w/sub.der" Mesh - 0 "$w/sub.crt")" 434 "somebody else's CA, for any name"
refused "$(probe foreign "$root" "$w/sub.der" Mesh example.com - "$w/sub.crt")" 405 "of any depth"
refused "$(probe foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 433 "without approvals"
openssl x509 -inform DER -in "$w/ca.crt" -noout -pubkey | openssl pkey -pubin -outform DER -out "$w/own.der"
refused "$(probe foreign "$root" "$w/own.der" Mesh example.com 0 "$w/sub.crt")" 414 "over a key of this signer"
refused "$(probe foreign "$root" "$w/sub.der" Policy example.com 0 "$w/sub.crt")" 408 "with a local CA's name"
refused "$(probe foreign "$ca" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 400 "where the class doesn't have the kind"
mesh=$(approved erin foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
like "$(probe tell "$w/proposal")" 'OUTSIDE this ledger' "its proposal says that nobody here will see what it signs"
number=$("$CHANCERY_BUILD/tests/e2e/import_probe" "$STACK_DIR/sign/sign.sock" "$id" id)
begin=$EPOCHSECONDS
said=$(BEGIN=$begin REQUEST_ID=$number spend "$mesh" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
like "$said" '^done ' "a CA over somebody else's key, by P-521"
is "$(BEGIN=$begin REQUEST_ID=$number spend "$mesh" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" "$said" "the same request is answered with the same"
refused "$(spend "$mesh" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 504 "the proposal is spent"
restart
refused "$(spend "$mesh" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 504 "and stays so across a crash"
refused "$(approve alice "$mesh")" 504 "nobody approves it any more"
openssl x509 -inform DER -in "$w/root.crt" -out "$w/root.pem"
openssl x509 -inform DER -in "$w/sub.crt" -out "$w/sub.pem.crt"
succeeds "openssl: it is the root's" openssl verify -CAfile "$w/root.pem" "$w/sub.pem.crt"
said=$(openssl x509 -in "$w/sub.pem.crt" -noout -text)
like "$said" 'CA:TRUE, pathlen:0' "path length 0"
like "$said" 'DNS:example.com' "for these names"
refused "$(probe foreign "$root" "$w/mallory.der" Mesh example.com 0 "$w/sub.crt")" 408 "its name is its own, also across a crash"

# An approval counts when it is on the ledger, and not before.
said=$(propose foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
rushed=$(word 2 "$said")
sign alice "$w/proposal" -sha256
is "$(probe rush "$rushed" "$w/alice.der" "$w/sig" "$root" "$w/sub.der" Mesh example.com 0)" "0 and 508" "an approval, and behind it, before it is recorded, what it is for"
like "$(probe withdraw "$rushed")" '^done ' "that one is withdrawn"

# One byte, wherever it stands: words, ledger, epoch, id, nonce, times, kind, how many, requester, content.
said=$(propose foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
bent=$(word 2 "$said")
size=$(stat -c %s "$w/proposal")
taken=''
for at in 0 20 21 36 37 40 41 56 57 88 89 96 97 104 105 106 107 108 112 $((size / 2)) $((size - 1)); do
  cp "$w/proposal" "$w/altered"
  byte=$(od -An -tu1 -j "$at" -N1 "$w/proposal")
  # shellcheck disable=SC2059 # the byte
  printf "\\x$(printf %02x $((byte ^ 1)))" | dd of="$w/altered" bs=1 seek="$at" conv=notrunc status=none
  sign alice "$w/altered" -sha256
  case $(probe approve "$bent" 0 "$w/alice.der" "$w/sig") in 'refused 511 '*) ;; *) taken+=" $at" ;; esac
done
is "$taken" '' "a signature over bytes that differ in one is worth nothing, whichever that is"
is "$(approve alice "$bent")" "done 1 of 1" "over these it is"
probe withdraw "$bent" >/dev/null

# Every form of signature.
said=$(propose foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
forms=$(word 2 "$said")
cp "$w/proposal" "$w/forms"
is "$(approve alice "$forms" -sha512)" "done 1 of 1" "P-256 over SHA-512"
is "$(approve bob "$forms" -sha384 -sigopt rsa_padding_mode:pss)" "done 2 of 1" "RSA-PSS over SHA-384"
is "$(approve dave "$forms" -sha384)" "done 3 of 1" "P-384 over SHA-384"
is "$(approve erin "$forms" -sha512)" "done 4 of 1" "P-521 over SHA-512"
if command -v pkcs11-tool >/dev/null && [ -r "${softhsm_module:=/usr/lib/softhsm/libsofthsm2.so}" ]; then
  card() {
    SOFTHSM2_CONF=$STACK_DIR/token/softhsm2.conf pkcs11-tool --module "$softhsm_module" --token-label main --login \
      --pin "$(cat "$STACK_DIR/token/pin")" "$@" 2>"$w/err"
  }
  card_key() { # ID TYPE NAME: a key in a token
    card --keypairgen --key-type "$2" --id "$1" --label "$3" >/dev/null
    card --read-object --type pubkey --id "$1" --output-file "$w/$3.raw" >/dev/null
    openssl pkey -pubin -inform DER -in "$w/$3.raw" -out "$w/$3.pem"
    openssl pkey -pubin -in "$w/$3.pem" -outform DER -out "$w/$3.der"
  }
  card_key 77 EC:prime256v1 card
  card_key 78 rsa:2048 stick
  # shellcheck disable=SC2086 # words
  signer_with "$classes" "approvals = { approvers = $(people $everybody card stick); $rules };"
  openssl dgst -sha256 -binary -out "$w/digest" "$w/proposal" # SoftHSM hashes for RSA alone
  card --sign --id 77 --mechanism ECDSA --signature-format openssl --input-file "$w/digest" --output-file "$w/sig" >/dev/null
  is "$(probe approve "$forms" 0 "$w/card.der" "$w/sig")" "done 5 of 1" "pkcs11-tool --signature-format openssl, P-256 in a token"
  card --sign --id 78 --mechanism SHA256-RSA-PKCS --input-file "$w/proposal" --output-file "$w/sig" >/dev/null
  is "$(probe approve "$forms" 0 "$w/stick.der" "$w/sig")" "done 6 of 1" "pkcs11-tool, RSA in a token"
  said=$(propose foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
  openssl dgst -sha256 -binary -out "$w/digest" "$w/proposal"
  card --sign --id 77 --mechanism ECDSA --input-file "$w/digest" --output-file "$w/sig" >/dev/null
  is "$(probe approve "$(word 2 "$said")" 0 "$w/card.der" "$w/sig")" "done 1 of 1" "pkcs11-tool as it signs by default: r and s side by side"
  probe withdraw "$(word 2 "$said")" >/dev/null
else
  skip "pkcs11-tool" "it isn't here"
fi

# What somebody no longer is.
signer_with "$classes" "approvals = { approvers = $(people carol mallory); $rules };"
cp "$w/forms" "$w/proposal"
refused "$(spend "$forms" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 508 "approvals of keys that signd.conf names no more"
refused "$(approve alice "$forms")" 510 "who isn't an approver any more"
is "$(approve carol "$forms")" "done 1 of 1" "who is one still"
refused "$(probe foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 433 "still not without a proposal"
signer_with "$classes"
refused "$(spend "$forms" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 501 "where nobody approves, nobody signs somebody else's CA"
signer_with "$classes" "approvals = { approvers = $approvers; $rules };"

# Withdrawn, unknown, too many.
refused "$(spend 00000001000000000000000000000000 self "$root" Root2)" 301 "a bound key, whatever it names"
refused "$(spend 00000001000000000000000000000000 foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 502 "a proposal that there never was"
refused "$(probe approve 00000001000000000000000000000000 0 "$w/alice.der" "$w/sig")" 502 "an approval of none"
refused "$(probe withdraw 00000001000000000000000000000000)" 502 "a withdrawal of none"
gone=$(approved alice foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
like "$(probe withdraw "$gone")" '^done ' "a proposal is withdrawn"
refused "$(spend "$gone" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 505 "then it allows nothing"
refused "$(approve bob "$gone")" 505 "and nobody approves it"
restart
refused "$(probe withdraw "$gone")" 505 "also after a crash"
before=$(probe withdraw "$forms")
like "$before" '^done ' "the last open one is withdrawn"
for ((i = 0; i < 64; i++)); do said=$(propose foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt"); done
like "$said" '^proposed' "sixty-four proposals are open"
kept=$(word 2 "$said")
cp "$w/proposal" "$w/kept"
refused "$(propose foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 516 "one more"

# Who requests does not approve.
signer_with "$classes" "approvals = { approvers = $approvers; requesters = $(people rita alice); $rules };"
cp "$w/kept" "$w/proposal"
is "$(approve bob "$kept")" "done 1 of 1" "bob approves"
refused "$(spend "$kept" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 509 "nobody has requested it"
refused "$(role=1 approve bob "$kept")" 510 "bob may not request"
is "$(approve alice "$kept")" "done 2 of 1" "alice approves"
refused "$(role=1 approve alice "$kept")" 513 "and does not request as well"
is "$(role=1 approve rita "$kept")" "done 2 of 1" "rita requests, which is no approval"
probe withdraw "$kept" >/dev/null
said=$(propose foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
like "$said" '^proposed [0-9a-f]* 1 1$' "from now on a proposal says that its requester signs"
own=$(word 2 "$said")
is "$(role=1 approve alice "$own")" "done 0 of 1" "alice requests"
refused "$(approve alice "$own")" 513 "and does not approve her own"
refused "$(spend "$own" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 508 "so that it has no approval"
is "$(approve dave "$own")" "done 1 of 1" "dave approves"
like "$(spend "$own" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" '^done ' "and it is signed"

# Roots from elsewhere.
mine() { # NAME SUBJECT
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$w/$1.key" -subj "$2" -days 30 \
    -addext keyUsage=critical,keyCertSign,cRLSign -outform DER -out "$w/$1.crt" 2>/dev/null
}
mine elsewhere /CN=Elsewhere
refused "$(probe import - "$w/elsewhere.crt")" 428 "a root that no folder lists"
signer_with "$classes" 'import_roots = "approved";' "approvals = { approvers = $approvers; $rules import_root = 2; };"
refused "$(probe import - "$w/elsewhere.crt")" 433 "a root that nobody has approved"
said=$(propose import - "$w/elsewhere.crt")
like "$said" '^proposed .* 2 0$' "it is proposed"
import=$(word 2 "$said")
like "$(probe tell "$w/proposal")" '^Subject: +CN=Elsewhere' "in words: whom"
is "$(approve alice "$import")$(approve bob "$import")" "done 1 of 2done 2 of 2" "two people agree"
mine another /CN=Another
refused "$(spend "$import" import - "$w/another.crt")" 507 "another root"
refused "$(spend "$import" import 00112233445566778899aabbccddeeff "$w/elsewhere.crt")" 300 "a key that isn't here costs nobody an approval"
like "$(spend "$import" import - "$w/elsewhere.crt")" '^done ' "the root is registered"
refused "$(spend "$import" import - "$w/elsewhere.crt")" 504 "once"

# Two hours later.
said=$(propose foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
late=$(word 2 "$said")
approve erin "$late" >/dev/null
clock=$w/clock
clock_make "$clock"
mkdir "$w/bin"
clock_program "$clock" "$STACK_BIN/chancery-signd" "$w/bin/chancery-signd"
ln -s "$STACK_BIN/chancery-driver-pkcs11" "$w/bin/"
STACK_BIN=$w/bin
signer_with "$classes" "approvals = { approvers = $approvers; $rules };"
clock_pass "$clock" 7201
clock_program "$clock" "$CHANCERY_BUILD/tests/e2e/approve_probe" "$w/bin/probe"
probe=$w/bin/probe
refused "$(spend "$late" foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")" 503 "a proposal that has expired"
refused "$(approve alice "$late")" 503 "nobody approves it any more"
said=$(propose foreign "$root" "$w/sub.der" Mesh example.com 0 "$w/sub.crt")
like "$said" '^proposed' "nor does it take anybody's place"
restart
refused "$(probe withdraw "$late")" 503 "also after a crash"

# The ledger alone proves it: who agreed to what, by the ceilings of the day.
kill -TERM "$signer" && wait "$signer"
signer=''
said=$(python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger")
is $? 0 "an independent reader agrees with the ledger, and with every signature"
like "$said" 'approved=5$' "five acts needed people: a root, a CA, two of somebody else's, an import"
said=$("$CHANCERY_BUILD/chancery" --json audit verify "$STACK_DIR/signer/ledger")
is "$(jq -c '[.errors, .approved]' <<<"$said")" '[0,5]' "chancery audit verify says the same"
like "$("$CHANCERY_BUILD/chancery" audit verify "$STACK_DIR/signer/ledger")" 'approvals +5 acts' "and in words"
tap_done
