#!/usr/bin/env bash
# Two tokens, and what becomes of their keys: one token away while the other
# signs on, a key that vanishes and comes back, one that is another key under
# its name, one that was destroyed.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# shellcheck source=tests/e2e/two_tokens.sh
. "$CHANCERY_SOURCE/tests/e2e/two_tokens.sh"
two_tokens_up
pass "both tokens are ready"

# One tree in each token; EC here, RSA there.
hierarchy_make one ECDSA-P256 ECDSA-P256 ECDSA-P256
one=$issuing one_root=$root
second_is_default
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
second_pull
stack_until 120 tokens_are main && pass "readiness names the one that is left" || fail "readiness names the one that is left" "$(ready_tokens)"
metrics() { curl -s --max-time 100 --unix-socket "$STACK_DIR/pki.sock" http://localhost/metrics; }
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
second_plug
stack_until 120 tokens_are "main second" && pass "it is plugged in again" || fail "it is plugged in again" "$(ready_tokens)"
leaf_until 120 "$two" && pass "and its CAs sign" || fail "and its CAs sign" "$status $body"

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
  stack_until 200 burst_over
  is "$(jq -r .serial "$work"/burst.? | grep -c '^01')" 8 "$1: all eight have a certificate"
  is "$(jq -r .serial "$work"/burst.? | sort -u | wc -l)" 8 "$1: each one of its own"
}
before=$(api GET "/api/v1/certificates?ca=$one&limit=1000" && field '.data | length')
# All eight wait for a driver that stands still, before it dies.
intents() { api GET "/api/v1/audit?last=1000&type=CERT_INTENT" && field '.data | length'; }
intents_are() { [ "$(intents)" = "$1" ]; }
wanted=$(($(intents) + 8))
killed=$(pid_of driver)
kill -STOP "$killed"
burst "$one"
stack_until 10 intents_are "$wanted"
kill -KILL "$killed"
burst_judge "EC, the driver killed under them"
api GET "/api/v1/certificates?ca=$one&limit=1000"
is "$(field '.data | length')" $((before + 8)) "and none was made that nobody has"
kill -KILL "$(pid_of driver2)"
burst "$two" --retry 50 --retry-max-time 90
burst_judge "RSA, for those who ask again when they were told to"
stack_until 120 tokens_are "main second"

# However often it was asked for, each intent has one result, and one signature was released.
api GET "/api/v1/audit?last=1000"
is "$(field '[.data[] | select(.type == "CERT_RESULT" or .type == "LOST") | .intent] | group_by(.) | map(length) | max')" 1 \
  "no intent has two outcomes"
is "$(field '[.data[] | select(.type == "CERT_INTENT")] | length')" \
  "$(field '[.data[] | select(.type == "CERT_RESULT" or (.type == "LOST" and .intent_type == 4))] | length')" \
  "and each has one"

# A key that vanishes from a token that is there.
id=$(key_of "$two")
cp -rp "$STACK_DIR/token2/tokens" "$work/backup"
second_tool --delete-object --type privkey --id "$id"
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
stack_until 120 found_again && pass "a signer that starts anew finds out by itself" ||
  fail "a signer that starts anew finds out by itself"
stack_until 120 tokens_are "main second"
leaf "$two"
answers 503 "and refuses" key_trouble
# It comes back, whole before a driver sees it; the driver holds no handle of it any more.
second_restore "$work/backup"
kill -KILL "$(pid_of driver2)"
leaf_until 120 "$two" && pass "it comes back by itself when the token shows it again" ||
  fail "it comes back by itself when the token shows it again" "$status $body"
like "$(grep key_fine_again "$STACK_DIR/log/signd.log")" "key=$id" "and the log says so"

# Another key under its name.
second_tool --delete-object --type privkey --id "$id"
second_tool --delete-object --type pubkey --id "$id"
api POST "/api/v1/intermediates/$two/key-gone" '{"note": 7}'
answers 400 "key-gone: a note is text"
second_tool --keypairgen --key-type rsa:2048 --id "$id" --label other --usage-sign
leaf "$two"
like "$status" '^503$' "another key under its id signs nothing for it"
api POST "/api/v1/intermediates/$two/key-gone" '{}'
answers 409 "nor is the key gone while one of its id is there" key_present
second_tool --delete-object --type privkey --id "$id"
second_tool --delete-object --type pubkey --id "$id"

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
second_restore "$work/backup"
stack_start || e2e_die "not ready with an empty database"
stack_until 120 tokens_are "main second"
api GET "/api/v1/intermediates/$two"
is "$(field .key_state)" gone "a database made anew knows it"
leaf "$two"
answers 409 "a key that comes back from a backup stays gone" ca_held
leaf "$one"
answers 201 "and the others sign"
tap_done
