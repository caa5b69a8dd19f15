#!/usr/bin/env bash
# An Istio mesh below Chancery: an intermediate over the mesh's own key, the files of its secret cacerts, the workload
# certificates that istiod would sign, and the three steps in which a mesh changes its root. Judged by openssl.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
[ "$(id -u)" = 0 ] || tap_skip_all "only root can be two people"
setpriv --reuid=54331 --regid=54331 --clear-groups test -x "$CHANCERY_BUILD/chancery" ||
  tap_skip_all "uid 54331 may not run $CHANCERY_BUILD/chancery"
stack_roles() {
  printf '  admin = [ "uid:0" ];\n  approver = [ "uid:54331" ];\n  issuer = ( { peers = [ "uid:0" ]; } );\n'
}
chancery() { CHANCERY_SOCKET=$STACK_DIR/api.sock "$STACK_BIN/chancery" "$@"; }
openssl ecparam -name prime256v1 -genkey -noout -out "$work/alice.key"
openssl pkey -in "$work/alice.key" -pubout -out "$work/alice.pub"
chmod 0644 "$work/alice.pub"
E2E_SIGND="classes = { root = { kinds = [ \"ca\", \"subca-foreign\" ]; }; };
approvals = { approvers = ( { name = \"alice\"; key = \"$work/alice.pub\"; } ); subca_foreign = 1; };"
E2E_FRONTD='api_socket_mode = "0666";'
e2e_up

# What istiod's operator does: a key that never leaves the mesh, and a request.
mesh_make() { # NAME
  openssl req -new -newkey rsa:2048 -nodes -subj "/O=Istio/CN=Mesh $1" -keyout "$work/$1-key.pem" -out "$work/$1.csr" 2>/dev/null
}
mesh_certify() { # NAME PARENT [MORE...]: asked for, approved, there
  local said id name=$1 parent=$2
  shift 2
  said=$(chancery ca create --issuer mesh --parent "$parent" --name "$name" --foreign-csr "$work/$name.csr" \
    --ttl-days 365 --path-len 0 --permit uri:cluster.local --permit dns:cluster.local --permit email:invalid \
    --exclude ip:0.0.0.0/0 --exclude ip:::/0 "$@" 2>&1) || diag "$said"
  id=$(awk '$1 == "Proposal:" { print $2 }' <<<"$said")
  chancery proposal show "$id" --bytes "$work/bytes" >"$work/told" 2>&1 || diag "$(cat "$work/told")"
  openssl dgst -sha256 -sign "$work/alice.key" -out "$work/signature" "$work/bytes"
  chmod 0644 "$work/signature"
  setpriv --reuid=54331 --regid=54331 --clear-groups "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" \
    proposal approve "$id" --signature "$work/signature" --public-key "$work/alice.pub" --yes >"$work/approved" 2>&1 ||
    diag "$(cat "$work/approved")"
}
issuer=$(issuer_make mesh)
root=$(ca_make "$issuer" root ECDSA-P256 2)
mesh_make mesh
mesh_certify mesh root
like "$(chancery ca show mesh)" 'outside' "the intermediate is there, outside this ledger"

out=$work/cacerts
said=$(chancery export istio mesh --out "$out")
is $? 0 "chancery export istio"
is "$(cd "$out" && echo *)" "ca-cert.pem cert-chain.pem root-cert.pem" "writes three of the four files of the secret"
like "$said" 'ca-key.pem is not among them' "and says why the fourth stays where it was made"
like "$said" 'kubectl create secret generic cacerts' "and what comes next"
is "$(openssl x509 -in "$out/ca-cert.pem" -noout -pubkey)" "$(openssl pkey -in "$work/mesh-key.pem" -pubout)" \
  "ca-cert.pem is over the mesh's key"
is "$(grep -c BEGIN "$out/cert-chain.pem") $(grep -c BEGIN "$out/root-cert.pem")" "2 1" "the chain has two, the root is one"
is "$(head -n "$(wc -l <"$out/ca-cert.pem")" "$out/cert-chain.pem")" "$(cat "$out/ca-cert.pem")" "the chain begins with the intermediate"
succeeds "openssl verifies the intermediate under the root" \
  openssl verify -x509_strict -CAfile "$out/root-cert.pem" "$out/ca-cert.pem"
chancery export istio mesh --out "$out" --json >"$work/json"
is "$? $(wc -c <"$work/json")" "0 0" "again, for a program"

# As istiod signs: a workload of a namespace and a service account, no subject, the SAN critical.
workload() { # MESH URI: $work/workload.crt
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj / -keyout "$work/workload.key" -out "$work/workload.csr" 2>/dev/null
  printf '%s\n' 'basicConstraints=critical,CA:FALSE' 'keyUsage=critical,digitalSignature' 'extendedKeyUsage=serverAuth,clientAuth' \
    "subjectAltName=critical,URI:$2" 'authorityKeyIdentifier=keyid' >"$work/workload.ext"
  openssl x509 -req -in "$work/workload.csr" -CA "$work/cacerts-$1/ca-cert.pem" -CAkey "$work/$1-key.pem" -days 1 \
    -extfile "$work/workload.ext" -out "$work/workload.crt" 2>/dev/null
}
judged() { # ROOTS CHAIN
  openssl verify -x509_strict -CAfile "$1" -untrusted "$2" "$work/workload.crt"
}
cp -r "$out" "$work/cacerts-mesh"
workload mesh spiffe://cluster.local/ns/shop/sa/cart
succeeds "a workload's certificate: openssl verifies it" judged "$out/root-cert.pem" "$out/cert-chain.pem"
workload mesh spiffe://evil.example/ns/shop/sa/cart
refuses "one of another trust domain is refused by the name constraints" judged "$out/root-cert.pem" "$out/cert-chain.pem"

# Refusals.
refuses "a CA whose key is in a token" chancery export istio root --out "$work/none"
like "$(chancery export istio root --out "$work/none" 2>&1)" "can't be given to istiod" "with the reason"
[ ! -e "$work/none" ]
is $? 0 "nothing was written"
refuses "no CA of that name" chancery export istio nobody --out "$work/none"
refuses "no folder" chancery export istio mesh
refuses "a folder that can't be made" chancery export istio mesh --out "$work/alice.key/x"
refuses "a root that is none" chancery export istio mesh --out "$work/none" --with-root "$work/alice.key"

# The root changes in three steps; at each of them workloads of before and after trust each other.
root2=$(ca_make "$issuer" root2 ECDSA-P256 2)
[ -n "$root2" ] || fail "a second root"
mesh_make mesh2
mesh_certify mesh2 root2
chancery ca chain root2 --out "$work/root2.pem"
chancery export istio mesh --out "$work/step1" --with-root "$work/root2.pem" >/dev/null
is "$? $(grep -c BEGIN "$work/step1/root-cert.pem")" "0 2" "step 1: the old intermediate, and both roots trusted"
chancery export istio mesh2 --out "$work/step2" --with-root "$out/root-cert.pem" >/dev/null
is "$? $(grep -c BEGIN "$work/step2/root-cert.pem")" "0 2" "step 2: the new intermediate, both roots still"
chancery export istio mesh2 --out "$work/step3" --with-root "$work/root2.pem" >/dev/null
is "$? $(grep -c BEGIN "$work/step3/root-cert.pem")" "0 1" "step 3: the new root alone, once also if it is named again"
cp -r "$work/step2" "$work/cacerts-mesh2"
workload mesh spiffe://cluster.local/ns/shop/sa/old
for step in step1 step2; do
  succeeds "a workload of before the change in $step" judged "$work/$step/root-cert.pem" "$work/step1/cert-chain.pem"
done
refuses "and no more in step 3" judged "$work/step3/root-cert.pem" "$work/step1/cert-chain.pem"
workload mesh2 spiffe://cluster.local/ns/shop/sa/new
for step in step1 step2 step3; do
  succeeds "a workload of after it in $step" judged "$work/$step/root-cert.pem" "$work/step2/cert-chain.pem"
done
refuses "but not before step 1" judged "$out/root-cert.pem" "$work/step2/cert-chain.pem"

tap_done
