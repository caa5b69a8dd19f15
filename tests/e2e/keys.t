#!/usr/bin/env bash
# Two tokens, and what becomes of their keys: one token away while the other
# signs on, a key that vanishes and comes back, one that is another key under
# its name, one that was destroyed.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

second_conf() {
  sed "s|/driver/main.sock|/driver/second.sock|; s|/token/|/token2/|g; s|/token\"|/token2\"|
    s|name = \"main\"|name = \"second\"|; s|^token = .*|token = \"second\";|" \
    "$STACK_DIR/conf/driver-main.conf" >"$STACK_DIR/conf/driver-second.conf"
  sed -i "s|^tokens = .*|tokens = ( { name = \"main\"; socket = \"$STACK_DIR/driver/main.sock\"; }, \
{ name = \"second\"; socket = \"$STACK_DIR/driver/second.sock\"; } );|" "$STACK_DIR/conf/signd.conf"
  sed -i "1i driver2 - $STACK_BIN/chancery-driver-pkcs11 $STACK_DIR/conf/driver-second.conf" "$STACK_DIR/stack"
}
stack_folders
stack_token || e2e_die "no token"
"$STACK_SOURCE/tests/tokens/up-softhsm" "$STACK_DIR/token2" second >/dev/null || e2e_die "no second token"
stack_configure
second_conf
stack_init || e2e_die "no ledger"
stack_start || e2e_die "the stack is not ready"

ready_tokens() { # the names of those that are, sorted
  curl -s --max-time 20 --unix-socket "$STACK_DIR/pki.sock" http://localhost/readyz |
    jq -r '[.tokens[] | select(.ready) | .name] | sort | join(" ")'
}
tokens_are() { [ "$(ready_tokens)" = "$1" ]; }
stack_until 30 tokens_are "main second" && pass "both tokens are ready" || fail "both tokens are ready" "$(ready_tokens)"

# One tree in each token; EC here, RSA there.
hierarchy_make one ECDSA-P256 ECDSA-P256 ECDSA-P256
one=$issuing one_root=$root
stack_stop
sed -i 's/^default_token = .*/default_token = "second";/' "$STACK_DIR/conf/frontd.conf"
stack_start || e2e_die "not ready with the other token as default"
stack_until 30 tokens_are "main second"
hierarchy_make two RSA-2048 RSA-2048 RSA-2048
two=$issuing
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
leaf() { issue "$1" "$work/leaf.csr" server; }
leaf "$one"
answers 201 "a leaf by the first token"
leaf "$two"
answers 201 "a leaf by the second"
leaf_until() { # SECONDS CA
  local end=$((SECONDS + $1))
  until leaf "$2" && [ "$status" = 201 ]; do
    [ "$SECONDS" -lt "$end" ] || return 1
    sleep 0.1
  done
}

# The second token is pulled out.
pull() {
  mv "$STACK_DIR/token2/tokens" "$STACK_DIR/token2/away"
  mkdir "$STACK_DIR/token2/tokens"
  kill -KILL "$(pid_of driver2)"
}
replug() {
  rmdir "$STACK_DIR/token2/tokens"
  mv "$STACK_DIR/token2/away" "$STACK_DIR/token2/tokens"
}
pull
stack_until 30 tokens_are main && pass "readiness names the one that is left" || fail "readiness names the one that is left" "$(ready_tokens)"
metrics() { curl -s --max-time 20 --unix-socket "$STACK_DIR/pki.sock" http://localhost/metrics; }
like "$(metrics)" '^chancery_token_ready\{token="second"\} 0$' "so do the metrics"
like "$(metrics)" '^chancery_token_ready\{token="main"\} 1$' "of each token"
leaf "$two"
answers 503 "a CA of the token that is away can't sign" token_away
like "$(curl -s -D - -o /dev/null -X POST -H 'Content-Type: application/json' --unix-socket "$STACK_DIR/api.sock" \
  --data-binary "$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')" \
  "http://localhost/api/v1/intermediates/$two/certificates")" '^Retry-After: ' "and the answer says when to come back"
leaf "$one"
answers 201 "those of the other go on"
api POST "/api/v1/intermediates/$two/key-gone" '{}'
answers 503 "a token that is away proves no absence" token_away
replug
stack_until 60 tokens_are "main second" && pass "it is plugged in again" || fail "it is plugged in again" "$(ready_tokens)"
leaf_until 30 "$two" && pass "and its CAs sign" || fail "and its CAs sign" "$status $body"

# In the middle of many: whoever waits within the deadline has a certificate, and nobody has two.
burst() { # CA [CURL-OPTION...]: answers in $work/burst.N
  local i id=$1
  shift
  rm -f "$work"/burst.*
  for i in 1 2 3 4 5 6 7 8; do
    (curl -s --max-time 100 "$@" -o "$work/burst.$i" -X POST -H 'Content-Type: application/json' \
      --unix-socket "$STACK_DIR/api.sock" \
      --data-binary "$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')" \
      "http://localhost/api/v1/intermediates/$id/certificates" && echo >"$work/burst.$i.done") &
  done
}
burst_over() { [ "$(find "$work" -name 'burst.*.done' | wc -l)" = 8 ]; }
burst_judge() { # WHAT
  stack_until 120 burst_over
  is "$(jq -r .serial "$work"/burst.? | grep -c '^01')" 8 "$1: all eight have a certificate"
  is "$(jq -r .serial "$work"/burst.? | sort -u | wc -l)" 8 "$1: each one of its own"
}
before=$(api GET "/api/v1/certificates?ca=$one&limit=1000" && field '.data | length')
kill -KILL "$(pid_of driver)"
burst "$one"
burst_judge "EC, the driver killed under them"
api GET "/api/v1/certificates?ca=$one&limit=1000"
is "$(field '.data | length')" $((before + 8)) "and none was made that nobody has"
kill -KILL "$(pid_of driver2)"
burst "$two" --retry 50 --retry-max-time 90
burst_judge "RSA, for those who ask again when they were told to"
stack_until 60 tokens_are "main second"

# A key that vanishes from a token that is there.
export SOFTHSM2_CONF=$STACK_DIR/token2/softhsm2.conf
tool() {
  pkcs11-tool --module "$softhsm_module" --token-label second --login --pin "$(cat "$STACK_DIR/token2/pin")" "$@"
}
driver_key() { # CA: its CKA_ID
  api GET "/api/v1/intermediates/$1"
  field .key_driver_id | sed 's/.*;id=//; s/;.*//; s/%//g' | tr A-F a-f
}
id=$(driver_key "$two")
cp -rp "$STACK_DIR/token2/tokens" "$work/backup"
tool --delete-object --type privkey --id "$id" >/dev/null 2>&1
leaf "$two"
like "$status $(field .error.code)" '^503 (token_refused|key_trouble)$' "a key that vanished signs nothing"
leaf "$two"
answers 503 "and is marked" key_trouble
leaf "$one"
answers 201 "the other token's keys go on"
api GET /api/v1/intermediates/"$root"
is "$(field .state)" active "nothing was forgotten"
leaf_root=$(ca_make "$issuer" three RSA-2048 0 "$policy")
[ -n "$leaf_root" ] && pass "other keys of the same token sign on" || fail "other keys of the same token sign on" "$status $body"
found=$(grep -c "key_trouble key=$id" "$STACK_DIR/log/signd.log")
kill -KILL "$(pid_of signd)"
found_again() { [ "$(grep -c "key_trouble key=$id" "$STACK_DIR/log/signd.log")" -gt "$found" ]; }
stack_until 60 found_again && pass "a signer that starts anew finds out by itself" ||
  fail "a signer that starts anew finds out by itself"
stack_until 60 tokens_are "main second"
leaf "$two"
answers 503 "and refuses" key_trouble
# It comes back; the driver holds no handle of it any more.
kill -KILL "$(pid_of driver2)"
for file in "$work"/backup/*/*; do
  [ -e "$STACK_DIR/token2/tokens/${file#"$work/backup/"}" ] || cp -p "$file" "$STACK_DIR/token2/tokens/${file#"$work/backup/"}"
done
leaf_until 60 "$two" && pass "it comes back by itself when the token shows it again" ||
  fail "it comes back by itself when the token shows it again" "$status $body"
like "$(grep key_fine_again "$STACK_DIR/log/signd.log")" "key=$id" "and the log says so"

# Another key under its name.
tool --delete-object --type privkey --id "$id" >/dev/null 2>&1
tool --delete-object --type pubkey --id "$id" >/dev/null 2>&1
api POST "/api/v1/intermediates/$two/key-gone" '{"note": 7}'
answers 400 "key-gone: a note is text"
tool --keypairgen --key-type rsa:2048 --id "$id" --label other --usage-sign >/dev/null 2>&1
leaf "$two"
like "$status" '^503$' "another key under its id signs nothing for it"
api POST "/api/v1/intermediates/$two/key-gone" '{}'
answers 409 "nor is the key gone while one of its id is there" key_present
tool --delete-object --type privkey --id "$id" >/dev/null 2>&1
tool --delete-object --type pubkey --id "$id" >/dev/null 2>&1

# It is gone, which is put on record.
api POST "/api/v1/intermediates/$one_root/key-gone" '{}'
answers 409 "a key that the token has is not gone" key_present
leaf "$one"
answers 201 "and goes on"
api POST "/api/v1/intermediates/ica-none/key-gone" '{}'
answers 404 "no such CA"
succeeds "chancery ca key-gone" "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" ca key-gone "$two" --note "destroyed before two"
api GET "/api/v1/intermediates/$two"
is "$(field .key_state)" gone "the CA says so"
leaf "$two"
answers 409 "it issues nothing any more" ca_held
api POST "/api/v1/intermediates/$two/key-gone" '{}'
answers 200 "asked again it answers the same"
api GET "/api/v1/audit?last=100&type=KEY_GONE"
is "$(field '.data | length')" 1 "one record says it"
is "$(field '.data[0].key_id')" "$id" "of this key"
[ -n "$(field '.data[0].serial')" ] && pass "and by which token" || fail "and by which token" "$body"
is "$(field '.data[0].context.note')" "destroyed before two" "and why"

# For good: over restarts, from an empty database, and with the key back in its token.
stack_stop
rm -rf "$STACK_DIR"/db/*
for file in "$work"/backup/*/*; do
  [ -e "$STACK_DIR/token2/tokens/${file#"$work/backup/"}" ] || cp -p "$file" "$STACK_DIR/token2/tokens/${file#"$work/backup/"}"
done
stack_start || e2e_die "not ready with an empty database"
stack_until 30 tokens_are "main second"
api GET "/api/v1/intermediates/$two"
is "$(field .key_state)" gone "a database made anew knows it"
leaf "$two"
answers 409 "a key that comes back from a backup stays gone" ca_held
leaf "$one"
answers 201 "and the others sign"
tap_done
