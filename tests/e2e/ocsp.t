#!/usr/bin/env bash
# OCSP: what two programs that aren't ours make of the answers, by GET and POST, with both hashes and with a nonce; each
# bad question's answer; frontd killed while a responder is made. How it goes over time: year.t.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/rotation.sh
. "$(dirname "$0")/rotation.sh"
# shellcheck disable=SC2034 # for e2e_up
E2E_FRONTD='ocsp_hours = 48; ocsp_responder_days = 30;'
rotation_up ocsp

# shellcheck source=tests/e2e/ocsp.sh
. "$(dirname "$0")/ocsp.sh"

tests=$(dirname "$0")
tests_request() { python3 "$tests/ocsp_request.py" "$work/q" "$@"; } # of ocsp_request.py's, about the leaf

ca root '' '{"ttl_days": 2000, "path_len_constraint": 1}'
answers 201 "a root"
root=$id
field .certificate_pem >"$work/root.pem"
ca issuing "$root" '{"ttl_days": 1900, "path_len_constraint": 0}'
answers 201 "an issuing CA"
issuing=$id
field .certificate_pem >"$work/issuing.pem"
leaf "$issuing" DNS:www.example.com
answers 201 "a leaf"
field .certificate_pem >"$work/leaf.pem"

# Judges
for hash in sha1 sha256; do
  ask_make "$work/q.$hash" "$work/issuing.pem" -no_nonce "-$hash" -cert "$work/leaf.pem"
  for way in post get; do
    $way "$issuing" "$work/q.$hash"
    is "$status $(head_of Content-Type)" "200 application/ocsp-response" "$way, $hash: answered"
    like "$(said "$work/q.$hash" "$hash" "$work/leaf.pem" "$work/issuing.pem" "$work/root.pem")" "Response verify OK.*leaf.pem: good" \
      "  openssl verifies it: good"
  done
done

# What goes along for caches
ask_make "$work/q" "$work/issuing.pem" -no_nonce -cert "$work/leaf.pem"
get "$issuing" "$work/q"
like "$(head_of Cache-Control)" '^max-age=17[0-9]{4}, public, no-transform, must-revalidate$' "how long it may be kept"
like "$(head_of ETag) $(head_of Last-Modified) $(head_of Expires)" '^"[0-9a-f]{32}" [A-Z][a-z]{2}, .* GMT [A-Z][a-z]{2}, .* GMT$' \
  "ETag, Last-Modified, Expires"
pki GET "/pki/$issuing/ocsp/$(encoded "$work/q")" -H "If-None-Match: $(head_of ETag)"
is "$status $(wc -c <"$work/answer")" "304 0" "who has it already isn't sent it again"
batches() {
  local status body
  api GET "/api/v1/audit?from=0&limit=1000"
  jq '[.data[] | select(.type == "OCSP_BATCH")] | length' <<<"$body"
}
before=$(batches)
get "$issuing" "$work/q"
cp "$work/answer" "$work/first"
pki GET "/pki/$issuing/ocsp/$(base64 -w 0 "$work/q")"
succeeds "asked once more, unescaped, the answer is the same" cmp "$work/first" "$work/answer"
is "$(batches)" "$before" "  and the signer wasn't asked for it"

# Nonces
for size in 1 32 128; do
  tests_request nonce "$size" >"$work/q.nonce"
  post "$issuing" "$work/q.nonce"
  said "$work/q.nonce" sha1 "$work/leaf.pem" "$work/issuing.pem" "$work/root.pem" >"$work/said"
  like "$(cat "$work/said")" "Response verify OK.*leaf.pem: good" "a nonce of $size bytes: good"
  refuses "  and repeated" grep -q "no nonce" "$work/said"
  is "$(head_of Cache-Control)" no-store "  for nobody else"
done

# Several at once; what was never issued
leaf "$issuing" DNS:other.example.com
field .certificate_pem >"$work/other.pem"
openssl ocsp -no_nonce -issuer "$work/issuing.pem" -cert "$work/leaf.pem" -cert "$work/other.pem" -serial 0x1234 -reqout "$work/q.3" >/dev/null 2>&1
post "$issuing" "$work/q.3"
by_clock openssl ocsp -reqin "$work/q.3" -respin "$work/answer" -issuer "$work/issuing.pem" -cert "$work/leaf.pem" -cert "$work/other.pem" \
  -serial 0x1234 -CAfile "$work/root.pem" -verify_other "$work/issuing.pem" >"$work/said" 2>&1
is "$(grep -c ': good' "$work/said") $(grep -c ': unknown' "$work/said")" "2 1" "three at once: two are good, one was never issued"
ask_make "$work/q.16" "$work/issuing.pem" -no_nonce -serial 0x77
python3 "$tests/ocsp_request.py" "$work/q.16" times 16 >"$work/q.most"
post "$issuing" "$work/q.most"
is "$(openssl ocsp -respin "$work/answer" -noverify -text 2>/dev/null | grep -c 'Cert Status: unknown')" 16 "16 at once"

# Bad questions
post "$issuing" <(python3 "$tests/ocsp_request.py" "$work/q.16" times 17)
error_is 6 "17 at once: unauthorized"
for what in "nonce 0" "nonce 129" "nonce 1000" critical one-critical one-nonce two-nonces none short version tail indefinite; do
  # shellcheck disable=SC2086 # two words
  tests_request $what >"$work/q.bad"
  post "$issuing" "$work/q.bad"
  error_is 1 "$what: malformedRequest"
  get "$issuing" "$work/q.bad"
  error_is 1 "  by GET too"
done
for hash in sha1 sha256; do
  for what in name key second negative; do
    python3 "$tests/ocsp_request.py" "$work/q.$hash" $what >"$work/q.bad"
    post "$issuing" "$work/q.bad"
    error_is 6 "$hash, $what: unauthorized"
  done
done
tests_request signed >"$work/q.signed"
post "$issuing" "$work/q.signed"
like "$(said "$work/q.signed" sha1 "$work/leaf.pem" "$work/issuing.pem" "$work/root.pem")" "leaf.pem: good" "whoever signs a question is answered as any other"
tests_request plain >"$work/q.plain"
post "$issuing" "$work/q.plain"
like "$(said "$work/q.plain" sha1 "$work/leaf.pem" "$work/issuing.pem" "$work/root.pem")" "leaf.pem: good" "an unknown extension that isn't critical"
printf 'no request' >"$work/q.bad"
post "$issuing" "$work/q.bad"
error_is 1 "no DER: malformedRequest"
: >"$work/q.bad"
post "$issuing" "$work/q.bad"
error_is 1 "nothing: malformedRequest"
whole=$(encoded "$work/q")
for path in "" "/" "/%" "/%3" "/A" "/*" "/MA==MA==" "/$whole%00" "/$whole%00MA==" "/${whole%???}%3" "/${whole%???}%3G" "/$whole/"; do
  pki GET "/pki/$issuing/ocsp$path"
  error_is 1 "GET of '${path/${whole%???}/Q}': malformedRequest"
done
head -c 10000000 /dev/zero >"$work/q.bad"
post "$issuing" "$work/q.bad"
error_is 1 "10 MB: malformedRequest"
head -c 20000 /dev/zero >"$work/q.bad"
post "$issuing" "$work/q.bad"
error_is 1 "20 kB: malformedRequest"
post "$root" "$work/q"
error_is 6 "a certificate of another issuer: unauthorized"
ask_make "$work/q.384" "$work/issuing.pem" -no_nonce -sha384 -cert "$work/leaf.pem"
post "$issuing" "$work/q.384"
error_is 6 "a hash that nobody uses: unauthorized"
post ica-00000000-0000-0000-0000-000000000000 "$work/q"
is "$status" 404 "an unknown CA"
pki POST "/pki/$issuing/ocsp" -H 'Content-Type: application/json' --data-binary "@$work/q"
is "$status" 415 "another Content-Type"
pki DELETE "/pki/$issuing/ocsp"
is "$status $(head_of Allow)" "405 GET, HEAD, POST" "another method"

# The CA's own certificate, by the root's responder; the responder's certificate
ask_make "$work/q.ca" "$work/root.pem" -no_nonce -cert "$work/issuing.pem"
post "$root" "$work/q.ca"
like "$(said "$work/q.ca" sha1 "$work/issuing.pem" "$work/root.pem" "$work/root.pem")" "Response verify OK.*: good" "a CA's certificate"
openssl ocsp -respin "$work/first" -noverify -text 2>/dev/null | sed -n '/^Certificate:/,$p' >"$work/responder"
like "$(tr '\n' ' ' <"$work/responder")" "OCSP Signing.*OCSP No Check" "the responder's certificate is for OCSP alone, and nobody checks it"

# Other programs by a TCP port, as relying parties see it
socat TCP-LISTEN:0,bind=127.0.0.1,fork,reuseaddr "UNIX-CONNECT:$STACK_DIR/pki.sock" 2>/dev/null &
socat=$!
port_of() { port=$(ss -Hltnp 2>/dev/null | sed -n "s/.*127.0.0.1:\([0-9]*\) .*pid=$socat,.*/\1/p"); [ -n "$port" ]; }
if ! stack_until 100 port_of; then fail "a TCP port"; else
  like "$(by_clock openssl ocsp -url "http://127.0.0.1:$port/pki/$issuing/ocsp" -issuer "$work/issuing.pem" -cert "$work/leaf.pem" \
    -CAfile "$work/root.pem" -verify_other "$work/issuing.pem" 2>&1 | tr '\n' ' ')" "Response verify OK .*: good" "openssl ocsp, with its nonce"
  like "$(by_clock ocsptool --ask="http://127.0.0.1:$port/pki/$issuing/ocsp" --load-cert "$work/leaf.pem" --load-issuer "$work/issuing.pem" \
    --load-trust "$work/issuing.pem" 2>&1 | tr '\n' ' ')" "Certificate Status: good.*Verifying OCSP Response: Success" "ocsptool --ask"
fi
kill "$socat" 2>/dev/null

# Revoked, lost and withheld, as the database says
leaf "$issuing" DNS:third.example.com
field .certificate_pem >"$work/third.pem"
stack_stop
change() { # CERTIFICATE SET
  sqlite3 "$STACK_DIR/db/chancery.sqlite" "UPDATE certificate SET $2 WHERE hex(serial) = '$(openssl x509 -in "$1" -noout -serial | sed 's/.*=//')'"
}
change "$work/leaf.pem" "state = 'revoked', revoked_at = created_at + 1, revocation_reason = 1"
change "$work/other.pem" "state = 'withheld'"
change "$work/third.pem" "state = 'lost'"
clock_pass "$clock" 3600
stack_start || fail "the stack is up again"
for name in leaf other third; do
  ask_make "$work/q.$name" "$work/issuing.pem" -no_nonce -cert "$work/$name.pem"
  answered() { post "$issuing" "$work/q.$name" && [ "$(wc -c <"$work/answer")" -gt 5 ]; }
  stack_until 200 answered
  said "$work/q.$name" sha1 "$work/$name.pem" "$work/issuing.pem" "$work/root.pem" >"$work/said"
  like "$(cat "$work/said")" "Response verify OK.*: revoked" "$name.pem is revoked"
done
post "$issuing" "$work/q.leaf"
like "$(said "$work/q.leaf" sha1 "$work/leaf.pem" "$work/issuing.pem" "$work/root.pem")" "Reason: keyCompromise" "with the reason"

# Killed while a responder is made
wrong=''
for number in 1 2 3 4 5 6; do
  ca "killed $number" "$root" '{"path_len_constraint": 0}'
  [ "$status" = 201 ] || { wrong+="CA $number: $status $body"$'\n'; continue; }
  killed=$id
  field .certificate_pem >"$work/killed.pem"
  ask_make "$work/q.killed" "$work/killed.pem" -no_nonce -serial 0x55
  (post "$killed" "$work/q.killed") &
  sleep "0.0$((number * 2 - 1))"
  kill -9 "$(pid_of frontd)"
  wait $!
  stack_until 120 stack_ready
  answered() { post "$killed" "$work/q.killed" && [ "$(wc -c <"$work/answer")" -gt 5 ]; }
  stack_until 200 answered || wrong+="responder $number is not made: $status $(od -An -tx1 "$work/answer" | head -1)"$'\n'
done
nothing "frontd killed while responders are made: each is there afterwards" "$wrong"
is "$(database "SELECT count(*), count(DISTINCT key_id), count(DISTINCT ca_id) FROM responder WHERE ledger_seq > 0")" '8|8|8' "one for each CA"
database "SELECT ca_id, hex(key_id), not_after, ledger_seq FROM responder ORDER BY ca_id" >"$work/responders"
stack_stop
rm -f "$STACK_DIR"/db/chancery.sqlite*
stack_start || fail "the stack is up without a database"
stack_until 120 stack_ready
database "SELECT ca_id, hex(key_id), not_after, ledger_seq FROM responder ORDER BY ca_id" >"$work/responders.again"
succeeds "the database made again from the ledger has the same responders" cmp "$work/responders" "$work/responders.again"

like "$("$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" audit reconcile --ledger "$STACK_DIR/signer" 2>&1)" "Reconciled" \
  "ledger and database agree about responders, too"
like "$(chancery doctor)" "Nothing is wrong" "nor does the doctor find anything"

# Where certificates name a responder somewhere else, by their profile, it is made as well before anybody asks.
ca_there() { # NAME: also where the daemons are still meeting each other again
  API_KEY="make-$1" ca "$1" "$root" '{"path_len_constraint": 0}'
  [ "$status" = 201 ]
}
stack_until 120 ca_there unasked || fail "a CA that nobody asks about" "$status $body"
before=$id
stack_stop
sed 's|^lint = .*|&\nocsp_urls = ( "http://ocsp.example.com/{ca}" );|' "$STACK_DIR/conf/profiles/server.conf" >"$STACK_DIR/conf/profiles/named.conf"
stack_start || fail "the stack is up with another profile"
has_responder() { [ "$(database "SELECT count(*) FROM responder WHERE ca_id = '$1' AND ledger_seq > 0")" = 1 ]; }
stack_until 120 ca_there named || fail "a CA behind another profile" "$status $body"
for one in "$before" "$id"; do
  stack_until 200 has_responder "$one" && pass "its responder is made, as a profile names it" ||
    fail "its responder is made, as a profile names it" "$(grep -h "$one\|responder" "$STACK_DIR/log/frontd.log" "$STACK_DIR/log/signd.log" | tail -n 30)"
done
tap_done
