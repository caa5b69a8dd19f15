#!/usr/bin/env bash
# The RPM, built from what `make dist` packs and looked into; this host has rpm, and no RPM distribution's libraries.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
[ "$(id -u)" = 0 ] || tap_skip_all "only root can install a package; this is uid $(id -u)"
command -v rpmbuild >/dev/null || tap_skip_all "rpmbuild is missing: scripts/packages --install system"
dir=$(mktemp -d "${TMPDIR:-/tmp}/ch.XXXXXX")
trap 'rm -rf "$dir"' EXIT
rpm_here() { rpm --force-debian --root "$dir/root" --nodeps --noscripts "$@" 2>"$dir/said"; }

succeeds "the tree is packed" make -s -C "$CHANCERY_BUILD" dist
mkdir "$dir/top" "$dir/tmp" "$dir/root"
find "$CHANCERY_BUILD" -maxdepth 1 -name 'chancery-*.tar.xz' -exec mv -t "$dir/top" {} +
# What it needs to be built has other names here. The tests are run elsewhere.
rpm_build() {
  rpmbuild -ta --nodeps --nocheck --define "_topdir $dir/top" --define "_tmppath $dir/tmp" --define "_smp_build_ncpus 2" \
    "$dir"/top/chancery-*.tar.xz >"$dir/build.log" 2>&1 || { tail -n 40 "$dir/build.log" && false; }
}
succeeds "rpmbuild -ta makes a package of it, as README says" rpm_build
package=$(find "$dir/top/RPMS" -name 'chancery-[0-9]*.rpm')
[ -n "$package" ] || {
  fail "there is a package"
  tap_done
}
nothing "no file is listed twice" "$(grep 'listed twice' "$dir/build.log")"

# --- all that make install installs, and nothing else
files() { (cd "$1" && find . -type f -o -type l) | sed 's/^\.//; s/\.gz$//' | grep -v '^/usr/lib/\.build-id/\|^/usr/share/doc/\|^/root/' | sort; }
succeeds "it is installed to an empty root" rpm_here -i "$package"
make -s -C "$CHANCERY_BUILD" install DESTDIR="$dir/made" prefix=/usr sysconfdir=/etc >"$dir/make.log" 2>&1
files "$dir/made" >"$dir/wanted"
files "$dir/root" >"$dir/has"
is "$(diff "$dir/wanted" "$dir/has")" "" "it holds what make install installs"
for program in "$dir"/root/usr/{bin,sbin}/*; do
  like "$("$program" --version 2>&1)" '[0-9]+\.[0-9]+\.[0-9]+' "${program##*/} runs"
done
is "$(find "$dir/root/etc/chancery" -name '*.conf' ! -path '*/profiles/*' -printf '%m\n' | sort -u)" 600 "configuration is root's alone until tmpfiles.d has given it away"
nothing "no path of the build is left in it" "$(grep -rlF "$dir" "$dir/root/usr" "$dir/root/etc")"
is "$(rpm -qpc "$package" | sort)" "$(cd "$dir/made" && find etc -name '*.conf' | sed 's,^,/,' | sort)" "configuration is marked as such"
nothing "no unit has an open place" "$(grep -l '@[a-z]*@' "$dir"/root/usr/lib/systemd/system/*)"

# --- what it does with a host
for script in post:POSTIN preun:PREUN postun:POSTUN; do
  rpm -qp --qf "%{${script#*:}}\n" "$package" >"$dir/${script%:*}"
  succeeds "its ${script%:*} is shell" sh -n "$dir/${script%:*}"
done
requires=$(rpm -qp --requires "$package")
for library in libcrypto.so.3 libconfig.so libp11.so libmicrohttpd.so libjansson.so libcurl.so libsqlite3.so; do
  like "$requires" "$library" "it asks for $library"
done

# --- removed
echo "# edited" >>"$dir/root/etc/chancery/signd.conf"
succeeds "it is removed" rpm_here -e chancery
rm -rf "$dir/root/root"
is "$(cd "$dir/root" && find . -type f)" ./etc/chancery/signd.conf.rpmsave "nothing is left but what was edited"
tap_done
