#!/usr/bin/env bash
# The hierarchy's rules when time, token or signer are not what they should be:
# cases 28, 35 and 39. hierarchy.t says where the others are.
set -u
export STACK_TOKEN=faulty
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/cases.sh
. "$(dirname "$0")/cases.sh"
# shellcheck source=tests/shim/clock.sh
. "$CHANCERY_SOURCE/tests/shim/clock.sh"
day=86400
cases_clock=$work/clock

# Front-end and signer with one clock, and somebody between them.
programs=$work/bin clock=$work/clock
mkdir "$programs"
clock_make "$clock"
clock_program "$clock" "$STACK_BIN/chancery-frontd" "$programs/chancery-frontd"
clock_program "$clock" "$STACK_BIN/chancery-signd" "$programs/chancery-signd"
ln -s "$STACK_BIN/chancery" "$STACK_BIN/chancery-driver-pkcs11" "$programs/"
STACK_BIN=$programs
stack_folders
stack_token || e2e_die "no token"
stack_configure
sed -i "s|^sign_socket = .*|sign_socket = \"$work/forger.sock\";|" "$STACK_DIR/conf/frontd.conf"
python3 "$CHANCERY_SOURCE/tests/e2e/forger.py" "$work/forger.sock" "$STACK_DIR/sign/sign.sock" "$work/words" &
stack_until 100 test -S "$work/forger.sock" || e2e_die "nobody between front-end and signer"
stack_init || e2e_die "no ledger"
stack_start || e2e_die "the stack is not ready"
stack_until 120 token_ready || e2e_die "the token is not ready"
issuer=$(issuer_make time '"off"')
told() { # FILE LINE...: whole at once, for whoever is between reads it with each message
  printf '%s\n' "${@:2}" >"$work/told"
  mv "$work/told" "$work/$1"
}
end_of() { field "$1" | { read -r t && date -d "$t" +%s; }; }

# A parent near its end, and past it
ca short '' '{"ttl_days": 1, "path_len_constraint": 1}'
short=$id
ca issuing "$short" '{"ttl_days": 1, "path_len_constraint": 0}'
issuing=$id end=$(end_of .not_after)
time_passes $((day - 900))
mark
ca capped "$short" '{"ttl_days": 10, "path_len_constraint": 0}'
created "case 28: minutes before its parent's end a child"
ends=$(end_of .not_after) begins=$(end_of .not_before)
api GET "/api/v1/intermediates/$short"
is "$ends" "$(end_of .not_after)" "case 28: ends with it"
[ "$begins" -lt "$ends" ]
is $? 0 "case 28: and begins before it ends"
leaf "$issuing" DNS:www.example.com
issued "case 28: so does a leaf"
is "$(date -d "$(openssl x509 -in "$work/issued.crt" -noout -enddate | sed 's/.*=//')" +%s)" "$end" "case 28: capped"
leaf "$issuing" DNS:www.example.com server "{\"not_before\": \"$(date -u -d "@$((end + 1))" +%Y-%m-%dT%H:%M:%SZ)\"}"
refused 400 not_before_out_of_range not_before "case 28: a leaf that would begin after its issuer's end"
time_passes 1200
mark
ca late "$short" '{"path_len_constraint": 0}'
refused 400 issuer_expired parent_ca_id "case 28: a child of an expired CA"
leaf "$issuing" DNS:www.example.com
refused 400 issuer_expired '' "case 28: a leaf of an expired CA"
ca late "$short" '{"path_len_constraint": 0}' '?dry_run=true'
refused 400 issuer_expired parent_ca_id "case 28: also when it is only tried"

# Killed between a key's making and its binding
ca root '' '{"path_len_constraint": 2}'
root=$id
told words.drop 'Case orphan'
(ca orphan "$root" '{"path_len_constraint": 0}') &
stack_until 120 test -e "$work/words.dropped" || diag "no certificate was asked for"
for program in signd frontd driver; do kill -KILL "$(pid_of "$program")"; done
wait "$!"
rm "$work/words.drop"
ready() { stack_ready && token_ready; }
stack_until 120 ready || e2e_die "not ready after the kill"
api GET /api/v1/status
is "$(field .signer.unbound_keys)" 1 "case 35: a key that was made and not bound is left"
api GET "/api/v1/issuers/$issuer/intermediates"
is "$(field '[.data[] | select(.name == "orphan")] | length')" 0 "case 35: and no CA"
time_passes $((2 * day))
api GET /api/v1/doctor
like "$(field '[.findings[].code] | join(" ")')" orphan "case 35: the doctor lists it"
orphan=$(sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "SELECT lower(hex(key_id)) FROM key WHERE ca_id = ''")
probe() { clocked "$CHANCERY_BUILD/tests/e2e/import_probe" "$STACK_DIR/sign/sign.sock" "$(cat "$STACK_DIR/conf/ledger_id")" "$@"; }
like "$(probe leaf "$orphan" www.example.com 3600 '' "$work/none.der" 2>&1)" '^refused' "case 35: it signs no leaf"
like "$(probe close "$orphan" 2>&1)" '^refused' "case 35: it is no CA to be closed"
ca adopted "$root" '{"path_len_constraint": 0}'
created "case 35: the next CA"
api GET /api/v1/status
is "$(field .signer.unbound_keys)" 0 "case 35: takes it"

# A token whose signatures are wrong
ca issuing2 "$root" '{"path_len_constraint": 0}'
issuing=$id
leaf "$issuing" DNS:www.example.com
issued "case 39: a leaf whose chain was validated"
certificates() { sqlite3 "file:$STACK_DIR/db/chancery.sqlite?mode=ro" "SELECT count(*) FROM certificate WHERE state $1 'lost'"; }
before=$(certificates '<>')
tell 'C_Sign flip'
for i in 1 2 3; do
  leaf "$issuing" DNS:www.example.com
  answers 503 "case 39: a wrong signature is released to nobody ($i)" signature_wrong
done
tell
leaf "$issuing" DNS:www.example.com
answers 503 "case 39: after the third its key is latched" key_latched
is "$(certificates '<>')" "$before" "case 39: and there is no certificate of it"
three_lost() { [ "$(certificates '=')" = 3 ]; }
succeeds "case 39: the three are kept as lost" stack_until 200 three_lost
ca issuing3 "$root" '{"path_len_constraint": 0}'
created "case 39: other keys go on"
issuing=$id

# A signer that answers something else than was asked for
told words true.example.com fake.example.com
leaf "$issuing" DNS:true.example.com
answers 503 "case 39: a certificate that says something else is not handed out" certificate_withheld
rm "$work/words"
nothing "case 39: not a byte of it" "$(grep -F 'BEGIN CERTIFICATE' <<<"$body")"
api GET '/api/v1/certificates?state=withheld'
is "$(field '.data | length')" 1 "case 39: it is kept as withheld"
sha=$(field '.data[0].fingerprint')
api GET "/api/v1/certificates/$sha"
nothing "case 39: and never served" "$(field .certificate_pem)"
api GET "/api/v1/intermediates/$issuing"
like "$(grep certificate_withheld "$STACK_DIR/log/frontd.log")" "ca=$issuing" "case 39: the log says so"
api GET /api/v1/doctor
like "$(field '[.findings[].code] | join(" ")')" ca_held "case 39: the doctor says so"
noted() { # COUNT: so much is on the ledger of what was withheld, which nobody waits for
  api GET '/api/v1/audit?last=1000&type=NOTE'
  [ "$(field '[.data[].context | select(.op == "withheld")] | length')" = "$1" ]
}
succeeds "case 39: and the ledger" stack_until 120 noted 1
mark
leaf "$issuing" DNS:www.example.com
refused 409 ca_held '' "case 39: its CA issues nothing more"
told words 'Case forged' 'Case farged'
ca forged "$root" '{"path_len_constraint": 0}'
answers 503 "case 39: nor is a CA's certificate that says something else" certificate_withheld
rm "$work/words"
succeeds "case 39: which is on the ledger, too" stack_until 120 noted 2
mark
ca after "$root" '{"path_len_constraint": 0}'
refused 409 ca_held parent_ca_id "case 39: nothing more below its issuer"
tap_done
