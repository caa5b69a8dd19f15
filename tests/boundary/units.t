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
# A module is the vendor's: each runs as a user of its own, and what ends for a reason that another start can't change
# (the PIN was refused) isn't started again, by nobody; anything else is, for as long as it takes.
driver=$(cat "$dir/chancery-driver@main.service")
like "$driver" '^User=chancery-drv-%i$' "each driver has a user of its own"
like "$driver" '^RestartPreventExitStatus=(.* )?77( |$)' "a driver whose PIN was refused is not started again"
like "$driver" '^ExecStopPost=.*77.*stop chancery-driver@%i\.socket' "nor by whoever connects to its socket"
like "$driver" '^Restart=always$' "a driver that ended otherwise is"
like "$driver" '^StartLimitIntervalSec=0$' "as often as it takes"
like "$driver" '^RestartSec=[1-9]' "after a pause"
like "$driver" '^LoadCredentialEncrypted=pin-%i$' "its PIN comes encrypted from the service manager"
nothing "and never by the environment or an argument" "$(grep -E '^(Environment|ExecStart)=.*[Pp][Ii][Nn]' <<<"$driver")"
# @system-service of systemd 252 has none of these.
for unit in "$dir"/chancery-{signd,frontd,driver@main}.service; do
  allowed=$(sed -n 's/^SystemCallFilter=\([^~]\)/\1/p' "$unit" | tr '\n' ' ')
  for call in seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self; do
    like "$allowed" "(^| )$call( |\$)" "${unit##*/} names $call"
  done
done
for unit in "$dir"/chancery-{signd,frontd,driver@main}.service; do
  like "$(cat "$unit")" '^WatchdogSec=[1-9]' "${unit##*/} is watched"
  like "$(cat "$unit")" '^RestartPreventExitStatus=.*78' "${unit##*/} is not started anew over a wrong configuration"
done
tap_done
