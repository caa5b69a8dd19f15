#!/usr/bin/env bash
# CRLs and OCSP answers straight from the signer: what a front-end may have of
# them, before the eyes of other programs, and each way in which it may not.
set -u
. "$(dirname "$0")/../tap.sh"
. "$CHANCERY_SOURCE/scripts/stack.sh"

STACK_DIR=$(mktemp -d /tmp/ch.XXXXXX)
STACK_BIN=$CHANCERY_BUILD
STACK_SOURCE=$CHANCERY_SOURCE
driver='' signer=''
finish() {
  # shellcheck disable=SC2086 # words
  kill -KILL $driver $signer 2>/dev/null
  rm -rf "$STACK_DIR"
}
trap finish EXIT

start_driver() {
  "$STACK_BIN/chancery-driver-pkcs11" --config "$STACK_DIR/conf/driver-main.conf" >>"$STACK_DIR/log/driver.log" 2>&1 &
  driver=$!
  stack_until 20 stack_listens "$STACK_DIR/driver/main.sock"
}
start_signer() {
  : >"$STACK_DIR/log/signd.log"
  "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" >>"$STACK_DIR/log/signd.log" 2>&1 &
  signer=$!
  stack_until 20 stack_listens "$STACK_DIR/sign/sign.sock" &&
    stack_until 20 grep -q 'driver_ready' "$STACK_DIR/log/signd.log"
}
kill_signer() {
  kill -KILL "$signer"
  wait "$signer" 2>/dev/null
}

stack_folders && stack_token && stack_configure && stack_init || {
  stack_show_logs
  fail "a private stack without a front-end"
  tap_done
}
id=$(cat "$STACK_DIR/conf/ledger_id")
start_driver && start_signer || {
  stack_show_logs
  fail "driver and signer start"
  tap_done
}
work=$STACK_DIR/out
mkdir -p "$work"
cd "$work" || exit 1

ask() { "$CHANCERY_BUILD/tests/e2e/crl_probe" "$STACK_DIR/sign/sign.sock" "$id" "$work" "$@" 2>>"$work/said"; }
done_() { # WHAT COMMAND...: the signer does it
  local what=$1 got
  shift
  got=$(ask "$@")
  is "$got" 0 "$what"
}
refused() { # CODE WHAT COMMAND...
  local code=$1 what=$2 got
  shift 2
  got=$(ask "$@")
  is "${got%% *}" "$code" "refused: $what"
}
pem() { openssl x509 -inform DER -in "$1.der" -out "$1.pem"; }
# What openssl reads of a CRL: its text, after its signature was verified under the CA's key.
crl_text() { # CA FILE
  openssl crl -inform DER -in "$2" -CAfile "$1.pem" -noout -text -verify 2>&1
}
serial_of() { openssl x509 -in "$1.pem" -noout -serial | sed 's/serial=//'; }
judged() { # WHAT CA FILE
  like "$(crl_text "$2" "$3")" 'verify OK' "$1: openssl verifies it"
  openssl crl -inform DER -in "$3" -out "$3.pem"
  succeeds "$1: certtool reads it" certtool --crl-info --infile "$3.pem"
  succeeds "$1: certtool verifies it" certtool --verify-crl --load-ca-certificate "$2.pem" --infile "$3.pem"
}

# A root over P-384, an issuing CA over P-256 and one over Ed25519, leaves.
ask key root main ECDSA-P384 >/dev/null
ask root root >/dev/null
for ca in one:ECDSA-P256 two:ECDSA-P256 rsa:RSA-2048 ed:Ed25519; do
  ask key "${ca%:*}" main "${ca#*:}" >/dev/null
  done_ "a CA over ${ca#*:}" ca "${ca%:*}" root
  pem "${ca%:*}"
done
pem root
for name in a b c d e; do
  done_ "a leaf" leaf "$name" one
  pem "$name"
done
done_ "a leaf of another CA" leaf x two

# The first CRLs: empty, with entries, of each algorithm.
done_ "an empty CRL" crl one one1 number=1
judged "an empty CRL" one one1.crl
like "$(crl_text one one1.crl)" 'No Revoked Certificates' "which openssl says"
done_ "a CRL with two entries" crl one one2 number=2 a:1:60 b:6:30
judged "a CRL with two entries" one one2.crl
text=$(crl_text one one2.crl)
like "$text" "Serial Number: $(serial_of a)" "a is listed"
like "$text" 'Key Compromise' "with its reason"
like "$text" 'Certificate Hold' "b is on hold"
like "$text" "Authority Key Identifier" "the AKI is there"
like "$(tr -d '\n' <<<"$text")" 'CRL Number: *2' "and the number"
for ca in root rsa ed; do
  done_ "an empty CRL of $ca" crl $ca $ca number=7
  judged "an empty CRL of $ca" $ca $ca.crl
done
tap_done
