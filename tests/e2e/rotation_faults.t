#!/usr/bin/env bash
# Rotation when something is in its way: a token that is away when a successor is due, a front-end that is killed at any
# point of a step, a signer that makes no roots, many who rotate at once. One successor each time, and ledger and
# database agree.
set -u
export STACK_TOKEN=faulty CHANCERY_MAX_PAUSE=100
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/rotation.sh
. "$(dirname "$0")/rotation.sh"
rotation_up
ready() { stack_ready && token_ready; }
findings() {
  local status body
  api GET /api/v1/doctor
  jq -r '.findings[] | select(.code == "rotation_waits") | "\(.severity) \(.what)"' <<<"$body"
}
successors() { # CA
  database "SELECT count(*) FROM ca WHERE predecessor_id = '$1'"
}

ca root '' '{"path_len_constraint": 1, "rotation": "off"}'
root=$id
ca issuing "$root" '{"path_len_constraint": 0, "ttl_days": 90}'
answers 201 "an issuing CA for 90 days"
first=$id

# A token that is away when the successor is due
tell 'token away'
away() { ! token_ready; }
stack_until 100 away || diag "the token does not go away"
days_pass 40
waits() {
  local status body
  api GET /api/v1/status
  [ "$(field .rotation.waiting_count)" = "$1" ]
}
stack_until 60 waits 1
is $? 0 "a step that can't be taken waits"
like "$(findings)" 'warning CA issuing waits for its successor to be made since .* The token is away' "the doctor says for whom and why"
api GET /api/v1/status
is "$(field '.rotation.waiting[0] | [.ca_id, .step, .code] | join(" ")')" "$first prepare token_away" "so does status"
# One hour after the other: a request that is under way while two of them pass would be late, which is another reason.
for _ in 1 2; do
  clock_pass "$clock" 3600
  stack_until 100 looked "$(clock_now "$clock")"
done
is "$(grep -c rotation_waits "$STACK_DIR/log/frontd.log")" 1 "it is told once in the log, however often it is tried"
like "$(curl -s --unix-socket "$STACK_DIR/pki.sock" http://localhost/metrics)" '^chancery_rotation_waiting 1$' "and counted"
is "$(successors "$first")" 0 "nothing is left of the tries"
tell
stack_until 100 token_ready || diag "the token does not come back"
made_one() { [ "$(database "SELECT count(*) FROM ca WHERE predecessor_id = '$1' AND state = 'active'")" = 1 ]; }
# The next try comes within five minutes. The clock goes on when it has been made: if a minute passed whenever somebody
# looks, the token would be late for each.
goes_on() { # SECONDS
  clock_pass "$clock" "$1"
  stack_until 100 looked "$(clock_now "$clock")"
}
comes() { goes_on 60 && made_one "$first"; }
stack_until 100 comes
is $? 0 "when the token is back the successor is made"
waits_none() { waits 0; }
stack_until 100 waits_none
is "$? $(findings)" '0 ' "and nobody waits any more"
agree "after the token's absence"

# Killed at any point of a step
wrong=''
for ((i = 0; i < 12; i++)); do
  ca "killed$i" "$root" '{"path_len_constraint": 0, "ttl_days": 90}'
  [ "$status" = 201 ] || wrong+="killed$i: $status $body"$'\n'
  killed[i]=$id
done
kill_soon() { # MILLISECONDS
  sleep "$(printf '0.%03d' "$1")"
  kill -KILL "$(pid_of frontd)" 2>/dev/null
}
for step in 35 25; do
  for ((i = 0; i < 8; i++)); do
    [ "$i" -gt 0 ] || clock_pass "$clock" $((step * day))
    kill_soon $((20 + i * i * 12))
    stack_until 100 ready || wrong+="not ready after a kill"$'\n'
  done
  stack_until 120 looked "$(clock_now "$clock")" || wrong+="the scheduler does not come to its end"$'\n'
  settled() {
    local status body
    goes_on 30
    [ "$(database "SELECT count(*) FROM ca WHERE name LIKE 'killed%' AND state = 'created'")" = 0 ] && waits 0 &&
      [ "$(database "SELECT count(*) FROM ca AS a WHERE name LIKE 'killed%' AND name NOT LIKE '%, G%'
        AND NOT EXISTS (SELECT 1 FROM ca WHERE predecessor_id = a.id AND state = 'active')")" = 0 ]
  }
  stack_until 120 settled || wrong+="not settled after $step days"$'\n'
done
for id in "${killed[@]}"; do
  [ "$(successors "$id")" = 1 ] || wrong+="$id has $(successors "$id") successors"$'\n'
  [ "$(state_of "$id")" = retired ] || wrong+="$id is $(state_of "$id")"$'\n'
done
nothing "killed sixteen times while successors are made and take over: each CA has one, which followed it" "$wrong"
api GET /api/v1/status
is "$(field .signer.unbound_keys)" 0 "every key that was made has its CA"
api GET '/api/v1/audit?type=CA_CLOSED&limit=1000'
is "$(jq '[.data[].ca_key] | length == (unique | length)' <<<"$body")" true "each key was closed once"

# Many at once, with the rule due at the same time
for ((i = 0; i < 4; i++)); do
  ca "raced$i" "$root" '{"path_len_constraint": 0, "ttl_days": 90, "rotation": "off"}'
  raced[i]=$id
done
mkdir "$work/race"
is_over() { # it signed nothing, so it does not stay retiring for long
  case $(state_of "$1") in retir*) ;; *) false ;; esac
}
clients=()
for ((i = 0; i < 4; i++)); do
  for ((j = 0; j < 8; j++)); do
    (
      api POST "/api/v1/intermediates/${raced[i]}/rotate" "{\"now\": $([ $((j % 4)) = 3 ] && echo true || echo false)}"
      echo "$status $(field '.id // .error.code')" >"$work/race/$i.$j"
    ) &
    clients+=($!)
  done
done
wait "${clients[@]}"
wrong=''
for ((i = 0; i < 4; i++)); do
  [ "$(successors "${raced[i]}")" = 1 ] || wrong+="raced$i has $(successors "${raced[i]}") successors"$'\n'
  [ "$(grep -l '^201 ' "$work/race/$i".* | wc -l)" = 1 ] || wrong+="raced$i: $(cat "$work/race/$i".*)"$'\n'
  [ "$(grep -hE '^20[01] ' "$work/race/$i".* | cut -d' ' -f2 | sort -u | wc -l)" = 1 ] || wrong+="raced$i: $(cat "$work/race/$i".*)"$'\n'
  nothing=$(grep -hvE '^20[01] |^409 ca_not_active' "$work/race/$i".*)
  [ -z "$nothing" ] || wrong+="raced$i: $nothing"$'\n'
  is_over "${raced[i]}" || wrong+="raced$i is $(state_of "${raced[i]}")"$'\n'
done
nothing "eight clients rotate each of four CAs at once: one successor each, one that made it, and the same for all" "$wrong"

# A signer that makes no roots
ca short '' '{"path_len_constraint": 1, "ttl_days": 60}'
short=$id
sed -i 's/^allow_roots = .*/allow_roots = false;/' "$STACK_DIR/conf/signd.conf"
met=$(links)
kill -TERM "$(pid_of signd)"
linked_anew() { linked_since "$met" && ready; }
stack_until 100 linked_anew || diag "the signer does not come back"
days_pass 30
short_waits() { grep -q '^[a-z]* CA short waits ' <<<"$(findings)"; }
stack_until 100 short_waits # others are due as well, and may have to wait for the token for a moment
stack_until 100 waits 1
like "$(findings)" 'CA short waits for its successor to be made since .* does not allow self-signed roots' \
  "where no roots are made, the doctor says so of one that needs a successor"
is "$(successors "$short")" 0 "and none is made"
api PATCH "/api/v1/intermediates/$short" '{"rotation": "off"}'
answers 200 "its rule is switched off"
stack_until 100 waits_none
is $? 0 "and it waits no more"
api PATCH "/api/v1/intermediates/$short" '{"rotation": {"prepare_days": 7, "activate_days": 7}}'
answers 400 "a rule that takes over before there is a successor" bad_field
is "$(field .error.field)" rotation.activate_days "names the member"
api PATCH "/api/v1/intermediates/$short" '{"rotation": {"prepare_days": 7}}'
answers 400 "half a rule" missing_field
api PATCH "/api/v1/intermediates/$short" '{"rotation": "never"}'
answers 400 "no rule" bad_field
api PATCH "/api/v1/intermediates/$short" '{"rotation": {"prepare_days": 7, "activate_days": 1, "x": 1}}'
answers 400 "more than a rule" unknown_field
api PATCH "/api/v1/intermediates/$short" '{"rotation": {"prepare_days": 0, "activate_days": 0}}'
answers 400 "no days" bad_field
api PATCH "/api/v1/intermediates/$short" '{"name": "other"}'
answers 400 "nothing else of a CA can be changed" unknown_field
tap_done
