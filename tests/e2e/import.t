#!/usr/bin/env bash
# CA certificates that were signed elsewhere: the folder of anchors, the
# proof of the key, what the charter makes of a chain, requests, renewals,
# certificates of an earlier life; and all of it again after kill -9.
set -u
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/signer_only.sh
. "$CHANCERY_SOURCE/tests/e2e/signer_only.sh"
signer_only_up
w=$STACK_DIR/work anchors=$STACK_DIR/anchors
end() { # PID
  kill -KILL "$1"
  wait "$1" 2>/dev/null
}
mkdir -p "$w" "$anchors"

probe() { "$CHANCERY_BUILD/tests/e2e/import_probe" "$STACK_DIR/sign/sign.sock" "$id" "$@"; }
word() { cut -d' ' -f"$1" <<<"$2"; }
key_create() { word 3 "$(probe create main ECDSA-P256)"; }

ca=$'basicConstraints = critical, CA:TRUE\nkeyUsage = critical, keyCertSign, cRLSign\nsubjectKeyIdentifier = hash'
below=$ca$'\nauthorityKeyIdentifier = keyid'
key_make() { openssl ecparam -name prime256v1 -genkey -noout -out "$w/$1.key"; }
# A certificate in $w/NAME.pem and .der, for the key in NAME.key or the request in NAME.csr.
sign() { # NAME SUBJECT EXTENSIONS DAYS [ISSUER]
  printf '%s\n' "$3" >"$w/ext"
  [ ! -e "$w/$1.key" ] || openssl req -new -key "$w/$1.key" -subj "$2" -out "$w/$1.csr"
  local by=(-signkey "$w/$1.key")
  [ -z "${5:-}" ] || by=(-CA "$w/$5.pem" -CAkey "$w/$5.key" -set_serial "0x$(openssl rand -hex 8)")
  openssl x509 -req -in "$w/$1.csr" -days "$4" -sha256 -extfile "$w/ext" "${by[@]}" -out "$w/$1.pem" 2>"$w/err" ||
    diag "$(cat "$w/err")"
  openssl x509 -in "$w/$1.pem" -outform DER -out "$w/$1.der"
}
root_make() { # NAME EXTENSIONS [DAYS]: self-signed
  key_make "$1"
  sign "$1" "/CN=$1" "$2" "${3:-30}"
}
to_token() { # NAME ID: as another program's key
  openssl pkcs8 -topk8 -nocrypt -in "$w/$1.key" -outform DER -out "$w/$1.p8"
  openssl pkey -in "$w/$1.key" -pubout -outform DER -out "$w/$1.pub"
  local tool=(pkcs11-tool --module "$softhsm_module" --token-label main --login --pin "$(cat "$STACK_DIR/token/pin")" --id "$2")
  SOFTHSM2_CONF=$STACK_DIR/token/softhsm2.conf "${tool[@]}" --write-object "$w/$1.p8" --type privkey --usage-sign &&
    SOFTHSM2_CONF=$STACK_DIR/token/softhsm2.conf "${tool[@]}" --write-object "$w/$1.pub" --type pubkey
}

# A request for a key made here, a certificate from a root elsewhere.
root_make out "${ca/CA:TRUE/CA:TRUE, pathlen:2}"$'\nnameConstraints = critical, permitted;DNS:example.com, permitted;IP:10.0.0.0/255.0.0.0, excluded;DNS:secret.example.com'
sub=$(key_create)
request=$(probe id)
like "$(REQUEST_ID=$request probe csr "$sub" 'Sub One' 1 example.com "$w/sub.csr.der")" '^done' "a request for an unbound key"
cp "$w/sub.csr.der" "$w/first.der"
REQUEST_ID=$request probe csr "$sub" 'Sub One' 1 example.com "$w/sub.csr.der" >/dev/null
succeeds "the same request gets the same answer" cmp "$w/first.der" "$w/sub.csr.der"
openssl req -inform DER -in "$w/sub.csr.der" -out "$w/sub.csr"
succeeds "openssl verifies it" openssl req -in "$w/sub.csr" -noout -verify
succeeds "certtool reads it" certtool --crq-info --infile "$w/sub.csr"
text=$(openssl req -in "$w/sub.csr" -noout -text)
like "$text" 'CA:TRUE, pathlen:1' "it asks for a path length"
like "$text" 'Name Constraints: critical' "and for name constraints"
like "$text" 'Subject Key Identifier' "and names its key identifier"

import_sub() { probe import "${1:-$sub}" - - "$w/sub.der"; }
sign sub '' "${below/CA:TRUE/CA:TRUE, pathlen:5}" 20 out
like "$(import_sub)" '^refused 424' "no anchor at all: no chain"
like "$(probe import "$sub" - - "$w/sub.der" "$w/out.der")" '^refused 428 UNLISTED_ROOT' "a root that is sent but not listed"
cp "$w/out.pem" "$anchors/out.pem"
chmod 0666 "$anchors/out.pem"
like "$(import_sub)" '^refused 424' "an anchor that others may write"
chmod 0644 "$anchors/out.pem"
chmod 0777 "$anchors"
like "$(import_sub)" '^refused 428' "a folder that others may write"
chmod 0755 "$anchors"
ln -s "$w/out.pem" "$anchors/link.pem"
mv "$anchors/out.pem" "$anchors/out.txt"
like "$(import_sub)" '^refused 424' "neither a link nor another ending is an anchor"
mv "$anchors/out.txt" "$anchors/out.crt"
other=$(key_create)
like "$(import_sub "$other")" '^refused 425 IMPORT_KEY' "another key than the certificate's"
like "$(import_sub 00112233445566778899aabbccddeeff)" '^refused 300' "an unknown key"
request=$(probe id)
first=$(REQUEST_ID=$request import_sub)
like "$first" "^done [0-9]+ $sub" "listed and proved: bound"
is "$(REQUEST_ID=$request import_sub)" "$first" "the same request again gets the same answer"
like "$(REQUEST_ID=$request probe import - - - "$w/out.der")" '^refused 204' "its id with another body is refused"

# What the chain says holds for every leaf.
child=$(key_create)
like "$(probe ca "$sub" "$child" 'Child' 1 "$w/child.der")" '^refused 405' "the root's path length 2 leaves 1, whatever the CA's says"
like "$(probe ca "$sub" "$child" 'Child' 0 "$w/child.der")" '^done' "a child at 0"
openssl x509 -inform DER -in "$w/child.der" -out "$w/child.pem"
succeeds "openssl verify takes it" openssl verify -x509_strict -CAfile "$w/out.pem" -untrusted "$w/sub.pem" "$w/child.pem"
like "$(probe leaf "$sub" www.evil.com 3600 - "$w/leaf.der")" '^refused' "a leaf elsewhere"
narrow=$'\nnameConstraints = critical, permitted;DNS:a.example.com, permitted;DNS:evil.com\nextendedKeyUsage = serverAuth, clientAuth'
issuing=$(key_create)
probe csr "$issuing" 'Sub Two' 0 - "$w/issuing.csr.der" >/dev/null
openssl req -inform DER -in "$w/issuing.csr.der" -out "$w/issuing.csr"
sign issuing '' "${below/CA:TRUE/CA:TRUE, pathlen:0}$narrow" 10 out
like "$(probe import "$issuing" - - "$w/issuing.der")" '^done' "a second CA below the same root"
like "$(probe import "$child" - - "$w/child.der" "$w/sub.der")" "^done [0-9]+ $child" "a CA of our own, imported: the chain says what its parent's charter said"
server=2b06010505070301
like "$(probe leaf "$issuing" www.a.example.com 3600 $server "$w/leaf.der")" '^done' "a leaf within both constraints"
openssl x509 -inform DER -in "$w/leaf.der" -out "$w/leaf.pem"
succeeds "openssl verify -x509_strict takes it" \
  openssl verify -x509_strict -CAfile "$w/out.pem" -untrusted "$w/issuing.pem" "$w/leaf.pem"
cat "$w/leaf.pem" "$w/issuing.pem" "$w/out.pem" >"$w/chain.pem"
succeeds "certtool takes it" certtool --verify --load-ca-certificate "$w/out.pem" --infile "$w/chain.pem"
like "$(probe leaf "$issuing" www.example.com 3600 $server "$w/x")" '^refused 406' "permitted by the root only"
like "$(probe leaf "$issuing" www.evil.com 3600 $server "$w/x")" '^refused 406' "permitted by the CA only"
like "$(probe leaf "$issuing" x.secret.example.com 3600 $server "$w/x")" '^refused 406' "excluded by the root"
like "$(probe leaf "$issuing" www.a.example.com 3600 2b06010505070304 "$w/x")" '^refused 416' "a usage that the chain does not have"
like "$(probe leaf "$issuing" www.a.example.com 3600 - "$w/x")" '^refused 416' "no usage under a chain that has some"
like "$(probe leaf "$issuing" www.a.example.com $((11 * 86400)) $server "$w/x")" '^refused 403' "past the chain's notAfter"

# The same key and subject again: validity grows, nothing else.
sign issuing '' "${below/CA:TRUE/CA:TRUE, pathlen:0}$narrow" 15 out
like "$(probe import "$issuing" - - "$w/issuing.der")" '^done' "a renewal with the same key"
like "$(probe leaf "$issuing" www.a.example.com $((11 * 86400)) $server "$w/x")" '^done' "extends its validity"
like "$(probe leaf "$issuing" www.a.example.com $((16 * 86400)) $server "$w/x")" '^refused 403' "to the renewed notAfter"
cp "$w/issuing.der" "$w/renewed.der"
sign issuing '' "${below/CA:TRUE/CA:TRUE, pathlen:0}" 15 out
like "$(probe import "$issuing" - - "$w/issuing.der")" '^refused 426' "with wider constraints it is refused"
like "$(probe csr "$issuing" - 0 - "$w/again.csr.der")" '^done' "a request of the bound key, its subject as it stands"
like "$(openssl req -inform DER -in "$w/again.csr.der" -noout -subject -verify 2>&1)" 'CN = Sub Two' "under its own name"
like "$(probe csr "$issuing" 'Sub Three' 0 - "$w/x")" '^refused 301 .* ?subject' "and under no other"

cp "$w/out.pem" "$w/out-old.pem"
sign out /CN=out "${ca/CA:TRUE/CA:TRUE, pathlen:2}"$'\nnameConstraints = critical, permitted;DNS:example.com, permitted;IP:10.0.0.0/255.0.0.0, excluded;DNS:secret.example.com' 60
cp "$w/out.pem" "$anchors/renewed.pem"
like "$(probe import - - - "$w/out.der")" '^done' "a renewed root, its elder listed beside it"

# Names are taken.
spare=$(key_create)
like "$(probe csr "$spare" 'Sub Two' 0 - "$w/x")" '^refused 408' "an imported CA's subject with another key: no request"
like "$(probe self "$spare" out "$w/x")" '^refused 408' "nor a root under the name of one above it"

# What no charter can say, and what is no CA.
odd() { # WHAT PATTERN EXTENSIONS [DAYS]
  key_make odd
  sign odd "/CN=odd $RANDOM$RANDOM" "$3" "${4:-9}" out
  like "$(probe import - - - "$w/odd.der")" "$2" "$1"
}
odd "a constraint of a form we can't hold" '^refused 423' "$below"$'\nnameConstraints = critical, permitted;RID:1.2.3.4'
odd "a constraint with a mask that is no prefix" '^refused 423' "$below"$'\nnameConstraints = critical, excluded;IP:10.0.0.0/255.0.255.0'
odd "an unknown critical extension" '^refused 424' "$below"$'\n1.2.3.4.5 = critical, ASN1:NULL'
odd "no keyCertSign" '^refused 426' "${below/keyCertSign, /}"
odd "CA:FALSE" '^refused 426' "${below/CA:TRUE/CA:FALSE}"
odd "expired" '^refused 424' "$below" -1
odd "a certificate only, its key offline" '^done [0-9]+ 00000000000000000000000000000000' "$below"
printf 'x' >>"$w/odd.der"
like "$(probe import - - - "$w/odd.der")" '^refused 426' "a byte after the certificate"
root_make old "$ca" -1
cp "$w/old.pem" "$anchors/"
like "$(probe import - - - "$w/old.der")" '^refused 424' "a root that is listed but expired"
root_make twin "$ca"
sign twin "/CN=out" "$ca" 9
cp "$w/twin.der" "$anchors/"
like "$(probe import - - - "$w/twin.der")" '^refused 408' "a second root under a name that is taken"
rm "$anchors/twin.der"

# A key that is in the token already.
root_make legacy "${ca/CA:TRUE/CA:TRUE, pathlen:0}"
cp "$w/legacy.der" "$anchors/"
to_token legacy aabbcc >"$w/tool" 2>&1 || diag "$(cat "$w/tool")"
like "$(probe import - main aabbcc "$w/legacy.der")" '^refused 311' "the driver refuses an imported key by default"
end "$driver"
printf 'imported_keys = "warn";\n' >>"$STACK_DIR/conf/driver-main.conf"
: >"$STACK_DIR/log/signd.log"
start_driver && stack_until 100 grep -q driver_ready "$STACK_DIR/log/signd.log"
like "$(probe import - main ddeeff "$w/legacy.der")" '^refused 300' "a key that the token does not have"
like "$(probe import - main aabbcc "$w/odd.pem")" '^refused 426' "PEM instead of DER"
root_make wrong "$ca"
cp "$w/wrong.der" "$anchors/"
like "$(probe import - main aabbcc "$w/wrong.der")" '^refused 425 IMPORT_KEY' "a good root, but another key"
like "$(probe import - nowhere aabbcc "$w/legacy.der")" '^refused 303' "a token that is not configured"
bound=$(probe import - main aabbcc "$w/legacy.der")
legacy=$(word 3 "$bound")
is "$legacy" "$(openssl pkey -in "$w/legacy.key" -pubout -outform DER | sha256sum | cut -c1-32)" "bound under a hash of its public key"
like "$(probe leaf "$legacy" www.example.org 3600 - "$w/leaf.der")" '^done' "it signs a leaf, as a root that is alone"
openssl x509 -inform DER -in "$w/leaf.der" -out "$w/leaf.pem"
succeeds "that openssl takes" openssl verify -x509_strict -CAfile "$w/legacy.pem" "$w/leaf.pem"
like "$(probe import - main aabbcc "$w/legacy.der")" "^done [0-9]+ $legacy" "again: bound again, nothing changes"

# What it signed before.
key_make early
sign early /CN=early $'subjectAltName = DNS:early.example.org\nauthorityKeyIdentifier = keyid' 5 legacy
like "$(probe admit "$legacy" "$w/early.der")" '^done' "a certificate of its earlier life"
like "$(probe admit "$issuing" "$w/early.der")" '^refused 427' "not under another CA"
key_make forged
sign forged /CN=forged $'subjectAltName = DNS:early.example.org' 5 wrong
like "$(probe admit "$legacy" "$w/forged.der")" '^refused 427' "nor one of another issuer"
openssl req -x509 -new -key "$w/forged.key" -subj /CN=legacy -days 5 -outform DER -out "$w/forged.der" 2>/dev/null
like "$(probe admit "$legacy" "$w/forged.der")" '^refused 427' "nor one that only bears its name"
like "$(probe admit "$spare" "$w/early.der")" '^refused 302' "nor under an unbound key"
probe close "$legacy" >/dev/null
request=$(probe id)
admitted=$(REQUEST_ID=$request probe admit "$legacy" "$w/early.der")
like "$admitted" '^done' "also when the CA is closed"

# Another life.
end "$signer"
start_signer || stack_show_logs
like "$(cat "$STACK_DIR/log/signd.log")" 'serving ' "after kill -9 the signer understands its ledger"
is "$(REQUEST_ID=$request probe admit "$legacy" "$w/early.der")" "$admitted" "an answer is the same in another life"
like "$(probe leaf "$issuing" www.a.example.com $((11 * 86400)) $server "$w/x")" '^done' "the renewed validity holds"
like "$(probe leaf "$issuing" www.example.com 3600 $server "$w/x")" '^refused 406' "and so do the constraints"
like "$(probe leaf "$legacy" www.example.org 3600 - "$w/x")" '^refused 308' "what was closed is closed"
like "$(probe import - main aabbcc "$w/legacy.der")" "^done" "a closed key may be renewed"
like "$(probe leaf "$legacy" www.example.org 3600 - "$w/x")" '^refused 308' "and stays closed"
like "$(probe csr "$spare" out 0 - "$w/x")" '^refused 408' "names stay taken"
succeeds "an independent reader agrees with the ledger" \
  python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"
kill -TERM "$signer"
wait "$signer"
is $? 0 "SIGTERM ends the signer cleanly"
tap_done
