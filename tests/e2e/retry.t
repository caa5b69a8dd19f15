#!/usr/bin/env bash
# A request is repeated with its Idempotency-Key after its answer was lost at each
# hop: one certificate, one CA, one step, and never a dead end. Processes are held
# still by SIGSTOP, so that each kill meets the request where it is meant to.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up
hierarchy_make retry ECDSA-P256 ECDSA-P256 ECDSA-P256
csr_make "$work/leaf" ec:P-256 DNS:retry.example.com
leaf=$(jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}')
leaves=/api/v1/intermediates/$issuing/certificates
cas=/api/v1/issuers/$issuer/intermediates

keyed() { # KEY METHOD PATH JSON
  API_KEY=$1 api "$2" "$3" "$4"
}
# The same in the background, as a client that may never hear the answer.
unheard() { # KEY PATH JSON
  local key=()
  [ -z "$1" ] || key=(-H "Idempotency-Key: $1")
  curl -s -o /dev/null --max-time 100 -H 'Content-Type: application/json' ${key[@]+"${key[@]}"} --data-binary "$3" \
    --unix-socket "$STACK_DIR/api.sock" "http://localhost$2" &
}
# A client's loop: again while nothing was heard, or to come back was asked for.
insist() { # KEY PATH JSON
  local end=$((SECONDS + 100))
  while keyed "$1" POST "$2" "$3" && [ "$SECONDS" -lt "$end" ]; do
    case $status in 000 | 503) sleep 0.1 ;; *) return ;; esac
  done
}
count() { # TYPE: of the ledger's records
  local from=0 sum=0 n
  while
    api GET "/api/v1/audit?type=$1&limit=500&from=$from"
    n=$(jq '.data | length' <<<"$body")
    sum=$((sum + ${n:-0}))
    from=$(field .next)
    [ -n "$from" ]
  do :; done
  echo "$sum"
}
at_least() { [ "$(count "$1")" -ge "$2" ]; }
hold() { kill -STOP "$(pid_of "$1")"; }
let_go() { kill -CONT "$(pid_of "$1")"; }
end() { # NAME: kill -9, and it is another process that is ready afterwards
  local old
  old=$(pid_of "$1")
  kill -KILL "$old"
  [ "$1" = driver ] || stack_until 100 is_another "$1" "$old" || diag "no new $1"
}
is_another() { [ "$(pid_of "$1" 2>/dev/null)" != "$2" ] && [ -n "$(pid_of "$1" 2>/dev/null)" ]; }
sql() { sqlite3 -cmd '.timeout 5000' "$STACK_DIR/db/chancery.sqlite" "$1"; }
settled() { [ "$(count CERT_INTENT)" = "$(($(count CERT_RESULT) + $(count LOST) - $(keys_lost)))" ]; }
keys_lost() { echo $(($(count KEY_INTENT) - $(count KEY_RESULT))); }

# The plain case: the answer came, the client asks again.
before=$(count CERT_RESULT)
keyed plain POST "$leaves" "$leaf"
answers 201 "case 45: a leaf with a key"
first=$body
keyed plain POST "$leaves" "$leaf"
is "$status $body" "201 $first" "the same key: the same answer, to the byte"
keyed plain POST "$leaves" "$(jq -c '. + {ttl_seconds: 3600}' <<<"$leaf")"
answers 409 "the same key, another body" idempotency_key_reused
is "$(count CERT_RESULT)" $((before + 1)) "one signature"

# The front-end dies while the token signs; the client comes back before the signature is there.
before=$(count CERT_RESULT) intents=$(count CERT_INTENT)
hold driver
unheard early "$leaves" "$leaf"
stack_until 100 at_least CERT_INTENT $((intents + 1)) || diag "no intent"
end frontd
stack_until 100 stack_ready || diag "not ready"
(sleep 1 && let_go driver) &
insist early "$leaves" "$leaf"
answers 201 "case 45: front-end killed, signature under way: the retry gets it"
first=$body
is "$(count CERT_RESULT)" $((before + 1)) "and it is the only one"
keyed early POST "$leaves" "$leaf"
is "$body" "$first" "asked once more: the same"

# The same, but nobody comes back: the database gets it all the same.
before=$(count CERT_RESULT) intents=$(count CERT_INTENT)
hold driver
unheard '' "$leaves" "$leaf"
stack_until 100 at_least CERT_INTENT $((intents + 1)) || diag "no intent"
end frontd
if stack_until 10 stack_ready; then pass "a token that sleeps keeps nobody from being ready"; else fail "a token that sleeps keeps nobody from being ready"; fi
let_go driver
stack_until 100 at_least CERT_RESULT $((before + 1)) || diag "no result"
for i in 1 2 3; do keyed "after-$i" POST "$leaves" "$leaf"; done
known() { [ "$(sql "SELECT count(*) FROM certificate WHERE state <> 'lost'")" = "$(count CERT_RESULT)" ]; }
if stack_until 100 known; then
  pass "a signature that came after the front-end's new start is in the database"
else
  fail "a signature that came after the front-end's new start is in the database" \
    "$(sql "SELECT count(*) FROM certificate WHERE state <> 'lost'") of $(count CERT_RESULT)"
fi

# The signer dies while the token signs: that signature is lost, the next one is the certificate.
before=$(count CERT_RESULT) intents=$(count CERT_INTENT)
hold driver
unheard lost "$leaves" "$leaf"
stack_until 100 at_least CERT_INTENT $((intents + 1)) || diag "no intent"
end signd
let_go driver
insist lost "$leaves" "$leaf"
answers 201 "case 45: signer killed, signature lost: the retry gets another"
first=$body
keyed lost POST "$leaves" "$leaf"
is "$body" "$first" "asked once more: the same"
is "$(count CERT_RESULT)" $((before + 1)) "one certificate"

# The same, and the retry asks the signer with another body, as the profile has changed meanwhile.
before=$(count CERT_RESULT) intents=$(count CERT_INTENT)
hold driver
unheard changed "$leaves" "$leaf"
stack_until 100 at_least CERT_INTENT $((intents + 1)) || diag "no intent"
end signd
sed -i 's/^default_ttl = .*/default_ttl = 1000000;/' "$STACK_DIR/conf/profiles/server.conf"
end frontd
let_go driver
stack_until 100 stack_ready || diag "not ready"
insist changed "$leaves" "$leaf"
answers 201 "case 45: signature lost, profile changed: the retry gets another"
is "$(count CERT_RESULT)" $((before + 1)) "one certificate"

# The token does not answer in time: refused, and the key is good for another try.
before=$(count CERT_RESULT)
hold driver
keyed late POST "$leaves" "$leaf"
answers 503 "the token sleeps" token_away
let_go driver
insist other "$leaves" "$leaf" # which has only just waked
insist late "$leaves" "$leaf"
answers 201 "it wakes: the same key gets its certificate"
first=$body
keyed late POST "$leaves" "$leaf"
is "$body" "$first" "asked once more: the same"
is "$(count CERT_RESULT)" $((before + 2)) "one certificate for each key"

# A CA: the signer dies while its key is made; the front-end dies while its key is made.
ca() { jq -n --arg n "$1" --arg p "$policy" '{name: $n, subject: {common_name: ("CA " + $n)}, algorithm: "ECDSA-P256",
  path_len_constraint: 0, parent_ca_id: $p}'; }
for victim in signd frontd; do
  intents=$(count KEY_INTENT)
  hold driver
  unheard "ca-$victim" "$cas" "$(ca "ca-$victim")"
  stack_until 100 at_least KEY_INTENT $((intents + 1)) || diag "no intent"
  end $victim
  if [ $victim = frontd ]; then stack_until 100 stack_ready || diag "not ready"; fi
  (sleep 1 && let_go driver) &
  insist "ca-$victim" "$cas" "$(ca "ca-$victim")"
  answers 201 "case 45: $victim killed while a CA's key is made: the retry gets the CA"
  first=$body
  keyed "ca-$victim" POST "$cas" "$(ca "ca-$victim")"
  is "$body" "$first" "asked once more: the same"
  api GET "$cas"
  is "$(jq --arg n "ca-$victim" '[.data[] | select(.name == $n)] | length' <<<"$body")" 1 "there is one such CA"
done

# Every key that was made is some CA's, or waits for the next one.
api GET "$cas"
keyed spare POST "$cas" "$(ca spare)"
answers 201 "another CA takes a key that waits, if one does"
is "$(sql "SELECT count(*) FROM key WHERE ca_id = ''")" 0 "no key is left over"
spare=$(field .id)

# A step in a CA's life: the front-end dies when it has asked for it.
hold signd
unheard step "/api/v1/intermediates/$spare/retire" '{"confirm":false}'
sleep 0.5 # long enough for the request to be in the signer's socket; if it isn't, less is tested
end frontd
let_go signd
stack_until 100 stack_ready || diag "not ready"
insist step "/api/v1/intermediates/$spare/retire" '{"confirm":false}'
answers 200 "case 45: front-end killed in a step: the retry gets the CA"
is "$(field .state)" retiring "as it is after the step"
keyed step POST "/api/v1/intermediates/$spare/retire" '{"confirm":false}'
is "$status $(field .state)" "200 retiring" "asked once more: the same"
keyed another POST "/api/v1/intermediates/$spare/retire" '{"confirm":false}'
answers 409 "another key: that step is done" confirm_required
keyed last POST "/api/v1/intermediates/$spare/retire" '{"confirm":true}'
answers 200 "the last step"
is "$(field .state)" retired "retired"

# The front-end dies between its commit and the keeping of its answer: what it kept is taken away.
API_KEY=named api POST /api/v1/issuers '{"name":"named","hierarchy_mode":"tree"}'
answers 201 "an issuer"
named=$body
stack_stop
sql "UPDATE reply SET status = 0, reply = ''"
stack_start || e2e_die "not ready"
keyed plain POST "$leaves" "$leaf"
answers 201 "answer not kept: a leaf"
is "$(field .serial)" "$(sql "SELECT lower(hex(serial)) FROM certificate JOIN reply USING (request_id) WHERE idempotency_key = 'plain'")" "is the same"
before=$(count CERT_INTENT)
keyed spare POST "$cas" "$(ca spare)"
is "$status $(field .id)" "201 $spare" "answer not kept: a CA"
keyed step POST "/api/v1/intermediates/$spare/retire" '{"confirm":false}'
is "$status $(field .state)" "200 retiring" "answer not kept: the first step"
keyed last POST "/api/v1/intermediates/$spare/retire" '{"confirm":true}'
is "$status $(field .state)" "200 retired" "answer not kept: the last step"
keyed named POST /api/v1/issuers '{"name":"named","hierarchy_mode":"tree"}'
is "$status $(field .id)" "201 $(jq -r .id <<<"$named")" "answer not kept: an issuer"
is "$(count CERT_INTENT)" "$before" "nothing was signed for any of them"
stack_until 100 settled || diag "an intent is open"
stack_stop
succeeds "the ledger reads well from outside" python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"
tap_done
