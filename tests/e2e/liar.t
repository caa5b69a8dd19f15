#!/usr/bin/env bash
# A captured front-end: with its credentials it asks the signer for all that it
# may not have. Every lie is refused under its own number, is on the ledger,
# and a loop of them fills no disk. Which of the signer's refusals is seen
# where stands in liar.table, and that table is complete.
set -u
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/e2e/signer_only.sh
. "$CHANCERY_SOURCE/tests/e2e/signer_only.sh"

reached=''
liar() { # COMMAND ARGUMENT...
  "$CHANCERY_BUILD/tests/e2e/liar" "$STACK_DIR/sign/sign.sock" "$id" "$@"
}
lies() { # COMMAND ARGUMENT...: its points, and the numbers that it reached
  local said
  said=$(liar "$@" 2>&1)
  grep "^#" <<<"$said"
  relay "" "$said"
  reached+=$(sed -nE 's/^ok [0-9]+ - ([1-9][0-9]*) [A-Z_]+: .*/ \1/p' <<<"$said" | tr -d '\n')
}
signer_with() { # LINE...: under the same settings with these besides
  if [ -n "$signer" ]; then kill -TERM "$signer" && wait "$signer"; fi
  { cat "$STACK_DIR/conf/signd.base" && printf '%s\n' "$@"; } >"$STACK_DIR/conf/signd.conf"
  start_signer || {
    stack_show_logs
    fail "the signer starts with: $*"
    tap_done
  }
}
field_of() { sed -nE "s/.*\b$1=([0-9]+).*/\1/p" <<<"$2"; } # NAME TEXT
ceilings_count() { liar ledger | grep -c '^CEILINGS$'; }

signer_only_up
cp -p "$STACK_DIR/conf/signd.conf" "$STACK_DIR/conf/signd.base"
is "$(ceilings_count)" 1 "the first start puts what signd.conf allows on the ledger"
signer_with
is "$(ceilings_count)" 1 "the same again is not put there again"

signer_with 'max_unbound_keys = 6;' 'classes = {' \
  'intermediate = { kinds = [ "leaf", "ca", "subca-foreign" ]; };' \
  'issuing = { leaf_days = 39; backdate_seconds = 30; name_types = [ "dns" ];' \
  'key_usages = [ "digitalSignature", "keyEncipherment" ];' \
  'ext_key_usages = [ "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2" ];' \
  'opaque_extensions = [ "1.3.6.1.4.1.55555.1" ]; }; };'
is "$(ceilings_count)" 2 "other ceilings are a record, once"
# What is on the ledger says it in signd.conf's own words, and leaves no ceiling out.
liar law >"$STACK_DIR/conf/law"
signer_with "$(grep -v '^allow_roots' "$STACK_DIR/conf/law")"
is "$(ceilings_count)" 2 "a signer under the recorded settings allows the same"
for setting in $(grep -oE '[a-z_]+ = ' "$STACK_DIR/conf/law" | sed 's/ = //' | sort -u); do
  case $setting in root | single | intermediate | issuing) continue ;; esac
  grep -qE "^\\.(It|Sy) (.*[^a-z_])?$setting([^a-z_]|\$)" "$CHANCERY_SOURCE/conf/signd.conf.5"
  is $? 0 "signd.conf(5) has $setting"
done
descriptors() { find "/proc/$signer/fd" -mindepth 1 | wc -l; }
before=$(descriptors)
lies table main
no_more() { [ "$(descriptors)" -le "$before" ]; }
stack_until 100 no_more
is $? 0 "the signer holds no more descriptors than before"

# Each of them is on the ledger, those of connections that were closed too.
signer_with
said=$(liar ledger)
missing=''
for code in $(tr ' ' '\n' <<<"$reached" | sort -u); do
  grep -qE "^REFUSED [0-9]+ $code [1-9]" <<<"$said" || missing+=" $code"
done
nothing "every refusal of these is on the ledger" "$missing"
succeeds "an independent reader agrees with the ledger" \
  python3 "$CHANCERY_SOURCE/tests/e2e/ledger_check.py" "$STACK_DIR/signer/ledger"

# Case 41: children made to multiply a rate.
signer_with 'classes = { root = { leaf_per_minute = 60; leaf_burst = 20; };' \
  'issuing = { leaf_per_minute = 120; leaf_burst = 10; }; };'
mapfile -t keys < <(liar children main 4)
is "${#keys[@]}" 4 "four CAs below one root"
start=$EPOCHSECONDS
said=$(liar leaves 10000 "${keys[0]}")
most=$((10 + 2 * (EPOCHSECONDS - start + 1)))
signed=$(field_of signed "$said")
[ "$signed" -ge 10 ] && [ "$signed" -le "$most" ]
is $? 0 "case 41: 10,000 requests past the rate: $signed were signed, at most $most"
is $((signed + $(field_of rate "$said"))) 10000 "all others were told 212 RATE ($said)"
[ "$(field_of rate "$said")" -gt 0 ] && reached+=' 212'
like "$(field_of wait "$said")" '^[1-9][0-9]*$' "and after how many seconds they may ask again"
said=$(liar leaves 500 "${keys[@]:1}")
most=$((20 + EPOCHSECONDS - start + 1))
signed=$((signed + $(field_of signed "$said")))
[ "$signed" -le "$most" ]
is $? 0 "case 41: three more CAs share the root's bucket: $signed in all, at most $most"
kill_signer
start_signer
signed=$((signed + $(field_of signed "$(liar leaves 500 "${keys[@]}")")))
most=$((20 + EPOCHSECONDS - start + 1))
[ "$signed" -le "$most" ]
is $? 0 "kill -9 fills no bucket: $signed in all, at most $most"
signer_with 'classes = { root = { leaf_per_day = 40; }; };'
today=$((EPOCHSECONDS / 86400))
mapfile -t keys < <(liar children main 3)
is "${#keys[@]}" 3 "three CAs below another root"
said=$(liar leaves 30 "${keys[@]}")
kill_signer
start_signer
again=$(liar leaves 10 "${keys[@]}")
if [ "$today" = $((EPOCHSECONDS / 86400)) ]; then
  is "$said" "signed=40 rate=0 day=50 other=0 wait=$(field_of wait "$said")" "case 41: a day's cap holds over three CAs: 213 DAILY_CAP"
  [ "$(field_of wait "$said")" -le 86400 ] && [ "$(field_of day "$said")" -gt 0 ] && reached+=' 213'
  is "$(field_of signed "$again")" 0 "and after kill -9"
else
  skip "a day's cap" "midnight came between"
fi
signer_with 'keys_per_day = 3;'
said=$(liar unbound main 10)
is "$(field_of code "$said")" 213 "a cap on new keys: $said"

# A loop of refusals.
before=$(liar ledger)
is "$(liar repeat 20000 "${keys[0]}")" 'refused=20000' "20,000 refusals in a loop"
after=$(liar ledger)
grown=$(($(field_of head "$after") - $(field_of head "$before")))
[ "$grown" -le 12 ]
is $? 0 "they are $grown records, at most 12"
[ $(($(field_of bytes "$after") - $(field_of bytes "$before"))) -le 4096 ]
is $? 0 "and at most 4 KiB"
signer_with
counted=$(liar ledger | awk '$1 == "REFUSED" && $3 == 400 { n += $4 } END { print n }')
[ "$counted" -ge 20000 ]
is $? 0 "and every one was counted: $counted"

# What the surroundings bring about.
kill -STOP "$driver"
lies flood "${keys[0]}" 3000
kill_signer
kill -CONT "$driver"
start_signer
kill -KILL "$driver"
wait "$driver" 2>/dev/null
stack_until 100 grep -q 'driver_lost' "$STACK_DIR/log/signd.log"
lies away main "${keys[0]}"
start_driver
stack_until 100 grep -q 'driver_ready' "$STACK_DIR/log/signd.log"

# A request that a crash interrupts is lost, for good.
probe() { "$CHANCERY_BUILD/tests/e2e/import_probe" "$STACK_DIR/sign/sign.sock" "$id" "$@"; }
intents() { liar ledger | grep -c '^CERT_INTENT$'; }
more_intents() { [ "$(intents)" -gt "$1" ]; }
signer_with 'checkpoint_seconds = 3600;' # so that the token has nothing else to do
REQUEST_ID=$(probe id)
export REQUEST_ID
before=$(intents)
kill -STOP "$driver"
probe leaf "${keys[0]}" www.example.com 86400 - "$STACK_DIR/lost.der" >/dev/null 2>&1 &
stack_until 100 more_intents "$before" || fail "an intent while the token stands still"
kill_signer
kill -CONT "$driver"
start_signer
said=$(probe leaf "${keys[0]}" www.example.com 86400 - "$STACK_DIR/lost.der" 2>&1)
like "$said" '^refused 209 ' "209 REQUEST_LOST: a request that was interrupted"
grep -q '^refused 209 ' <<<"$said" && reached+=' 209'
unset REQUEST_ID

signer_with 'max_unsigned_records = 16;' 'checkpoint_seconds = 1;'
kill -KILL "$driver"
wait "$driver" 2>/dev/null
stack_until 100 grep -q 'driver_lost' "$STACK_DIR/log/signd.log"
lies overdue "${keys[0]}"
start_driver
stack_until 100 grep -q 'driver_ready' "$STACK_DIR/log/signd.log"

# A key that was destroyed with the token's own tool.
SOFTHSM2_CONF=$STACK_DIR/token/softhsm2.conf pkcs11-tool --module "$softhsm_module" --token-label main --login \
  --pin "$(cat "$STACK_DIR/token/pin")" --delete-object --type privkey --id "${keys[1]}" >/dev/null 2>&1
signer_with
lies gone "${keys[1]}"

sed -i 's/^allow_roots.*/allow_roots = false;/' "$STACK_DIR/conf/signd.base"
signer_with
lies no-roots main
sed -i 's/^peers.*/peers = { front = [ "uid:12345" ]; audit = [ "uid:'"$(id -u)"'" ]; };/' "$STACK_DIR/conf/signd.base"
signer_with
lies auditor

# In signd.conf too: no extension that has a typed form, no usage that makes a leaf something else.
config_refuses() { # SETTING WHAT
  { cat "$STACK_DIR/conf/signd.base" && echo "classes = { issuing = { $1 }; };"; } >"$STACK_DIR/conf/wrong.conf"
  like "$("$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/wrong.conf" --check 2>&1)" \
    "setting=classes.issuing.${1%% *}" "signd.conf: $2"
}
for oid in 2.5.29.19 2.5.29.15 2.5.29.17 2.5.29.54 1.3.6.1.5.5.7.1.1 1.3.6.1.5.5.7.1.24 1.3.6.1.5.5.7.48.1.5 1.2..3 x 3.1; do
  config_refuses "opaque_extensions = [ \"$oid\" ];" "no opaque $oid"
done
config_refuses 'ext_key_usages = [ "1.3.6.1.5.5.7.3.9" ];' "no OCSPSigning for leaves"
config_refuses 'ext_key_usages = [ "2.5.29.37.0" ];' "no anyExtendedKeyUsage"
config_refuses 'key_usages = [ "keyCertSign" ];' "no keyCertSign"
config_refuses 'leaf_burst = 2000000; leaf_per_minute = 1;' "no burst that outlasts a day"

# Every number that the signer has is seen by a test, or the table says why not.
table=$CHANCERY_SOURCE/tests/e2e/liar.table
while IFS='(,)' read -r _ code name _; do
  name=${name# }
  row=$(awk -v c="$code" -v n="$name" '$1 == c && $2 == n' "$table")
  how=$(awk '{ print $3 }' <<<"$row")
  case $how in
  liar) like "$reached " " $code " "$code $name is reached here" ;;
  never) like "$row" 'never .{20}' "$code $name: $(cut -d' ' -f4- <<<"$row")" ;;
  *)
    if [ -f "$CHANCERY_SOURCE/$how" ] && grep -qE "$(awk '{ print $4 }' <<<"$row")" "$CHANCERY_SOURCE/$how"; then
      pass "$code $name is reached by $how"
    else
      fail "$code $name has no row in liar.table, or the test there does not speak of it" "$row"
    fi
    ;;
  esac
done < <(grep '^REFUSAL' "$CHANCERY_SOURCE/daemon/wire/inner_refusals.def")
nothing "liar.table has no other numbers" "$(awk '!/^#/ && NF { print $1, $2 }' "$table" | while read -r code name; do
  grep -q "^REFUSAL($code, $name," "$CHANCERY_SOURCE/daemon/wire/inner_refusals.def" || echo "$code $name"
done)"
tap_done
