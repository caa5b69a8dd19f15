#!/usr/bin/env bash
# kill -9 of each process under load. Afterwards every certificate that a client
# received is in the database and on the ledger, and the front-end knows every
# signature that is on the ledger.
#
#   CHANCERY_KILL_CLIENTS  clients that issue (8; slow: 16)
#   CHANCERY_KILL_ROUNDS   kills of each process (10; slow: 30)
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
clients=${CHANCERY_KILL_CLIENTS:-$([ -n "${CHANCERY_SLOW:-}" ] && echo 16 || echo 8)}
rounds=${CHANCERY_KILL_ROUNDS:-$([ -n "${CHANCERY_SLOW:-}" ] && echo 30 || echo 10)}
e2e_up
hierarchy_make kill "$(token_first)" "$(token_first)" "$(token_first)"
csr_make "$work/leaf" ec:P-256 DNS:kill.example.com
jq -n --rawfile csr "$work/leaf.csr" '{csr_pem: $csr, profile: "server"}' >"$work/request.json"
mkdir "$work/got"

# Asks until told to end; an answer counts when curl has all of it with a 201.
client() { # NUMBER
  local i=0 code
  while [ ! -e "$work/enough" ]; do
    i=$((i + 1))
    code=$(curl -s -o "$work/got/$1.part" -w '%{http_code}' --max-time 60 -H 'Content-Type: application/json' \
      --data-binary "@$work/request.json" --unix-socket "$STACK_DIR/api.sock" \
      "http://localhost/api/v1/intermediates/$issuing/certificates") || code=000
    if [ "$code" = 201 ]; then
      mv "$work/got/$1.part" "$work/got/$1.$i.json"
    else
      echo "$code" >>"$work/refused.$1"
      sleep 0.05
    fi
  done
}
got() { find "$work/got" -name '*.json' | wc -l; }
more_than() { [ "$(got)" -gt "$1" ]; }

running=()
for ((n = 1; n <= clients; n++)); do
  client "$n" &
  running+=($!)
done

survived=0
for ((round = 1; round <= rounds; round++)); do
  for victim in driver signd frontd; do
    stack_until 60 more_than "$(got)" || diag "nothing issued before round $round of $victim"
    kill -KILL "$(pid_of "$victim")" || diag "no $victim to kill in round $round"
    if stack_until 60 stack_ready && stack_until 60 more_than "$(got)"; then
      survived=$((survived + 1))
    else
      diag "round $round: not ready after $victim was killed"
      stack_show_logs
    fi
  done
done
: >"$work/enough"
wait "${running[@]}"
is "$survived" $((3 * rounds)) "$clients clients, $rounds kills of each process: it goes on each time"
diag "$(got) certificates received, $(cat "$work"/refused.* 2>/dev/null | wc -l) answers were errors"
stack_until 60 stack_ready || e2e_die "not ready at the end"

# What clients have: serial and fingerprint.
find "$work/got" -name '*.json' -exec jq -r '"\(.serial) \(.fingerprint) \(.ledger_seq)"' {} + | sort >"$work/received"
is "$(cut -d' ' -f1 "$work/received" | uniq -d | wc -l)" 0 "no serial twice"
is "$(wc -l <"$work/received")" "$(got)" "every answer could be read"

# What the front-end knows: leaves from its database, CAs, too.
sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" \
  "SELECT lower(hex(serial)) || ' ' || lower(hex(fingerprint)) || ' ' || ledger_seq FROM certificate" | sort >"$work/leaves"
sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" \
  "SELECT lower(hex(serial)) || ' ' || lower(hex(fingerprint)) || ' ' || ledger_seq FROM ca" | sort >"$work/cas"
nothing "every certificate that a client received is in the database" "$(comm -23 "$work/received" "$work/leaves" | head)"

# What the ledger says, page by page.
from=0
: >"$work/ledger"
while
  api GET "/api/v1/audit?from=$from&limit=500"
  [ "$status" = 200 ] || e2e_die "audit from $from: $status $body"
  jq -c '.data[]' <<<"$body" >>"$work/ledger"
  from=$(field .next)
  [ -n "$from" ]
do :; done
jq -r 'select(.type == "CERT_INTENT") | "\(.seq) \(.tbs.serial)"' "$work/ledger" | sort >"$work/intents"
jq -r 'select(.type == "CERT_RESULT") | .intent' "$work/ledger" | sort >"$work/results"
jq -r 'select(.type == "LOST") | .intent' "$work/ledger" | sort >"$work/lost"
join "$work/intents" "$work/results" | cut -d' ' -f2 | sort >"$work/signed"
diag "$(wc -l <"$work/intents") intents, $(wc -l <"$work/results") results, $(wc -l <"$work/lost") lost"

nothing "every certificate that a client received is on the ledger" \
  "$(comm -23 <(cut -d' ' -f1 "$work/received" | sort) "$work/signed" | head)"
nothing "the front-end knows every signature on the ledger" \
  "$(comm -23 "$work/signed" <(cut -d" " -f1 "$work/leaves" "$work/cas" | sort -u) | head)"
nothing "the database holds nothing that the ledger has not" \
  "$(comm -13 "$work/signed" <(cut -d" " -f1 "$work/leaves" "$work/cas" | sort -u) | head)"
nothing "every intent has its result or is lost, one of both" \
  "$(comm -3 <(cut -d' ' -f1 "$work/intents" | sort) <(cat "$work/results" <(join "$work/lost" <(cut -d' ' -f1 "$work/intents" | sort)) | sort) | head)"

bad=0
while read -r file; do
  jq -r .certificate_pem "$file" >"$work/one.crt"
  jq -r .chain_pem "$file" >"$work/one.chain"
  openssl verify -x509_strict -CAfile "$work/kill-root.crt" -untrusted "$work/one.chain" "$work/one.crt" >/dev/null 2>&1 || bad=$((bad + 1))
done < <(find "$work/got" -name '*.json' | shuf -n 50)
is "$bad" 0 "fifty of them verify"
tap_done
