#!/usr/bin/env bash
# Delta CRLs: each CRL comes with one, which says to whoever has an older one what is new since; judged by other programs.
set -u
# shellcheck disable=SC2034 # for the stack
STACK_CRL_HOURS=48
# shellcheck disable=SC2034
E2E_FRONTD='crl_delta_hours = 8; pki_base_url = "http://pki.example.com/pki";'
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/crls.sh
. "$(dirname "$0")/crls.sh"
e2e_up
hierarchy_make delta ECDSA-P256 ECDSA-P256 ECDSA-P256
: "${issuer:=}" "${text:=}"
file() { [ -s "$STACK_DIR/db/crl/$1.delta.crl" ]; }
pair() { # [WHAT]: of the issuing CA, as $work/full.crl and $work/delta.crl, and the text of the delta in $text
  fetch "$issuing" full
  full_text=$text
  fetch "$issuing" delta /delta
}

# Every CA has a pair by itself, at the URL that its CRL names.
for ca in root policy issuing; do
  stack_until 60 file "${!ca}" && pass "$ca has a delta by itself" || fail "$ca has a delta by itself"
  fetch "${!ca}" $ca
  like "$text" "Freshest CRL" "its CRL says where"
  like "$text" "URI:http://pki.example.com/pki/${!ca}/crl/delta" "under this URL"
  judged $ca "$work/delta-$ca.crt"
  fetch "${!ca}" $ca.delta /delta
  judged $ca.delta "$work/delta-$ca.crt"
  succeeds "certtool reads the delta" certtool --crl-info --infile "$work/$ca.delta.crl"
  is "$(number $ca.delta)" "$(number $ca)" "one number for both"
  is "$(seconds $ca.delta lastupdate)" "$(seconds $ca lastupdate)" "and one thisUpdate"
  is $(($(seconds $ca.delta nextupdate) - $(seconds $ca.delta lastupdate))) 28800 "the delta is good for eight hours"
  is $(($(seconds $ca nextupdate) - $(seconds $ca lastupdate))) 172800 "and the CRL for two days"
  is "$(grep -c 'Freshest CRL' <<<"$text")" 0 "a delta names no other"
done
like "$(cat "$work/issuing.delta.head")" 'Content-Type: application/pkix-crl' "its type"
like "$(cat "$work/issuing.delta.head")" 'Cache-Control: max-age=[1-9][0-9]*, public' "how long it may be kept"
etag=$(sed -n 's/^ETag: //p' "$work/issuing.delta.head" | tr -d '\r')
is "$(pki "/pki/$issuing/crl/delta" -H "If-None-Match: $etag" -o /dev/null -w '%{http_code}')" 304 "who has it gets it not again"
is "$(pki "/pki/$issuing/crl" -H "If-None-Match: $etag" -o /dev/null -w '%{http_code}')" 200 "but another ETag than the CRL's"
is "$(pki /pki/nobody/crl/delta -o /dev/null -w '%{http_code}')" 404 "nobody has none"
is "$(stat -c %a "$STACK_DIR/db/crl/$issuing.delta.crl")" 644 "a web server may read it"

# Somebody keeps the CRLs of now for as long as they are good, and fetches deltas.
fresh revoked
revoked=$serial
fresh released
released=$serial
fresh hold
held=$serial
fresh good
revoke "$issuing" "$released" certificateHold
answers 200 "one is on hold"
fetch "$issuing" kept
kept=$(number kept)
cat "$work/root.crl" "$work/policy.crl" "$work/kept.crl" >"$work/kept.pem"
cat "$work/delta-root.crt" "$work/delta-policy.crt" "$work/delta-issuing.crt" >"$work/cas.pem"
verify() { # CERTIFICATE [OPTIONS]: with the CRLs that were kept and the delta of now
  local one=$1
  shift
  cat "$work/kept.pem" "$work/delta.crl" >"$work/crls.pem"
  openssl verify -CAfile "$work/cas.pem" -CRLfile "$work/crls.pem" -crl_check_all -extended_crl "$@" "$work/$one.crt" 2>&1
}
pair
like "$(verify good -use_deltas)" OK "openssl takes a good leaf"
like "$(verify released -use_deltas)" 'certificate revoked' "and not the one on hold"

revoke "$issuing" "$revoked" keyCompromise
pair
like "$text" "Serial Number: $revoked" "what was revoked is on the delta with the next GET"
is "$(count)" 2 "beside the hold, which others may not know of"
like "$full_text" "Serial Number: $revoked" "and on the CRL"
is "$(number delta)" "$(number full)" "which have one number"
[ $((16#$(number delta))) -gt $((16#$kept)) ] && pass "higher than before" || fail "$(number delta) after $kept"
[ $(($(base "$text"))) -le $((16#$kept)) ] && pass "whoever has the CRL of before can use it" || fail "base $(base "$text"), kept $kept"
judged delta "$work/delta-issuing.crt"
like "$(verify revoked)" OK "openssl without deltas takes what the CRL of before doesn't list"
like "$(verify revoked -use_deltas)" 'certificate revoked' "and with the delta not"
like "$(verify good -use_deltas)" OK "a good leaf passes with the delta"
revoke "$issuing" "$held" certificateHold
release "$issuing" "$released"
answers 200 "the hold is released"
pair
like "$text" 'Remove From CRL' "the delta says so"
is "$(grep -c "Serial Number: $released" <<<"$full_text")" 0 "and the CRL lists it no more"
like "$(verify released)" 'certificate revoked' "openssl without deltas still refuses it"
like "$(verify released -use_deltas)" OK "and takes it with the delta"
like "$(verify hold -use_deltas)" 'certificate revoked' "and refuses the one that is on hold now"
cp "$work/full.crl" "$work/kept.crl"
cat "$work/root.crl" "$work/policy.crl" "$work/full.crl" >"$work/kept.pem"
like "$(verify revoked -use_deltas)" 'certificate revoked' "with both of the same number all is the same"
like "$(verify good -use_deltas)" OK "for the good one too"

# Kill -9 and another database: deltas go on, from a base that was there.
before=$(number delta)
killed frontd
fresh late
revoke "$issuing" "$serial" superseded
pair
like "$text" "Serial Number: $serial" "after kill -9 the delta shows a revocation"
is "$(number delta)" "$(number full)" "under its CRL's number"
stack_stop
rm -rf "$STACK_DIR/db"
mkdir -m 0700 "$STACK_DIR/db"
stack_start || e2e_die "not ready"
stack_until 60 file "$issuing" || fail "no delta from an empty database"
pair
[ $((16#$(number delta))) -gt $((16#$before)) ] && pass "from the ledger alone a delta with a higher number" || fail "$(number delta) after $before"
is "$(number delta)" "$(number full)" "with its CRL"
[ $(($(base "$text"))) -le $((16#$kept)) ] && pass "for whoever has the CRL of before" || fail "base $(base "$text"), kept $kept"
like "$(verify revoked -use_deltas)" 'certificate revoked' "which refuses what was revoked"

# Without the setting they are gone, and nothing names them.
sed -i 's/crl_delta_hours = 8/crl_delta_hours = 0/' "$STACK_DIR/conf/frontd.conf"
stack_stop
stack_start || e2e_die "not ready"
fetch "$issuing" full
is "$(grep -c 'Freshest CRL' <<<"$text")" 0 "switched off, the CRL names none"
is "$(pki "/pki/$issuing/crl/delta" -o /dev/null -w '%{http_code}')" 404 "there is none"
refuses "nor in the folder" file "$issuing"
tap_done
