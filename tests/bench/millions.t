#!/usr/bin/env bash
# That the measurements of many certificates run and print what they promise,
# with few; how fast anything is, no test asserts. What it takes in memory is.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

export CHANCERY_BUILD
if table=$("$(dirname "$0")/millions" --rows 10000 --rounds 1 --seconds 1 --clients 4 --store 20000 2>&1); then
  pass "one round with ten thousand runs"
else
  fail "one round with ten thousand runs" "$table"
fi
number='[0-9.]+'
rest=" +$number +$number - $number +$number +$number +(-|$number)\$"
for leg in first whole next; do
  like "$table" "^10000 +$leg +openssl$rest" "a line for the $leg CRL"
done
for leg in one many; do
  like "$table" "^10000 +$leg +10$rest" "a line for revoking $leg"
done
if command -v nginx >/dev/null; then
  like "$table" "^[0-9]+ bytes +ocsp +nginx$rest" "a line for answers that are kept"
else
  skip "a line for answers that are kept" "nginx is not installed"
fi
like "$table" "^RSA-3072 +token +raw$rest" "a line for answers that an RSA key signs"
like "$table" "^P-256 +token +raw$rest" "a line for answers that an EC key signs"
like "$table" "^P-256 +latency +ideal$rest" "a line for answers from a token that takes 5 ms"
like "$table" "^20000 +issue +10000$rest" "a line for a full store"
most=$(sed -n 's/^CRL of .* at most: \([0-9]*\)\..*/\1/p' <<<"$table")
if [ "${most:-1000}" -lt 256 ]; then pass "the daemons stay small"; else fail "the daemons stay small" "$table"; fi
tap_done
