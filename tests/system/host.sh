# A Debian 12 of one's own, booted with its systemd in a container that stands in for the host: `. host.sh`, then
# host_make, host_boot, inside COMMAND..., host_off. Root only.
# shellcheck shell=bash
# shellcheck source=tests/tap.sh
. "$(dirname "${BASH_SOURCE[0]}")/../tap.sh"
# shellcheck source=scripts/stack.sh
. "$CHANCERY_SOURCE/scripts/stack.sh" # for stack_until

# Made once and kept between runs: two minutes of downloading.
host_cache=${CHANCERY_SYSTEM_CACHE:-/var/cache/chancery-system}
host_needs='softhsm2 openssl jq sqlite3 libconfig9 libp11-3 libp11-kit0 libmicrohttpd12 libjansson4 libcurl4 libsqlite3-0'
host_dir=$(mktemp -d "${TMPDIR:-/tmp}/ch.XXXXXX")
host_root=$host_dir/root
host_pid='' host_leader=''
trap host_end EXIT
trap 'exit 1' HUP INT TERM

host_end() {
  host_cut
  [ -n "${CHANCERY_KEEP:-}" ] || rm -rf --one-file-system "$host_dir"
}
host_die() {
  diag "$*"
  tail -n 30 "$host_dir"/*.log >&2
  fail "$*"
  exit 1
}

host_cached() {
  local base=$host_cache/bookworm
  mkdir -p "$host_cache"
  exec 9>"$host_cache/lock"
  flock 9
  if [ ! -e "$host_cache/made-2" ]; then
    if [ ! -x "$base/usr/bin/systemctl" ]; then
      rm -rf --one-file-system "$base"
      debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus bookworm "$base" \
        "${CHANCERY_SYSTEM_MIRROR:-http://deb.debian.org/debian}" || return 1
    fi
    # shellcheck disable=SC2086 # words
    chroot "$base" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $host_needs || return 1
    : >"$host_cache/made-2"
  fi
  exec 9>&-
}
host_make() {
  host_cached >"$host_dir/cache.log" 2>&1 9>&- || return 1
  cp -a "$host_cache/bookworm" "$host_root"
  rm -f "$host_root/etc/machine-id"
  # A journal that a reboot keeps.
  mkdir -p "$host_root/var/log/journal"
}

# As root inside, with nothing of this side's environment.
inside() { # COMMAND...
  nsenter -a -t "$host_leader" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 TZ=UTC "$@" </dev/null
}
inside_sh() { inside sh -c "$1"; } # SCRIPT

host_led() {
  host_leader=$(pgrep -P "$host_pid" | head -n 1)
  [ -n "$host_leader" ] && [ "$(cat "/proc/$host_leader/comm" 2>/dev/null)" = systemd ]
}
host_up() { case $(inside systemctl is-system-running 2>/dev/null) in running | degraded) ;; *) false ;; esac }
host_gone() { ! kill -0 "$host_pid" 2>/dev/null; }

host_boot() {
  # What the daemons give up by themselves, they must be allowed to give up.
  systemd-nspawn --quiet --register=no --keep-unit --private-network --boot -D "$host_root" --machine="ch$$" \
    --link-journal=no --console=pipe --system-call-filter='@memlock landlock_create_ruleset landlock_add_rule landlock_restrict_self' \
    </dev/null >>"$host_dir/console.log" 2>&1 &
  host_pid=$!
  stack_until 120 host_led && stack_until 180 host_up
}
host_off() {
  inside systemctl poweroff --no-block
  stack_until 180 host_gone || return 1
  wait "$host_pid"
  host_pid=''
}
# The plug is pulled.
host_cut() {
  [ -n "$host_pid" ] || return 0
  [ -z "$host_leader" ] || kill -9 "$host_leader" 2>/dev/null
  stack_until 60 host_gone || kill -9 "$host_pid"
  wait "$host_pid" 2>/dev/null
  host_pid=''
}
