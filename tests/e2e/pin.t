#!/usr/bin/env bash
# The token's PIN: where the driver takes it from, where it must never be seen, and how few tries are made with a wrong
# one, on a token that counts them and locks itself.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/driver_faulty.sh
. "$CHANCERY_SOURCE/tests/e2e/driver_faulty.sh"
secret=$(cat "$PIN_FILE")
own=$pin
patiently() { # whoever doesn't end by itself fails, and doesn't keep us waiting for ever
  local end=$((SECONDS + 60))
  while kill -0 "$pid" 2>/dev/null; do
    [ $SECONDS -lt $end ] || kill -KILL "$pid"
    sleep 0.1
  done
}
resume() { "$driver" --config "$dir/driver.conf" --resume main 2>/dev/null; }

configure
started
key_make "$key"
signs "a token with a PIN"

# Nowhere but in memory that is never swapped out.
nothing "the PIN is in no argument" "$(tr '\0' '\n' <"/proc/$pid/cmdline" | grep -F -- "$secret")"
if [ -r "/proc/$pid/environ" ]; then
  nothing "nor in the environment" "$(tr '\0' '\n' <"/proc/$pid/environ" | grep -F -- "$secret")"
else
  pass "the environment is closed to others"
fi
nothing "nor in the log" "$(grep -F -- "$secret" "$dir/log")"
nothing "nor in what STATUS tells" "$(ask status | grep -F -- "$secret")"
nothing "nor beside the mark of the login" "$(grep -rF -- "$secret" "$dir/state")"
if sanitized; then
  skip "memory that is locked" "the sanitizers lock none"
else
  [ "$(awk '$1 == "VmLck:" { print $2 }' "/proc/$pid/status")" -gt 0 ]
  is $? 0 "it lies in locked memory"
fi
down
configure "pin = \"$secret\";"
fails_with 78 'line=[0-9]* setting=pin '
is $? 0 "driver.conf takes no PIN"
nothing "and what stood there is not repeated" "$(grep -F -- "$secret" "$dir/log")"
"$driver" --config "$dir/driver.conf" --pin "$secret" >"$dir/out" 2>&1
is $? 64 "the command line takes none either"

# A line of a file, or a credential of the service manager.
(umask 077 && printf '%s\n' "$secret" >"$dir/line" && printf '%s\n\n' "$secret" >"$dir/lines" && mkdir "$dir/credentials" &&
  cp "$dir/line" "$dir/credentials/pin-main" && : >"$dir/empty" && printf '\n' >"$dir/newline")
pin="pin_file = \"$dir/line\";" configure
up
signs "a newline at the end isn't part of it"
down
for name in empty newline; do
  pin="pin_file = \"$dir/$name\";" configure
  fails_with 78 "secret_unreadable file=$dir/$name"
  is $? 0 "a PIN file with nothing in it: $name"
done
pin='pin_credential = "pin-main";' configure
fails_with 78 'setting=pin_credential'
is $? 0 "a credential, and no service manager that hands it over"
export CREDENTIALS_DIRECTORY=$dir/credentials
up
signs "a credential"
nothing "which is not in the log" "$(grep -F -- "$secret" "$dir/log")"
down
pin='pin_credential = "../pin";' configure
fails_with 78 'setting=pin_credential'
is $? 0 "a credential has a name, not a path"
pin="pin_credential = \"pin-main\"; pin_file = \"$dir/line\";" configure
fails_with 78 'setting=pin_credential'
is $? 0 "never two places"
unset CREDENTIALS_DIRECTORY

# A token that locks itself after three wrong ones, and drivers that are started as often as anybody likes.
(umask 077 && echo 00000000 >"$dir/wrong")
pin="pin_file = \"$dir/wrong\";" configure
tell 'token pin-tries 3'
tell --reset
starts=() ends=''
for _ in 1 2 3 4; do
  "$driver" --config "$dir/driver.conf" 2>>"$dir/log" &
  starts+=($!)
done
# Whoever finds the token in use ends; the one that has it stays until it has told somebody, and is asked when it is alone.
others_ended() {
  local left=0
  for one in "${starts[@]}"; do kill -0 "$one" 2>/dev/null && left=$((left + 1)); done
  [ "$left" -le 1 ]
}
end=$((SECONDS + 100))
until others_ended || [ $SECONDS -ge $end ]; do sleep 0.02; done
until ask hello 2>/dev/null | grep -q '^refused=32 '; do
  for one in "${starts[@]}"; do kill -0 "$one" 2>/dev/null && continue 2; done
  break
done
for one in "${starts[@]}"; do
  wait "$one"
  ends+="$? "
done
is "$(tr ' ' '\n' <<<"$ends" | sort | tr '\n' ' ')" " 70 70 70 77 " "four processes at the same moment: one comes to the token"
is "$(calls C_Login)" 1 "and makes one try"
for i in 1 2 3 4 5; do
  fails_with 77 pin_latched
  is $? 0 "start $i after that: latched"
done
is "$(calls C_Login)" 1 "one try in all"
pin=$own configure
fails_with 77 pin_latched
is $? 0 "nor is another PIN tried by itself"
resume
up
signs "when an operator has said so, the right one is: the token was never near its lock"
down
pin="pin_file = \"$dir/wrong\";" configure
for i in 1 2 3 4; do
  fails_with 77 'pin_refused\|pin_not_tried'
  is $? 0 "a wrong one again, and an operator who insists, time $i"
  resume
done
is "$(calls C_Login)" 4 "uses the second try up, and never the last"
pin=$own configure
up && down
fails_with 77 'pin_not_tried.*FINAL_TRY'
is $? 0 "the last try is the operator's, with the token's own tool"
tell --reset
up
signs "after which the driver goes on"
down
tell

# What a token says of a login that was none is no reason to try another.
tell 'C_Login CKR_PIN_LEN_RANGE times 1'
tell --reset
fails_with 77 'pin_refused.*CKR_PIN_LEN_RANGE'
is $? 0 "a PIN of a length that the token doesn't take: latched"
is "$(calls C_Login)" 1 "after one try"
resume
up
signs "and then signs again"
down

# Only the token that is meant sees it.
tell --reset
configure 'serial = "0000000000000000";'
up
is $? 0 "another token with the same label: it waits for its own"
refused 30 hello
is $? 0 "TOKEN_AWAY"
until [ "$(calls C_GetSlotList)" -ge 8 ]; do kill -0 "$pid" 2>/dev/null || break; done
is "$(calls C_Login)" 0 "no PIN is given to the other one"
is "$(grep -c token_missing "$dir/log")" 1 "and the log says so once, not at each look"
down
softhsm() { SOFTHSM2_CONF=$SOFTHSM2_CONF softhsm2-util --init-token --label "$TOKEN" "$@" >"$dir/tool" 2>&1; }
configure
tell
tell --reset
up
signs "the token that is meant"
tell 'token other' 'C_SignInit lose-sessions times 1'
sign
is $? 2 "another with the same label in its slot isn't asked for a signature"
patiently
ended
is "$status" 69 "the process ends as if its token were away"
is "$(calls C_Login)" 1 "and gives it no PIN"
tell
tell --reset
up
signs "its own token is back"
serial=$(ask hello | sed -n s/^serial=//p)
softhsm --serial "$serial" --so-pin "${secret}so" --pin "$secret"
is $? 0 "it is wiped and made anew, under the same name, number and PIN"
refuses_to_sign 10 "its key is not there"
down
tell --reset
softhsm --free --so-pin 12345678 --pin 00000000
configure
fails_with 78 token_ambiguous
is $? 0 "two tokens with its label: neither is tried"
is "$(calls C_Login)" 0 "with its PIN either"
tap_done
