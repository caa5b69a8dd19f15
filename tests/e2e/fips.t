#!/usr/bin/env bash
# The switch that leaves out what FIPS 140-3 modules are not approved for, and the signer over such a module. Debian
# builds none: CHANCERY_FIPS_MODULE names one (fips.so of OpenSSL 3.0), without it that part is skipped.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up
hierarchy_make fips ECDSA-P256 ECDSA-P256 ECDSA-P256
good=$issuing
issuer=$(issuer_make keys)
ca() { # NAME ALGORITHM
  api POST "/api/v1/issuers/$issuer/intermediates" \
    "$(jq -nc --arg n "$1" --arg a "$2" '{name: $n, subject: {common_name: $n}, algorithm: $a, path_len_constraint: 0}')"
}
ca before Ed25519
answers 201 "an Ed25519 CA, before the switch"
old=$(field .id)
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
csr_make "$work/edwards" ed25519 DNS:www.example.com
issue "$good" "$work/edwards.csr" server
answers 201 "a leaf with an Ed25519 key, before the switch"

settings() { # LINE...: beside what the stack has
  stack_stop
  sed -i '/^fips_/d' "$STACK_DIR/conf/signd.conf"
  printf '%s\n' "$@" >>"$STACK_DIR/conf/signd.conf"
}
checks() { "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --check >"$work/check" 2>&1; }

# Whatever is switched on: these hold.
approved_only() { # WHERE
  ca "new $1" Ed25519
  answers 400 "$1: no Ed25519 CA" algorithm_not_supported
  issue "$good" "$work/edwards.csr" server
  like "$status $(field .error.code)" '^400 .*key' "$1: no leaf with such a key"
  issue "$old" "$work/leaf.csr" server
  is "$status $(field .error.code)" "400 algorithm_not_supported" "$1: nothing under such a CA"
  issue "$good" "$work/leaf.csr" server
  answers 201 "$1: a leaf of ECDSA all along"
  judge "$1: the leaf" "$work/leaf.crt" "$work/leaf.chain" "$work/leaf.root"
  for algorithm in RSA-2048 ECDSA-P384; do
    ca "$1 $algorithm" "$algorithm"
    answers 201 "$1: a CA of $algorithm"
  done
  like "$(cat "$STACK_DIR/log/signd.log")" 'key_barred .*algorithm=Ed25519' "$1: the log names the key that signs no more"
}

settings 'fips_only = true;'
stack_start || e2e_die "the stack is not ready with fips_only"
approved_only "fips_only"

settings 'fips_only = true;' 'log_algorithm = "Ed25519";'
checks
is $? 78 "an Ed25519 log key is a mistake in the configuration"
like "$(cat "$work/check")" 'log_algorithm.*ECDSA-P256' "with what would be right"
sed -i '/^log_algorithm/d' "$STACK_DIR/conf/signd.conf"

settings 'fips_config = "/nowhere/fips.cnf";'
checks
is $? 78 "a provider that is not there: the signer does not start"
like "$(cat "$work/check")" 'fips_config .*file=/nowhere/fips.cnf' "and names the file"
settings 'fips_config = "fips.cnf";'
checks
is $? 78 "a relative path: nor then"
printf 'openssl_conf = all\n[all]\nproviders = list\n[list]\ndefault = default_sect\n[default_sect]\nactivate = 1\n' >"$work/default.cnf"
settings "fips_config = \"$work/default.cnf\";"
checks
is $? 78 "the default provider under that name: nor then"
like "$(cat "$work/check")" 'providers fips and base' "and says what is missing"

module=${CHANCERY_FIPS_MODULE:-}
if [ -z "$module" ]; then
  skip "the signer over a FIPS provider" "CHANCERY_FIPS_MODULE names none, and Debian has none"
else
  succeeds "the module's own test" openssl fipsinstall -quiet -module "$module" -out "$work/fipsmodule.cnf"
  cat >"$work/fips.cnf" <<-CNF
	openssl_conf = all
	.include $work/fipsmodule.cnf
	[all]
	providers = list
	[list]
	fips = fips_sect
	base = base_sect
	[base_sect]
	activate = 1
	CNF
  sed -i "/^\[fips_sect\]/a module = $module" "$work/fipsmodule.cnf"
  settings "fips_config = \"$work/fips.cnf\";" 'fips_only = false;'
  checks
  is $? 78 "the provider and all other algorithms: a contradiction"
  settings "fips_config = \"$work/fips.cnf\";"
  stack_start || e2e_die "the stack is not ready over the provider"
  like "$(cat "$STACK_DIR/log/signd.log")" 'fips_provider name=.*FIPS.* version=3' "the signer says what it runs over"
  like "$(cat "/proc/$(pid_of signd)/maps")" "${module##*/}" "and has it in memory"
  approved_only "the provider"
  succeeds "the ledger it writes verifies" "$STACK_BIN/chancery" audit verify "$STACK_DIR/signer/ledger"
  cp "$work/fipsmodule.cnf" "$work/kept"
  sed -i 's/^module-mac = ..:/module-mac = 00:/' "$work/fipsmodule.cnf"
  cmp -s "$work/kept" "$work/fipsmodule.cnf" && sed -i 's/^module-mac = ..:/module-mac = 01:/' "$work/fipsmodule.cnf"
  checks
  is $? 78 "a module whose integrity test fails: no start"
fi
tap_done
