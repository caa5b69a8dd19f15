#!/usr/bin/env bash
# The signer alone, with its driver and no front-end: what a front-end may and
# may not have of it, its certificates before other programs' eyes, its ledger
# after kill -9. No word of HTTP.
set -u
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/signer_only.sh
. "$CHANCERY_SOURCE/tests/e2e/signer_only.sh"
signer_only_up

probe() { # FOLDER ROOT_ALGORITHM CA_ALGORITHM
  mkdir -p "$1"
  relay "$2 over $3: " \
    "$("$CHANCERY_BUILD/tests/e2e/signer_probe" "$STACK_DIR/sign/sign.sock" "$id" main "$1" "$2" "$3" 2>&1)"
}

# Every certificate is read back by programs that did not write it.
judge() { # FOLDER
  local cert
  for cert in root ca leaf; do
    succeeds "openssl reads $cert" openssl x509 -inform DER -in "$1/$cert.der" -out "$1/$cert.pem"
    succeeds "certtool reads $cert" certtool -i --infile "$1/$cert.pem"
  done
  succeeds "openssl verify -x509_strict takes the chain" \
    openssl verify -x509_strict -CAfile "$1/root.pem" -untrusted "$1/ca.pem" "$1/leaf.pem"
  cat "$1/leaf.pem" "$1/ca.pem" "$1/root.pem" >"$1/chain.pem"
  succeeds "certtool takes the chain" certtool --verify --load-ca-certificate "$1/root.pem" --infile "$1/chain.pem"
  like "$(openssl x509 -in "$1/ca.pem" -noout -ext nameConstraints)" 'Name Constraints: critical' "name constraints are critical"
  like "$(openssl x509 -in "$1/leaf.pem" -noout -serial)" '^serial=01[0-9A-F]{36}$' "a serial of 19 bytes"
}

# Renewed and cross-certified, the same leaf has several chains.
judge_again() { # FOLDER
  local cert
  for cert in renewed renewed-leaf cross Bridge renewed-root; do
    openssl x509 -inform DER -in "$1/$cert.der" -out "$1/$cert.pem"
  done
  succeeds "the old leaf is good under the renewed CA" \
    openssl verify -x509_strict -CAfile "$1/root.pem" -untrusted "$1/renewed.pem" "$1/leaf.pem"
  succeeds "the new leaf too, under the renewed root" \
    openssl verify -x509_strict -CAfile "$1/renewed-root.pem" -untrusted "$1/renewed.pem" "$1/renewed-leaf.pem"
  succeeds "the old leaf is good under the other root by the cross-certificate" \
    openssl verify -x509_strict -CAfile "$1/Bridge.pem" -untrusted "$1/cross.pem" "$1/leaf.pem"
  cat "$1/leaf.pem" "$1/cross.pem" "$1/Bridge.pem" >"$1/bridged.pem"
  succeeds "certtool takes that chain" certtool --verify --load-ca-certificate "$1/Bridge.pem" --infile "$1/bridged.pem"
  is "$(openssl x509 -in "$1/cross.pem" -noout -ext subjectKeyIdentifier)" "$(openssl x509 -in "$1/ca.pem" -noout -ext subjectKeyIdentifier)" \
    "the key keeps its identifier"
}

probe "$STACK_DIR/out" ECDSA-P384 ECDSA-P256
judge "$STACK_DIR/out"
judge_again "$STACK_DIR/out"

# A second life: what the first one bound is still there, a subject that was taken stays taken.
kill_signer
start_signer || stack_show_logs
like "$(cat "$STACK_DIR/log/signd.log")" 'serving .* keys=5' "after kill -9 the signer knows its keys"
again=$("$CHANCERY_BUILD/tests/e2e/signer_probe" "$STACK_DIR/sign/sign.sock" "$id" main "$STACK_DIR/out" ECDSA-P384 ECDSA-P256 2>&1)
like "$again" 'not ok 3 - a root' "and refuses the same subject for another key"
like "$(cat "$STACK_DIR/log/signd.log")" 'SUBJECT_TAKEN' "with its reason in the log"

succeeds "an independent reader agrees with tree, records and checkpoint" \
  python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"

refuses "a second signer on the same folder is refused" \
  timeout 60 "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf"
refuses "a second --init is refused" timeout 60 "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --init

sed 's/^allow_roots.*/alow_roots = true;/' "$STACK_DIR/conf/signd.conf" >"$STACK_DIR/conf/typo.conf"
like "$("$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/typo.conf" --check 2>&1)" \
  'typo.conf line=[0-9]+ setting=alow_roots' "a typo in signd.conf is named with file and line"

# The token goes away and comes back; the signer stays and goes on.
kill -KILL "$driver"
wait "$driver" 2>/dev/null
stack_until 100 grep -q 'driver_lost' "$STACK_DIR/log/signd.log" && pass "the signer notices that its driver is gone" ||
  fail "the signer notices that its driver is gone"
: >"$STACK_DIR/log/signd.log"
start_driver
stack_until 100 grep -q 'driver_ready' "$STACK_DIR/log/signd.log" && pass "and takes it back" || fail "and takes it back"

kill -TERM "$signer"
wait "$signer"
is $? 0 "SIGTERM ends the signer cleanly"
tap_done
