#!/usr/bin/env bash
# A CA of each algorithm that Chancery knows, made over the API in an
# empty token, and a leaf under each, judged by programs that aren't ours.
# Ed25519 is the odd one: the token signs the TBSCertificate, not a digest.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up
export CHANCERY_SOCKET=$STACK_DIR/api.sock
chancery=$STACK_BIN/chancery

worked=0
check_algorithm() { # NAME SIGNATURE-ALGORITHM
  local name=$1 stem=$work/$1 issuer root issuing
  succeeds "$name: chancery issuer create" "$chancery" issuer create "$name" --mode tree
  issuer=$("$chancery" --json issuer list | jq -r --arg n "$name" '.. | objects | select(.name? == $n) | .id')
  root=$(ca_make "$issuer" "$name-root" "$name" 1)
  worked=$((worked + 1))
  issuing=$(ca_make "$issuer" "$name-issuing" "$name" 0 "$root")
  like "$issuing" '^ica-' "$name: a root and a CA below it" || return
  : >"$work/none"
  judge "$name root" "$stem-root.crt" "$work/none" "$stem-root.crt"
  judge "$name issuing" "$stem-issuing.crt" "$work/none" "$stem-root.crt"
  csr_make "$stem" ec:P-256 DNS:www.example.com
  succeeds "$name: chancery cert issue" "$chancery" cert issue --ca "$issuing" --profile server \
    --csr "$stem.csr" --out "$stem.crt" --chain "$stem.chain" --root "$stem.pem"
  judge "$name leaf" "$stem.crt" "$stem.chain" "$stem.pem"
  like "$(openssl x509 -in "$stem.crt" -noout -text)" "Signature Algorithm: $2\$" "$name: the leaf is signed with $2"
}

while read -r name signature; do
  if token_can "$name"; then
    check_algorithm "$name" "$signature"
  else
    skip "$name" "$token_lacks"
    case " $token_algorithms " in *" $name "*) continue ;; esac
    issuer=$(issuer_make "$name")
    api POST "/api/v1/issuers/$issuer/intermediates" \
      "{\"name\": \"no\", \"subject\": {\"common_name\": \"No $name\"}, \"algorithm\": \"$name\"}"
    answers 400 "$name: which is said to whoever asks for it"
  fi
done <<LIST
ECDSA-P256 ecdsa-with-SHA256
ECDSA-P384 ecdsa-with-SHA384
ECDSA-P521 ecdsa-with-SHA512
RSA-2048 sha256WithRSAEncryption
RSA-3072 sha256WithRSAEncryption
RSA-4096 sha256WithRSAEncryption
Ed25519 ED25519
LIST
[ "$worked" -gt 1 ]
is $? 0 "more than one algorithm worked: $worked"
tap_done
