#!/usr/bin/env bash
# certmonger from Debian with chancery-submit as its helper: the real daemon, on a bus and in folders of its own. A
# request with its command, what is refused, renewal as the end comes near, and the helper by itself.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"
daemon=/usr/lib/certmonger/certmonger-session
if ! [ -x "$daemon" ] || ! command -v dbus-daemon >/dev/null; then tap_skip_all "certmonger or dbus-daemon is not installed"; fi
# All of it has one clock.
clock=$work/clock
mkdir "$work/bin"
clock_make "$clock"
for program in chancery-frontd chancery-signd chancery-driver-pkcs11 chancery; do
  clock_program "$clock" "$STACK_BIN/$program" "$work/bin/$program"
done
STACK_BIN=$work/bin
e2e_up
hierarchy_make house "$(token_first)" "$(token_first)" "$(token_first)"
submit=$CHANCERY_BUILD/chancery-submit
helper=("$submit" --socket "$STACK_DIR/api.sock" --ca "$issuing")

# --- the helper by itself
csr_make "$work/one" ec:P-256 DNS:one.example.com
asked() { # EXIT WHAT OPERATION [VARIABLE=VALUE...] -- [OPTIONS...]
  local wanted=$1 what=$2 operation=$3 variables=() ended
  shift 3
  while [ "$1" != -- ]; do
    variables+=("$1")
    shift
  done
  shift
  env CERTMONGER_OPERATION="$operation" ${variables[@]+"${variables[@]}"} "${helper[@]}" "$@" >"$work/said" 2>"$work/said.err"
  ended=$?
  is "$ended" "$wanted" "$what" || true
  [ "$ended" = "$wanted" ] || diag "$(cat "$work/said" "$work/said.err")"
}
csr="CERTMONGER_CSR=$(cat "$work/one.csr")"
asked 0 "IDENTIFY" IDENTIFY --
like "$(cat "$work/said")" '^chancery-submit [0-9]' "  says name and version"
asked 0 "GET-SUPPORTED-TEMPLATES" GET-SUPPORTED-TEMPLATES --
like "$(xargs <"$work/said")" '(^| )server( |$)' "  names the profiles"
asked 0 "GET-DEFAULT-TEMPLATE" GET-DEFAULT-TEMPLATE -- --profile server
is "$(cat "$work/said")" server "  is the option's"
asked 0 "GET-NEW-REQUEST-REQUIREMENTS" GET-NEW-REQUEST-REQUIREMENTS --
is "$(xargs <"$work/said")" "CERTMONGER_CSR CERTMONGER_CA_PROFILE" "  wants a profile when none is given"
asked 6 "an operation of another kind of CA" FETCH-SCEP-CA-CAPS --
asked 0 "FETCH-ROOTS" FETCH-ROOTS --
is "$(grep -c BEGIN "$work/said")" 3 "  has the root and both CAs below it"
awk '/BEGIN/ { inside = 1 } inside { print } /END/ { exit }' "$work/said" >"$work/first.pem"
is "$(openssl x509 -in "$work/first.pem" -noout -subject)" "subject=O = Test, CN = CA house-root" "  the root first"
asked 0 "SUBMIT" SUBMIT "$csr" CERTMONGER_CA_PROFILE=server -- --ttl 1d
is "$(grep -c BEGIN "$work/said")" 3 "  writes the certificate and what is between it and the root"
asked 0 "no operation is SUBMIT" "" "$csr" -- --profile server
asked 2 "a name that the profile does not take is refused" SUBMIT "$csr" -- --profile workload
like "$(cat "$work/said")" '^chancery: .*\(field csr_pem, ' "  in the front-end's words, on standard output"
asked 4 "without a profile it can't be asked" SUBMIT "$csr" --
asked 4 "without a request neither" SUBMIT -- --profile server
asked 4 "nor of a CA that there is not" SUBMIT "$csr" CERTMONGER_CA_ISSUER=elsewhere -- --profile server
asked 4 "nor with an option that there is not" SUBMIT "$csr" -- --profile server --nonsense
asked 3 "without a front-end it is unreachable" SUBMIT "$csr" -- --profile server --socket "$work/nobody"
like "$(cat "$work/said")" "can't connect" "  and says so"

# The same key hands out what was signed already: an answer that was lost costs no second certificate.
count() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "SELECT count(*) FROM certificate WHERE kind = 'leaf'"; }
cookie=CERTMONGER_CA_COOKIE=00112233445566778899aabbccddeeff
asked 0 "POLL with a cookie" POLL "$csr" "$cookie" -- --profile server
cp "$work/said" "$work/said.first"
before=$(count)
asked 0 "and again" POLL "$csr" "$cookie" -- --profile server
succeeds "  is the same certificate" cmp "$work/said.first" "$work/said"
is "$(count)" "$before" "  and no new one"

# What can't be signed now is to be asked again, with what makes it the same request.
fake_up() {
  python3 "$CHANCERY_SOURCE/tests/e2e/fake_frontd.py" "$work/fake.sock" "$work/answers" "$work/fake.log" >"$work/ready" &
  stack_until 60 test -s "$work/ready"
}
fake() { # ANSWER
  jq -n --arg path "POST /api/v1/intermediates/$issuing/certificates" --argjson a "$1" '{($path): $a}' >"$work/answers"
}
fake '{}'
fake_up || fail "the stand-in answers" "$(cat "$work/ready")"
fake '{"status": 503, "headers": {"Retry-After": "7"}, "json": {"error": {"code": "away", "message": "The token is away."}}}'
asked 5 "while the token is away it is to be tried again" SUBMIT "$csr" "$cookie" -- --profile server --socket "$work/fake.sock"
is "$(xargs <"$work/said")" "7 ${cookie#*=}" "  in the seconds that the front-end names, as the same request"
like "$(cat "$work/said.err")" 'The token is away' "  and the reason goes to certmonger's log"
is "$(jq -r .key <"$work/fake.log" | tail -n 1)" "${cookie#*=}" "  it did go with that key"
fake '{"drop": true}'
asked 5 "when the answer is lost too" SUBMIT "$csr" -- --profile server --socket "$work/fake.sock"
is "$(tail -n 1 "$work/said")" "$(jq -r .key <"$work/fake.log" | tail -n 1)" "  with the key that it went with"
fake '{"status": 500, "json": {"error": {"code": "internal", "message": "Something broke."}}}'
asked 3 "what is broken is asked again later" SUBMIT "$csr" -- --profile server --socket "$work/fake.sock"
fake '{"status": 201, "json": {"certificate_pem": "nothing", "chain_pem": "nothing"}}'
asked 3 "what is no certificate is not passed on" SUBMIT "$csr" -- --profile server --socket "$work/fake.sock"
nothing "  nor any of it" "$(grep -v ^chancery: "$work/said")"

# --- the daemon
mkdir "$work/monger"
for folder in config requests cas local tmp; do mkdir "$work/monger/$folder"; done
printf '[defaults]\nenroll_ttls = 43200\nnotify_ttls = 3600\nnotification_method = command\nnotification_destination = /bin/true\n' \
  >"$work/monger/config/certmonger.conf"
clock_program "$clock" "$daemon" "$work/certmonger"
bus_up() {
  cat >"$work/bus.conf" <<-XML
	<busconfig><type>session</type><listen>unix:path=$work/bus</listen><auth>EXTERNAL</auth>
	<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy></busconfig>
	XML
  dbus-daemon --nofork --config-file="$work/bus.conf" >>"$work/bus.log" 2>&1 &
  stack_until 60 stack_listens "$work/bus"
}
bus_up || fail "a bus" "$(cat "$work/bus.log")"
export DBUS_SESSION_BUS_ADDRESS=unix:path=$work/bus
monger_up() {
  env HOME="$work/monger" CERTMONGER_CONFIG_DIR="$work/monger/config" CERTMONGER_REQUESTS_DIR="$work/monger/requests" \
    CERTMONGER_CAS_DIR="$work/monger/cas" CERTMONGER_LOCAL_CA_DIR="$work/monger/local" CERTMONGER_TMPDIR="$work/monger/tmp" \
    "$work/certmonger" -s -B -n -d 2 >>"$work/monger.log" 2>&1 &
  monger=$!
  stack_until 60 monger_answers
}
monger_answers() { getcert list-cas -s >/dev/null 2>&1; }
monger_down() {
  kill "$monger"
  wait "$monger" 2>/dev/null
}
monger_up || fail "certmonger listens" "$(tail -n 20 "$work/monger.log")"
state() { getcert list -s -i "$1" 2>&1 | sed -n 's/^[[:space:]]*status: //p'; }
in_state() { [ "$(state "$1")" = "$2" ]; }
serial_of() { openssl x509 -in "$1" -noout -serial; }

# What is run when there is a new certificate: it notes which one.
cat >"$work/saved" <<-RUN
	#!/bin/sh
	openssl x509 -in '$work/www.pem' -noout -serial >>'$work/saves'
RUN
chmod 755 "$work/saved"
saves() { sort -u "$work/saves" 2>/dev/null | wc -l; }
saved() { [ "$(saves)" -ge "$1" ]; }
reaches() { # ID STATE WHAT
  if stack_until 120 in_state "$1" "$2"; then pass "$3"; else
    fail "$3"
    diag "$(getcert list -s 2>&1)" "$(tail -n 40 "$work/monger.log")"
  fi
}

succeeds "certmonger takes the helper" getcert add-ca -s -c chancery -e "${helper[*]} --profile server --ttl 1d"
succeeds "  and a request" getcert request -s -c chancery -I www -f "$work/www.pem" -k "$work/www.key" -F "$work/roots.pem" \
  -G ec -g 256 -N CN=www.example.com -D www.example.com -C "$work/saved"
reaches www MONITORING "it gets the certificate and watches it"
if stack_until 60 saved 1; then pass "the command was run"; else fail "the command was run" "$(tail -n 20 "$work/monger.log")"; fi
is "$(cat "$work/saves")" "$(serial_of "$work/www.pem")" "  when the certificate was there"
api GET "/api/v1/intermediates/$issuing/chain"
printf '%s\n' "$body" >"$work/chain.pem"
succeeds "the root of its file verifies it" openssl verify -x509_strict -CAfile "$work/roots.pem" -untrusted "$work/chain.pem" \
  -verify_hostname www.example.com "$work/www.pem"
is "$(openssl x509 -in "$work/www.pem" -noout -pubkey)" "$(openssl pkey -in "$work/www.key" -pubout)" "it is for the key that certmonger made"
like "$(getcert list-cas -s -v 2>&1)" 'chancery-submit [0-9]' "certmonger knows which helper it has"

succeeds "a request for what the CA does not sign" getcert request -s -c chancery -I evil -f "$work/evil.pem" -k "$work/evil.key" \
  -G ec -g 256 -N CN=evil.example.com -D evil.example.com -T workload
reaches evil CA_REJECTED "is rejected"
like "$(getcert list -s -i evil 2>&1)" 'ca-error: .*field csr_pem' "  with the front-end's sentence in the list"

# --- its end comes near
before=$(serial_of "$work/www.pem") key_before=$(openssl pkey -in "$work/www.key" -pubout)
clock_pass "$clock" 44000
# Timers that run are not shortened by a clock that somebody sets; a start looks at each certificate.
monger_down
monger_up || fail "certmonger starts again" "$(tail -n 20 "$work/monger.log")"
if stack_until 120 saved 2; then pass "half a day before its end it is renewed, and the command run again"; else
  fail "half a day before its end it is renewed, and the command run again"
  diag "$(getcert list -s 2>&1)" "$(tail -n 40 "$work/monger.log")"
fi
reaches www MONITORING "  and watched on"
after=$(serial_of "$work/www.pem")
if [ "$after" != "$before" ]; then pass "  it is another certificate"; else fail "  it is another certificate" "$after"; fi
is "$(tail -n 1 "$work/saves")" "$after" "  which the command saw"
is "$(openssl x509 -in "$work/www.pem" -noout -pubkey)" "$key_before" "  for the same key"
is "$(openssl x509 -in "$work/www.pem" -noout -subject -ext subjectAltName | xargs)" \
  "subject=CN = www.example.com X509v3 Subject Alternative Name: DNS:www.example.com" "  and the same names"
now=$(clock_now "$clock")
ends=$(date -d "$(openssl x509 -in "$work/www.pem" -noout -enddate | sed 's/.*=//')" +%s)
if [ $((ends - now)) -gt 43200 ]; then pass "  until a day from then"; else fail "  until a day from then" "$((ends - now)) seconds"; fi

# A new key, as after a compromise.
succeeds "another key is asked for" getcert rekey -s -i www
if stack_until 120 saved 3; then pass "  and certified"; else fail "  and certified" "$(getcert list -s 2>&1)"; fi
reaches www MONITORING "  and watched"
if [ "$(openssl x509 -in "$work/www.pem" -noout -pubkey)" != "$key_before" ]; then pass "  it is another key"; else fail "  it is another key"; fi
is "$(openssl x509 -in "$work/www.pem" -noout -pubkey)" "$(openssl pkey -in "$work/www.key" -pubout)" "  in both files"
monger_down
tap_done
