#!/usr/bin/env bash
# What is handed on: a dist that is the same file whenever it is made, with every file of the tree in it, and an
# installation that stays below DESTDIR and goes again.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
dir=$(mktemp -d /tmp/ch.XXXXXX)
trap 'rm -rf "$dir"' EXIT
dist() { # FOLDER: a build folder of its own, configured by the same configure
  mkdir -p "$dir/$1" && (cd "$dir/$1" && "$CHANCERY_SOURCE/configure" --quiet && make -s dist) >"$dir/$1.log" 2>&1
}
if [ -e "$CHANCERY_SOURCE/config.status" ]; then
  tap_skip_all "the tree was configured in place, so it can't be configured elsewhere: make distclean"
fi
succeeds "make dist" dist one
# Another time, another mask, another zone.
sleep 1.1
dist_later() { (umask 077 && export TZ=Asia/Tokyo && dist two); }
succeeds "make dist again" dist_later
is "$(cd "$dir/two" && sha256sum ./*.tar.xz)" "$(cd "$dir/one" && sha256sum ./*.tar.xz)" "both are the same file"
if git -C "$CHANCERY_SOURCE" rev-parse --is-inside-work-tree >/dev/null 2>&1; then
  tar -tf "$dir"/one/*.tar.xz | sed 's,^[^/]*/,,' | sort >"$dir/packed"
  nothing "every file of the tree is in it" "$(git -C "$CHANCERY_SOURCE" ls-files | grep -vx .gitignore | sort | comm -23 - "$dir/packed")"
else
  skip "every file of the tree is in it" "this is no checkout"
fi

succeeds "make install below DESTDIR" make -s -C "$CHANCERY_BUILD" install DESTDIR="$dir/to" prefix=/usr sysconfdir=/etc
for path in usr/bin/chancery usr/sbin/chancery-signd usr/sbin/chancery-ceremony usr/share/man/man8/chancery-ceremony.8 usr/lib/systemd/system/chancery.target usr/lib/sysusers.d/chancery.conf \
  usr/lib/tmpfiles.d/chancery.conf usr/share/man/man7/chancery-inner.7 usr/share/bash-completion/completions/chancery.bash \
  etc/chancery/signd.conf etc/chancery/profiles/server.conf; do
  if [ -e "$dir/to/$path" ]; then pass "  there is $path"; else fail "  there is $path"; fi
done
echo "# edited" >>"$dir/to/etc/chancery/signd.conf"
succeeds "make install again" make -s -C "$CHANCERY_BUILD" install DESTDIR="$dir/to" prefix=/usr sysconfdir=/etc
like "$(tail -n 1 "$dir/to/etc/chancery/signd.conf")" edited "  leaves what was edited"
succeeds "make uninstall" make -s -C "$CHANCERY_BUILD" uninstall DESTDIR="$dir/to" prefix=/usr sysconfdir=/etc
is "$(cd "$dir/to" && find . -type f)" ./etc/chancery/signd.conf "  leaves nothing but what was edited"

if command -v rpmspec >/dev/null; then
  succeeds "the RPM spec is well-formed" rpmspec -P "$CHANCERY_SOURCE/scripts/packaging/chancery.spec"
else
  skip "the RPM spec is well-formed" "rpmspec is missing: scripts/packages --install system"
fi
tap_done
