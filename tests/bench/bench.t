#!/usr/bin/env bash
# That the measurements run and print what they promise; how fast anything is,
# no test asserts.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

export CHANCERY_BUILD
if table=$("$(dirname "$0")/run" --seconds 1 --rounds 1 --keys P-256 --clients 4 2>&1); then
  pass "one round with P-256 runs"
else
  fail "one round with P-256 runs" "$table"
fi
number='[0-9]+\.[0-9]+'
for leg in driver signer http; do
  like "$table" "^P-256 +$leg +raw +$number +$number - $number +[0-9]+ +[0-9]+\$" "a line for $leg against the token"
done
like "$table" "^P-256 +http +cfssl " "a line against cfssl, or that it is not there"
like "$table" "^P-256 +memory +cfssl +($number +$number - $number|[(]not installed)" "and with both keys in memory"
like "$table" "^P-256 +latency +ideal +$number +$number - $number +[0-9]+ +1600\$" "a line for a token that takes 5 ms"
like "$table" "^- +audit +sha256 +$number +$number - $number +[0-9]+ MB/s +[0-9]+ MB/s\$" "a line for verifying a ledger"
like "$table" "^signd resident under load: $number MiB\$" "the signer's memory"
if table=$("$(dirname "$0")/start" --records 1000,3000 --per-hour 1000 --rounds 1 2>&1); then
  pass "the signer's start runs"
else
  fail "the signer's start runs" "$table"
fi
like "$table" "^3000 +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+\$" "a line for each size of ledger"
like "$table" "^3000 records, a snapshot of 2[0-9]*\$" "which has a snapshot"
tap_done
