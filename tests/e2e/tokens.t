#!/usr/bin/env bash
# What must hold on any token (STACK_TOKEN): keys made there and not to be read, found again by each new process, and by
# each new life of the token; a wrong PIN that is tried once; a token that goes away and comes back.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
STACK_PATIENCE=120
e2e_up
quick=$(token_first)
diag "${STACK_TOKEN:-softhsm} can do $token_algorithms"
hierarchy_make any "$quick" "$quick" "$quick"
csr_make "$work/leaf" ec:P-256 DNS:www.example.com

issued() {
  issue "$issuing" "$work/leaf.csr" server
  [ "$status" = 201 ]
}
issued
answers 201 "a leaf"
judge "the leaf" "$work/leaf.crt" "$work/leaf.chain" "$work/leaf.root"

# What the driver says of the token and of each key in it.
ask() {
  timeout 60 "$CHANCERY_BUILD/tests/e2e/driver-client" "$STACK_DIR/driver/main.sock" "$(cat "$STACK_DIR/conf/ledger_id")" "$@"
}
like "$(ask hello)" '^label=main$' "the token is known by its label"
mapfile -t keys < <(ask list | sed 's/.*=//')
[ "${#keys[@]}" -ge 4 ]
is $? 0 "the log key and the keys of three CAs, at least, are in it"
bad=''
for key in "${keys[@]}"; do
  said=$(ask public "$key" | grep ^attributes=)
  [ "$said" = attributes=0x37 ] || bad+="$key $said"$'\n'
done
nothing "each is local, sensitive, never extractable and for signatures only" "$bad"
like "$(ask create "${keys[0]}" "$quick" new 2>&1)" '^refused=11 ' "none is made twice"
nothing "no request is left on the way" "$(ask public "$(printf 'ff%.0s' {1..16})" 2>&1 | grep -v '^refused=10 ')"

# A new process finds its keys.
for victim in driver signd; do
  kill -KILL "$(pid_of $victim)"
  stack_until 120 issued
  answers 201 "a leaf after $victim was killed"
done
judge "after that" "$work/leaf.crt" "$work/leaf.chain" "$work/leaf.root"

# So does a new life of the token. While it is away nobody gets anything but 503 or a good certificate.
"$CHANCERY_SOURCE/tests/tokens/down" "$STACK_DIR/token"
API_PATIENCE=5 issue "$issuing" "$work/leaf.csr" server
like "$status" '^(201|503|000)$' "while the token's own daemons are away: 503, or none was needed"
CHANCERY_BUILD=$STACK_BIN "$CHANCERY_SOURCE/tests/tokens/up-${STACK_TOKEN:-softhsm}" "$STACK_DIR/token" main >"$work/up" 2>&1 ||
  diag "$(cat "$work/up")"
stack_until 120 issued
answers 201 "a leaf as soon as they are back, without help"
[ "$status" = 201 ] || diag "$(tail -n 20 "$STACK_DIR/log/driver.log")"
judge "after that, too" "$work/leaf.crt" "$work/leaf.chain" "$work/leaf.root"

# The PIN.
# shellcheck disable=SC2120 # it does without
driver_alone() { timeout 60 "$(stack_driver)" --config "$STACK_DIR/conf/driver-main.conf" "$@" >"$work/driver.log" 2>&1; }
stack_stop
cp -p "$STACK_DIR/token/pin" "$work/pin"
printf 12345678 >"$STACK_DIR/token/pin"
driver_alone
is $? 77 "a wrong PIN ends the driver"
like "$(cat "$work/driver.log")" 'pin_refused .*CKR_PIN_' "and is named"
cp -p "$work/pin" "$STACK_DIR/token/pin"
driver_alone
is "$? $(grep -c pin_latched "$work/driver.log")" "77 1" "it is not tried again, even if it is right now"
succeeds "until someone says --resume" driver_alone --resume main
stack_start || e2e_die "the stack does not come back"
stack_until 120 issued
answers 201 "then it signs again"
tap_done
