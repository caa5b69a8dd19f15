#!/usr/bin/env bash
# A year in minutes; without CHANCERY_YEAR or CHANCERY_SLOW its first four months. Certificates are issued and revoked, CAs
# rotate, retire and are revoked, daemons are down for a night; whenever anybody looks, at no CA is a CRL or an OCSP
# answer stale, neither what is asked for nor what lies in the folder that web servers read. openssl judges, by the clock
# of that hour.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=168
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/e2e/rotation.sh
. "$(dirname "$0")/rotation.sh"
# shellcheck source=tests/e2e/ocsp.sh
. "$(dirname "$0")/ocsp.sh"
# shellcheck disable=SC2034 # for e2e_up
E2E_FRONTD='ocsp_hours = 168; ocsp_responder_days = 30; pki_base_url = "http://pki.example.com/pki";'
rotation_up year
hour=3600

declare -A end_of ca_of state_of # what is watched: until when, which CA signed it, good or revoked
watch() { # NAME CA: NAME.pem
  local ends
  ends=$(openssl x509 -in "$work/$1.pem" -noout -enddate)
  end_of[$1]=$(date -d "${ends#*=}" +%s) ca_of[$1]=$2 state_of[$1]=good
  ask_make "$work/$1.q" "$work/$2.pem" -no_nonce -cert "$work/$1.pem"
}
make_ca() { # NAME PARENT MORE
  ca "$@"
  answers 201 "a CA: $1"
  field .certificate_pem >"$work/$id.pem"
}
leaf_of() { # NAME CA [DAYS]
  leaf "$2" "DNS:$1.example.com" server "{\"ttl_seconds\": $((${3:-85} * day))}"
  [ "$status" = 201 ] || { wrong+="leaf $1: $status $body"$'\n'; return 1; }
  field .serial >"$work/$1.serial"
  field .certificate_pem >"$work/$1.pem"
  watch "$1" "$2"
  stack_until 100 answered "$1" || wrong+="nobody answers for $1"$'\n' # the first time its CA's responder is made
}
answered() { post "${ca_of[$1]}" "$work/$1.q" && [ "$(wc -c <"$work/answer")" -gt 5 ]; }
revoke() { # NAME REASON: a leaf
  api POST "/api/v1/intermediates/${ca_of[$1]}/certificates/$(cat "$work/$1.serial")/revoke" "{\"reason\": \"$2\"}"
  [ "$status" = 200 ] || wrong+="revoking $1: $status $body"$'\n'
  revoked_now "$1"
}
revoked_now() { # NAME: no clock goes on before the folder has it, too
  state_of[$1]=revoked
  stack_until 100 listed "$1" || wrong+="$1 is not on the CRL in the folder"$'\n'
}
listed() { # NAME
  local number
  number=$(openssl x509 -in "$work/$1.pem" -noout -serial)
  openssl crl -inform DER -in "$STACK_DIR/db/crl/${ca_of[$1]}.crl" -noout -text | grep -q "Serial Number: ${number#*=}"
}

# All CAs whose certificates are valid, in $cas; new generations are seen by themselves.
declare -A ca_end
look() {
  local one end
  now=$(clock_now "$clock") cas=()
  while IFS='|' read -r one end; do cas+=("$one") ca_end[$one]=$end; done < <(database "SELECT id, not_after FROM ca
    WHERE state IN ('active', 'retiring', 'retired', 'revoked') AND not_after > $now")
  for one in "${cas[@]}"; do
    [ -s "$work/$one.pem" ] || database "SELECT hex(certificate) FROM ca WHERE id = '$one'" | xxd -r -p | openssl x509 -inform DER -out "$work/$one.pem"
  done
  (cd "$work" && cat "${cas[@]/%/.pem}") >"$work/cas.pem"
}
still() { # those of them whose time isn't over
  local one all=("${cas[@]}")
  now=$(clock_now "$clock") cas=()
  for one in "${all[@]}"; do
    [ "${ca_end[$one]}" -le "$now" ] || cas+=("$one")
  done
}

# Each CRL is its CA's, and its time is not over; and with all of them openssl judges what is watched.
crl_is_fresh() { # CA FILE WHERE
  local said
  said=$(openssl crl -inform DER -in "$2" -CAfile "$work/$1.pem" -noout -verify -nextupdate -dateopt iso_8601 2>&1)
  [[ $said == *"verify OK"* && $said =~ nextUpdate=(.*Z) && ${BASH_REMATCH[1]} > $now_text ]] || wrong+="$3: the CRL of $1: $said"$'\n'
}
crls_judge() { # FOLDER WHERE
  local one name said
  local crls=() good=() revoked=()
  now=$(clock_now "$clock") now_text=$(date -u -d "@$now" +'%F %TZ') # they were there before
  for one in "${cas[@]}"; do
    crl_is_fresh "$one" "$1/$one.crl" "$2"
    crls+=(-CRLfile "$1/$one.crl")
  done
  for name in "${!end_of[@]}"; do
    if [ "${state_of[$name]}" = good ]; then good+=("$work/$name.pem"); else revoked+=("$work/$name.pem"); fi
  done
  said=$(openssl verify -attime "$now" -crl_check -CAfile "$work/cas.pem" "${crls[@]}" "${good[@]}" 2>&1)
  [ "$(grep -c ': OK$' <<<"$said")" = ${#good[@]} ] || wrong+="$2: $(grep -v ': OK$' <<<"$said")"$'\n'
  [ ${#revoked[@]} -gt 0 ] || return 0
  said=$(openssl verify -attime "$now" -crl_check -CAfile "$work/cas.pem" "${crls[@]}" "${revoked[@]}" 2>&1)
  [ "$(grep -c '^error 23 ' <<<"$said") $(grep -c '^error [0-9]* ' <<<"$said")" = "${#revoked[@]} ${#revoked[@]}" ] || wrong+="$2: $said"$'\n'
}
ocsp_judge() { # WHERE
  local name ca said
  for name in "${!end_of[@]}"; do
    ca=${ca_of[$name]}
    stack_until 60 answered "$name" # and not told to try later, while everybody wants the token
    said=$(said "$work/$name.q" sha1 "$work/$name.pem" "$work/$ca.pem" "$work/cas.pem")
    [[ $said == "Response verify OK"*": ${state_of[$name]} "* && $said != *rror* && $said != *WARNING* ]] ||
      wrong+="$1: OCSP of $name: $status $said"$'\n'
  done
}
fetch_all() { # to $work/got
  local one all=()
  for one in "${cas[@]}"; do all+=(-o "$work/got/$one.crl" "http://localhost/pki/$one/crl"); done
  rm -f "$work"/got/*.crl
  curl -s -S -f --max-time 100 --unix-socket "$STACK_DIR/pki.sock" "${all[@]}" 2>"$work/curl.err" || wrong+="$(cat "$work/curl.err")"$'\n'
}
# What has passed half of its time is made anew, though nobody asks for it.
renewed() {
  local one said until
  until=$(date -u -d "@$((now + 83 * hour))" +'%F %TZ')
  for one in "${cas[@]}"; do
    said=$(openssl crl -inform DER -in "$STACK_DIR/db/crl/$one.crl" -noout -nextupdate -dateopt iso_8601 2>/dev/null)
    [[ ${said#*=} > $until ]] || return 1
  done
}
# Whose time is almost over is watched no more; of each CA that issues something always is.
watch_renew() {
  local name one
  local -A has=()
  for name in "${!end_of[@]}"; do
    if [ "${end_of[$name]}" -lt $((now + 100 * hour)) ]; then
      unset "end_of[$name]"
    elif [ "${state_of[$name]}" = good ]; then
      has[${ca_of[$name]}]=1
    fi
  done
  for one in $(database "SELECT id FROM ca WHERE state = 'active' AND parent_id <> ''"); do
    [ -n "${has[$one]:-}" ] || [ ! -s "$work/$one.pem" ] || leaf_of "leaf$((++leaves))" "$one" 30
  done
}
if [ -n "${CHANCERY_YEAR:-}${CHANCERY_SLOW:-}" ]; then
  span='a year' hours=8760 responders='^1[2-9]$|^2[0-9]$' generations='^([5-9]|1[0-2])$'
else
  span='four months' hours=2920 responders='^[4-9]$' generations='^[2-4]$'
fi
leaves=0 wrong='' now=0 now_text=''
make_ca root '' '{"ttl_days": 2000, "path_len_constraint": 1, "rotation": "off"}'
root=$id
steady='' closing='' fallen=''
for name in steady closing fallen; do
  make_ca "$name" "$root" '{"ttl_days": 1900, "path_len_constraint": 0, "rotation": "off"}'
  declare "$name=$id"
  cp "$work/$id.pem" "$work/$name.pem"
done
make_ca rotating "$root" '{"ttl_days": 120, "path_len_constraint": 0, "rotation": {"prepare_days": 40, "activate_days": 10}}'
watch steady "$root"
watch fallen "$root"
look
stack_until 60 renewed || fail "each CA has a CRL"
stack_until 100 answered steady || fail "the root has a responder"

# Steps of almost half of a CRL's time at the most: who made it anew at its half had it ready.
steps=(83 82 9 83 70 80) at=0 looks=0
for ((n = 0; at < hours; n++)); do
  case $n in
  5) leaf_of lost "$steady" && revoke lost keyCompromise ;;
  20) leaf_of ending "$closing" && leaf_of orphan "$fallen" ;;
  25)
    retire "$closing"
    [ "$status" = 200 ] || wrong+="retiring: $status $body"$'\n'
    ;;
  30)
    retire "$closing" '{"confirm": true}'
    [ "$status" = 200 ] || wrong+="retired: $status $body"$'\n'
    api POST "/api/v1/intermediates/$fallen/revoke" '{"reason": "cACompromise"}'
    [ "$status" = 200 ] || wrong+="a CA revoked: $status $body"$'\n'
    revoked_now fallen
    ;;
  50 | 90) leaf_of "hold$n" "$steady" && revoke "hold$n" certificateHold ;;
  esac
  look
  watch_renew
  stack_until 100 renewed || wrong+="hour $at: a CRL is not made anew"$'\n'
  ((n % 2)) || ocsp_judge "hour $at" # and so answers are kept, or not
  if ((n % 40 == 39)); then
    stack_stop # for a night
    clock_pass "$clock" $((12 * hour))
    at=$((at + 12))
    stack_start || wrong+="hour $at: not up"$'\n'
    look
    stack_until 100 renewed || wrong+="hour $at: behind a night a CRL is not made anew"$'\n'
  fi
  clock_pass "$clock" $((steps[n % 6] * hour))
  at=$((at + steps[n % 6]))
  rm -rf "$work/got"
  cp -r "$STACK_DIR/db/crl" "$work/got"
  still
  crls_judge "$work/got" "hour $at, the folder"
  ocsp_judge "hour $at"
  fetch_all
  crls_judge "$work/got" "hour $at"
  looks=$((looks + 1))
done
nothing "$span: whenever anybody looked, every CRL and every OCSP answer was fresh ($looks times)" "$wrong"
like "$(database "SELECT count(*) FROM certificate WHERE kind = 3 AND ca = (SELECT n FROM ca WHERE id = '$steady')")" "$responders" \
  "by responders whose certificates were renewed"
is "$(database "SELECT count(DISTINCT key_id) FROM responder WHERE ca_id = '$steady'")" 1 "  over one key"
like "$(database "SELECT count(*) FROM ca WHERE name LIKE 'rotating%'")" "$generations" "and one CA went from generation to generation"
tap_done
