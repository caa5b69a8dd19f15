#!/usr/bin/env bash
# OCSP as things happen: revoked, on hold, released; CAs that retire, are revoked or were closed before anybody asked; the
# front-end killed, its database restored; the token away. What is told is what was acknowledged, at once.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/rotation.sh
. "$(dirname "$0")/rotation.sh"
# shellcheck source=tests/e2e/ocsp.sh
. "$(dirname "$0")/ocsp.sh"
# shellcheck disable=SC2034 # for e2e_up
E2E_FRONTD='ocsp_hours = 48; ocsp_responder_days = 30;'
rotation_up states
conf=$STACK_DIR/conf/frontd.conf

make_ca() { # NAME [PARENT MORE]: its id in $id, NAME.ca
  ca "$1" "${2:-}" "${3:-}"
  [ "$status" = 201 ] || diag "CA $1: $status $body"
  field .certificate_pem >"$work/$1.ca"
}
make_leaf() { # NAME CA [MORE]: NAME.pem
  leaf "$2" "DNS:$1.example.com" server "${3:-}"
  [ "$status" = 201 ] || diag "leaf $1: $status $body"
  field .certificate_pem >"$work/$1.pem"
}
serial_of() { openssl x509 -in "$1" -noout -serial | sed 's/.*=//' | tr A-F a-f; }
revoke() { # NAME CA REASON
  api POST "/api/v1/intermediates/$2/certificates/$(serial_of "$work/$1.pem")/revoke" "{\"reason\": \"$3\"}"
}
release() { api POST "/api/v1/intermediates/$2/certificates/$(serial_of "$work/$1.pem")/release" '{}'; } # NAME CA
told() { # CERTIFICATE-FILE CA ISSUER-FILE: what openssl reads in the answer, in $told
  ask_make "$work/q" "$3" -no_nonce -cert "$1"
  post "$2" "$work/q"
  told=$(said "$work/q" sha1 "$1" "$3" "$work/root.ca")
}
says() { # STATE CERTIFICATE-FILE CA ISSUER-FILE WHAT
  told "$2" "$3" "$4"
  like "$told" "^Response verify OK.*: $1 " "$5"
}
answering() { # CERTIFICATE-FILE CA ISSUER-FILE
  told "$@"
  [[ $told == "Response verify OK"* ]]
}
# While another responder is made nobody waits for this one: tryLater, for a moment.
answers_error() { # CA NUMBER: to $work/q
  post "$1" "$work/q"
  [ "$(od -An -tx1 "$work/answer")" = " 30 03 0a 01 0$2" ]
}
responders() { database "SELECT count(*) FROM responder WHERE ca_id = '$1' AND ledger_seq > 0"; }
front_again() { # the front-end alone, with another configuration; with a token or without
  local before
  before=$(pid_of frontd)
  kill -TERM "$before"
  stack_until 120 another "$before"
}
another() {
  [ "$(pid_of frontd)" != "$1" ] && api GET /api/v1/status && [ "$(field .signer.ready)" = true ] && stack_listens "$STACK_DIR/front/pki.sock"
}

make_ca root '' '{"ttl_days": 2000, "path_len_constraint": 1}'
root=$id
issuing="" quick="" waits="" dies="" early="" late=""
for name in issuing quick waits dies; do
  make_ca "$name" "$root" '{"ttl_days": 1900, "path_len_constraint": 0}'
  declare "$name=$id"
  make_leaf "$name-leaf" "$id" '{"ttl_seconds": 7000000}'
done
is "$(responders "$issuing")" 0 "as long as no certificate names a responder nobody needs one"

# The token away: from now on certificates name a responder, and there is none yet.
mv "$STACK_DIR/token/tokens" "$work/tokens"
kill -KILL "$(pid_of driver)"
token_gone() { ! token_ready; }
stack_until 120 token_gone || fail "the token is away"
printf 'pki_base_url = "http://pki.example.com/pki";\n' >>"$conf"
front_again
ask_make "$work/q" "$work/issuing.ca" -no_nonce -cert "$work/issuing-leaf.pem"
post "$issuing" "$work/q"
error_is 3 "no token, no responder: tryLater"
retire "$waits"
answers 503 "a CA that would never get a responder doesn't retire" no_responder
is "$(state_of "$waits")" active "  and is as it was"
api POST "/api/v1/intermediates/$dies/revoke" '{"reason": "cACompromise"}'
answers 200 "a revocation waits for nothing"
mv "$work/tokens" "$STACK_DIR/token/tokens"
stack_until 100 stack_ready || fail "the token is back"
stack_until 100 answering "$work/waits-leaf.pem" "$waits" "$work/waits.ca" || fail "the CA has a responder then"
retire "$waits"
answers 200 "it retires when it has one"
says good "$work/waits-leaf.pem" "$waits" "$work/waits.ca" "  and what it signed is still answered for"
ask_make "$work/q" "$work/dies.ca" -no_nonce -cert "$work/dies-leaf.pem"
stack_until 100 answers_error "$dies" 6
error_is 6 "a CA that was closed without one never gets one: unauthorized"
stack_until 100 answering "$work/issuing-leaf.pem" "$issuing" "$work/issuing.ca" || fail "the issuing CA has a responder"

# Retired and revoked before anybody could ask: the same moment as they are made
for name in early late; do
  make_ca "$name" "$root" '{"path_len_constraint": 0}'
  declare "$name=$id"
  make_leaf "$name-leaf" "$id" '{"ttl_seconds": 7000000}'
  if [ "$name" = early ]; then retire "$id"; else api POST "/api/v1/intermediates/$id/revoke" '{"reason": "superseded"}'; fi
  answers 200 "$name is made and closed at once"
  is "$(responders "$id")" 1 "  with a responder"
  says good "$work/$name-leaf.pem" "$id" "$work/$name.ca" "  which answers"
done
retire "$early" '{"confirm": true}'
answers 200 "retired for good"
says good "$work/early-leaf.pem" "$early" "$work/early.ca" "  it still answers"
stack_until 100 answering "$work/late.ca" "$root" "$work/root.ca"
says revoked "$work/late.ca" "$root" "$work/root.ca" "the revoked CA's own certificate, by its issuer"
says good "$work/issuing.ca" "$root" "$work/root.ca" "another one"
like "$(openssl x509 -in "$work/late.ca" -noout -ocsp_uri)" "^http://pki.example.com/pki/$root/ocsp\$" "it names its issuer's responder"
like "$(openssl x509 -in "$work/late-leaf.pem" -noout -ocsp_uri)" "^http://pki.example.com/pki/$late/ocsp\$" "  and its leaf its own"

# As it happens
make_leaf one "$issuing"
says good "$work/one.pem" "$issuing" "$work/issuing.ca" "good"
revoke one "$issuing" keyCompromise
says revoked "$work/one.pem" "$issuing" "$work/issuing.ca" "revoked, and told so at once"
like "$told" "Reason: keyCompromise" "  with the reason"
get "$issuing" "$work/q"
like "$(said "$work/q" sha1 "$work/one.pem" "$work/issuing.ca" "$work/root.ca")" ": revoked" "  by GET, too"
make_leaf two "$issuing"
crl_fetch() { pki GET "/pki/$issuing/crl"; }
for look in : crl_fetch; do
  says good "$work/two.pem" "$issuing" "$work/issuing.ca" "good before a hold"
  revoke two "$issuing" certificateHold
  $look
  says revoked "$work/two.pem" "$issuing" "$work/issuing.ca" "on hold"
  like "$told" "Reason: certificateHold" "  with the reason"
  release two "$issuing"
  says good "$work/two.pem" "$issuing" "$work/issuing.ca" "released: good at once"
done
revoke two "$issuing" certificateHold
crl_fetch
revoke two "$issuing" superseded
says revoked "$work/two.pem" "$issuing" "$work/issuing.ca" "from a hold to a revocation"
like "$told" "Reason: superseded" "  with its reason"
ask_make "$work/q" "$work/issuing.ca" -no_nonce -serial 0x7fffffffffffffff
post "$issuing" "$work/q"
like "$(by_clock openssl ocsp -no_nonce -respin "$work/answer" -issuer "$work/issuing.ca" -serial 0x7fffffffffffffff -CAfile "$work/root.ca" \
  -verify_other "$work/issuing.ca" 2>&1 | tr '\n' ' ')" "Response verify OK.*: unknown" "never issued: unknown"
is "$(head_of Cache-Control)" no-store "  which nobody keeps: it may be issued yet"
post "$quick" "$work/q"
error_is 6 "by the issuer's name and key of another CA: unauthorized"

# Killed, restored, made anew
make_leaf three "$issuing"
revoke three "$issuing" affiliationChanged
kill -9 "$(pid_of frontd)"
stack_until 120 stack_ready
says revoked "$work/three.pem" "$issuing" "$work/issuing.ca" "after kill -9 behind the answer"
stack_stop
cp -r "$STACK_DIR/db" "$work/backup"
stack_start || fail "the stack is up again"
make_leaf four "$issuing"
make_leaf five "$issuing"
says good "$work/five.pem" "$issuing" "$work/issuing.ca" "good after the backup"
revoke four "$issuing" keyCompromise
for how in "a database from a backup" "no database"; do
  stack_stop
  rm -rf "$STACK_DIR/db"
  if [ "$how" = "no database" ]; then mkdir -m 0700 "$STACK_DIR/db"; else cp -r "$work/backup" "$STACK_DIR/db"; fi
  stack_start || fail "the stack is up again"
  says revoked "$work/four.pem" "$issuing" "$work/issuing.ca" "$how: what was revoked since is revoked"
  says revoked "$work/three.pem" "$issuing" "$work/issuing.ca" "  and what was before"
  says good "$work/five.pem" "$issuing" "$work/issuing.ca" "  what was issued since is good"
  says good "$work/early-leaf.pem" "$early" "$work/early.ca" "  a retired CA answers"
done

# The token away: what is kept is given out, what would have to be signed is not
says good "$work/five.pem" "$issuing" "$work/issuing.ca" "asked for, and so kept"
mv "$STACK_DIR/token/tokens" "$work/tokens"
kill -KILL "$(pid_of driver)"
stack_until 120 token_gone || fail "the token is away"
says good "$work/five.pem" "$issuing" "$work/issuing.ca" "the token is away: what is kept goes on"
ask_make "$work/q" "$work/issuing.ca" -no_nonce -sha256 -cert "$work/five.pem"
post "$issuing" "$work/q"
error_is 3 "  what isn't: tryLater"
revoke five "$issuing" keyCompromise
answers 200 "  revoked meanwhile"
ask_make "$work/q" "$work/issuing.ca" -no_nonce -cert "$work/five.pem"
post "$issuing" "$work/q"
error_is 3 "  and good no more: tryLater"
mv "$work/tokens" "$STACK_DIR/token/tokens"
stack_until 100 stack_ready || fail "the token is back"
stack_until 100 answering "$work/five.pem" "$issuing" "$work/issuing.ca"
says revoked "$work/five.pem" "$issuing" "$work/issuing.ca" "the token is back"

# Nonces where the configuration has none
printf 'ocsp_nonce = false;\n' >>"$conf"
front_again
stack_until 120 stack_ready
ask_make "$work/q" "$work/issuing.ca" -cert "$work/five.pem"
stack_until 120 answering "$work/five.pem" "$issuing" "$work/issuing.ca"
ask_make "$work/q" "$work/issuing.ca" -cert "$work/five.pem"
post "$issuing" "$work/q"
like "$(openssl ocsp -respin "$work/answer" -noverify -resp_text 2>&1)" "Cert Status: revoked" "ocsp_nonce = false: answered"
refuses "  without the nonce" grep -q Nonce <<<"$(openssl ocsp -respin "$work/answer" -noverify -resp_text 2>&1)"
like "$(head_of Cache-Control)" "max-age=" "  so that it is good for others"

# An offline issuer
openssl req -x509 -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Case offline" -days 3000 -keyout "$work/offline.key" \
  -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -out "$work/offline.ca" 2>/dev/null
cp "$work/offline.ca" "$STACK_DIR/anchors/offline.pem"
api POST "/api/v1/issuers/$issuer/intermediates" "$(jq -n --rawfile p "$work/offline.ca" '{name: "offline", root_cert_pem: $p}')"
answers 201 "a root whose key is elsewhere"
offline=$(field .id)
ask_make "$work/q" "$work/offline.ca" -no_nonce -serial 0x1
post "$offline" "$work/q"
error_is 6 "it has no responder: unauthorized"
ca below "$offline" '{"path_len_constraint": 0}'
answers 201 "a CA below it"
api GET "/api/v1/intermediates/$id/csr"
printf '%s\n' "$body" >"$work/below.csr"
like "$(openssl req -in "$work/below.csr" -noout -text 2>&1)" "Certificate Request" "  has a request"
text=$(openssl req -in "$work/below.csr" -noout -text)
refuses "  that names no responder" grep -q OCSP <<<"$text"
below=$id
openssl x509 -req -in "$work/below.csr" -sha256 -days 900 -copy_extensions copyall -CA "$work/offline.ca" -CAkey "$work/offline.key" \
  -set_serial "0x6b656c6c657200000001" -out "$work/below.ca" 2>/dev/null
api POST "/api/v1/intermediates/$below/certificate" "$(jq -n --rawfile p "$work/below.ca" '{certificate_pem: $p}')"
answers 200 "  and gets its certificate"
is "$(openssl x509 -in "$work/below.ca" -noout -ocsp_uri)" "" "  which names none either"
make_leaf under "$below"
is "$(openssl x509 -in "$work/under.pem" -noout -ocsp_uri)" "http://pki.example.com/pki/$below/ocsp" "a leaf of it names its own responder"
ask_make "$work/q" "$work/below.ca" -no_nonce -cert "$work/under.pem"
answers_it() { post "$below" "$work/q" && [ "$(wc -c <"$work/answer")" -gt 5 ]; }
stack_until 100 answers_it
like "$(said "$work/q" sha1 "$work/under.pem" "$work/below.ca" "$work/offline.ca")" "^Response verify OK.*: good " "  which answers, below the root whose key is elsewhere"
ask_make "$work/q" "$work/offline.ca" -no_nonce -cert "$work/below.ca"
post "$offline" "$work/q"
error_is 6 "  while of the CA itself nobody says anything"

# Time: a responder is renewed for as long as something is valid, also under a closed key
for _ in 1 2 3; do
  days_pass 24
  for name in early late; do
    stack_until 120 answering "$work/$name-leaf.pem" "${!name}" "$work/$name.ca"
    says good "$work/$name-leaf.pem" "${!name}" "$work/$name.ca" "$name, another 24 days on"
  done
done
is "$(database "SELECT count(DISTINCT key_id) FROM responder WHERE ca_id IN ('$early', '$late')")" 2 "each over one key"
for _ in 1 2; do days_pass 40; done
for name in early late; do
  ask_make "$work/q" "$work/$name.ca" -no_nonce -cert "$work/$name-leaf.pem"
  stack_until 120 answers_error "${!name}" 6
  error_is 6 "$name: when nothing of it is valid any more, unauthorized"
done
tap_done
