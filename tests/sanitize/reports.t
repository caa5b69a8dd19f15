#!/usr/bin/env bash
# The last test of `scripts/test --sanitize`: what the sanitizers reported while
# all others ran, also of programs whose end no test looked at.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/sanitize/options.sh
. "$(dirname "$0")/options.sh"
: "${CHANCERY_REPORTS:?the folder of the reports}"

sanitize_reports "$CHANCERY_REPORTS"
[ "$tap_failed" -gt 0 ] || pass "no sanitizer reported anything"
tap_done
