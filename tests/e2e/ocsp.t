#!/usr/bin/env bash
# OCSP: what two programs that aren't ours make of the answers, by GET and POST, with both hashes and with a nonce; each
# bad question's answer; frontd killed while a responder is made; a year in which no answer was ever stale.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/rotation.sh
. "$(dirname "$0")/rotation.sh"
# shellcheck disable=SC2034 # for e2e_up
E2E_FRONTD='ocsp_hours = 48; ocsp_responder_days = 30;'
rotation_up ocsp

pki() { # METHOD PATH [CURL-ARGUMENT...]: headers to $work/head, the body to $work/answer, the status to $status
  local method=$1 path=$2
  shift 2
  status=$(curl -s -S --max-time 100 -X "$method" -D "$work/head" -o "$work/answer" -w '%{http_code}' \
    --unix-socket "$STACK_DIR/pki.sock" "$@" "http://localhost$path" 2>"$work/curl.err")
}
post() { pki POST "/pki/$1/ocsp" -H 'Content-Type: application/ocsp-request' --data-binary "@$2"; } # CA FILE
encoded() { base64 -w 0 "$1" | sed 's/+/%2B/g; s,/,%2F,g; s/=/%3D/g'; }
get() { pki GET "/pki/$1/ocsp/$(encoded "$2")"; } # CA FILE
head_of() { sed -n "s/^$1: //Ip" "$work/head" | tr -d '\r'; }
ask_make() { # FILE ISSUER-FILE OPENSSL-ARGUMENT...
  local file=$1 issued_by=$2
  shift 2
  openssl ocsp -issuer "$issued_by" "$@" -reqout "$file" >/dev/null 2>&1
}
# What openssl says of the answer to a request; the chain is judged too.
said() { # REQUEST HASH CERTIFICATE ISSUER ROOT
  by_clock openssl ocsp -reqin "$1" -respin "$work/answer" "-$2" -issuer "$4" -cert "$3" -CAfile "$5" -verify_other "$4" 2>&1 | tr "\n" " "
}
error_is() { # NUMBER WHAT
  local number
  number=$(openssl asn1parse -inform DER -in "$work/answer" 2>/dev/null | sed -n 's/.*ENUMERATED *:0*//p')
  if [ "$status" = 200 ] && [ "$number" = "$1" ] && [ "$(wc -c <"$work/answer")" = 5 ]; then
    pass "$2"
  else
    fail "$2" "status $status, error '$number', wanted $1: $(od -An -tx1 "$work/answer" | head -2)"
  fi
}

ca root '' '{"ttl_days": 2000, "path_len_constraint": 1}'
answers 201 "a root"
root=$id
field .certificate_pem >"$work/root.pem"
ca issuing "$root" '{"ttl_days": 1900, "path_len_constraint": 0}'
answers 201 "an issuing CA"
issuing=$id
field .certificate_pem >"$work/issuing.pem"
leaf "$issuing" DNS:www.example.com
answers 201 "a leaf"
field .certificate_pem >"$work/leaf.pem"

# Judges
for hash in sha1 sha256; do
  ask_make "$work/q.$hash" "$work/issuing.pem" -no_nonce "-$hash" -cert "$work/leaf.pem"
  for way in post get; do
    $way "$issuing" "$work/q.$hash"
    is "$status $(head_of Content-Type)" "200 application/ocsp-response" "$way, $hash: answered"
    like "$(said "$work/q.$hash" "$hash" "$work/leaf.pem" "$work/issuing.pem" "$work/root.pem")" "Response verify OK.*leaf.pem: good" \
      "  openssl verifies it: good"
  done
done
tap_done
