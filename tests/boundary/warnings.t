#!/usr/bin/env bash
# All objects once more with gcc and with clang, every warning an error. scripts/test has built with gcc just so. What
# clang warns of it finds without optimizing, gcc not.
set -u
. "$(dirname "$0")/../tap.sh"

! sanitized || tap_skip_all "its builds have no sanitizers: nothing that the plain run doesn't see"
if [ -e "$CHANCERY_SOURCE/config.status" ]; then
  tap_skip_all "the tree was configured in place, so it can't be built elsewhere: make distclean"
fi
for compiler in gcc clang; do
  flags='-O2 -g'
  [ "$compiler" = gcc ] || flags='-O0 -g0'
  if [ "$compiler" = gcc ] && [ -n "${CHANCERY_STRICT:-}" ] && grep -qx 'CC = gcc' "$CHANCERY_BUILD/Makefile"; then
    pass "gcc: every object that is tested was built with -Werror"
    nothing "gcc: no warning, of the linker either" "$(grep -E 'warning:|error:' "$CHANCERY_SOURCE/build/test.log" | grep -v '^configure\.ac:')"
    continue
  fi
  if ! command -v "$compiler" >/dev/null; then
    skip "$compiler builds without a warning" "there is no $compiler"
    continue
  fi
  build=$CHANCERY_SOURCE/build/$compiler
  mkdir -p "$build"
  cd "$build" || exit 1
  succeeds "$compiler: configure" sh -c "[ -e config.status ] || '$CHANCERY_SOURCE/configure' CC=$compiler CFLAGS='$flags'"
  # -k, so that one run shows every warning.
  said=$(make -k -j"$(nproc)" CFLAGS="$flags -Werror" all check TESTS= 2>&1)
  status=$?
  nothing "$compiler: no warning" "$(grep -E 'warning:|error:' <<<"$said" | sort -u)"
  is "$status" 0 "$compiler: every object builds with -Werror"
done
tap_done
