#!/usr/bin/env bash
# Each way in which CAs have failed has a test here, and stands in failures.table with it.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
while IFS='|' read -r failure file pattern; do
  case $failure in '' | '#'*) continue ;; esac
  if grep -qE -- "$pattern" "$CHANCERY_SOURCE/$file"; then
    pass "$failure: $file"
  else
    fail "$failure: $file" "nothing there says: $pattern"
  fi
done <"$CHANCERY_SOURCE/tests/boundary/failures.table"
tap_done
