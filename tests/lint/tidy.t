#!/usr/bin/env bash
# The programs' C sources under clang-tidy; what it looks for stands in
# .clang-tidy. A point a room.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
if [ -e "$CHANCERY_SOURCE/config.status" ]; then
  tap_skip_all "the tree was configured in place, so it can't be configured elsewhere: make distclean"
fi

# Configured and never built, so that make knows a command for every source.
build=$CHANCERY_SOURCE/build/tidy
rm -rf "$build"
mkdir -p "$build"
succeeds "configured" sh -c "cd '$build' && '$CHANCERY_SOURCE/configure' --quiet CC=clang"
succeeds "compile commands" sh -c "'$CHANCERY_SOURCE/scripts/compile-commands' '$build' >'$build/compile_commands.json'"
every_source() { # has a command: else it would pass unseen
  local file missing=0
  while IFS= read -r file; do
    grep -qF "\"file\" : \"$file\"" "$build/compile_commands.json" || { echo "$file" && missing=1; }
  done < <(find "$CHANCERY_SOURCE/daemon" "$CHANCERY_SOURCE/drivers" -name '*.c')
  return "$missing"
}
succeeds "every source is among them" every_source
[ "$tap_failed" = 0 ] || tap_done

cd "$CHANCERY_SOURCE" || exit 1
sources() { # ROOM: those of its sources that this configuration compiles; what a build makes isn't there
  local file
  sed -n 's/.*"file" : "\(.*\)".*/\1/p' "$build/compile_commands.json" | grep -E "^$CHANCERY_SOURCE/$1/" | sort |
    while IFS= read -r file; do [ ! -e "$file" ] || echo "$file"; done
}
while IFS= read -r room; do
  mapfile -t files < <(sources "$room")
  [ "${#files[@]}" -gt 0 ] || continue
  succeeds "$room" sh -c 'printf "%s\0" "$@" | xargs -0 -n 4 -P "$(nproc)" clang-tidy --quiet -p "$0"' "$build" "${files[@]}"
done < <(find daemon drivers -mindepth 1 -maxdepth 1 -type d | sort)
tap_done
