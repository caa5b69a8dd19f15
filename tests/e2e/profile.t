#!/usr/bin/env bash
# Profiles over the API: a leaf carries what its profile says and nothing that its request wished besides; what is
# asked for is linted before it is signed; profiles are read again at SIGHUP.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
profiles=$STACK_DIR/conf/profiles
mkdir -p "$profiles"
cat >"$profiles/shop.conf" <<'CONF'
description = "The shop's servers";
keys = ( "ECDSA-P256", "RSA-2048" );
names = ( "dns", "ip", "email", "uri", "dn" );
name_patterns = ( "dns:*.shop.example.com", "ip:10.20.0.0/16", "email:.example.com", "uri:https://shop.example.com/*",
  "dn:O=Shop" );
wildcards = true;
subject = ( "CN", "O" );
key_usage = ( "digitalSignature", "keyEncipherment" );
extended_key_usage = ( "serverAuth", "1.3.6.1.4.1.99999.7" );
policies = ( "2.23.140.1.2.2", "1.3.6.1.4.1.99999.8" );
default_ttl = 7200;
longest_ttl = 86400;
extensions = ( { oid = "1.3.6.1.4.1.99999.10"; der = "0c0473686f70"; } );
must_staple = true;
crl_urls = ( "http://crl.example.com/{ca}.crl", "http://crl2.example.com/all.crl" );
ocsp_urls = ( "http://ocsp.example.com/{ca}" );
ca_issuers_urls = ( );
CONF
cat >"$profiles/strict.conf" <<'CONF'
keys = ( "ECDSA-P256", "RSA-2048" );
names = ( "dns", "email" );
key_usage = ( "digitalSignature" );
subject = ( "emailAddress" );
default_ttl = 3600;
longest_ttl = 3600;
lint = "warning";
CONF
sed '/^lint/d' "$profiles/strict.conf" >"$profiles/lax.conf"
E2E_FRONTD='pki_base_url = "http://pki.example.com/pki";'
E2E_SIGND='classes = { issuing = { name_types = [ "dns", "email", "uri", "ip", "dn" ]; opaque_extensions = [ "1.3.6.1.4.1.99999.10" ]; }; };'
e2e_up
hierarchy_make shop ECDSA-P256 ECDSA-P256 ECDSA-P256
# Each CA's OCSP responder is made by itself; nothing is counted before all are there.
responders() { [ "$(sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" 'SELECT (SELECT count(*) FROM key) + (SELECT count(*) FROM certificate)')" = 12 ]; }
stack_until 90 responders
is $? 0 "three CAs, and a responder of each"
mark

# --- all of it is the profile's ---
# What openssl can be made to ask for that is no leaf's business, or not this profile's.
cat >"$work/wishes.cnf" <<'CONF'
[req]
distinguished_name = dn
req_extensions = wishes
prompt = no
[dn]
CN = www.shop.example.com
O = Shop
OU = Evil
C = DE
serialNumber = 4711
emailAddress = evil@example.com
[wishes]
subjectAltName = DNS:www.shop.example.com, IP:10.20.0.1, email:post@mail.example.com, URI:https://shop.example.com/a, dirName:directory
basicConstraints = critical, CA:TRUE, pathlen:3
keyUsage = critical, keyCertSign, cRLSign, digitalSignature, keyAgreement
extendedKeyUsage = codeSigning, OCSPSigning, anyExtendedKeyUsage
certificatePolicies = 1.2.3.4
nameConstraints = permitted;DNS:evil.example
crlDistributionPoints = URI:http://evil.example/crl
authorityInfoAccess = OCSP;URI:http://evil.example/ocsp
noCheck = ignored
1.3.6.1.4.1.99999.9 = ASN1:UTF8String:an extension of its own
[directory]
O = Shop
CN = Directory
CONF
wishes() { # STEM KEY...: a key and the request with all wishes
  openssl req -new "${@:2}" -nodes -config "$work/wishes.cnf" -keyout "$work/$1.key" -out "$work/$1.csr" 2>"$work/$1.err" || diag "$(cat "$work/$1.err")"
}
wishes ec -newkey ec -pkeyopt ec_paramgen_curve:P-256
wishes rsa -newkey rsa:2048
text_of() { openssl x509 -in "$1" -noout -text -nameopt RFC2253; }
extension() { # FILE NAME: the lines of an extension in one
  openssl x509 -in "$1" -noout -ext "$2" 2>/dev/null | tail -n +2 | tr -s ' \n' ' ' | sed 's/^ //; s/ $//'
}
for key in ec rsa; do
  issue "$issuing" "$work/$key.csr" shop
  answers 201 "$key: a request that wishes for too much gets what the profile says"
  judge "$key" "$work/$key.crt" "$work/$key.chain" "$work/$key.root"
  crt=$work/$key.crt
  is "$(openssl x509 -in "$crt" -noout -subject -nameopt RFC2253)" "subject=O=Shop,CN=www.shop.example.com" "$key: the subject"
  is "$(extension "$crt" basicConstraints)" "CA:FALSE" "$key: no CA"
  if [ "$key" = rsa ]; then usage="Digital Signature, Key Encipherment"; else usage="Digital Signature"; fi
  is "$(extension "$crt" keyUsage)" "$usage" "$key: the key usage"
  is "$(extension "$crt" extendedKeyUsage)" "TLS Web Server Authentication, 1.3.6.1.4.1.99999.7" "$key: the purposes"
  is "$(extension "$crt" certificatePolicies)" "Policy: 2.23.140.1.2.2 Policy: 1.3.6.1.4.1.99999.8" "$key: the policies"
  is "$(extension "$crt" subjectAltName)" "DNS:www.shop.example.com, IP Address:10.20.0.1, email:post@mail.example.com, URI:https://shop.example.com/a, DirName:/O=Shop/CN=Directory" "$key: the names"
  is "$(extension "$crt" tlsfeature)" "status_request" "$key: must staple"
  is "$(extension "$crt" authorityInfoAccess)" "OCSP - URI:http://ocsp.example.com/$issuing" "$key: the responder, and no issuer's URL"
  points=$(extension "$crt" crlDistributionPoints)
  like "$points" "URI:http://crl.example.com/$issuing.crl .*URI:http://crl2.example.com/all.crl" "$key: the CRLs"
  nothing "$key: nothing else of its wishes" "$(text_of "$crt" | grep -E 'evil|4711|99999\.9|CA:TRUE|Sign:|OCSP No Check|Name Constraints|Code Signing|Any Ext')"
  like "$(text_of "$crt" | tr -d '\n')" '1\.3\.6\.1\.4\.1\.99999\.10: *\.\.shop' "$key: the profile's own extension"
  is "$(text_of "$crt" | grep -cE '^            (X509v3|Authority Info|TLS Feature)')" 10 "$key: its extensions are ten"
  # certtool counts and names them by itself.
  like "$(certtool -i --infile "$crt")" 'TLS Features|1\.3\.6\.1\.5\.5\.7\.1\.24' "$key: certtool sees the TLS feature"
  begins=$(date -u -d "$(field .not_before)" +%s) ends=$(date -u -d "$(field .not_after)" +%s)
  is $((ends - begins + 1)) 7200 "$key: valid for the profile's time, both ends counted"
done

# Without lists of its own the front-end's URLs are written; the signer is asked for them in any case.
csr_make "$work/plain" ec:P-256 DNS:www.example.com
issue "$issuing" "$work/plain.csr" server
answers 201 "a profile without URLs"
is "$(extension "$work/plain.crt" authorityInfoAccess)" \
  "OCSP - URI:http://pki.example.com/pki/$issuing/ocsp CA Issuers - URI:http://pki.example.com/pki/$issuing/ca.crt" "  has the front-end's"

# --- what is refused, and nothing was made of it ---
mark
leaf "$issuing" DNS:www.example.com shop
refused 400 name_pattern csr_pem "a DNS name outside the patterns"
like "$(field .error.message)" 'dns:www\.example\.com' "  by name"
leaf "$issuing" DNS:shop.example.com shop
refused 400 name_pattern csr_pem "the name that the pattern stands below"
leaf "$issuing" DNS:www.shop.example.com,IP:10.21.0.1 shop
refused 400 name_pattern csr_pem "an address in the request outside the network, beside a good name"
leaf "$issuing" IP:10.20.255.255 shop
issued "an address at the network's end"
leaf "$issuing" email:post@example.com shop
refused 400 name_pattern csr_pem "a mailbox at the host that the pattern stands below"
leaf "$issuing" URI:https://shop.example.com/../a shop
refused 400 name_pattern csr_pem "a URI that goes up"
leaf "$issuing" URI:https://shop.example.com.evil.example/a shop
refused 400 name_pattern csr_pem "a URI whose host only begins so"
leaf "$issuing" 'DNS:*.shop.example.com' shop
issued "a wildcard within the patterns"
leaf "$issuing" 'DNS:*.example.com' shop
refused 400 name_pattern csr_pem "a wildcard above them"
leaf "$issuing" 'DNS:*.shop.example.com' server
refused 400 wildcard_not_allowed csr_pem "a wildcard where the profile takes none"
leaf "$issuing" DNS:www.shop.example.com shop '{"ttl_seconds": 86400}'
issued "the longest validity"
leaf "$issuing" DNS:www.shop.example.com shop '{"ttl_seconds": 86401}'
refused 400 ttl_too_long ttl_seconds "a second more"
csr_make "$work/p384" ec:P-384 DNS:www.shop.example.com
leaf "$issuing" "$work/p384.csr" shop
refused 400 key_not_allowed csr_pem "a key of a type that the profile does not take"
like "$(field .error.message)" 'ECDSA-P256, RSA-2048' "  and what it takes"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=www.shop.example.com -keyout "$work/cn.key" -out "$work/cn.csr" 2>/dev/null
leaf "$issuing" "$work/cn.csr" shop
refused 400 name_missing csr_pem "a common name and no alternative name"
printf '[req]\ndistinguished_name=d\nreq_extensions=e\nprompt=no\nutf8=yes\n[d]\nO=x\n[e]\nsubjectAltName=@n\n[n]\notherName.1=1.3.6.1.4.1.311.20.2.3;UTF8:a@b\n' >"$work/other.cnf"
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -config "$work/other.cnf" -keyout "$work/other.key" -out "$work/other.csr" 2>/dev/null
leaf "$issuing" "$work/other.csr" shop
refused 422 csr_bad_name csr_pem "a name of a kind that can't be certified"

# --- what CAs have stumbled over ---
at() { date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ; }
now=$(date +%s)
leaf "$issuing" DNS:www.shop.example.com shop "{\"not_before\": \"$(at $((now - 60)))\"}"
issued "a minute back"
leaf "$issuing" DNS:www.shop.example.com shop "{\"not_before\": \"$(at $((now - 86400)))\"}"
refused 400 not_before_out_of_range not_before "a day back, before the CA was there"
leaf "$issuing" DNS:www.shop.example.com shop "{\"not_before\": \"$(at $((now + 7200)))\"}"
answers 400 "two hours ahead: the signer has a clock of its own" not_before_out_of_range
# For who is behind by some minutes it is valid at once.
leaf "$issuing" DNS:www.example.com server
begins=$(date -u -d "$(field .not_before)" +%s)
mark
if [ "$begins" -le "$(date +%s)" ]; then pass "by itself nothing begins in the future"; else fail "by itself nothing begins in the future"; fi
csr_make "$work/ulabel" ec:P-256 "DNS:m$(printf '\303\274')nchen.example"
leaf "$issuing" "$work/ulabel.csr" server
refused 422 csr_bad_name csr_pem "a U-label"
leaf "$issuing" DNS:xn--mnchen-3ya.example server
issued "its A-label"
leaf "$issuing" DNS:a_b.example.com server
refused 422 csr_bad_name csr_pem "an underscore"
leaf "$issuing" DNS:www.example.com. server
refused 422 csr_bad_name csr_pem "a final dot"
serials=$(for _ in 1 2 3 4; do
  leaf "$issuing" DNS:www.example.com server
  field .serial
done)
is "$(sort -u <<<"$serials" | grep -cE '^[0-7][0-9a-f]{37}$')" 4 "the same request four times: serial numbers of 19 octets, positive, no two alike"
mark

# --- the linter, before the signer is asked ---
csr_make "$work/mail" ec:P-256 DNS:www.example.com -subj /emailAddress=a@example.com
leaf "$issuing" "$work/mail.csr" strict
refused 400 lint_failed csr_pem "a mail address in the subject alone, where warnings are refused"
like "$(field .error.message)" 'rfc5280_4\.1\.2\.6_email_in_san \(RFC 5280, 4\.1\.2\.6\) in its subject, a@example' "  by the rule's id and the field"
leaf "$issuing" "$work/mail.csr" strict '' '?dry_run=true'
refused 400 lint_failed csr_pem "the same on a dry run"
leaf "$issuing" "$work/mail.csr" lax '' '?dry_run=true'
is "$status $(jq -c '.findings | map([.rule, .severity])' <<<"$body")" \
  '200 [["rfc5280_4.1.2.6_email_in_subject","notice"],["rfc5280_4.1.2.6_email_in_san","warning"]]' \
  "where only errors are refused, a dry run tells"
leaf "$issuing" "$work/mail.csr" lax
issued "and it is issued"
said=$("$CHANCERY_BUILD/chancery" lint "$work/issued.crt" 2>&1)
is "$?" 9 "the linter over the result finds a warning, too"
like "$said" rfc5280_4.1.2.6_email_in_san "  by the same id"
csr_make "$work/both" ec:P-256 DNS:www.example.com,email:a@example.com -subj /emailAddress=a@example.com
leaf "$issuing" "$work/both.csr" strict
issued "an address that stands among the names as well"
leaf "$issuing" DNS:www.example.com strict
issued "a request without a finding"

# --- read again at SIGHUP ---
frontd=$(pid_of frontd)
log=$STACK_DIR/log/frontd.log
reloads() { grep -cE 'profiles_(reloaded|kept)' "$log"; }
reload() { # waits until the log says what came of it
  local before
  before=$(reloads)
  kill -HUP "$frontd"
  stack_until 60 reloaded "$before"
}
# The last lines about it: those of requests that were answered before may come later.
told() { grep -E 'conf_invalid|profiles_(reloaded|kept)' "$log" | tail -n "$1"; }
reloaded() { [ "$(reloads)" -gt "$1" ]; }
sed -i 's/^longest_ttl = .*/longest_ttl = 172800;/' "$profiles/shop.conf"
leaf "$issuing" DNS:www.shop.example.com shop '{"ttl_seconds": 86401}'
answers 400 "a changed file changes nothing by itself" ttl_too_long
reload
leaf "$issuing" DNS:www.shop.example.com shop '{"ttl_seconds": 86401}'
answers 201 "after SIGHUP it holds"
printf 'keys = ( "RSA-1024" );\nnames = ( "dns" );\nkey_usage = ( "digitalSignature" );\nlongest_ttl = 3600;\ndefault_ttl = 7200;\n' >"$profiles/wrong.conf"
sed -i 's/^longest_ttl = .*/longest_ttl = 86400;/' "$profiles/shop.conf"
reload
like "$(told 5)" 'conf_invalid file=.*/wrong.conf line=1 setting=keys.\[0\] expected=.*RSA-2048' "a set with mistakes: the first, with its line"
like "$(told 5)" 'wrong.conf line=5 setting=default_ttl' "  and the second"
like "$(told 1)" 'profiles_kept' "  and that the old ones hold"
leaf "$issuing" DNS:www.shop.example.com shop '{"ttl_seconds": 86401}'
answers 201 "  which they do, all of them"
is "$(pid_of frontd)" "$frontd" "  in the same process"
said=$("$CHANCERY_BUILD/chancery" profile check "$profiles" 2>&1)
is "$?" 10 "chancery profile check finds them"
for line in 1 5; do
  sentence=$(sed -n "s/.*wrong.conf:$line: [^ ]*: expected //p" <<<"$said")
  like "$(grep "wrong.conf line=$line " "$log")" "expected=\"${sentence//[()]/.}\"" "  and says what the front-end says, line $line"
done
said=$(timeout 100 "$CHANCERY_BUILD/chancery-frontd" --config "$STACK_DIR/conf/frontd.conf" 2>&1)
refused_start=$?
like "$refused_start $said" '^1 .*wrong.conf line=1 setting=keys' "a front-end does not start with them"
rm "$profiles/wrong.conf"
reload
leaf "$issuing" DNS:www.shop.example.com shop '{"ttl_seconds": 86401}'
answers 400 "without them the new ones hold" ttl_too_long
cat >"$profiles/constraints.conf" <<'CONF'
templates: { fresh: { permitted = ( "dns:fresh.example.com" ); }; };
CONF
reload
api GET /api/v1/constraint-templates
is "$(jq -c '[.data[].name]' <<<"$body")" '["fresh"]' "templates are read again, too"
rm "$profiles/strict.conf"
reload
leaf "$issuing" DNS:www.example.com strict
answers 400 "a profile whose file is gone is gone" unknown_profile

# Many at once while the rules change under them: each is whole.
for i in 1 2 3 4 5 6; do
  (
    for _ in 1 2 3 4 5 6 7 8; do
      leaf_status=$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$STACK_DIR/api.sock" -H 'Content-Type: application/json' \
        --data-binary "$(jq -n --rawfile csr "$work/ec.csr" '{csr_pem: $csr, profile: "shop"}')" "http://localhost/api/v1/intermediates/$issuing/certificates")
      echo "$leaf_status"
    done >"$work/many.$i"
  ) &
  clients="${clients:-} $!"
done
for _ in 1 2 3 4 5; do reload; done
# shellcheck disable=SC2086 # pids
wait $clients
is "$(sort "$work"/many.? | uniq -c | tr -s ' ')" " 48 201" "48 requests during five reloads are answered"

# --- what people see ---
export CHANCERY_SOCKET=$STACK_DIR/api.sock
said=$(COLUMNS=200 "$CHANCERY_BUILD/chancery" profile list)
like "$said" 'shop +dns, email, uri, ip, dn +serverAuth, 1.3.6.1.4.1.99999.7 +.*The shop' "profile list"
said=$("$CHANCERY_BUILD/chancery" profile show shop)
for line in 'keys +ECDSA-P256, RSA-2048' 'names within +dns:\*\.shop\.example\.com, ip:10\.20\.0\.0/16, email:\.example\.com, uri:https://shop\.example\.com/\*, dn:O=Shop' \
  'wildcards +yes' 'subject from request +CN, O' 'key usage +digitalSignature, keyEncipherment' 'policies +2.23.140.1.2.2' \
  'CRL at +http://crl.example.com/\{ca\}.crl' "issuer's certificate at +not said" 'must staple +yes' 'refused from +error' \
  'longest validity +24 hours'; do
  like "$said" "$line" "profile show: $line"
done
"$CHANCERY_BUILD/chancery" profile show none >/dev/null 2>&1
is "$?" 5 "a profile that there is not"
tap_done
