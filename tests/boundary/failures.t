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
# The hierarchy's rules are cases with numbers; hierarchy.t says where each is.
unnamed=''
for number in {1..12} {20..46}; do
  grep -rqE "case $number\\b" "$CHANCERY_SOURCE"/tests/e2e/*.{t,c,sh} || unnamed+=" $number"
done
nothing "each of the hierarchy's cases is named by a test" "$unnamed"
tap_done
