#!/usr/bin/env bash
# Each way in which CAs have failed (failures.table), and each in which their tokens do (practice.table), has a test
# here, and stands in its table with it.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
tables=$CHANCERY_SOURCE/tests/boundary
while IFS='|' read -r failure file pattern; do
  case $failure in '' | '#'*) continue ;; esac
  if grep -qE -- "$pattern" "$CHANCERY_SOURCE/$file"; then
    pass "$failure: $file"
  else
    fail "$failure: $file" "nothing there says: $pattern"
  fi
done < <(cat "$tables/failures.table" "$tables/practice.table")
tap_done
