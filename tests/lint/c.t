#!/usr/bin/env bash
# The C sources under clang-format and cppcheck.
set -u
. "$(dirname "$0")/../tap.sh"
cd "$CHANCERY_SOURCE" || exit 1

succeeds "formatted as .clang-format says" scripts/format --check
# Without -I: cppcheck's preprocessor can't expand our tables, and it leaves out each file that reads one.
succeeds "cppcheck finds nothing" cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability \
  --inline-suppr --suppressions-list=tests/lint/cppcheck.supp --library=tests/lint/cppcheck.cfg --std=c11 daemon drivers
tap_done
