#!/usr/bin/env bash
# What the assessors' page says can be seen is run as it stands there, with this stack's folders and files in the place
# of a host's.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
e2e_up
page=$CHANCERY_SOURCE/conf/chancery-assessment.7
chancery() { CHANCERY_LEDGER=$STACK_DIR/signer/ledger CHANCERY_SOCKET=$STACK_DIR/api.sock "$STACK_BIN/chancery" "$@"; }
hierarchy_make house ECDSA-P256 ECDSA-P256 ECDSA-P256
chancery ca list >/dev/null
name=$(chancery ca show "$issuing" --json | jq -r .name)
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
issue "$issuing" "$work/leaf.csr" server
answers 201 "a leaf"
cat "$work/leaf.crt" "$work/leaf.chain" >"$work/chain.pem"
cp "$work/leaf.crt" "$work/leaf.pem"
# One over the leaf, too: who asks while a head is being signed gets that one.
api GET /api/v1/status
records=$(field .signer.head)
covered() { chancery audit checkpoint >"$work/old-head" && [ "$(sed -n 2p "$work/old-head")" -ge "$records" ]; }
stack_until 60 covered
chancery backup "$work/backup" --ledger "$STACK_DIR/signer/ledger" --conf "$STACK_DIR/conf" >"$work/out" 2>&1 ||
  diag "$(cat "$work/out")"

here() { # COMMAND: with what is here
  sed -e "s|/var/lib/chancery-signd/ledger|$STACK_DIR/signer/ledger|" -e "s|/srv/backup/2026-05-01|$work/backup|" \
    -e "s|charter issuing|charter $name|" -e "s|old-head|$work/old-head|" -e "s|leaf\.pem|$work/leaf.pem|" \
    -e "s|chain\.pem|$work/chain.pem|"
}
count=0
while IFS= read -r line; do
  read -r -a words < <(here <<<"$line")
  chancery "${words[@]:1}" >"$work/out" 2>&1
  said=$?
  # 9: something wants looking at, as a doctor may well say of a stack on a software token.
  case ${words[1]},$said in doctor,9) said=0 ;; esac
  if [ "$said" = 0 ]; then pass "$line"; else fail "$line" "$said: $(head -n 5 "$work/out")"; fi
  count=$((count + 1))
done < <(sed -n 's/^\.It Li \(chancery .*\)/\1/p' "$page")
[ "$count" -ge 15 ]
is $? 0 "there were some"
for control in AC-3 AC-5 AC-6 AU-9 AU-10 AU-12 CP-9 IA-5 SC-12 SC-13 SC-17; do
  section=$(sed -n "/^\.Ss $control,/,/^\.S[sh] /p" "$page")
  like "$section" '^\.It Li ' "$control has a command"
done
tap_done
