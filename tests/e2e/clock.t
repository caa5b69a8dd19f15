#!/usr/bin/env bash
# Time, in seconds: validity that runs out, clocks that are wrong, requests that
# are old, and the same certificate twice when time and chance are held.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"
day=86400

# Each daemon with a clock of its own.
programs=$work/bin # they take the programs' place in the stack
mkdir "$programs"
front=$work/front.clock signer=$work/signer.clock driver=$work/driver.clock
clock_make "$front" && clock_make "$signer" && clock_make "$driver"
clock_program "$front" "$STACK_BIN/chancery-frontd" "$programs/chancery-frontd"
clock_program "$signer" "$STACK_BIN/chancery-signd" "$programs/chancery-signd"
clock_program "$driver" "$STACK_BIN/chancery-driver-pkcs11" "$programs/chancery-driver-pkcs11"
ln -s "$STACK_BIN/chancery" "$programs/chancery"
STACK_BIN=$programs
everywhere() { # CLOCK-FUNCTION ARGUMENTS...
  local clock
  for clock in "$front" "$signer" "$driver"; do "$1" "$clock" "${@:2}"; done
}
# What was on its way between signer and driver is late at once, and their connection made anew: the second answer tells
# of a token that is there again.
pass_everywhere() { # SECONDS
  everywhere clock_pass "$1"
  stack_until 60 token_ready && stack_until 60 token_ready || diag "no token after $1 seconds"
}
e2e_up

end_of() { date -u -d "$(openssl x509 -in "$1" -noout -enddate | sed 's/.*=//')" +%s; }
begin_of() { date -u -d "$(openssl x509 -in "$1" -noout -startdate | sed 's/.*=//')" +%s; }
short_ca() { # NAME DAYS PATH-LEN [PARENT]
  api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --arg n "$1" --argjson d "$2" --argjson p "$3" --arg parent "${4:-}" \
    '{name: $n, subject: {common_name: $n}, algorithm: "ECDSA-P256", path_len_constraint: $p, ttl_days: $d}
     + if $parent == "" then {} else {parent_ca_id: $parent} end')"
  field .certificate_pem >"$work/$1.crt"
}
leaf() { # FILE: under $issuing
  cp "$work/leaf.csr" "$work/$1.csr"
  issue "$issuing" "$work/$1.csr" server
}
near() { # GOT WANTED WITHIN WHAT
  if [ "$1" -ge $(($2 - $3)) ] && [ "$1" -le $(($2 + $3)) ]; then pass "$4"; else fail "$4" "got $1, wanted $2 within $3"; fi
}

csr_make "$work/leaf" ec:P-256 DNS:www.example.com
issuer=$(issuer_make clock '"off"')
short_ca root 3650 1
answers 201 "a root for ten years"
root=$(field .id)
short_ca issuing 40 0 "$root"
answers 201 "an issuing CA for forty days"
issuing=$(field .id)

# A leaf lives as long as its profile says, and never longer than its issuer.
leaf first
answers 201 "a leaf at the beginning"
pass_everywhere $((35 * day))
leaf capped
answers 201 "a leaf five days before its issuer's end"
near "$(begin_of "$work/capped.crt")" "$(clock_now "$front")" 600 "begins now, thirty-five days later"
is "$(end_of "$work/capped.crt")" "$(end_of "$work/issuing.crt")" "and ends with its issuer, to the second"

# Past its end the CA signs nothing, and says so; its root goes on.
pass_everywhere $((5 * day))
leaf late
answers 400 "an expired CA signs no leaf" issuer_expired
short_ca below 1 0 "$issuing"
like "$status" '^40[09]$' "nor a CA"
short_ca next 3000 0 "$root"
answers 201 "its root signs a successor"
issuing=$(field .id)

# Years: what was issued for years is at its end too.
pass_everywhere $((7 * 365 * day))
leaf years
answers 201 "seven years later the successor signs"
near "$(begin_of "$work/years.crt")" "$(clock_now "$front")" 600 "for that time"
pass_everywhere $((4 * 365 * day))
leaf over
answers 400 "eleven years later it does not" issuer_expired
short_ca too-late 10 0 "$root"
like "$status $(field .error.code)" '^400 ' "nor does the root, which has expired"

issuer=$(issuer_make again '"off"')
short_ca root2 3650 1
root=$(field .id)
short_ca issuing2 300 0 "$root"
answers 201 "new roots are made at any time"
issuing=$(field .id)

# A clock that runs five times as fast, and with it what a signature may take: three true seconds. A hundred times as
# fast that is 0.15 s: a busy machine may be too slow at first, and who is told so comes again.
everywhere clock_rate 5000
leaf fast
answers 201 "while time runs fast a leaf is issued"
everywhere clock_rate 100000
faster() { leaf faster && [ "$status" = 201 ]; }
stack_until 60 faster
answers 201 "also a hundred times as fast"
everywhere clock_rate 1000

# A clock behind the ledger: four seconds are borne, a minute is not.
leaf before
answers 201 "a leaf before the clock is set back"
everywhere clock_step -4
leaf behind
answers 201 "with the clock four seconds behind the ledger"
everywhere clock_step -60
leaf stopped
answers 503 "a minute behind its ledger the signer stops" clock
like "$(curl -s -D - -o /dev/null -X POST -H 'Content-Type: application/json' --unix-socket "$STACK_DIR/api.sock" \
  --data-binary "$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')" \
  "http://localhost/api/v1/intermediates/$issuing/certificates")" '^Retry-After: ' "and the answer says when to come back"
everywhere clock_step 64
leaf resumed
answers 201 "when the clock is right again it goes on"

# The front-end's clock wrong by itself: its requests are old, or from the future. Its CA is older than that.
pass_everywhere 3600
clock_step "$front" -590
leaf young
answers 201 "a request that seems almost ten minutes old"
clock_step "$front" -20
leaf stale
answers 503 "one that is older" request_stale
clock_step "$front" 1220
leaf future
answers 503 "one more than ten minutes from the future" request_stale
clock_step "$front" -610
leaf right
answers 201 "with the clock right again"

# The same state, time and chance: the same TBSCertificate, to the byte.
stack_stop
moment=$(clock_now "$signer")
mkdir "$work/state"
cp -a "$STACK_DIR/token" "$STACK_DIR/signer" "$STACK_DIR/db" "$work/state"
checks() { grep -c keys_checked "$STACK_DIR/log/signd.log"; }
checked() { [ "$(checks)" -gt "$before" ]; }
held() { # NAME SEED: $work/NAME.tbs, issued from the kept state
  local part
  for part in token signer db; do
    rm -rf "${STACK_DIR:?}/$part"
    cp -a "$work/state/$part" "$STACK_DIR/$part"
  done
  everywhere clock_hold_at $((moment + 60))
  before=$(checks)
  CHANCERY_SHIM_SEED=$2 stack_start || e2e_die "the stack is not ready with its clock held"
  stack_until 60 checked # that takes of the same chance
  leaf "$1"
  answers 201 "$1: a leaf with time and chance held"
  openssl asn1parse -in "$work/$1.crt" -strparse 4 -noout -out "$work/$1.tbs"
  stack_stop
}
held one seed
held two seed
held three another
succeeds "the same TBSCertificate from the same state, time and seed" cmp "$work/one.tbs" "$work/two.tbs"
refuses "signed anew each time" cmp "$work/one.crt" "$work/two.crt"
refuses "another serial from another seed" cmp "$work/one.tbs" "$work/three.tbs"
is "$(begin_of "$work/one.crt")" "$(begin_of "$work/three.crt")" "at the same time"
tap_done
