#!/usr/bin/env bash
# The short form of `scripts/test --sanitize`, for every run: the unit tests and
# the replays of the fuzz corpora, built with both sanitizers.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
# shellcheck source=tests/sanitize/options.sh
. "$(dirname "$0")/options.sh"

! sanitized || tap_skip_all "this is a sanitized build: they run by themselves"
if [ -e "$CHANCERY_SOURCE/config.status" ]; then
  tap_skip_all "the tree was configured in place, so it can't be built elsewhere: make distclean"
fi
build=$CHANCERY_SOURCE/build/sanitize
mkdir -p "$build"
cd "$build" || exit 1
succeeds "configure --enable-sanitizers" \
  sh -c "[ -e config.status ] || '$CHANCERY_SOURCE/configure' CFLAGS='-O1 -g1' --enable-sanitizers"
succeeds "the build" make -j"$(nproc)" all check TESTS=
[ "$tap_failed" = 0 ] || tap_done

sanitize_into "$build/reports"
cd "$CHANCERY_SOURCE" || exit 1
while IFS= read -r program; do
  succeeds "${program#"$build"/tests/}" "$program"
done < <(find "$build/tests/unit" "$build/tests/fuzz" -type f \( -name 'test_*' -o -name 'fuzz_*' \) -perm -u+x | sort)
sanitize_reports "$build/reports"
tap_done
