#!/usr/bin/env bash
# One PEM file of the CRLs in a folder: what chancery-crl.service runs whenever one is replaced.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
dir=$(mktemp -d /tmp/ch.XXXXXX)
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
collect() { "$CHANCERY_SOURCE/systemd/collect-crls" crl out/crls.pem 2>said; }

for ca in one two; do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout $ca.key -out $ca.pem -subj /CN=$ca -days 30 2>said
  mkdir $ca
  : >$ca/index
  printf '[ca]\ndefault_ca = it\n[it]\ndatabase = %s/index\ncrlnumber = %s/number\ndefault_md = sha256\ndefault_crl_days = 7\n' $ca $ca >$ca.conf
done
mkdir crl out
crl() { # CA NUMBER: renamed into its place
  echo "$2" >"$1/number"
  openssl ca -config "$1.conf" -gencrl -keyfile "$1.key" -cert "$1.pem" -out "$1.crl" 2>said &&
    openssl crl -in "$1.crl" -outform DER -out "crl/$1.new" && mv "crl/$1.new" "crl/$1.crl"
}
numbers() { # the numbers in the file
  awk -v RS='-----END X509 CRL-----\n' 'NF { print $0 RS | "openssl crl -noout -crlnumber"; close("openssl crl -noout -crlnumber") }' \
    out/crls.pem | sort | xargs
}

collect
is "$? $(ls out)" "1 " "a folder without CRLs makes no file"
like "$(cat said)" 'no CRL' "  and says so"
crl one 10 && crl two 20
collect
is "$? $(numbers)" "0 crlNumber=0x10 crlNumber=0x20" "there is one file of all CRLs"
is "$(stat -c %a out/crls.pem)" 644 "  that any server may read"
collect
is "$?" 1 "the same again changes nothing"

# However little time has gone by.
for number in 11 12 13; do
  crl one $number
  collect
  is "$? $(numbers)" "0 crlNumber=0x$number crlNumber=0x20" "a new CRL makes a new file: $number"
done

# Long after, what is as old as the file isn't read any more.
touch -d '1 hour ago' crl crl/* && touch -d '30 minutes ago' out/crls.pem
mv crl/one.crl kept && echo nonsense >crl/one.crl && touch -d '1 hour ago' crl crl/one.crl
collect
is "$?" 1 "what is older than the file is not read"
touch -d '1 hour' out/crls.pem
before=$(cat out/crls.pem)
collect
is "$?" 255 "a file from the time to come is no reason to leave it, and what is no CRL is a failure"
is "$(cat out/crls.pem)" "$before" "  that leaves the file"
is "$(ls out)" crls.pem "  and nothing else"
mv kept crl/one.crl && cp crl/one.crl crl/one.delta.crl
collect
is "$? $(numbers)" "1 crlNumber=0x13 crlNumber=0x20" "deltas are left out"
rm crl/*
collect
is "$? $(numbers)" "1 crlNumber=0x13 crlNumber=0x20" "CRLs that are gone leave what there was"
succeeds "openssl reads it" openssl crl -in out/crls.pem -noout -CAfile one.pem
"$CHANCERY_SOURCE/systemd/collect-crls" crl nowhere/crls.pem 2>said
is "$?" 255 "a folder that isn't there is a failure"
"$CHANCERY_SOURCE/systemd/collect-crls" crl 2>said
is "$?" 255 "and so is a wrong command line"
like "$(cat said)" 'collect-crls FOLDER FILE' "  which is told"
tap_done
