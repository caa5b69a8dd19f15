#!/usr/bin/env bash
# Case 31: clients that create CAs below one that is being retired. A few rounds,
# and as many as it takes to be sure with CHANCERY_SLOW; then with keys in files, as thousands of them slow a software
# token down that looks through all it has for each.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/e2e/files.sh
. "$(dirname "$0")/files.sh"
rounds=${CHANCERY_RACES:-4}
[ -z "${CHANCERY_SLOW:-}" ] || rounds=200
if [ "$rounds" -gt 20 ]; then files_up; else e2e_up; fi

while IFS=$'\t' read -r promise broken; do
  case $promise in
  '#'*) diag "${promise#\#}" ;;
  *) nothing "case 31: $promise" "$broken" ;;
  esac
done < <(python3 "$CHANCERY_SOURCE/tests/e2e/race.py" "$STACK_DIR/api.sock" "$rounds" || printf 'the race itself\tdied\n')

# What nobody has may wait as a key, and the next CA takes it.
api GET /api/v1/status
waiting=$(field .signer.unbound_keys)
issuer=$(issuer_make after)
root=$(ca_make "$issuer" after ECDSA-P256 0)
api GET /api/v1/status
left=$(field .signer.unbound_keys)
if [ -n "$root" ] && [ "$left" -le "$waiting" ]; then
  pass "case 31: afterwards a CA is made, and no key is left over for it"
else
  fail "case 31: afterwards a CA is made, and no key is left over for it" "$waiting keys waited, now $left"
fi
tap_done
