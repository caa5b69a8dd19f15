#!/usr/bin/env bash
# Many who ask OCSP: the front-end's rate and the signer's, a token that stands still while everybody asks, and who goes
# first when it goes on.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
by_clock() { "$@"; } # for ocsp.sh
# shellcheck source=tests/e2e/ocsp.sh
. "$(dirname "$0")/ocsp.sh"
# shellcheck disable=SC2034 # for lib.sh
E2E_WITNESS=1 E2E_FRONTD='pki_base_url = "http://pki.example.com/pki"; ocsp_per_second = 1;'
e2e_up
issuer=$(issuer_make load)
ca root '' '{"path_len_constraint": 1}'
root=$id
field .certificate_pem >"$work/root.pem"
ca issuing "$root" '{"path_len_constraint": 0}'
issuing=$id
field .certificate_pem >"$work/issuing.pem"
ask_make "$work/q" "$work/issuing.pem" -no_nonce -serial 0x99
answered() {
  post "$issuing" "$work/q"
  [ "$(wc -c <"$work/answer")" -gt 5 ]
}
try_later() { [ "$(od -An -tx1 "$1")" = " 30 03 0a 01 03" ]; }

# Rates: an answer that nobody may keep, again and again. So many at most as seconds have passed, and what is saved up.
rate_holds() { # WHAT
  stack_until 100 answered || fail "$1: there is a responder"
  local began=$SECONDS given=0 later=0 other=0 most i
  for ((i = 0; i < 40; i++)); do
    if answered; then given=$((given + 1)); elif try_later "$work/answer"; then later=$((later + 1)); else other=$((other + 1)); fi
  done
  most=$((SECONDS - began + 2))
  if [ "$given" -le "$most" ] && [ "$other" = 0 ]; then pass "$1"; else fail "$1" "$given answers in $((most - 2)) seconds, $later told to try later, $other others"; fi
}
rate_holds "the front-end asks for one answer a second; to the others it says tryLater"
stack_stop
sed -i 's/ocsp_per_second = 1;/ocsp_per_second = 10000;/' "$STACK_DIR/conf/frontd.conf"
printf 'ocsp_per_second = 1;\n' >>"$STACK_DIR/conf/signd.conf"
stack_start || e2e_die "not ready"
rate_holds "the signer gives one a second, whatever it is asked for"
stack_stop
sed -i 's/^ocsp_per_second = 1;/ocsp_per_second = 10000;/' "$STACK_DIR/conf/signd.conf"
stack_start || e2e_die "not ready"
stack_until 100 answered

# The token stands still.
# Who comes while the front-end has no time for a hundred others has no connection, and comes again.
crowd() { # COUNT: so many ask; their answers in crowd.N, whole when crowd.N.done is there
  local i
  rm -f "$work"/crowd.*
  for ((i = 0; i < $1; i++)); do
    {
      while curl -s --max-time 100 -o "$work/crowd.$i" --unix-socket "$STACK_DIR/pki.sock" -H 'Content-Type: application/ocsp-request' \
        --data-binary "@$work/q" "http://localhost/pki/$issuing/ocsp"
        [ $? = 7 ]; do sleep 0.1; done
      : >"$work/crowd.$i.done"
    } &
  done
}
crowd_done() { # COUNT: so many have been answered
  local n
  n=$(find "$work" -name 'crowd.*.done' | wc -l)
  [ "$n" -ge "$1" ]
}
# It is given up after 15 seconds; what is to be seen shows before.
stopped_at=$SECONDS
driver=$(pid_of driver)
kill -STOP "$driver"
crowd 150
stack_until 100 crowd_done 86
refused=0
for one in "$work"/crowd.*.done; do
  if try_later "${one%.done}"; then refused=$((refused + 1)); fi
done
health=$(curl -s -o /dev/null -w '%{http_code}' --max-time 100 --unix-socket "$STACK_DIR/pki.sock" http://localhost/healthz)
if [ $((SECONDS - stopped_at)) -lt 12 ]; then
  is "$refused" 86 "150 ask while the token stands still: 64 wait for it, the others are told to try later"
  is "$health" 200 "  and who asks for something else is served"
else
  skip "150 ask while the token stands still" "too slow to say"
fi
kill -CONT "$driver"
stack_until 100 crowd_done 150
crowd_done 150 && pass "  all come to an answer" || fail "  all come to an answer"

batched() { # SINCE: answers that are on the ledger
  local body status
  api GET "/api/v1/audit?from=$1&limit=1000"
  jq '[.data[] | select(.type == "OCSP_BATCH") | .responses | length] | add // 0' <<<"$body"
}
head_now() {
  local body status
  api GET /api/v1/status
  field .signer.head
}

# Revoked while its answer is on the way: whoever asked before may be told what was so then, whoever asks behind the
# acknowledgement isn't, with what was kept or without.
leaf "$issuing" DNS:way.example.com
field .certificate_pem >"$work/way.pem"
way=$(field .serial)
ask_make "$work/q.way" "$work/issuing.pem" -no_nonce -cert "$work/way.pem"
asked_of() { # FILE
  curl -s --max-time 100 -o "$1" --unix-socket "$STACK_DIR/pki.sock" -H 'Content-Type: application/ocsp-request' \
    --data-binary "@$work/q.way" "http://localhost/pki/$issuing/ocsp"
}
is_of() { # FILE: what the answer in it says
  openssl ocsp -no_nonce -respin "$1" -noverify -issuer "$work/issuing.pem" -cert "$work/way.pem" 2>&1 | sed -n 's/.*way.pem: //p'
}
on_ledger() { [ "$(batched "$1")" -ge "$2" ]; } # SINCE COUNT
revoked_meanwhile() { # false: the signer gave up waiting
  local since driver begun
  driver=$(pid_of driver) since=$(head_now)
  rm -f "$work"/way.[12] "$work"/way.done.[12]
  kill -STOP "$driver"
  { asked_of "$work/way.1"; : >"$work/way.done.1"; } &
  stack_until 10 on_ledger "$since" 1
  begun=$?
  api POST "/api/v1/intermediates/$issuing/certificates/$way/revoke" "{\"reason\": \"$1\"}"
  revoked=$status
  { asked_of "$work/way.2"; : >"$work/way.done.2"; } &
  stack_until 10 on_ledger "$since" 2
  kill -CONT "$driver"
  stack_until 100 test -e "$work/way.done.1" -a -e "$work/way.done.2"
  [ "$begun" = 0 ] && [ -n "$(is_of "$work/way.1")" ] && [ -n "$(is_of "$work/way.2")" ]
}
told=''
for _ in 1 2 3 4 5; do
  if revoked_meanwhile certificateHold; then
    told="$(is_of "$work/way.1"),$(is_of "$work/way.2")"
    break
  fi
  api POST "/api/v1/intermediates/$issuing/certificates/$way/release" '{}'
done
if [ -n "$told" ]; then
  is "$revoked $told" "200 good,revoked" "revoked while its answer is on the way: the next question is told so"
  for n in 1 2 3; do
    asked_of "$work/way.3"
    is "$(is_of "$work/way.3")" revoked "  and whoever asks then ($n)"
  done
else
  skip "revoked while its answer is on the way" "too slow to say"
fi

# Who goes first: fifty who ask OCSP wait for the token, and then somebody wants a certificate. Of these fifty as many
# have a place at the token as it takes to keep it busy, and the certificate comes next.
all_batched() { [ "$(batched "$1")" -ge 50 ]; }
intended() { # SINCE
  local body status
  api GET "/api/v1/audit?from=$1&limit=1000"
  jq -e '[.data[] | select(.type == "CERT_INTENT")] | length > 0' <<<"$body" >/dev/null
}
csr_make "$work/case" ec:P-256 DNS:first.example.com
attempt() { # in $before how many OCSP answers were signed before the certificate; false: the signer gave up waiting
  local since line began=$SECONDS driver begun=0
  driver=$(pid_of driver)
  stack_until 100 answered
  since=$(head_now)
  kill -STOP "$driver"
  line=$(wc -l <"$work/witness")
  crowd 50
  stack_until 10 all_batched "$since" || begun=1
  {
    curl -s --max-time 100 -o "$work/issued.json" --unix-socket "$STACK_DIR/api.sock" -H 'Content-Type: application/json' \
      --data-binary "$(jq -n --rawfile csr "$work/case.csr" '{csr_pem: $csr, profile: "server"}')" \
      "http://localhost/api/v1/intermediates/$issuing/certificates"
    : >"$work/issued.done"
  } &
  stack_until 10 intended "$since" || begun=1
  kill -CONT "$driver"
  stack_until 100 crowd_done 50
  stack_until 100 test -e "$work/issued.done"
  rm "$work/issued.done"
  [ "$begun" = 0 ] && [ $((SECONDS - began)) -lt 12 ] && jq -re '.certificate_pem // empty' "$work/issued.json" >"$work/first.pem" || return 1
  openssl x509 -in "$work/first.pem" -outform DER | openssl asn1parse -inform DER -strparse 4 -noout -out "$work/tbs"
  tail -n +$((line + 1)) "$work/witness" >"$work/witnessed"
  before=$(grep -n "$(sha256sum <"$work/tbs" | cut -d' ' -f1)" "$work/witnessed" | cut -d: -f1)
}
before=''
for _ in 1 2 3 4 5; do
  ! attempt || break
done
if [ -n "$before" ]; then
  [ "$(wc -l <"$work/witnessed")" -ge 51 ] && [ "$before" -le 10 ] && pass "a certificate goes before OCSP answers that were asked for earlier" ||
    fail "a certificate goes before OCSP answers" "it was number $before of $(wc -l <"$work/witnessed")"
else
  skip "a certificate goes before OCSP answers" "too slow to say"
fi
is "$(find "$work" -name 'crowd.*.done' | wc -l)" 50 "  and nobody is forgotten"
tap_done
