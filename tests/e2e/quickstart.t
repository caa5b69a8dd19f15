#!/usr/bin/env bash
# scripts/quickstart as a newcomer runs it: once, again, after kills, and the
# end; as root also who owns what afterwards. With --slow from a fresh clone.
set -u
# shellcheck source=tests/tap.sh
. "$(dirname "$0")/../tap.sh"
! sanitized || tap_skip_all "it builds its own programs, without sanitizers"
dir=$(mktemp -d /tmp/ch.XXXXXX)
chmod 755 "$dir"
tree=$CHANCERY_SOURCE
if [ -n "${CHANCERY_SLOW:-}" ]; then
  tree=$dir/clone
  succeeds "git clone" git clone -q "$CHANCERY_SOURCE" "$tree"
fi
run=$dir/run
finish() {
  "$tree/scripts/quickstart" --dir "$run" --stop >/dev/null 2>&1
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

quickstart() { said=$("$tree/scripts/quickstart" --dir "$run" "$@" 2>&1 </dev/null); }
succeeds_quickstart() { # WHAT OPTIONS...
  local what=$1
  shift
  if quickstart "$@"; then pass "$what"; else
    fail "$what" "$said"
    tap_done
  fi
}
until_ready() {
  local i
  for ((i = 0; i < 2400; i++)); do
    [ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket "$run/pki.sock" http://localhost/readyz)" = 200 ] && return 0
    sleep 0.05
  done
  return 1
}
chancery() { (. "$run/env" && command chancery "$@"); }

succeeds_quickstart "from nothing to a certificate"
is "$(wc -l <<<"$said" | awk '{ print ($1 >= 8 && $1 <= 18) }')" 1 "it says what it did in a dozen lines or so"
like "$said" 'openssl verify' "it says how it verified"
like "$said" 'walls|own user' "it says what the users mean for the walls"
succeeds "openssl verify agrees" openssl verify -x509_strict -CAfile "$run/example/root.pem" \
  -untrusted "$run/example/chain.pem" "$run/example/server.crt"
for line in $(sed -n 's/^export \(CHANCERY_[A-Z_]*\)=.*/\1/p' "$run/env"); do pass "env exports $line"; done
succeeds "the env that it wrote is all that chancery needs" chancery ca tree
is "$(chancery --json ca list | jq '.data | length')" 3 "three CAs"
is "$(chancery --json issuer list | jq '.data | length')" 1 "one issuer"

before=$(chancery --json ca list | jq -S .)
certificate=$(cat "$run/example/server.crt")
pids=$(cat "$run"/pid/* | sort)
built=$(find "$run/build" -type f -newer "$run/env" | sort)
succeeds_quickstart "a second run"
is "$(find "$run/build" -type f -newer "$run/env" | sort)" "$built" "builds nothing"
is "$(cat "$run"/pid/* | sort)" "$pids" "leaves the daemons alone"
is "$(chancery --json ca list | jq -S .)" "$before" "makes no new CA"
is "$(cat "$run/example/server.crt")" "$certificate" "issues nothing new"

for daemon in driver signd frontd; do
  victim=$(cat "$run/pid/$daemon")
  kill -KILL "$victim"
  succeeds "killed, $daemon comes back" until_ready
done
until_ready
succeeds "and the CAs are there" chancery ca tree

# The supervisor itself killed: what it left is found and ended.
kill -KILL "$(cat "$run/supervisor.pid")"
succeeds_quickstart "a run after the supervisor was killed"
succeeds "is ready" until_ready

owner_is() { # PATH OWNER:GROUP MODE
  is "$(stat -c '%U:%G %a' "$run/$1")" "$2 $3" "$1 belongs to $2, mode $3"
}
if [ "$(id -u)" = 0 ] && id chancery-drv-main >/dev/null 2>&1; then
  owner_is token chancery-drv-main:chancery-drv-main 700
  owner_is token/pin chancery-drv-main:chancery-drv-main 600
  owner_is signer chancery-signd:chancery-signd 700
  owner_is db chancery:chancery 700
  owner_is conf/signd.conf root:chancery-signd 640
  owner_is conf/frontd.conf root:chancery 640
  owner_is conf/driver-main.conf root:chancery-drv-main 640
  owner_is sign chancery-signd:chancery 2750
  owner_is sign/sign.sock chancery-signd:chancery 660
  owner_is driver chancery-drv-main:chancery-signd 2750
  owner_is driver/main.sock chancery-drv-main:chancery-signd 660
  owner_is anchors root:root 755
  for pair in driver:chancery-drv-main signd:chancery-signd frontd:chancery; do
    is "$(stat -c %U "/proc/$(cat "$run/pid/${pair%:*}")/stat" | grep -c .)" 1 "${pair%:*} is there"
    is "$(awk '/^Uid:/ { print $2, $3, $4, $5 }' "/proc/$(cat "$run/pid/${pair%:*}")/status" | tr ' ' '\n' | sort -u)" \
      "$(id -u "${pair#*:}")" "${pair%:*} runs as ${pair#*:} in every respect"
    is "$(awk '/^(CapEff|CapPrm):/ { print $2 }' "/proc/$(cat "$run/pid/${pair%:*}")/status" | sort -u)" 0000000000000000 \
      "${pair%:*} has no capability"
  done
  as() { setpriv --reuid="$1" --regid="$1" --init-groups "${@:2}"; }
  refuses "the front-end's user can't read the PIN" as chancery cat "$run/token/pin"
  refuses "the front-end's user can't read signd.conf" as chancery cat "$run/conf/signd.conf"
  refuses "the front-end's user can't list the ledger" as chancery ls "$run/signer/ledger"
  refuses "the front-end's user can't list the driver's sockets" as chancery ls "$run/driver"
  refuses "the signer's user can't read the PIN" as chancery-signd cat "$run/token/pin"
  refuses "the signer's user can't read the database" as chancery-signd ls "$run/db"
  refuses "the driver's user can't read the ledger" as chancery-drv-main ls "$run/signer"
  refuses "the driver's user can't reach sign.sock" as chancery-drv-main ls "$run/sign"
else
  skip "who owns what" "separate users need root; this is uid $(id -u)"
fi

succeeds_quickstart "--stop" --stop
is "$(ls "$run/pid")" "" "nothing runs any more"
succeeds_quickstart "--stop again is harmless" --stop
succeeds_quickstart "and it starts again"
is "$(chancery --json ca list | jq '.data | length')" 3 "with the same three CAs"
tap_done
