#!/usr/bin/env bash
# The units as systemd judges them: every line known, and how much of the host
# each service can reach ("exposure", 0 to 10).
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
command -v systemd-analyze >/dev/null || tap_skip_all "no systemd-analyze"
dir=$(mktemp -d /tmp/ch.XXXXXX)
trap 'rm -rf "$dir"' EXIT

# The programs are elsewhere here, and what matters is what surrounds them.
cp "$CHANCERY_SOURCE"/systemd/*.{socket,target,path,timer} "$dir"
for unit in "$CHANCERY_SOURCE"/systemd/*.service.in; do
  name=$(basename "$unit" .in)
  sed -e 's,^Exec\([A-Z][a-z]*\)=@\(s\{0\,1\}bindir\|pkgdatadir\)@/[a-z0-9-]*,Exec\1=/bin/true,' -e 's,@sbindir@,/usr/sbin,g' \
    -e 's,@bindir@,/usr/bin,g' -e 's,@sysconfdir@,/etc,g' "$unit" >"$dir/$name"
done
mv "$dir/chancery-driver@.service" "$dir/chancery-driver@main.service"
mv "$dir/chancery-driver@.socket" "$dir/chancery-driver@main.socket"

verify() { # UNIT: what systemd-analyze says against it; manual pages may not be installed here
  SYSTEMD_UNIT_PATH=$dir: systemd-analyze verify --man=no --recursive-errors=no "$dir/$1" 2>&1 | grep -F "$dir"
}
for unit in "$dir"/*; do
  nothing "systemd knows every line of ${unit##*/}" "$(verify "${unit##*/}")"
done

most=0.6
exposure() { # UNIT MOST
  local said
  said=$(systemd-analyze security --offline=yes --no-pager "$dir/$1" 2>/dev/null | sed -n 's/.*Overall exposure level for [^:]*: \([0-9.]*\).*/\1/p')
  if awk -v said="${said:-99}" -v most="$2" 'BEGIN { exit !(said + 0 <= most + 0) }'; then
    pass "$1 has an exposure of $said, at most $2"
  else
    fail "$1 has an exposure of at most $2" "$(systemd-analyze security --offline=yes --no-pager "$dir/$1" 2>&1 | grep -F '✗')"
  fi
}
exposure chancery-signd.service $most
exposure chancery-frontd.service $most
exposure chancery-crl.service $most
exposure chancery-driver@main.service 2.0

# With a user namespace of its own a daemon would see every peer as nobody.
nothing "no unit has PrivateUsers=" "$(grep -l '^PrivateUsers=' "$dir"/*)"
for unit in "$dir"/chancery-{signd,frontd,driver@main}.service; do
  like "$(cat "$unit")" '^WatchdogSec=[1-9]' "${unit##*/} is watched"
  like "$(cat "$unit")" '^RestartPreventExitStatus=.*78' "${unit##*/} is not started anew over a wrong configuration"
done
tap_done
