# What the tests of OCSP share: `. ocsp.sh` after lib.sh and rotation.sh. Questions, answers, and what openssl makes of them.
# shellcheck shell=bash
: "${work:=}" "${status:=}"

pki() { # METHOD PATH [CURL-ARGUMENT...]: headers to $work/head, the body to $work/answer, the status to $status
  local method=$1 path=$2
  shift 2
  : >"$work/answer"
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
  by_clock openssl ocsp -no_nonce -reqin "$1" -respin "$work/answer" "-$2" -issuer "$4" -cert "$3" -CAfile "$5" -verify_other "$4" 2>&1 | tr "\n" " "
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
