#!/usr/bin/env bash
# What each daemon gave up: seen from outside in /proc, tried from outside as
# the daemon's own user, and tried from within by a program that takes on the
# signer's rights. Each daemon runs as a user of its own.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
[ "$(id -u)" = 0 ] || tap_skip_all "only root can run the daemons as users of their own; this is uid $(id -u)"
probe=$CHANCERY_BUILD/tests/boundary/jail_probe
# Users that every Debian has and nobody logs in as.
STACK_FRONT=games STACK_SIGN=news STACK_DRIVER=mail
as() { # USER COMMAND...
  local user=$1
  shift
  setpriv --reuid="$user" --regid="$user" --clear-groups --no-new-privs "$@"
}
for user in $STACK_FRONT $STACK_SIGN $STACK_DRIVER; do
  as "$user" true 2>/dev/null || tap_skip_all "there is no user $user"
  as "$user" test -x "$probe" || tap_skip_all "user $user can't reach $CHANCERY_BUILD"
done
e2e_up

user_of() {
  case $1 in frontd) echo $STACK_FRONT ;; signd) echo $STACK_SIGN ;; driver) echo $STACK_DRIVER ;; esac
}
status_of() { awk -v field="$2:" '$1 == field { print $2 }' "/proc/$(pid_of "$1")/status"; }
limit_of() { sed -n "s/^$2  *\([^ ]*\)  *\([^ ]*\) .*/\1 \2/p" "/proc/$(pid_of "$1")/limits"; }

# Something to do first, so that all of what follows is true of daemons at work.
hierarchy_make jail ECDSA-P384 ECDSA-P256 ECDSA-P256
csr_make "$work/leaf" ec:P-256 DNS:www.example.com
issue "$issuing" "$work/leaf.csr" server
answers 201 "in their jails, as users of their own, the daemons issue a certificate"

for daemon in frontd signd driver; do
  user=$(user_of $daemon)
  is "$(status_of $daemon Uid)" "$(id -u "$user")" "$daemon runs as its own user"
  is "$(status_of $daemon NoNewPrivs)" 1 "$daemon: no new privileges"
  is "$(status_of $daemon CapEff)" 0000000000000000 "$daemon: no capability"
  is "$(limit_of $daemon 'Max core file size')" "0 0" "$daemon: no core"
  while read -r what said; do
    like "$said" '^(EPERM|EACCES)$' "$daemon: its own user's $what is denied"
  done < <(as "$user" "$probe" attach "$(pid_of $daemon)")
done
(exec setpriv --reuid="$STACK_SIGN" --regid="$STACK_SIGN" --clear-groups sleep 600) &
free=$!
# shellcheck disable=SC2317 # stack_until calls it
is_asleep() { [ "$(cat "/proc/$free/comm")" = sleep ]; }
stack_until 60 is_asleep
like "$(as "$STACK_SIGN" "$probe" attach "$free")" '^maps done' "a process of the same user without a jail is open to it"
kill -KILL "$free" # PTRACE_ATTACH left it stopped
wait "$free" 2>/dev/null

is "$(limit_of frontd 'Max open files')" "4096 4096" "frontd: 4096 files"
is "$(limit_of signd 'Max open files')" "256 256" "signd: 256 files"

if ! sanitized; then
  for task in "/proc/$(pid_of signd)/task"/*; do awk '$1 == "Seccomp:" { print $2 }' "$task/status"; done | sort -u >"$work/modes"
  is "$(cat "$work/modes")" 2 "signd: every thread under a filter"
  is "$(limit_of signd 'Max processes')" "0 0" "signd: no process more"
  resident=$(status_of signd VmRSS)
  if [ "$resident" -le $((12 * 1024)) ]; then
    pass "signd: $resident KiB resident, at most 12 MiB"
  else
    fail "signd: at most 12 MiB resident" "$resident KiB"
  fi
fi

# From within. The probe's own folder and a foreign one, both open to its user.
own=$STACK_DIR/own foreign=$STACK_DIR/foreign
mkdir "$own" "$foreign"
chown "$STACK_SIGN:$STACK_SIGN" "$own" "$foreign"
echo text >"$foreign/readable"
chmod 644 "$foreign/readable"
as "$STACK_SIGN" test -r "$foreign/readable" || fail "the foreign file is readable without a jail"
try() { # ATTEMPT: what came of it
  local said status
  # In a shell of its own, which tells of the death instead of this one.
  said=$(as "$STACK_SIGN" "$probe" try "$own" "$foreign" "$1" 2>"$work/probe.log")
  status=$?
  if [ $status -gt 128 ]; then echo "killed by $(kill -l $((status - 128)))"; else echo "${said:-status $status}"; fi
} 2>/dev/null
comes_to() { is "$(try "$1")" "$2" "within: $3"; } # ATTEMPT WANTED WHAT

if sanitized; then
  skip "from within" "a sanitizer needs what the filter forbids"
  tap_done
fi
comes_to own-write 'done' "a file in its own folder"
comes_to own-rename 'done' "renamed there"
comes_to unix 'done' "a Unix socket"
comes_to memory 'done' "memory"
if grep -q landlock_missing "$work/probe.log"; then
  skip "within: foreign files" "this kernel has no Landlock ($(sed -n 's/.*why="\([^"]*\)".*/\1/p' "$work/probe.log"))"
else
  comes_to foreign-read EACCES "no foreign file is read"
  comes_to foreign-write EACCES "none is made"
  comes_to foreign-list EACCES "no foreign folder is listed"
  comes_to passwd EACCES "nor is /etc/passwd read"
  comes_to up-and-over EACCES "no way around by its own folder's .."
fi
comes_to inet "killed by SYS" "no IPv4 socket"
comes_to inet6 "killed by SYS" "no IPv6 socket"
comes_to netlink "killed by SYS" "no netlink socket"
comes_to execve "killed by SYS" "no program"
comes_to fork "killed by SYS" "no fork"
comes_to vfork "killed by SYS" "no vfork"
comes_to thread EPERM "no thread"
comes_to ptrace "killed by SYS" "no ptrace"
comes_to code "killed by SYS" "no memory that is code"
comes_to code-later "killed by SYS" "no memory that becomes code"
comes_to setuid "killed by SYS" "no other user"
comes_to kill EPERM "no signal to another process"
comes_to kill-thread EPERM "nor to another's thread"
comes_to socketpair EPERM "nothing that isn't listed: socketpair"
comes_to unlisted EPERM "nothing that isn't listed: sysinfo"
comes_to time-set EPERM "nothing that isn't listed: the clock"
comes_to abort "killed by ABRT" "abort() still ends as it should"

# The daemons themselves: a link out of their folders leads nowhere, though their users may read what it names.
if grep -q landlock_missing "$STACK_DIR"/log/*.log; then
  skip "the daemons' own folders" "this kernel has no Landlock"
  tap_done
fi
stack_stop
start_alone() { # USER PROGRAM CONFIG: it must fail by itself; what it said
  as "$1" timeout 100 "$STACK_BIN/$2" --config "$3" 2>&1 </dev/null
}
mv "$STACK_DIR/signer/ledger" "$foreign/ledger"
ln -s "$foreign/ledger" "$STACK_DIR/signer/ledger"
like "$(start_alone $STACK_SIGN chancery-signd "$STACK_DIR/conf/signd.conf")" 'ledger.*Permission denied' \
  "signd does not follow a link out of its state folder"
rm "$STACK_DIR/signer/ledger"
mv "$foreign/ledger" "$STACK_DIR/signer/ledger"
mv "$STACK_DIR/conf/profiles/server.conf" "$STACK_DIR/foreign/server.conf"
ln -s "$STACK_DIR/foreign/server.conf" "$STACK_DIR/conf/profiles/server.conf"
like "$(start_alone $STACK_FRONT chancery-frontd "$STACK_DIR/conf/frontd.conf")" 'server.conf.*Permission denied' \
  "frontd does not follow a link out of its profiles"
rm "$STACK_DIR/conf/profiles/server.conf"
mv "$STACK_DIR/foreign/server.conf" "$STACK_DIR/conf/profiles/server.conf"

# The driver only where its configuration says so; what SoftHSM needs is known.
cat >>"$STACK_DIR/conf/driver-main.conf" <<-CONF
	landlock = true;
CONF
stack_start || e2e_die "the stack is not ready with the driver's files limited"
cp "$work/leaf.csr" "$work/again.csr"
issue "$issuing" "$work/again.csr" server
answers 201 "with landlock = true SoftHSM signs: its tokens lie in the driver's state folder"
stack_stop
mv "$STACK_DIR/token/softhsm2.conf" "$STACK_DIR/foreign/softhsm2.conf"
chmod 644 "$STACK_DIR/foreign/softhsm2.conf"
sed -i "s,SOFTHSM2_CONF = .*,SOFTHSM2_CONF = \"$STACK_DIR/foreign/softhsm2.conf\"; };," "$STACK_DIR/conf/driver-main.conf"
# It goes on trying, so it is ended when it has said so.
(stack_exec "$STACK_DRIVER" "$STACK_BIN/chancery-driver-pkcs11" --config "$STACK_DIR/conf/driver-main.conf") >"$work/alone" 2>&1 </dev/null &
alone=$!
stack_until 100 grep -q 'module_failed .*call=C_Initialize' "$work/alone"
kill "$alone"
wait "$alone"
like "$(cat "$work/alone")" 'module_failed .*call=C_Initialize' "a module whose files are not named can't be used"
echo "read_paths = [ \"$STACK_DIR/foreign\" ];" >>"$STACK_DIR/conf/driver-main.conf"
stack_start || e2e_die "the stack is not ready with the module's folder named"
pass "with its folder in read_paths it can"
tap_done
