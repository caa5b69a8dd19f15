#!/usr/bin/env bash
# `chancery lint` over certificates and CRLs that openssl made, good ones and bad ones: which rules it names.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
dir=$(mktemp -d /tmp/ch.XXXXXX)
trap 'rm -rf "$dir"' EXIT
chancery=$CHANCERY_BUILD/chancery
cd "$dir" || exit 1

rules() { "$chancery" lint --json "$@" 2>/dev/null | jq -r '[.results[].findings[].rule] | unique | join(" ")'; }
finds() { # WHAT STATUS RULES FILE...
  local what=$1 status=$2 wanted=$3 got
  shift 3
  got=$(rules "$@")
  "$chancery" lint "$@" >said 2>&1
  is "$? $got" "$status $wanted" "$what"
}

# --- certificates ---
cat >ca.cnf <<'CONF'
[ca]
default_ca = own
[own]
database = index.txt
crlnumber = number
default_md = sha256
default_crl_days = 7
unique_subject = no
[number_and_key]
authorityKeyIdentifier = keyid
[critical_number]
authorityKeyIdentifier = keyid
[no_key]
subjectAltName = DNS:crl.example.com
[indirect]
authorityKeyIdentifier = keyid
issuingDistributionPoint = @point
[point]
fullname = URI:http://example.com/crl
[critical_point]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical, @point
[delta]
authorityKeyIdentifier = keyid
2.5.29.27 = critical, DER:020101
[delta_plain]
authorityKeyIdentifier = keyid
2.5.29.27 = DER:020101
[access]
authorityKeyIdentifier = keyid
authorityInfoAccess = OCSP;URI:http://example.com/ocsp
[freshest]
authorityKeyIdentifier = keyid
2.5.29.27 = critical, DER:020101
2.5.29.46 = DER:30163014a012a0108616
[both_only]
authorityKeyIdentifier = keyid
issuingDistributionPoint = critical, @only
[only]
onlyuser = TRUE
onlyCA = TRUE
CONF
root() { # FILE OPTIONS...
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=Root" -days 30 \
    -out "$1.pem" "${@:2}" 2>err || diag "$(cat err)"
}
leaf() { # FILE SUBJECT DAYS EXTENSIONS
  printf '%s\n' "$4" >leaf.ext
  openssl req -new -newkey "${LEAF_KEY:-ec}" -pkeyopt "${LEAF_OPTION:-ec_paramgen_curve:P-256}" -nodes -keyout leaf.key -subj "$2" -out leaf.csr 2>err || diag "$(cat err)"
  openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -set_serial "${LEAF_SERIAL:-0x4b1d4b1d4b1d4b1d4b1d}" -days "$3" -extfile leaf.ext "${LEAF_DIGEST:--sha256}" -out "$1.pem" 2>err ||
    diag "$(cat err)"
}
root ca -addext keyUsage=critical,keyCertSign,cRLSign
good='basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = DNS:www.example.com'
with() { # SETTING VALUE: the good leaf with one extension otherwise
  grep -v "^$1 =" <<<"$good"
  [ -z "${2:-}" ] || echo "$1 = $2"
}
finds "a root" 0 "" ca.pem
leaf good /CN=www.example.com 30 "$good"
finds "a good leaf" 0 "" good.pem
leaf other /CN=other.example.com 30 "$good"
finds "a common name that is no alternative name" 9 br_7.1.4.3_common_name_in_san other.pem
leaf none /CN=www.example.com 30 "$(with subjectAltName)"
finds "a server without alternative names" 10 rfc9525_2_server_auth_san none.pem
leaf plain / 30 "$good"
finds "no subject, and names that aren't critical" 10 rfc5280_4.1.2.6_empty_subject_san plain.pem
leaf dot /O=x 30 "$(with subjectAltName DNS:www.example.com.)"
finds "a name that ends with a dot" 10 rfc5280_4.2.1.6_dns_trailing_dot dot.pem
leaf star /O=x 30 "$(with subjectAltName 'DNS:w*.example.com')"
finds "a star within a label" 10 rfc9525_6.3_dns_wildcard star.pem
leaf email /O=x 30 "$(with subjectAltName 'email:<a@example.com>,DNS:a.b')"
finds "a mailbox with brackets" 10 rfc5280_4.2.1.6_email_syntax email.pem
leaf sign /O=x 30 "$(with keyUsage 'critical, digitalSignature, keyCertSign')"
finds "a leaf that may sign certificates" 10 rfc5280_4.2.1.9_cert_sign_ca_only sign.pem
leaf crypt /O=x 30 "$(with keyUsage 'critical, digitalSignature, keyEncipherment')"
finds "an EC key for encipherment" 10 rfc8813_3_encipherment_rsa_only crypt.pem
leaf agree /O=x 30 "$(with keyUsage 'critical, nonRepudiation')"
finds "a purpose that the key usage can't fulfil" 10 rfc5280_4.2.1.12_eku_agrees agree.pem
leaf any /O=x 30 "$(with extendedKeyUsage anyExtendedKeyUsage)"
finds "any purpose" 9 br_7.1.2.7.10_eku_any any.pem
leaf aki /O=x 30 "$(with authorityKeyIdentifier none)"
finds "no authorityKeyIdentifier" 10 rfc5280_4.2.1.1_aki_present aki.pem
leaf constraints /O=x 30 "$good
nameConstraints = critical, permitted;DNS:example.com"
finds "a leaf with name constraints" 10 rfc5280_4.2.1.10_constraints_ca_only constraints.pem
leaf staple /O=x 30 "$good
tlsfeature = status_request"
finds "a staple without a responder" 10 rfc7633_6_staple_responder staple.pem
leaf stapled /O=x 30 "$good
tlsfeature = status_request
authorityInfoAccess = OCSP;URI:http://ocsp.example.com/"
finds "a staple with one" 0 "" stapled.pem
leaf https /O=x 30 "$good
authorityInfoAccess = OCSP;URI:https://ocsp.example.com/"
finds "a responder by https" 9 rfc5280_4.2.2.1_access_http https.pem
leaf unknown /O=x 30 "$good
1.2.3.4 = critical, DER:0500"
finds "a critical extension that nobody knows" 10 rfc5280_4.2_extension_critical_known unknown.pem
LEAF_SERIAL=0 leaf zero /O=x 30 "$good"
finds "the serial number 0" 10 "br_7.1_serial_entropy rfc5280_4.1.2.2_serial_not_zero" zero.pem
LEAF_SERIAL=0x7f$(printf 'ab%.0s' {1..20}) leaf long /O=x 30 "$good"
finds "a serial number of 21 octets" 10 rfc5280_4.1.2.2_serial_length long.pem
LEAF_DIGEST=-sha1 leaf sha1 /O=x 30 "$good"
finds "SHA-1" 10 br_7.1.3.2_signature_hash sha1.pem
LEAF_KEY=rsa LEAF_OPTION=rsa_keygen_bits:1024 leaf small /O=x 30 "$good"
finds "an RSA key of 1024 bits" 10 br_6.1.5_rsa_bits small.pem
LEAF_OPTION=ec_paramgen_curve:secp256k1 leaf curve /O=x 30 "$good"
finds "another curve" 10 br_6.1.5_ec_curve curve.pem
root nokeyusage
finds "a CA without key usage" 10 rfc5280_4.2.1.3_key_usage_ca_present nokeyusage.pem
root plainbasic -addext keyUsage=critical,keyCertSign -addext basicConstraints=CA:TRUE
finds "a CA whose basicConstraints is not critical" 10 rfc5280_4.2.1.9_basic_ca_critical plainbasic.pem
root excludes -addext keyUsage=critical,keyCertSign -addext 'nameConstraints=permitted;DNS:.example.com'
finds "constraints that aren't critical, with a leading dot" 10 \
  "rfc5280_4.2.1.10_constraints_critical rfc5280_4.2.1.10_constraints_syntax" excludes.pem

# --- CRLs ---
# Rows of openssl's own database: state, end, revocation date[,reason], serial number.
crl() { # FILE SECTION [ROWS [OPTIONS...]]
  printf '%b' "${3:-}" >index.txt
  echo "${CRL_NUMBER-0A}" >number
  openssl ca -config ca.cnf -gencrl -cert ca.pem -keyfile ca.key ${2:+-crlexts "$2"} -out "$1.crl" "${@:4}" 2>err || diag "$(cat err)"
}
row() { printf 'R\\t301231000000Z\\t%s\\t%s\\tunknown\\t/CN=x\\n' "$1" "$2"; } # DATE[,REASON] SERIAL
crl empty number_and_key
finds "an empty CRL" 0 "" empty.crl
crl full number_and_key "$(row 250101000000Z,keyCompromise 05)$(row 250102000000Z 0100)$(row 250102000000Z,superseded 0101)"
finds "a CRL with three entries" 0 "" full.crl
openssl crl -in full.crl -outform DER -out full.der
finds "the same in DER" 0 "" full.der
openssl verify -crl_check -CAfile ca.pem -CRLfile full.crl good.pem >said 2>&1
is "$?" 0 "  which openssl takes for a CRL of this CA"
crl nokey no_key
finds "no key identifier" 10 "rfc5280_5.2.1_crl_aki_present" nokey.crl
printf '' >index.txt
sed '/^crlnumber/d' ca.cnf >nonumber.cnf
openssl ca -config nonumber.cnf -gencrl -cert ca.pem -keyfile ca.key -crlexts number_and_key -out nonumber.crl 2>err || diag "$(cat err)"
finds "no CRL number" 10 rfc5280_5.2.3_crl_number_present nonumber.crl
openssl ca -config nonumber.cnf -gencrl -cert ca.pem -keyfile ca.key -out v1.crl 2>err || diag "$(cat err)"
finds "version 1" 10 "rfc5280_5.1.2.1_crl_version_2 rfc5280_5.2.1_crl_aki_present rfc5280_5.2.3_crl_number_present" v1.crl
CRL_NUMBER=7f$(printf 'ab%.0s' {1..20}) crl bignumber number_and_key
finds "a number of 21 octets" 10 rfc5280_5.2.3_crl_number_form bignumber.crl
crl point indirect
finds "a distribution point that is not critical" 10 rfc5280_5.2.5_crl_idp_critical point.crl
crl criticalpoint critical_point
finds "one that is" 0 "" criticalpoint.crl
crl bothonly both_only
finds "for users only and for CAs only" 10 rfc5280_5.2.5_crl_idp_form bothonly.crl
crl access access
finds "a responder in a CRL" 10 rfc5280_5.2.7_crl_access_issuers access.crl
crl delta delta "$(row 250101000000Z 05)"
finds "a delta" 0 "" delta.crl
crl plaindelta delta_plain
finds "a delta that isn't critical" 10 rfc5280_5.2.4_crl_delta_critical plaindelta.crl
CRL_NUMBER=01 crl olddelta delta
finds "a delta that is its own base" 10 rfc5280_5.2.4_crl_delta_older olddelta.crl
xxd -p full.der | tr -d '\n' | sed 's/02020101/02020100/' | xxd -r -p >twice.der
finds "a certificate that is listed twice" 10 "chancery_crl_crl_entry_order rfc5280_5.1.2.6_crl_entry_once" twice.der
crl year number_and_key '' -crldays 366
finds "a year" 0 "" year.crl
crl years number_and_key '' -crldays 400
finds "more than a year" 0 br_4.9.7_crl_lifetime years.crl
crl future number_and_key "$(row 491231235959Z 05)"
finds "a revocation to come" 9 chancery_crl_crl_entry_future future.crl
crl late number_and_key '' -crl_lastupdate 20500101000000Z -crl_nextupdate 20500102000000Z
finds "times after 2049" 0 "" late.crl
crl order number_and_key '' -crl_lastupdate 20300102000000Z -crl_nextupdate 20300101000000Z
finds "an end before its beginning" 10 rfc5280_5.1.2.5_crl_order order.crl
# What openssl does not write: bytes are changed, since no signature is looked at.
crl reason number_and_key "$(row 250101000000Z,superseded 05)"
openssl crl -in reason.crl -outform DER -out reason.der
patch() { # FILE BYTE
  xxd -p reason.der | tr -d '\n' | sed "s/0603551d1504030a0104/0603551d1504030a01$2/" | xxd -r -p >"$1"
}
patch seven.der 07
finds "reason 7, which is none" 10 rfc5280_5.3.1_crl_reason_assigned seven.der
patch eleven.der 0b
finds "reason 11" 10 rfc5280_5.3.1_crl_reason_assigned eleven.der
patch remove.der 08
finds "removeFromCRL in a CRL that is whole" 10 rfc5280_5.3.1_crl_reason_remove remove.der
patch unspecified.der 00
finds "unspecified, said" 9 rfc5280_5.3.1_crl_reason_unspecified unspecified.der

# --- many files ---
cat good.pem full.crl ca.pem leaf.key >chain.pem
finds "certificates, a CRL and a key in one file" 0 "" chain.pem
is "$("$chancery" lint --json chain.pem | jq -c '[.results[].kind]')" '["leaf","crl","root"]' "  each for what it is"
"$chancery" lint leaf.key missing.pem zero.pem good.pem full.der >said 2>err
is "$?" 10 "files that can't be read beside others: the worst counts"
like "$(cat said)" '^3 looked at: 1 errors, .*; 2 can.t be read' "  the others are looked at"
like "$(cat err)" 'missing.pem: No such file' "  and each is named"
like "$(cat err)" 'leaf.key: it holds neither a certificate nor a CRL' "  with its reason"
"$chancery" lint good.pem missing.pem >said 2>err
is "$?" 2 "nothing else to find: 2"
is "$("$chancery" lint --json good.pem missing.pem 2>/dev/null | jq -c '[.unreadable, (.results | map(.unreadable // ""))]')" \
  '[1,["","No such file or directory"]]' "  for programs it is among the results"
is "$("$chancery" lint --rules --json | jq '[.data[] | select(.before_signing)] | length')" 53 "which rules are held against a request, too"
tap_done
