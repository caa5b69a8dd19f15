#!/usr/bin/env bash
# Case 12: a root that signs leaves by itself, its certificate and key on disk, is
# registered, and its issuer goes from single to tree: the same request gives the
# same certificate, to the byte, and the same chain.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"

programs=$work/bin clock=$work/clock
mkdir "$programs"
clock_make "$clock"
for program in chancery-frontd chancery-signd chancery-driver-pkcs11; do
  clock_program "$clock" "$STACK_BIN/$program" "$programs/$program"
done
ln -s "$STACK_BIN/chancery" "$programs/"
STACK_BIN=$programs
stack_folders
stack_token || e2e_die "no token"
stack_configure
printf 'imported_keys = "warn";\n' >>"$STACK_DIR/conf/driver-main.conf"
stack_init || e2e_die "no ledger"

# As another program left it: RSA, whose PKCS#1 signatures are the same each time.
openssl req -x509 -newkey rsa:2048 -nodes -keyout "$work/root.key" -out "$work/root.pem" -days 3650 -subj '/O=Before/CN=Single' \
  -addext 'basicConstraints = critical, CA:TRUE, pathlen:0' -addext 'keyUsage = critical, keyCertSign, cRLSign' 2>"$work/err" ||
  diag "$(cat "$work/err")"
cp "$work/root.pem" "$STACK_DIR/anchors/root.pem"
openssl pkcs8 -topk8 -nocrypt -in "$work/root.key" -outform DER -out "$work/root.p8"
openssl pkey -in "$work/root.key" -pubout -outform DER -out "$work/root.pub"
for part in p8:privkey pub:pubkey; do
  SOFTHSM2_CONF=$STACK_DIR/token/softhsm2.conf pkcs11-tool --module "$softhsm_module" --token-label main --login \
    --pin "$(cat "$STACK_DIR/token/pin")" --id aabb --write-object "$work/root.${part%:*}" --type "${part#*:}" --usage-sign \
    >"$work/tool" 2>&1 || diag "$(cat "$work/tool")"
done

stack_start || e2e_die "the stack is not ready"
stack_until 120 token_ready || e2e_die "the token is not ready"
api POST /api/v1/issuers '{"name": "before", "hierarchy_mode": "single"}'
issuer=$(field .id)
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile p "$work/root.pem" \
  '{name: "root", root_cert_pem: $p, key_driver_id: "pkcs11:token=main;id=%aa%bb"}')"
answers 201 "case 12: the root and its key are registered in single mode"
root=$(field .id)
csr_make "$work/leaf" ec:P-256 DNS:www.example.com,IP:192.0.2.1
stack_stop
moment=$(clock_now "$clock")

keep() { # NAME: the state, as it is
  mkdir "$work/$1"
  cp -a "$STACK_DIR/token" "$STACK_DIR/signer" "$STACK_DIR/db" "$work/$1"
}
held() { # NAME STATE: $work/NAME.crt, .chain, .root, .tbs, issued from a kept state at one time
  local part
  for part in token signer db; do
    rm -rf "${STACK_DIR:?}/$part"
    cp -a "$work/$2/$part" "$STACK_DIR/$part"
  done
  clock_hold_at "$clock" $((moment + 120))
  : >"$STACK_DIR/log/signd.log"
  CHANCERY_SHIM_SEED=case12 stack_start || e2e_die "the stack is not ready with its clock held"
  # Keys prove themselves by random bytes, too: before any leaf.
  stack_until 120 grep -q keys_checked "$STACK_DIR/log/signd.log" || e2e_die "the keys are not checked"
  api POST "/api/v1/issuers/$issuer/certificates" "$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')"
  field .certificate_pem >"$work/$1.crt"
  field .chain_pem >"$work/$1.chain"
  field .root_pem >"$work/$1.root"
  openssl asn1parse -in "$work/$1.crt" -strparse 4 -noout -out "$work/$1.tbs"
  stack_stop
}
chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@" 2>&1; }

keep single
clock_hold_at "$clock" $((moment + 60))
stack_start || e2e_die "the stack is not ready"
like "$(chancery issuer migrate before --dry-run)" '^hierarchy mode +tree' "case 12: the migration, tried"
api GET "/api/v1/issuers/$issuer"
is "$(field .hierarchy_mode)" single "case 12: changes nothing"
like "$(chancery issuer migrate before)" '^hierarchy mode +tree' "case 12: from single to tree"
api GET "/api/v1/issuers/$issuer"
is "$(field '[.hierarchy_mode, .issuing_ca_id] | join(" ")')" "tree $root" "case 12: with the same issuing CA"
like "$(chancery issuer migrate before)" 'is a tree already' "case 12: only once"
stack_stop
keep tree

# The signer's random bytes are the same call by call; how often it has to call its driver before that is there isn't.
held before single
answers 201 "case 12: a leaf in single mode"
serial=$(field .serial)
for _ in {1..15}; do
  held after tree
  [ "$(field .serial)" != "$serial" ] || break
done
is "$status $(field .serial)" "201 $serial" "case 12: a leaf in tree mode, at the same time, with the same serial number"
openssl x509 -in "$work/before.crt" -noout -text >"$work/before.text"
openssl x509 -in "$work/after.crt" -noout -text >"$work/after.text"
succeeds "case 12: the same TBSCertificate" cmp "$work/before.tbs" "$work/after.tbs"
succeeds "case 12: the same certificate" diff "$work/before.text" "$work/after.text"
succeeds "case 12: to the byte" cmp "$work/before.crt" "$work/after.crt"
succeeds "case 12: the same chain" cmp "$work/before.chain" "$work/after.chain"
succeeds "case 12: the same root" cmp "$work/before.root" "$work/after.root"
succeeds "case 12: the one that was there before" cmp <(openssl x509 -in "$work/after.root") <(openssl x509 -in "$work/root.pem")
succeeds "case 12: openssl verify" openssl verify -x509_strict -attime "$((moment + 120))" -CAfile "$work/root.pem" "$work/after.crt"

# A tree may have a second root beside the first, below which it grows.
clock_hold_at "$clock" $((moment + 180))
stack_start || e2e_die "the stack is not ready"
stack_until 120 token_ready || e2e_die "the token is not ready"
second=$(ca_make "$issuer" second ECDSA-P256 1)
[ -n "$second" ] && pass "case 12: as a tree it takes a second root" || fail "case 12: as a tree it takes a second root"
like "$(chancery issuer set before --mode single)" 'not_single' "case 12: and can't go back then"
tap_done
