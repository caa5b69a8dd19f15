#!/usr/bin/env bash
# The package on a Debian host of its own: built, installed, set up as the manual says, used, hurt, rebooted, upgraded
# and purged. Real systemd, real units, real users.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
[ "$(id -u)" = 0 ] || tap_skip_all "only root can boot a container; this is uid $(id -u)"
for program in debootstrap systemd-nspawn dpkg-buildpackage dh; do
  command -v "$program" >/dev/null || tap_skip_all "$program is missing: scripts/packages --install system"
done
# shellcheck source=tests/system/host.sh
. "$(dirname "$0")/host.sh"

# --- built: CHANCERY_DEBS may name a folder with both packages
debs=${CHANCERY_DEBS:-$host_dir/debs}
if [ ! -d "$debs" ]; then
  make -s -C "$CHANCERY_BUILD" dist >"$host_dir/dist.log" 2>&1 || host_die "make dist failed"
  tarball=$(find "$CHANCERY_BUILD" -maxdepth 1 -name 'chancery-*.tar.xz' | head -n 1)
  "$CHANCERY_SOURCE/scripts/packaging/build-deb" "$tarball" "$debs" 0.1.1-1 >"$host_dir/deb.log" 2>&1 ||
    host_die "the package could not be built"
fi
old=$(find "$debs" -name 'chancery_0.1.0-*.deb')
new=$(find "$debs" -name 'chancery_0.1.1-*.deb')
[ -n "$old" ] && [ -n "$new" ] || host_die "no packages in $debs"
pass "two versions of the package are built"

host_make || host_die "no Debian root file system"
mkdir "$host_root/debs"
cp "$old" "$host_root/debs/old.deb"
cp "$new" "$host_root/debs/new.deb"

# --- installed
host_boot || host_die "the host did not boot"
pass "the host boots"
succeeds "the package installs" inside env DEBIAN_FRONTEND=noninteractive dpkg -i /debs/old.deb
is "$(inside systemctl is-active chancery.target chancery-signd chancery-frontd | sort -u)" inactive "an installation starts nothing"
for user in chancery chancery-signd chancery-drv-main; do succeeds "user $user is there" inside id "$user"; done
is "$(inside stat -c '%U:%G %a' /etc/chancery/signd.conf)" "root:chancery-signd 640" "signd.conf is for the signer alone"
is "$(inside stat -c '%U:%G %a' /etc/chancery/driver-main.conf)" "root:chancery-drv-main 640" "driver-main.conf is for the driver alone"

# --- set up as chancery-signd(8) says: a token, its PIN as an encrypted credential, one ledger id, the ledger
cat >"$host_root/setup" <<'SETUP'
set -eu
driver() { setpriv --reuid=chancery-drv-main --regid=chancery-drv-main --clear-groups "$@"; }
home=/var/lib/chancery-driver/main
driver mkdir -m 0700 "$home/tokens"
printf 'directories.tokendir = %s/tokens\nobjectstore.backend = file\nlog.level = ERROR\n' "$home" >/etc/chancery/softhsm2.conf
pin=$(od -An -N8 -tx1 /dev/urandom | tr -d ' \n')
driver env SOFTHSM2_CONF=/etc/chancery/softhsm2.conf softhsm2-util --init-token --free --label chancery --so-pin "so$pin" --pin "$pin"
mkdir -p -m 0700 /etc/credstore.encrypted
printf %s "$pin" | systemd-creds encrypt --with-key=host --name=pin-main - /etc/credstore.encrypted/pin-main
id=$(chancery-signd --new-id)
sed -i "s/^ledger_id = .*/ledger_id = \"$id\";/; s/^allow_roots = .*/allow_roots = true;/" /etc/chancery/signd.conf
sed -i "s/^ledger_id = .*/ledger_id = \"$id\";/; s/^pin_file/# &/; s/^# \(pin_credential\)/\1/
  s,^# \(environment = \),\1," /etc/chancery/driver-main.conf
chancery-signd --check
chancery-frontd --check
systemctl start chancery-driver@main.service
setpriv --reuid=chancery-signd --regid=chancery-signd --init-groups chancery-signd --init
systemd-tmpfiles --create chancery.conf
systemctl enable chancery.target chancery-driver@main.service chancery-signd.service chancery-frontd.service
systemctl start chancery.target
SETUP
succeeds "it is set up" inside sh /setup

ready() {
  [ "$(inside chancery --json status 2>/dev/null | jq -r '.signer.drivers[0].state' 2>/dev/null)" = ready ] &&
    [ "$(state)" = "active active active" ]
}
state() { inside systemctl is-active chancery-driver@main chancery-signd chancery-frontd | xargs; }
up() { # WHAT
  if stack_until 300 ready; then pass "$1"; else fail "$1" "$(
    inside systemctl --no-pager status 'chancery*' 2>&1
    inside journalctl -b --no-pager -n 40 -u 'chancery*' 2>&1
  )"; fi
}
up "driver, signer and front-end are up"
unit() { inside systemctl show -P "$2" "$1"; } # UNIT PROPERTY
is "$(unit chancery-signd User) $(unit chancery-signd Type) $(unit chancery-signd StatusErrno)" "chancery-signd notify 0" "the signer says that it is ready"
is "$(unit chancery.target ActiveState)" active "the target stands for them"

# --- the tour: root, policy, issuing, leaf
cat >"$host_root/tour" <<'TOUR'
set -eu
cd /root
chancery issuer create house --mode tree
chancery ca create --issuer house --name root --cn "House Root CA" --path-len 2
chancery ca create --issuer house --parent root --name policy --cn "House Policy CA" --path-len 1
chancery ca create --issuer house --parent policy --name issuing --cn "House Issuing CA" --path-len 0 --algorithm ECDSA-P256
TOUR
cat >"$host_root/leaf" <<'LEAF'
set -eu
cd /root
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -out "$1.csr" -subj "/CN=$1.example.com" \
  -addext "subjectAltName=DNS:$1.example.com" 2>/dev/null
chancery cert issue --ca issuing --profile server --csr "$1.csr" --ttl 30d --out "$1.crt" --chain "$1.chain" --root "$1.root"
openssl verify -x509_strict -CAfile "$1.root" -untrusted "$1.chain" "$1.crt"
LEAF
succeeds "root, policy and issuing CA are made" inside sh /tour
succeeds "a leaf is issued and verified by openssl" inside sh /leaf one

# --- CRLs for a server that reads them from a file; one of systemd's own stands in for it
cat >"$host_root/server" <<'SERVER'
set -eu
printf '[Service]\nExecStart=sleep infinity\nExecReload=sh -c "cp /var/lib/chancery-crl/crls.pem /run/server.crls"\n' >/etc/systemd/system/server.service
mkdir -p /etc/systemd/system/chancery-crl.service.d
printf '[Unit]\nBefore=server.service\n[Service]\nEnvironment=SERVERS=server.service\n' >/etc/systemd/system/chancery-crl.service.d/server.conf
systemctl daemon-reload
systemctl start server.service
systemctl enable --now chancery-crl.path chancery-crl.service
SERVER
succeeds "the units for published CRLs are enabled, for a server of one's own" inside sh /server
listed() { inside sh -c 'csplit -s -z -f /run/crl- /run/server.crls "/BEGIN/" "{*}" && for crl in /run/crl-*; do openssl crl -in $crl -noout -text; done; rm /run/crl-*' 2>/dev/null | grep -ci "serial number: $1"; }
revoked=$(inside sh -c 'openssl x509 -in /root/one.crt -noout -serial | cut -d= -f2')
on_list() { [ "$(listed "$revoked")" = 1 ]; }
succeeds "a certificate is revoked" inside chancery cert revoke --ca issuing "$revoked" --reason superseded
if stack_until 400 on_list; then pass "the server has read a CRL that lists it"; else
  fail "the server has read a CRL that lists it" "$(inside journalctl -b --no-pager -n 40 -u 'chancery-crl*' 2>&1)"
fi
is "$(inside stat -c '%U %a' /var/lib/chancery-crl /var/lib/chancery-crl/crls.pem | xargs)" "chancery 755 chancery 644" "  from a file that the front-end's user has made"
is "$(unit chancery-crl.service Result) $(unit chancery-crl.path ActiveState) $(unit chancery-crl.timer ActiveState)" "success active active" "  and the units go on looking"

# --- killed
restarted() { # UNIT PID: it has another one
  local now
  now=$(unit "$1" MainPID)
  [ "$now" != "$2" ] && [ "$now" != 0 ] && [ "$(unit "$1" ActiveState)" = active ]
}
for service in chancery-driver@main chancery-signd chancery-frontd; do
  was=$(unit "$service" MainPID)
  inside sh -c "kill -9 $was"
  if stack_until 200 restarted "$service" "$was"; then pass "$service is back after kill -9"; else fail "$service is back after kill -9" "$(inside systemctl --no-pager status "$service")"; fi
  up "all is up again"
  succeeds "a leaf after $service was killed" inside sh /leaf "after-${service%%@*}"
done
nothing "the PIN is locked in memory" "$(inside journalctl -b --no-pager -u 'chancery-driver@main' | grep secret_not_locked)"
like "$(inside journalctl -b --no-pager -u chancery-signd)" 'status=9/KILL' "the journal has the signer's end"

# --- hung: a daemon that says nothing any more is ended by the watchdog, and started anew
is "$(unit chancery-signd WatchdogUSec) $(unit chancery-frontd WatchdogUSec)" "1min 3min" "the signer and the front-end are watched"
inside sh -c 'mkdir -p /run/systemd/system/chancery-signd.service.d && printf "[Service]\nWatchdogSec=12\n" >/run/systemd/system/chancery-signd.service.d/watch.conf && systemctl daemon-reload && systemctl restart chancery-signd'
up "a signer with a short watchdog is up"
was=$(unit chancery-signd MainPID)
sleep 37
is "$(unit chancery-signd MainPID)" "$was" "three times that long it is left alone"
inside sh -c "kill -STOP $was"
if stack_until 300 restarted chancery-signd "$was"; then pass "a signer that hangs is started anew"; else fail "a signer that hangs is started anew" "$(inside systemctl --no-pager status chancery-signd)"; fi
like "$(inside journalctl -b --no-pager -u chancery-signd)" "[Ww]atchdog" "and the journal says why"
inside sh -c 'rm -r /run/systemd/system/chancery-signd.service.d && systemctl daemon-reload && systemctl restart chancery-signd'
up "the signer is watched as before"

# --- what restarts must not repair
inside sh -c 'cp -p /etc/chancery/signd.conf /root/signd.conf && echo "nonsense = 1;" >>/etc/chancery/signd.conf && systemctl restart chancery-signd' >/dev/null 2>&1
failed() { [ "$(unit "$1" ActiveState)" = failed ]; }
stack_until 100 failed chancery-signd
sleep 3 # the front-end keeps knocking
is "$(unit chancery-signd ActiveState) $(unit chancery-signd ExecMainStatus)" "failed 78" "a wrong configuration ends the signer for good"
inside sh -c 'cp -p /root/signd.conf /etc/chancery/signd.conf && systemctl reset-failed chancery-signd && systemctl start chancery-signd'
up "put right, it starts"
is "$(inside systemctl is-active chancery-signd.socket)" active "and its socket is open again"

# --- a PIN that is refused is tried once, and nothing starts the driver again before an operator has looked
cat >"$host_root/wrong" <<'WRONG'
set -eu
cp -p /etc/credstore.encrypted/pin-main /root/pin-main
printf 00000000 | systemd-creds encrypt --with-key=host --name=pin-main - /etc/credstore.encrypted/pin-main.new
mv /etc/credstore.encrypted/pin-main.new /etc/credstore.encrypted/pin-main
systemctl restart chancery-driver@main.service
WRONG
inside sh /wrong >/dev/null 2>&1
stack_until 100 failed chancery-driver@main
is "$(unit chancery-driver@main ActiveState) $(unit chancery-driver@main ExecMainStatus)" "failed 77" "a refused PIN ends the driver for good"
inside sh -c 'mv /root/pin-main /etc/credstore.encrypted/pin-main
  setpriv --reuid=chancery-drv-main --regid=chancery-drv-main --clear-groups \
    chancery-driver-pkcs11 --config /etc/chancery/driver-main.conf --resume main
  systemctl reset-failed chancery-driver@main; systemctl start chancery-driver@main' >"$host_dir/resume.log" 2>&1
up "resumed with the right PIN, it serves again"

# --- stopped and started
cat >"$host_root/load" <<'LOAD'
cd /root
openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout l.key -out l.csr -subj /CN=l.example.com -addext subjectAltName=DNS:l.example.com 2>/dev/null
: >answered
while [ ! -e enough ]; do
  chancery --json cert issue --ca issuing --profile server --csr l.csr 2>>refused | jq -r '.fingerprint // empty' >>answered
  [ -S /run/chancery/api.sock ] && [ "$(systemctl is-active chancery-frontd)" = active ] || sleep 0.2
done
LOAD
inside sh /load &
load=$!
some() { [ "$(inside sh -c 'wc -l </root/answered' 2>/dev/null || echo 0)" -gt "$1" ]; }
stack_until 100 some 10
inside systemctl stop chancery.target
quiet() { [ "$(inside systemctl is-active chancery-driver@main chancery-signd chancery-frontd chancery-frontd.socket | sort -u)" = inactive ]; }
stack_until 100 quiet
is "$(inside systemctl is-active chancery-driver@main chancery-signd chancery-frontd chancery-frontd.socket | sort -u)" inactive "the target stops all of it, the sockets too"
for service in chancery-driver@main chancery-signd chancery-frontd; do
  is "$(unit $service Result) $(unit $service ExecMainStatus)" "success 0" "$service ended by itself"
done
inside systemctl start chancery-frontd.socket chancery-frontd-pki.socket chancery-signd.socket chancery-driver@main.socket chancery-driver@main chancery.target
up "and it starts again"
was=$(inside sh -c 'wc -l </root/answered')
stack_until 100 some $((was + 10))
inside touch /root/enough
wait "$load"
lost() { inside sh -c 'for one in $(cat /root/answered); do chancery cert show "$one" >/dev/null 2>&1 || echo "$one"; done'; }
nothing "no certificate that a caller was told of is lost by the stop" "$(lost)"

# --- rebooted, in order and not
leaves() { inside sqlite3 -readonly /var/lib/chancery/db/chancery.db 'select count(*) from certificate'; }
was=$(leaves)
like "$was" '^[1-9][0-9]+$' "there are certificates to lose"
host_off || fail "the host ends"
host_boot || host_die "the host did not boot again"
up "after a reboot all of it is up by itself"
is "$(leaves)" "$was" "the reboot lost no certificate"
succeeds "a leaf after the reboot" inside sh /leaf rebooted
nothing "what was told before is there" "$(lost)"
host_cut
host_boot || host_die "the host did not boot after the power was cut"
up "after a power cut all of it is up by itself"
is "$(leaves)" $((was + 1)) "the power cut lost no certificate"
succeeds "a leaf after the power cut" inside sh /leaf cut
succeeds "the ledger is whole" inside chancery audit verify /var/lib/chancery-signd/ledger
nothing "the journal of this boot has no error of ours" "$(inside journalctl -b --no-pager -p err -u 'chancery*' -o cat | grep -v '^SoftHSM')"

# --- upgraded: data and configuration stay, what runs runs anew
was=$(unit chancery-signd MainPID)
before=$(leaves)
conf=$(inside cat /etc/chancery/signd.conf)
succeeds "the package is upgraded" inside env DEBIAN_FRONTEND=noninteractive dpkg -i /debs/new.deb
is "$(inside dpkg-query -W -f '${Version}' chancery)" 0.1.1-1 "it is the newer one"
up "after the upgrade all of it is up"
if restarted chancery-signd "$was"; then pass "the signer runs anew"; else fail "the signer runs anew"; fi
is "$(inside cat /etc/chancery/signd.conf)" "$conf" "signd.conf is as the administrator left it"
is "$(inside stat -c '%U:%G %a' /etc/chancery/signd.conf)" "root:chancery-signd 640" "and still for the signer alone"
is "$(leaves)" "$before" "every certificate is there"
succeeds "a leaf after the upgrade" inside sh /leaf upgraded

# --- a database of a version to come
inside systemctl stop chancery-frontd.service chancery-frontd.socket chancery-frontd-pki.socket
version=$(inside sqlite3 /var/lib/chancery/db/chancery.db 'pragma user_version')
succeeds "--migrate finds nothing left to do" inside setpriv --reuid=chancery --regid=chancery --init-groups chancery-frontd --migrate
inside sqlite3 /var/lib/chancery/db/chancery.db 'pragma user_version = 9999'
like "$(inside setpriv --reuid=chancery --regid=chancery --init-groups chancery-frontd --migrate 2>&1)" \
  'schema is version 9999 and this program knows up to .*install the newer' "a downgrade is refused with a sentence"
inside systemctl start chancery-frontd.service >/dev/null 2>&1
stack_until 100 failed chancery-frontd
is "$(unit chancery-frontd ActiveState) $(unit chancery-frontd ExecMainStatus)" "failed 78" "and ends the front-end for good"
inside systemctl reset-failed chancery-frontd.service
inside sqlite3 /var/lib/chancery/db/chancery.db "pragma user_version = $version"
inside chown -R chancery:chancery /var/lib/chancery/db
inside systemctl start chancery-frontd.socket chancery-frontd-pki.socket chancery-frontd.service
up "put back, the front-end starts"

# --- purged
succeeds "the package is purged" inside env DEBIAN_FRONTEND=noninteractive dpkg --purge chancery
is "$(inside sh -c 'cat /proc/[0-9]*/comm | grep -c "^chancery"')" 0 "no daemon is left"
refuses "no unit is left" inside sh -c 'ls /lib/systemd/system/chancery* /etc/systemd/system/*/chancery* 2>/dev/null | grep .'
succeeds "the ledger outlives the package" inside sh -c 'ls /var/lib/chancery-signd/ledger/* >/dev/null'
succeeds "and so does the database" inside test -s /var/lib/chancery/db/chancery.db
succeeds "it is installed again over what was kept" inside env DEBIAN_FRONTEND=noninteractive dpkg -i /debs/new.deb
inside sh -c 'touch /etc/chancery/purge-state'
succeeds "purged with the administrator's word" inside env DEBIAN_FRONTEND=noninteractive dpkg --purge chancery
is "$(inside sh -c 'ls -d /var/lib/chancery* /etc/chancery 2>/dev/null | xargs')" '' "nothing is left"
tap_done
