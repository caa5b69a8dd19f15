#!/usr/bin/env bash
# What an operator sees: /metrics, judged by promtool, with labels from known sets only; alert rules and dashboard, which
# name nothing that isn't there; `chancery status`; priorities for the journal.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
chancery=$CHANCERY_BUILD/chancery
export CHANCERY_SOCKET=$STACK_DIR/api.sock
e2e_up
scrape() { curl -s --max-time 100 --unix-socket "$STACK_DIR/pki.sock" http://localhost/metrics >"$work/metrics"; }
value() { # SERIES, to the byte
  scrape
  awk -v s="$1" 'index($0, s " ") == 1 { print substr($0, length(s) + 2) }' "$work/metrics"
}
promtool_has() { command -v promtool >/dev/null || { skip "$1" "no promtool"; return 1; }; }
judged() { # WHAT
  promtool_has "$1" || return 0
  scrape
  succeeds "$1" promtool check metrics <"$work/metrics"
}

judged "promtool reads it before anything was done"
hierarchy_make met ECDSA-P256 ECDSA-P256 ECDSA-P256
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
for _ in 1 2 3; do issue "$issuing" "$work/leaf.csr" server; done
answers 201 "leaves"
issue "$issuing" "$work/leaf.csr" nobody
[ "$status" -ge 400 ] && pass "a refusal" || fail "a refusal" "$status $body"
code=$(field .error.code)
labels="ca=\"$issuing\",profile=\"server\""
is "$(value "chancery_certificates_issued_total{$labels}")" 3 "certificates, by CA and profile"
is "$(value "chancery_issuance_duration_seconds_count{$labels}")" 3 "each was timed"
is "$(value "chancery_issuance_duration_seconds_bucket{$labels,le=\"+Inf\"}")" 3 "in buckets"
is "$(value "chancery_refusals_total{code=\"$code\"}")" 1 "refusals by code"
is "$(value "chancery_hierarchy_operations_total{operation=\"create_root\",issuer=\"$issuer\"}")" 1 "roots, by issuer"
is "$(value "chancery_hierarchy_operations_total{operation=\"create_child\",issuer=\"$issuer\"}")" 2 "children"
is "$(value 'chancery_cas{state="active"}')" 3 "CAs by state"
api GET "/api/v1/intermediates/$issuing"
until=$(date -d "$(field .not_after)" +%s)
is "$(value "chancery_ca_expiry_timestamp_seconds{ca=\"$issuing\",issuer=\"$issuer\",name=\"met-issuing\",state=\"active\"}")" "$until" "when a CA expires"
for one in chancery_signer_up chancery_store_writable 'chancery_token_ready{token="main"}'; do is "$(value "$one")" 1 "$one"; done
for one in chancery_signer_latches chancery_rotation_waiting; do is "$(value "$one")" 0 "$one"; done
# Now and then a checkpoint is.
none_in_flight() { [ "$(value chancery_signer_in_flight)" = 0 ]; }
stack_until 120 none_in_flight && pass "chancery_signer_in_flight" || fail "chancery_signer_in_flight" "$(value chancery_signer_in_flight)"
# As the signer told it last, which may be a moment ago.
ledger_grown() { [ "$(value chancery_ledger_records)" -gt 15 ]; }
stack_until 120 ledger_grown && pass "the ledger's size" || fail "the ledger's size" "$(value chancery_ledger_records)"
like "$(value chancery_ledger_head_age_seconds)" '^[0-9]+$' "the age of its head"

# What a caller makes up becomes no label.
scrape
before=$(grep -vc '^#' "$work/metrics")
for i in $(seq 40); do
  api GET "/api/v1/no$i/such\"path"
  api "M$i" /api/v1/status
  issue "$issuing" "$work/leaf.csr" "profile$i"
  api GET "/api/v1/intermediates/nobody$i"
  curl -s -o /dev/null --unix-socket "$STACK_DIR/pki.sock" "http://localhost/pki/ca$i/ca.crt"
done
scrape
grown=$(($(grep -vc '^#' "$work/metrics") - before))
[ "$grown" -lt 12 ] && pass "200 requests with made up words add $grown series" || fail "series grow with what callers say" "$grown more"
nothing "no made up word is in it" "$(grep -E 'M[0-9]+"|profile[0-9]|nobody|such|no[0-9]' "$work/metrics")"

# Names that people chose are escaped.
ca_odd=$(jq -nc '{name: "odd \"x\\y", subject: {common_name: "Odd"}, algorithm: "ECDSA-P256"}')
api POST "/api/v1/issuers/$issuer/intermediates" "$ca_odd"
if [ "$status" = 201 ]; then
  scrape
  like "$(cat "$work/metrics")" 'name="odd \\"x\\\\y"' "quotes and backslashes are escaped"
else
  is "$status $(field .error.field)" "422 name" "a name with quotes and backslashes is none"
fi
judged "promtool reads it afterwards"
api POST "/api/v1/intermediates/$issuing/retire" '{}'
api POST "/api/v1/intermediates/$issuing/retire" '{}'
is "$(value "chancery_hierarchy_operations_total{operation=\"retire_retiring\",issuer=\"$issuer\"}")" 1 "steps to retiring"

# Rules and dashboard.
folder=$CHANCERY_SOURCE/conf/prometheus
if promtool_has "alert rules"; then
  succeeds "promtool check rules" promtool check rules "$folder/chancery.rules.yml"
  succeeds "promtool test rules" promtool test rules "$folder/chancery.test.yml"
fi
sed -n 's/^# TYPE \([^ ]*\) .*/\1/p' "$work/metrics" | sort >"$work/told"
named() { grep -oE '(chancery|process)_[a-z_]+' "$1" | sed -E 's/_(bucket|sum|count)$//' | sort -u; }
nothing "the rules name what there is" "$(named <(grep 'expr\|histogram' "$folder/chancery.rules.yml") | comm -23 - "$work/told")"
nothing "so does the dashboard" "$(named <(jq -r '.. | .expr? // empty' "$folder/chancery.dashboard.json") | comm -23 - "$work/told")"
nothing "chancery-metrics(7) has each of them" "$(while read -r one; do grep -q "$one" "$CHANCERY_SOURCE/conf/chancery-metrics.7" || echo "$one"; done <"$work/told")"
is "$(jq '[.panels[] | select(.targets | length > 0)] | length' "$folder/chancery.dashboard.json")" "$(jq '.panels | length' "$folder/chancery.dashboard.json")" "each of its panels shows something"

# One screen, at three in the morning.
"$chancery" status >"$work/out"
is "$? $(head -n 1 "$work/out")" "0 all is well" "chancery status begins with the verdict"
[ "$(wc -l <"$work/out")" -le 24 ] && pass "and is one screen" || fail "more than a screen" "$(cat "$work/out")"
# Without its configuration a daemon that was killed stays away.
mv "$STACK_DIR/conf/driver-main.conf" "$STACK_DIR/conf/signd.conf" "$work/"
kill -KILL "$(pid_of driver)"
gone() { "$chancery" status >"$work/out" 2>&1 && head -n 1 "$work/out" | grep -q 'to look at'; }
stack_until 120 gone
like "$(cat "$work/out")" '^token main is ' "a driver that is gone stands first"
kill -KILL "$(pid_of signd)"
signer_gone() { gone && grep -q '^the signer is away: ' "$work/out"; }
stack_until 120 signer_gone
is $? 0 "and a signer that is away" || diag "$(cat "$work/out")"
is "$(value chancery_signer_up)" 0 "the numbers say it too"
is "$(value 'chancery_token_ready{token="main"}')" "" "and nothing is told of what can't be known"

# The journal gets a priority for each line, and nobody else.
: >"$work/journal"
JOURNAL_STREAM=$(stat -c %d:%i "$work/journal") "$CHANCERY_BUILD/chancery-signd" --config "$work/none" 2>>"$work/journal"
like "$(cat "$work/journal")" '^<3>[0-9T:Z-]+ chancery-signd error ' "an error has its priority in the journal"
JOURNAL_STREAM=1:1 "$CHANCERY_BUILD/chancery-signd" --config "$work/none" 2>"$work/err"
like "$(cat "$work/err")" '^[0-9]' "where standard error is something else there is none"
tap_done
