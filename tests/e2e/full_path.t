#!/usr/bin/env bash
# From an empty token to verified leaves: hierarchies of one and of mixed
# algorithms, each certificate judged by programs that aren't ours.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up

api GET /api/v1/issuers
answers 200 "a new stack answers"

check_hierarchy() { # NAME ROOT POLICY ISSUING
  local name=$1 kind stem
  hierarchy_make "$@"
  isnt_empty "$issuing" "$name: root $2, policy $3, issuing $4" || return
  openssl x509 -in "$work/$name-root.crt" -out "$work/$name-root.pem"
  : >"$work/none"
  judge "$name root" "$work/$name-root.crt" "$work/none" "$work/$name-root.crt"
  judge "$name policy" "$work/$name-policy.crt" "$work/none" "$work/$name-root.crt"
  judge "$name issuing" "$work/$name-issuing.crt" "$work/$name-policy.crt" "$work/$name-root.crt"
  is "$(grep -c BEGIN "$work/$name-issuing.chain")" 3 "$name: the issuing CA's chain holds three certificates"
  check_facts "$name"
  for kind in ec:P-256 ec:P-384 rsa:2048 rsa:3072; do
    stem=$work/$name-${kind/:/-}
    csr_make "$stem" "$kind" DNS:www.example.com,IP:192.0.2.1
    issue "$issuing" "$stem.csr" server
    answers 201 "$name: a leaf with $kind"
    [ "$status" = 201 ] || continue
    check_leaf "$name leaf $kind" "$stem"
  done
}

isnt_empty() { # VALUE WHAT
  if [ -n "$1" ]; then pass "$2"; else fail "$2"; return 1; fi
}

check_facts() { # NAME: what RFC 5280 wants of CA certificates
  local level length text
  for level in root:2 policy:1 issuing:0; do
    length=${level#*:} level=${level%:*}
    text=$(openssl x509 -in "$work/$1-$level.crt" -noout -text)
    like "$text" "CA:TRUE, pathlen:$length\$" "$1 $level: CA with path length $length"
    like "$text" "Basic Constraints: critical" "$1 $level: basic constraints are critical"
    like "$text" "Certificate Sign, CRL Sign" "$1 $level: signs certificates and CRLs"
  done
  is "$(openssl x509 -in "$work/$1-issuing.crt" -noout -issuer -nameopt RFC2253 | sed 's/^issuer=//')" \
    "$(openssl x509 -in "$work/$1-policy.crt" -noout -subject -nameopt RFC2253 | sed 's/^subject=//')" \
    "$1: the issuer's name is the parent's subject"
}

check_leaf() { # WHAT STEM
  local text
  judge "$1" "$2.crt" "$2.chain" "$2.root"
  text=$(openssl x509 -in "$2.crt" -noout -text)
  like "$text" "DNS:www.example.com, IP Address:192.0.2.1" "$1: the names that were asked for"
  like "$text" "TLS Web Server Authentication" "$1: for servers"
  if grep -qE 'CA:TRUE|Certificate Sign|OCSP Signing' <<<"$text"; then fail "$1: no CA's rights" "$text"; else pass "$1: no CA's rights"; fi
  is "$(openssl x509 -in "$2.crt" -noout -pubkey)" "$(openssl pkey -in "$2.key" -pubout)" "$1: the key of its request"
  succeeds "$1: openssl verify for a TLS server of that name" openssl verify -x509_strict -purpose sslserver \
    -verify_hostname www.example.com -CAfile "$2.root" -untrusted "$2.chain" "$2.crt"
  is "$(grep -c BEGIN "$2.chain")" 2 "$1: the chain is issuing and policy CA, without the root"
  local serial fingerprint
  serial=$(openssl x509 -in "$2.crt" -noout -serial | sed 's/.*=//' | tr A-F a-f)
  fingerprint=$(openssl x509 -in "$2.crt" -noout -fingerprint -sha256 | sed 's/.*=//; s/://g' | tr A-F a-f)
  api GET "/api/v1/certificates/$fingerprint"
  is "$status $(field .serial)" "200 $serial" "$1: found by its fingerprint"
  api GET "/api/v1/intermediates/$issuing/certificates/$serial"
  is "$status $(field .fingerprint)" "200 $fingerprint" "$1: found by CA and serial"
}

check_mixture() { # NAME ROOT POLICY ISSUING
  if token_can "${@:2}"; then
    check_hierarchy "$@"
  else
    skip "$1: root $2, policy $3, issuing $4" "$token_lacks"
  fi
}
check_mixture same ECDSA-P384 ECDSA-P384 ECDSA-P384
check_mixture down RSA-3072 ECDSA-P384 ECDSA-P256
check_mixture up ECDSA-P256 ECDSA-P384 RSA-3072
# The last one on any token, with the first of its algorithms, and a root for which none is named.
check_hierarchy any "$(token_first)" "$(token_first)" "$(token_first)"
api POST "/api/v1/issuers/$issuer/intermediates" '{"name": "default", "subject": {"common_name": "CA default"}}'
answers 201 "a CA without an algorithm"
made=$(field .algorithm)
is "$made" "$(token_first ECDSA-P384 RSA-3072)" "it has the token's best"

# The other profiles, under the last issuing CA.
profile_leaf() { # PROFILE NAMES PATTERN
  csr_make "$work/$1" ec:P-256 "$2"
  issue "$issuing" "$work/$1.csr" "$1"
  answers 201 "profile $1"
  [ "$status" = 201 ] || return
  judge "profile $1" "$work/$1.crt" "$work/$1.chain" "$work/$1.root"
  like "$(openssl x509 -in "$work/$1.crt" -noout -text)" "$3" "profile $1: $3"
}
profile_leaf client email:alice@example.com "TLS Web Client Authentication"
profile_leaf peer DNS:node1.example.com "TLS Web Server Authentication, TLS Web Client Authentication"
profile_leaf workload URI:spiffe://example.org/ns/web/sa/shop "URI:spiffe://example.org/ns/web/sa/shop"

# The same through the command line.
export CHANCERY_SOCKET=$STACK_DIR/api.sock
succeeds "chancery issuer list" "$STACK_BIN/chancery" issuer list
succeeds "chancery ca list" "$STACK_BIN/chancery" ca list
succeeds "chancery ca tree" "$STACK_BIN/chancery" ca tree
succeeds "chancery profile list" "$STACK_BIN/chancery" profile list
succeeds "chancery status" "$STACK_BIN/chancery" status
succeeds "chancery cert list" "$STACK_BIN/chancery" cert list
succeeds "chancery audit list" "$STACK_BIN/chancery" audit list
csr_make "$work/cli" ec:P-256 DNS:cli.example.com
succeeds "chancery cert issue" "$STACK_BIN/chancery" cert issue --ca "$issuing" --profile server \
  --csr "$work/cli.csr" --out "$work/cli.crt" --chain "$work/cli.chain" --root "$work/cli.root"
judge "issued by the command line" "$work/cli.crt" "$work/cli.chain" "$work/cli.root"

pki() { curl -s -o "$work/pki.out" -w '%{http_code}' --unix-socket "$STACK_DIR/pki.sock" "http://localhost$1"; }
is "$(pki /healthz)" 200 "pki.sock: /healthz"
is "$(pki /readyz)" 200 "pki.sock: /readyz"
is "$(pki /metrics)" 200 "pki.sock: /metrics"
like "$(cat "$work/pki.out")" '^chancery_' "pki.sock: metrics of ours"
is "$(pki /api/v1/issuers)" 404 "pki.sock: no API"
is "$(pki "/pki/$issuing/ca.crt")" 200 "pki.sock: the CA's certificate"
is "$(openssl x509 -inform DER -in "$work/pki.out" 2>/dev/null)" "$(openssl x509 -in "$work/any-issuing.crt")" "pki.sock: in DER, the same one"
tap_done
