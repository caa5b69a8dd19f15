#!/usr/bin/env bash
# The C sources under clang-format and cppcheck.
set -u
. "$(dirname "$0")/../tap.sh"
cd "$CHANCERY_SOURCE" || exit 1

succeeds "formatted as .clang-format says" scripts/format --check
succeeds "cppcheck finds nothing" cppcheck --quiet --error-exitcode=1 --enable=warning,portability --inline-suppr \
  --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unknownMacro \
  --suppress='syntaxError:*.def' --std=c11 -I daemon -I drivers daemon drivers
tap_done
