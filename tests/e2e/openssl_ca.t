#!/usr/bin/env bash
# A CA that `openssl ca` ran, with all that it kept: its key goes into a file of the file driver, its certificates and
# revocations go on our ledger, and the next CRL is one that follows those from before. What is odd in the folder is
# refused before anything is sent; what was interrupted goes on.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/files.sh
. "$(dirname "$0")/files.sh"
files_up
chancery() { "$CHANCERY_BUILD/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }

# --- the house that was: a root and a CA below it, both by openssl ca
ca_folder() { # FOLDER SUBJECT PATHLEN
  mkdir -p "$1/newcerts"
  : >"$1/index.txt"
  echo 1000 >"$1/serial"
  echo 2A >"$1/crlnumber"
  openssl ecparam -name prime256v1 -genkey -noout -out "$1/key.pem"
  cat >"$1/conf" <<-CONF
	[ca]
	default_ca = c
	[c]
	dir = $1
	database = \$dir/index.txt
	new_certs_dir = \$dir/newcerts
	serial = \$dir/serial
	crlnumber = \$dir/crlnumber
	certificate = \$dir/ca.pem
	private_key = \$dir/key.pem
	default_md = sha256
	default_days = 300
	default_crl_days = 20
	unique_subject = no
	copy_extensions = copy
	policy = p
	x509_extensions = leaf
	crl_extensions = crl
	[p]
	O = optional
	CN = optional
	[leaf]
	basicConstraints = critical, CA:FALSE
	keyUsage = critical, digitalSignature
	extendedKeyUsage = serverAuth
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid
	[below]
	basicConstraints = critical, CA:TRUE, pathlen:0
	keyUsage = critical, keyCertSign, cRLSign
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid
	[crl]
	authorityKeyIdentifier = keyid
	CONF
  openssl req -x509 -new -key "$1/key.pem" -subj "$2" -days 3000 -out "$1/ca.pem" \
    -addext "basicConstraints = critical, CA:TRUE$3" -addext 'keyUsage = critical, keyCertSign, cRLSign' 2>"$work/err"
}
openssl_ca() { # FOLDER OPTIONS...
  local folder=$1
  shift
  openssl ca -batch -config "$folder/conf" "$@" 2>"$work/ca.err" || diag "$(cat "$work/ca.err")"
}
signed() { # FOLDER NAME [OPTIONS...]: a leaf; its serial in $serial
  local folder=$1 name=$2
  shift 2
  csr_make "$work/$name" ec:P-256 "DNS:$name.example.com" -subj "/CN=$name.example.com"
  serial=$(cat "$folder/serial")
  openssl_ca "$folder" -in "$work/$name.csr" -out "$work/$name.pem" "$@"
}
old=$work/old
ca_folder "$old" '/O=Elsewhere/CN=Old CA' ''
signed "$old" good && good=$serial
signed "$old" lost && lost=$serial
signed "$old" moved && moved=$serial
signed "$old" held && held=$serial
signed "$old" broken && broken=$serial
signed "$old" past -startdate 20200101000000Z -enddate 20210101000000Z && past=$serial
signed "$old" gone -startdate 20200101000000Z -enddate 20210101000000Z && gone=$serial
csr_make "$work/below" ec:P-256 '' -subj '/O=Elsewhere/CN=Below'
below=$(cat "$old/serial")
openssl_ca "$old" -extensions below -in "$work/below.csr" -out "$work/below.pem"
revoke() { openssl_ca "$old" -revoke "$old/newcerts/$1.pem" "${@:2}"; }
revoke "$lost" -crl_reason keyCompromise
revoke "$moved" -crl_reason superseded
revoke "$held" -crl_hold holdInstructionReject
revoke "$broken" -crl_compromise 20250101000000Z
revoke "$gone"
revoke "$below" -crl_reason CACompromise
# What was revoked was so some time ago, as any folder has it.
sed -i -E "s/^(R\t[0-9]+Z\t)[0-9]{12}Z/\1250201030405Z/" "$old/index.txt"
openssl_ca "$old" -gencrl -out "$work/old.crl"
openssl_ca "$old" -updatedb
is "$(cut -c1 "$old/index.txt" | sort | uniq -c | xargs)" "1 E 6 R 1 V" "the folder: good, expired and revoked ones"
is "$(openssl crl -in "$work/old.crl" -noout -crlnumber)" "crlNumber=0x2A" "  and a CRL with a number"

# --- it comes here: key in a file, certificate among the anchors
openssl pkcs8 -topk8 -nocrypt -in "$old/key.pem" -out "$STACK_DIR/keys/old.pem" && chmod 600 "$STACK_DIR/keys/old.pem"
cp "$old/ca.pem" "$STACK_DIR/anchors/old.pem"
issuer=$(issuer_make elsewhere)
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile p "$old/ca.pem" '{name: "old", root_cert_pem: $p, key_driver_id: "file:old"}')"
answers 201 "the CA is registered with its key"
ca=$(field .id)

rows() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "SELECT count(*) FROM certificate"; }
before=$(rows)
# --- what is odd is refused as a whole
odd=$work/odd
spoiled() { # WHAT PATTERN COMMAND...: a copy of the folder, spoiled by a command in it
  local what=$1 pattern=$2 said
  shift 2
  rm -rf "$odd" && cp -r "$old" "$odd"
  (cd "$odd" && "$@")
  said=$(chancery import openssl-ca "$odd" --ca old)
  is "$? $(rows)" "3 $before" "$what: nothing is sent"
  like "$said" "$pattern" "  and it says what is wrong"
}
spoiled "a line that is none" 'line 9 of index.txt has not the six fields' sh -c 'echo nonsense >>index.txt'
spoiled "a state that is none" 'a state other than' sed -i '1s/^V/X/' index.txt
spoiled "a time that is none" 'an end that is no time' sed -i -E '1s/\t[0-9]+Z/\t269999030405Z/' index.txt
spoiled "revoked without a date" 'without a date' sed -i -E '2s/\t250201030405Z[^\t]*/\t/' index.txt
spoiled "a reason that is none" 'reason of revocation' sed -i 's/,superseded/,boredom/' index.txt
spoiled "revoked in time to come" 'still to come' sed -i '2s/250201030405Z/490201030405Z/' index.txt
spoiled "a serial that is none" 'serial number that' sed -i "s/\t$good\t/\t..\/$good\t/" index.txt
spoiled "a serial twice" 'has the serial number 1000 twice' sh -c 'head -n 1 index.txt >>index.txt'
spoiled "a line without end" 'too long' sh -c 'head -c 9000 /dev/zero | tr "\0" x >>index.txt'
spoiled "bytes that are no text" 'no text' sh -c 'printf "V\000\377\n" >>index.txt'
spoiled "a certificate that isn't there" "no certificate newcerts/$good.pem" rm "newcerts/$good.pem"
spoiled "a certificate that is none" "no certificate newcerts/$good.pem" sh -c "echo nothing >newcerts/$good.pem"
spoiled "another certificate in its place" 'another serial number' cp "newcerts/$lost.pem" "newcerts/$good.pem"
spoiled "a serial that is to be given again" 'is the next one' sh -c 'echo 1000 >serial'
spoiled "a CRL number that is none" 'crlnumber is not one' sh -c 'echo many >crlnumber'
spoiled "a CRL number without measure" 'crlnumber is larger' sh -c 'echo 7FFFFFFFFFFFFFFFFFFFFF >crlnumber'
other=$work/other
ca_folder "$other" '/O=Elsewhere/CN=Old CA' ''
echo AAAA >"$other/serial"
signed "$other" foreign
spoiled "what another key of the same name signed" 'not signed by this CA' \
  sh -c "cat '$other/index.txt' >>index.txt; cp '$other/newcerts/AAAA.pem' newcerts"
like "$(chancery import openssl-ca "$work/nowhere" --ca old)" "can't read .*index.txt" "a folder that isn't there"
like "$(chancery import openssl-ca "$old" --ca nobody)" 'no CA with the id or name' "a CA that isn't there"
like "$(chancery import openssl-ca "$old")" '\-\-ca' "no CA at all"

# --- looked at, and then taken
said=$(chancery --json import openssl-ca "$old" --ca old --dry-run)
is "$? $(rows)" "0 $before" "a dry run takes nothing"
is "$(jq -c '[.dry_run, .certificates, .revoked, .expired, .last_crl_number]' <<<"$said")" '[true,8,6,2,42]' "  and says what there is"

# Interrupted after some: what is there already is no obstacle.
api POST "/api/v1/intermediates/$ca/admit" "$(jq -n --rawfile p <(openssl x509 -in "$old/newcerts/$lost.pem") '{certificate_pem: $p}')"
answers 201 "one of them was taken before"
said=$(chancery --json import openssl-ca "$old" --ca old)
is "$?" 0 "all of it is taken"
is "$(jq -c '[.dry_run, .certificates, .revoked, .expired, .last_crl_number]' <<<"$said")" '[false,8,6,2,42]' "  and told" || diag "$said"
is "$(rows)" "$((before + 8))" "  each once"
said=$(chancery --json import openssl-ca "$old" --ca old)
is "$? $(rows)" "0 $((before + 8))" "a second time changes nothing"

shown() { # SERIAL: state, when and why it was revoked
  api GET "/api/v1/intermediates/$ca/certificates/${1,,}"
  jq -r '[.state, .revoked_at // "-", .revocation_reason // "-"] | join(" ")' <<<"$body"
}
is "$(shown "$good")" "active - -" "what was good is active"
is "$(shown "$lost")" "revoked 2025-02-01T03:04:05Z keyCompromise" "what was revoked is so since then, and for this"
is "$(shown "$moved")" "revoked 2025-02-01T03:04:05Z superseded" "  for another reason"
is "$(shown "$held")" "revoked 2025-02-01T03:04:05Z certificateHold" "  on hold"
is "$(shown "$broken")" "revoked 2025-02-01T03:04:05Z keyCompromise" "  with a time of compromise"
is "$(shown "$gone")" "revoked 2025-02-01T03:04:05Z unspecified" "  for no reason, and expired"
is "$(shown "$below")" "revoked 2025-02-01T03:04:05Z cACompromise" "  a CA that is elsewhere"
is "$(shown "$past")" "active - -" "what has expired is there"

# --- the next CRL, of a stack that makes some
sed -i 's/^crl_hours = .*/crl_hours = 48;/' "$STACK_DIR/conf/frontd.conf"
was=$(pid_of frontd)
frontd_came() { [ "$(pid_of frontd)" != "$was" ] && stack_ready; }
kill -TERM "$was"
stack_until 200 frontd_came || e2e_die "the front-end does not come back"
crl_there() { curl -s -f --unix-socket "$STACK_DIR/pki.sock" -o "$work/new.der" "http://localhost/pki/$ca/crl"; }
if stack_until 200 crl_there; then pass "there is a CRL"; else fail "there is a CRL"; fi
openssl crl -inform DER -in "$work/new.der" -out "$work/new.crl"
succeeds "  signed by the old key" openssl crl -in "$work/new.crl" -CAfile "$old/ca.pem" -noout
number=$(openssl crl -in "$work/new.crl" -noout -crlnumber)
if [ $((${number#*=})) -gt 42 ]; then pass "  its number follows those of before: $number"; else fail "  its number follows those of before" "$number"; fi
listed() { openssl crl -in "$1" -noout -text | awk '/Serial Number:/ { s = $3 } /Revocation Date:/ { sub(/.*Date: /, ""); print s, $0 } /Key Compromise|Superseded|Hold|CA Compromise|Unspecified/ { print s, $1, $2 }' | sort; }
is "$(listed "$work/new.crl" | grep -v "^$gone " )" "$(listed "$work/old.crl" | grep -v "^$gone \|Hold Instruction\|Reject")" "  it lists what the old one did, as it did"
refuses "  openssl refuses what was revoked there" openssl verify -crl_check -CAfile "$old/ca.pem" -CRLfile "$work/new.crl" "$work/lost.pem"
succeeds "  and takes what wasn't" openssl verify -crl_check -CAfile "$old/ca.pem" -CRLfile "$work/new.crl" "$work/good.pem"

# --- the same serial below another CA is another certificate
openssl pkcs8 -topk8 -nocrypt -in "$other/key.pem" -out "$STACK_DIR/keys/other.pem" && chmod 600 "$STACK_DIR/keys/other.pem"
openssl req -x509 -new -key "$other/key.pem" -subj '/O=Elsewhere/CN=Other CA' -days 3000 -out "$other/ca.pem" \
  -addext 'basicConstraints = critical, CA:TRUE' -addext 'keyUsage = critical, keyCertSign, cRLSign' 2>"$work/err"
rm -rf "$other/newcerts" && mkdir "$other/newcerts" && : >"$other/index.txt" && echo 1000 >"$other/serial"
signed "$other" twin
cp "$other/ca.pem" "$STACK_DIR/anchors/other.pem"
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile p "$other/ca.pem" '{name: "other", root_cert_pem: $p, key_driver_id: "file:other"}')"
answers 201 "another CA with the same serials"
said=$(chancery --json import openssl-ca "$other" --ca other)
is "$?" 0 "  is taken as well" || diag "$said"

# --- who may, and what stays
api POST "/api/v1/intermediates/$ca/certificates/${good,,}/revoke" '{"reason": "superseded", "revoked_at": "2049-01-01T00:00:00Z"}'
answers 400 "nothing is revoked in time to come" bad_field
api POST "/api/v1/intermediates/$ca/crl-number" '{"last": 7}'
is "$status $(field .last)" "200 $((${number#*=}))" "CRL numbers never go back"
api POST "/api/v1/intermediates/$ca/crl-number" '{}'
answers 400 "a number is needed" missing_field

# --- the ledger alone has all of it
succeeds "the ledger is verified" "$CHANCERY_BUILD/chancery" audit verify "$STACK_DIR/signer/ledger"
succeeds "and reconciled with the database" "$CHANCERY_BUILD/chancery" --socket "$STACK_DIR/api.sock" audit reconcile --ledger "$STACK_DIR/signer/ledger"
dump() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" \
  "SELECT hex(fingerprint), hex(serial), state, revoked_at, revocation_reason FROM certificate ORDER BY fingerprint"; }
last_number() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "SELECT number FROM lastcrl WHERE ca_id = '$ca'"; }
dump >"$work/before.dump"
number=$(last_number)
stack_stop
rm -f "$STACK_DIR"/db/chancery.sqlite*
stack_start || e2e_die "the stack does not come back"
caught_up() { dump >"$work/after.dump" 2>/dev/null && cmp -s "$work/before.dump" "$work/after.dump"; }
if stack_until 200 caught_up; then pass "a database made from the ledger says the same"; else
  fail "a database made from the ledger says the same" "$(diff "$work/before.dump" "$work/after.dump")"
fi
if [ "$(last_number)" -ge "$number" ]; then pass "  and counts CRLs on from there"; else fail "  and counts CRLs on from there" "$(last_number), after $number"; fi
tap_done
