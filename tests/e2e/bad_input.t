#!/usr/bin/env bash
# Bad input gets a clear error and loses nothing: over the API, on disk and in
# the configuration files.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up
hierarchy_make bad ECDSA-P256 ECDSA-P256 ECDSA-P256
leaves=/api/v1/intermediates/$issuing/certificates
csr_make "$work/good" ec:P-256 DNS:good.example.com
issue "$issuing" "$work/good.csr" server
answers 201 "a good request first"

issued() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" 'SELECT count(*) FROM certificate'; }
before=$(issued)

with_csr() { jq -n --rawfile csr "$1" --arg p "${2:-server}" '{csr_pem: $csr, profile: $p}'; }
explains() { # WHAT: the last answer is an error object with a sentence
  if jq -e '.error | .code and (.message | test("^[A-Z].*\\.$"))' <<<"$body" >/dev/null; then
    pass "$1: a code and a sentence"
  else
    fail "$1: a code and a sentence" "$body"
  fi
}
rejects() { # STATUS CODE WHAT METHOD PATH [JSON]
  local wanted=$1 code=$2 what=$3
  shift 3
  api "$@"
  answers "$wanted" "$what: $wanted $code" "$code"
  explains "$what"
}

# Of the message
rejects 400 malformed_json "malformed JSON" POST "$leaves" '{"csr_pem": '
rejects 400 malformed_json "two objects" POST "$leaves" '{}{}'
rejects 400 malformed_json "a member twice" POST "$leaves" '{"profile":"server","profile":"client"}'
rejects 400 malformed_json "an array" POST "$leaves" '[]'
rejects 400 malformed_json "an empty body" POST "$leaves" ''
rejects 400 unknown_field "an unknown field" POST "$leaves" "$(with_csr "$work/good.csr" | jq '. + {subject: "x"}')"
rejects 400 unknown_field "an unknown field of a CA" POST "/api/v1/issuers/$issuer/intermediates" \
  '{"name":"x","subject":{"common_name":"x"},"pathlen":1}'
rejects 404 not_found "an unknown route" GET /api/v1/nothing
rejects 405 method_not_allowed "a wrong method" DELETE /api/v1/issuers
rejects 404 ca_not_found "an unknown CA" POST /api/v1/intermediates/ica-none/certificates "$(with_csr "$work/good.csr")"

# The limit of a body, at the limit and one past it.
padded() { # BYTES
  local bare
  bare=$(with_csr "$work/good.csr")
  printf '%s%*s' "$bare" $(($1 - ${#bare})) ''
}
padded 262144 >"$work/limit.json"
padded 262145 >"$work/over.json"
api POST "$leaves" "@$work/limit.json"
answers 201 "a body at the limit is taken"
rejects 413 body_too_large "a body one byte over the limit" POST "$leaves" "@$work/over.json"
head -c 3000000 /dev/zero >"$work/huge"
rejects 413 body_too_large "a body of three megabytes" POST "$leaves" "@$work/huge"
before=$((before + 1))

# Of the request for a certificate
rejects 422 csr_not_pem "no PEM" POST "$leaves" '{"csr_pem":"hello","profile":"server"}'
cat "$work/good.key" "$work/good.csr" >"$work/private.csr"
rejects 422 csr_private_key "a private key in it" POST "$leaves" "$(with_csr "$work/private.csr")"
# The last byte of the signature changed.
openssl req -in "$work/good.csr" -outform DER |
  perl -0777 -pe 'substr($_, -1) = chr(ord(substr($_, -1)) ^ 1)' >"$work/broken.der"
openssl req -inform DER -in "$work/broken.der" -out "$work/broken.csr"
rejects 422 csr_bad_signature "a broken signature" POST "$leaves" "$(with_csr "$work/broken.csr")"
csr_make "$work/weak" rsa:1024 DNS:weak.example.com
rejects 422 csr_weak_key "RSA with 1024 bits" POST "$leaves" "$(with_csr "$work/weak.csr")"
csr_make "$work/curve" ec:secp256k1 DNS:curve.example.com
rejects 422 csr_unsupported_key "an unsupported curve" POST "$leaves" "$(with_csr "$work/curve.csr")"
csr_make "$work/nameless" ec:P-256 ''
rejects 400 name_missing "no alternative name" POST "$leaves" "$(with_csr "$work/nameless.csr")"
rejects 400 unknown_profile "an unknown profile" POST "$leaves" "$(with_csr "$work/good.csr" nosuch)"

is "$(issued)" "$before" "none of these left a certificate"
api GET "/api/v1/intermediates/$issuing"
answers 200 "and all is as it was"

# The daemons hold locks that come before some of these answers.
stack_stop

# What a daemon says when it cannot start: not a crash, not a hang, and the sentence names the thing.
ends_saying() { # WHAT PATTERN COMMAND...
  local what=$1 pattern=$2 said result
  shift 2
  said=$(timeout 100 "$@" 2>&1 </dev/null)
  result=$?
  if [ "$result" -ne 0 ] && [ "$result" -lt 124 ] && grep -qE -- "$pattern" <<<"$said"; then
    pass "$what"
  else
    fail "$what" "status $result, wanted /$pattern/ in: $said"
  fi
}
changed() { # NAME FROM TO: a copy of a configuration file with one thing changed
  sed "s|$2|$3|" "$STACK_DIR/conf/$1" >"$work/$1"
  ! cmp -s "$work/$1" "$STACK_DIR/conf/$1" || diag "$1 has no $2"
}
driver=$STACK_BIN/chancery-driver-pkcs11
signd=$STACK_BIN/chancery-signd
frontd=$STACK_BIN/chancery-frontd

changed driver-main.conf '^workers' wokers
ends_saying "a typo in driver.conf: file, line, setting" 'driver-main.conf line=9 setting=wokers' "$driver" --config "$work/driver-main.conf"
changed signd.conf '^log_token' log_tokn
ends_saying "a typo in signd.conf: file, line, setting" 'signd.conf line=7 setting=log_tokn' "$signd" --config "$work/signd.conf"
changed frontd.conf '^default_token' default_tokken
ends_saying "a typo in frontd.conf: file, line, setting" 'frontd.conf line=6 setting=default_tokken' "$frontd" --config "$work/frontd.conf"
mkdir "$work/profiles"
cp "$STACK_DIR"/conf/profiles/*.conf "$work/profiles/"
printf 'templates: {\n\tshop: {\n\t\tpermited = ( "dns:a.example" );\n\t};\n};\n' >"$work/profiles/constraints.conf"
changed frontd.conf "$STACK_DIR/conf/profiles" "$work/profiles"
ends_saying "a typo in a template: file, line, setting" 'constraints.conf line=3 setting=templates.shop.permited' "$frontd" --config "$work/frontd.conf"
changed signd.conf '^allow_roots = true' 'allow_roots = "yes"'
ends_saying "a wrong type: what was expected" 'signd.conf line=8 setting=allow_roots expected=' "$signd" --config "$work/signd.conf"
changed signd.conf '^allow_roots = true;' 'allow_roots = = true;'
ends_saying "a syntax error: file and line" 'signd.conf line=8' "$signd" --config "$work/signd.conf"
for program in "$driver" "$signd" "$frontd"; do
  ends_saying "${program##*/}: no configuration file" 'none.conf' "$program" --config "$work/none.conf"
done

long=$(printf 'x%.0s' {1..120})
changed driver-main.conf "$STACK_DIR/driver/main.sock" "/tmp/$long"
ends_saying "a socket path too long: driver" '107|too_long' "$driver" --config "$work/driver-main.conf"
changed signd.conf "$STACK_DIR/sign/sign.sock" "/tmp/$long"
ends_saying "a socket path too long: signer" '107|too_long' "$signd" --config "$work/signd.conf"
changed frontd.conf "$STACK_DIR/front/api.sock" "/tmp/$long"
ends_saying "a socket path too long: front-end" '107|too_long' "$frontd" --config "$work/frontd.conf"
refuses "a socket path too long: command line" "$STACK_BIN/chancery" --socket "/tmp/$long" status
ends_saying "a socket path too long: quickstart" '107' "$CHANCERY_SOURCE/scripts/quickstart" --dir "/tmp/$long"

changed driver-main.conf "$softhsm_module" /usr/lib/none.so
ends_saying "a missing module" '/usr/lib/none.so' "$driver" --config "$work/driver-main.conf"

# A wrong PIN on a token of its own: tried once, and not again by the next start.
mkdir "$work/state"
"$CHANCERY_SOURCE/tests/tokens/up-softhsm" "$work/token" main >/dev/null
echo wrong >"$work/pin"
chmod 600 "$work/pin"
sed -e "s|^socket = .*|socket = \"$work/main.sock\";|" -e "s|^pin_file = .*|pin_file = \"$work/pin\";|" \
  -e "s|^state_dir = .*|state_dir = \"$work/state\";|" -e "s|$STACK_DIR/token/|$work/token/|" \
  "$STACK_DIR/conf/driver-main.conf" >"$work/wrong.conf"
starts_wrong() { # LOG: until it speaks of the PIN
  "$driver" --config "$work/wrong.conf" >"$1" 2>&1 &
  stack_until 60 grep -qiE 'pin_(refused|latched)' "$1"
  kill "$!" 2>/dev/null
  wait "$!"
}
starts_wrong "$work/wrong.log"
like "$(cat "$work/wrong.log")" '[Pp][Ii][Nn]' "a wrong PIN: the driver says so"
starts_wrong "$work/again.log"
like "$(cat "$work/again.log")" '[Pp][Ii][Nn]' "a wrong PIN: the next start says so, too"
tries=$(cat "$work/wrong.log" "$work/again.log" | grep -c 'CKR_PIN_INCORRECT' || true)
if [ "$tries" -le 1 ]; then pass "a wrong PIN is tried once"; else fail "a wrong PIN is tried once" "$tries times"; fi

# A database that can't be written, opened by a user who is not root.
mkdir "$work/ro"
cp "$STACK_DIR"/db/chancery.sqlite* "$work/ro/"
chmod -R a+rX,a-w "$work/ro"
chmod 755 "$STACK_DIR" "$work"
sed -e "s|$STACK_DIR/db|$work/ro|" -e "s|$STACK_DIR/front|$work/front|" "$STACK_DIR/conf/frontd.conf" >"$work/frontd.conf"
mkdir -m 777 "$work/front"
chmod 644 "$work/frontd.conf"
if [ "$(id -u)" = 0 ]; then unprivileged='setpriv --reuid=54321 --regid=54321 --clear-groups'; else unprivileged=''; fi
# shellcheck disable=SC2086 # words
if $unprivileged test -x "$frontd"; then
  ends_saying "a read-only database" 'ro/chancery.sqlite' $unprivileged "$frontd" --config "$work/frontd.conf"
else
  skip "a read-only database" "uid 54321 may not run $frontd, and root can write everything"
fi

stack_start || e2e_die "not ready after the bad configurations"
issue "$issuing" "$work/good.csr" server
answers 201 "after all that, a good request"
tap_done
