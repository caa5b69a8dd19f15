#!/usr/bin/env bash
# Every harness under libFuzzer for $CHANCERY_FUZZ seconds: `scripts/test --fuzz SECONDS`.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"

while IFS= read -r name; do
  succeeds "$name: nothing found in $CHANCERY_FUZZ seconds" "$CHANCERY_SOURCE/scripts/fuzz" "$name" "$CHANCERY_FUZZ"
done < <("$CHANCERY_SOURCE/scripts/fuzz" --list)
tap_done
