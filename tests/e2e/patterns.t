#!/usr/bin/env bash
# The three trees that people build, each with its leaves, before four judges:
# openssl verify, certtool, NSS's vfychain, our own linter. What is drawn
# elsewhere and accepted by no validator is refused with the numbers that work.
#   A  boundary of a regulated system: root 3, policy 2, issuing 1, issuing 0
#   B  financial: root 2, policy 1 with permitted names, issuing 0
#   C  internal: root 1, issuing 0
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
e2e_up
mark

# NSS knows the root and is given the rest; -pp is its RFC 5280 path builder, 1 a TLS server, 11 any CA.
nss() { # USAGE ROOT PEM-FILE...: the certificate first
  local usage=$1 root=$2 db=$work/nss
  local one files=()
  shift 2
  rm -rf "$db" && mkdir "$db"
  certutil -N -d "sql:$db" --empty-password &&
    certutil -A -d "sql:$db" -n root -t C,C,C -i "$root" || return
  for one; do files+=(-a "$one"); done
  vfychain -d "sql:$db" -pp -u "$usage" "${files[@]}"
}
chain_split() { # PEM-TEXT: $links, the first certificate first
  rm -f "$work"/part.*
  csplit -s -z -f "$work/part." <(printf '%s\n' "$1" | sed '/^$/d') '/-----BEGIN/' '{*}'
  links=("$work"/part.*)
}
ca_judged() { # WHAT CA: every CA of the chain by each of them
  local body status links
  succeeds "$1: openssl and certtool take its chain" chain_judge "$2"
  api GET "/api/v1/intermediates/$2/chain"
  chain_split "$body"
  succeeds "$1: NSS takes it" nss 11 "${links[-1]}" "${links[@]:0:${#links[@]}-1}"
}
leaf_judged() { # WHAT CA NAME
  leaf "$2" "DNS:$3"
  issued "$1"
  cat "$work/issued.crt" "$work/issued.chain" >"$work/whole.pem"
  succeeds "$1: no linter's word" "$CHANCERY_BUILD/chancery" lint "$work/whole.pem"
  succeeds "$1: certtool --verify, for its name" certtool --verify --load-ca-certificate "$work/issued.root" --verify-hostname "$3" \
    --infile "$work/whole.pem"
  succeeds "$1: certtool --verify-chain" certtool --verify-chain --infile <(cat "$work/whole.pem" "$work/issued.root")
  succeeds "$1: openssl verify, for its name" openssl verify -x509_strict -purpose sslserver -verify_hostname "$3" \
    -CAfile "$work/issued.root" -untrusted "$work/issued.chain" "$work/issued.crt"
  chain_split "$(cat "$work/whole.pem")"
  succeeds "$1: NSS takes it for a server" nss 1 "$work/issued.root" "${links[@]}"
}
line() { # ISSUER NAME:PATH-LEN[:MORE-JSON]...: a root and each below the last; ids in $line_of
  local one name rest length more parent=''
  issuer=$(issuer_make "$1")
  line_of=()
  mark
  shift
  for one; do
    name=${one%%:*} rest=${one#*:}
    length=${rest%%:*}
    more='{}'
    [ "$rest" = "$length" ] || more=${rest#*:}
    ca "$name" "$parent" "$(jq -c --argjson l "$length" '. + {path_len_constraint: $l}' <<<"$more")"
    [ "$status" = 201 ] || break
    is "$(field .path_len_constraint)" "$length" "$name: path length $length"
    parent=$id
    line_of+=("$id")
    mark
  done
}

# A: a boundary. Leaves come from both issuing CAs.
line boundary 'A root:3' 'A policy:2' 'A issuing A:1' 'A issuing B:0'
ca_judged "pattern A: the deepest CA" "${line_of[3]}"
is "$(api GET "/api/v1/intermediates/${line_of[3]}/chain" && grep -c BEGIN <<<"$body")" 4 "pattern A: four certificates"
leaf_judged "pattern A: a leaf of issuing A" "${line_of[2]}" a.boundary.example.gov
leaf_judged "pattern A: a leaf of issuing B" "${line_of[3]}" b.boundary.example.gov
mark
ca 'A issuing C' "${line_of[3]}"
refused 400 path_len_exceeded path_len_constraint "pattern A: nothing below issuing B"
like "$(field .error.message)" '5 CAs in a line work with at least 4, 3, 2, 1 and 0' "pattern A: and what would work"
# As drawn elsewhere: 3/2/0/0.
line 'boundary as drawn' 'AX root:3' 'AX policy:2' 'AX issuing A:0' 'AX issuing B:0'
refused 400 path_len_exceeded path_len_constraint "pattern A: drawn as 3/2/0/0"
like "$(field .error.message)" '^The parent.s path_len_constraint is 0: .* 4 CAs in a line work with at least 3, 2, 1 and 0, from the root down\.$' \
  "pattern A: the refusal says 3, 2, 1 and 0"

# B: what the policy CA permits holds for all below it.
line financial 'B root:2' "B policy:1:$(permits 'dns:bank.example.com;dns:pay.example.com')" 'B issuing:0'
api GET "/api/v1/intermediates/${line_of[2]}"
is "$(jq -c '.name_constraints[0].permitted' <<<"$body")" '["dns:bank.example.com","dns:pay.example.com"]' \
  "pattern B: the issuing CA has the policy's names in its certificate"
ca_judged "pattern B: the issuing CA" "${line_of[2]}"
leaf_judged "pattern B: a leaf" "${line_of[2]}" www.bank.example.com
leaf_judged "pattern B: a leaf of the other name" "${line_of[2]}" api.pay.example.com
mark
leaf "${line_of[2]}" DNS:www.example.com
refused 400 name_not_permitted csr_pem "pattern B: a name that is not permitted"
leaf "${line_of[2]}" DNS:notbank.example.com
refused 400 name_not_permitted csr_pem "pattern B: a name that only ends like one"
ca 'B other' "${line_of[1]}" "$(permits dns:example.com)"
refused 400 name_constraint_exceeded name_constraints "pattern B: a sibling for more names"

# C: two levels.
line internal 'C root:1' 'C issuing:0'
ca_judged "pattern C: the issuing CA" "${line_of[1]}"
leaf_judged "pattern C: a leaf" "${line_of[1]}" build.internal.example
line 'internal as drawn' 'CX root:0' 'CX issuing:0'
refused 400 path_len_exceeded path_len_constraint "pattern C: drawn as 0/0"
like "$(field .error.message)" ' 2 CAs in a line work with at least 1 and 0, from the root down\.$' "pattern C: the refusal says 1 and 0"
line 'internal the same twice' 'CY root:1' 'CY issuing:1'
refused 400 path_len_exceeded path_len_constraint "pattern C: drawn as 1/1"
like "$(field .error.message)" 'from 0 to 0' "pattern C: the refusal says 0"

# The judges can tell: the same trees as drawn, made by openssl.
made_elsewhere() { # PATH-LEN...: a line of CAs and a leaf, in $work/x*.pem
  local n=0 length by ext
  for length in "$@" leaf; do
    openssl ecparam -name prime256v1 -genkey -noout -out "$work/x$n.key"
    openssl req -new -key "$work/x$n.key" -subj "/CN=x$n" -out "$work/x$n.csr"
    ext=$'basicConstraints = critical, CA:TRUE, pathlen:'$length$'\nkeyUsage = critical, keyCertSign, cRLSign\n'
    [ "$length" != leaf ] || ext=$'keyUsage = critical, digitalSignature\nextendedKeyUsage = serverAuth\nsubjectAltName = DNS:x.example\n'
    by=(-signkey "$work/x$n.key")
    [ "$n" = 0 ] || {
      by=(-CA "$work/x$((n - 1)).pem" -CAkey "$work/x$((n - 1)).key" -CAcreateserial)
      ext+=$'authorityKeyIdentifier = keyid\n'
    }
    openssl x509 -req -in "$work/x$n.csr" -days 30 -sha256 -extfile <(printf '%ssubjectKeyIdentifier = hash\n' "$ext") "${by[@]}" \
      -out "$work/x$n.pem" 2>/dev/null
    n=$((n + 1))
  done
  last=$((n - 1))
}
for drawing in '3 2 1 0' '3 2 0 0' '1 0' '0 0'; do
  # shellcheck disable=SC2086 # words
  made_elsewhere $drawing
  below=()
  for ((n = last; n > 0; n--)); do below+=("$work/x$n.pem"); done
  cat "${below[@]:1}" >"$work/x.chain"
  cat "${below[@]}" >"$work/x.all"
  says=succeeds
  case $drawing in *'0 0') says=refuses ;; esac
  "$says" "the drawing $drawing: openssl $says" openssl verify -x509_strict -CAfile "$work/x0.pem" -untrusted "$work/x.chain" "$work/x$last.pem"
  "$says" "the drawing $drawing: certtool $says" certtool --verify --load-ca-certificate "$work/x0.pem" --infile "$work/x.all"
  "$says" "the drawing $drawing: NSS $says" nss 1 "$work/x0.pem" "${below[@]}"
done
tap_done
