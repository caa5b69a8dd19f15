#!/usr/bin/env bash
# One run of each daemon and of the command line under valgrind's memcheck: a
# tree of CAs, leaves, refusals, a retirement, a signer and a token that went
# away and came back, an end by SIGTERM. No use of what isn't there, and on a
# clean end nothing lost: what is still reachable is so on purpose.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
command -v valgrind >/dev/null || tap_skip_all "there is no valgrind here"
! sanitized || tap_skip_all "AddressSanitizer and valgrind don't go together"
STACK_SOCKET_MODE=0666 # so that somebody without a role can ask too
export STACK_PATIENCE=300 API_PATIENCE=300 # a program under valgrind takes twenty times as long

# Stand-ins for the programs. Valgrind makes code and calls of its own, which the signer's filter would judge as the
# signer's, so to the signer it looks as if this kernel had no filters; it says so in its log. And valgrind doesn't let
# a program lower its limit of files: it is low from the start.
broken=99
reports=$STACK_DIR/reports
STACK_BIN=$STACK_DIR/bin
mkdir "$reports" "$STACK_BIN"
for program in chancery chancery-frontd chancery-signd chancery-driver-pkcs11 chancery-driver-file; do
  preload=''
  [ "$program" != chancery-signd ] || preload="LD_PRELOAD='$CHANCERY_BUILD/tests/shim/unfiltered.so'"
  cat >"$STACK_BIN/$program" <<-RUN
	#!/bin/sh
	ulimit -n 256
	$preload exec valgrind --quiet --vgdb=no --fair-sched=yes --num-callers=30 --log-file='$reports/$program.%p' \\
	  --leak-check=full --show-leak-kinds=definite,indirect,possible --errors-for-leak-kinds=definite,indirect,possible \\
	  --error-exitcode=$broken --suppressions='$CHANCERY_SOURCE/tests/valgrind/foreign.supp' \\
	  '$CHANCERY_BUILD/$program' "\$@"
	RUN
  chmod 755 "$STACK_BIN/$program"
done

# Each daemon is a child of this script, so that its end can be waited for.
declare -A pids
daemon_start() { # NAME COMMAND...
  local name=$1
  shift
  "$@" >>"$STACK_DIR/log/$name.log" 2>&1 </dev/null &
  pids[$name]=$!
}
daemon_stop() { # NAME WHAT
  local status
  kill -TERM "${pids[$1]}"
  wait "${pids[$1]}"
  status=$?
  unset "pids[$1]"
  is "$status" 0 "$2"
}
driver_start() {
  daemon_start driver "$STACK_BIN/chancery-driver-pkcs11" --config "$STACK_DIR/conf/driver-main.conf"
  stack_until "$STACK_PATIENCE" stack_listens "$STACK_DIR/driver/main.sock" || e2e_die "no driver"
}
signd_start() {
  daemon_start signd "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf"
}
frontd_start() {
  daemon_start frontd "$STACK_BIN/chancery-frontd" --config "$STACK_DIR/conf/frontd.conf"
  stack_until "$STACK_PATIENCE" stack_ready || e2e_die "the stack is not ready"
}
chancery() { "$STACK_BIN/chancery" --socket "$STACK_DIR/api.sock" "$@"; }

stack_folders
stack_token || e2e_die "no token"
stack_configure
stack_init || e2e_die "no ledger"
pass "chancery-signd --init"
driver_start
signd_start
frontd_start
like "$(cat "$STACK_DIR/log/signd.log")" 'filter_missing' "the signer runs without its filter, and says so"

# What front-end, signer and driver do all day.
hierarchy_make vg ECDSA-P384 RSA-2048 ECDSA-P256
for i in 1 2 3; do
  csr_make "$work/leaf$i" ec:P-256 "DNS:www$i.example.com"
  issue "$issuing" "$work/leaf$i.csr" server
  answers 201 "leaf $i"
done
judge "under valgrind" "$work/leaf1.crt" "$work/leaf1.chain" "$work/leaf1.root"
csr_make "$work/rsa" rsa:2048 DNS:rsa.example.com,IP:192.0.2.1,URI:spiffe://example.com/a
issue "$issuing" "$work/rsa.csr" server

# Refusals, each on another way out.
ca_make "$issuer" below ECDSA-P256 0 "$issuing" >/dev/null 2>&1
answers 400 "no CA below a path length of 0" path_len_exceeded
api POST "/api/v1/issuers/$issuer/intermediates" '{"name": "x", "subject": {"common_name": "X"}, "algorithm": "DSA"}'
answers 400 "no such algorithm"
api POST "/api/v1/intermediates/$issuing/certificates" '{"csr_pem": "none", "profile": "server"}'
answers 422 "no CSR"
sed 's/^[A-Za-z0-9+/]\{20\}/AAAAAAAAAAAAAAAAAAAA/' "$work/leaf1.csr" >"$work/broken.csr"
issue "$issuing" "$work/broken.csr" server
answers 422 "a broken CSR"
issue "$issuing" "$work/leaf1.csr" none
like "$status" '^4' "no such profile"
issue "$root" "$work/leaf1.csr" server
like "$status" '^4' "no leaf below a root with children"
api POST /api/v1/issuers '{"name": '
answers 400 "half a JSON"
api GET /api/v1/nothing
answers 404 "no such route"
api POST "/api/v1/intermediates/$policy/retire" '{"confirm": true}'
like "$status" '^409$' "an early confirm"
if [ "$(id -u)" = 0 ]; then
  chmod 755 "$STACK_DIR"
  is "$(setpriv --reuid=54321 --regid=54321 --clear-groups curl -s -o /dev/null -w '%{http_code}' \
    --unix-socket "$STACK_DIR/front/api.sock" http://localhost/api/v1/issuers)" 403 "nobody has no role, and a note says who asked"
fi

# The command line.
cli() { # WHAT ARGUMENTS...
  local what=$1
  shift
  succeeds "chancery $what" chancery "$@"
}
cli status status
cli "ca tree" ca tree
cli "ca list --json" --json ca list
cli "cert list" cert list --ca "$issuing"
cli "profile list" profile list
cli "audit list" audit list --last 20
cli "audit checkpoint" audit checkpoint
csr_make "$work/cli" ec:P-384 DNS:cli.example.com
cli "cert issue" cert issue --ca "$issuing" --profile server --csr "$work/cli.csr" --out "$work/cli.crt" --chain "$work/cli.chain"
chancery ca show nobody >"$work/said" 2>&1
is "$?" 5 "chancery ca show: an unknown name"

# The token goes away, then the signer; both come back, and the front-end catches up.
daemon_stop driver "the driver ends cleanly"
csr_make "$work/away" ec:P-256 DNS:away.example.com
issue "$issuing" "$work/away.csr" server
answers 503 "no token, no signature"
driver_start
signs() { issue "$issuing" "$work/away.csr" server && [ "$status" = 201 ]; }
stack_until "$STACK_PATIENCE" signs
answers 201 "the token is back"
daemon_stop signd "the signer ends cleanly"
issue "$issuing" "$work/leaf2.csr" server
answers 503 "no signer, no signature"
signd_start
stack_until "$STACK_PATIENCE" signs
answers 201 "the signer is back"
api POST "/api/v1/intermediates/$issuing/retire" '{"note": "for valgrind"}'
answers 200 "a CA is retiring"
daemon_stop frontd "the front-end ends cleanly"
rm -f "$STACK_DIR"/db/*
frontd_start
api GET "/api/v1/issuers/$issuer/intermediates"
is "$(field '.data | length')" 3 "a front-end without its database has its CAs from the ledger"
daemon_stop frontd "the front-end ends cleanly after catching up"
daemon_stop signd "the second signer ends cleanly"
daemon_stop driver "the second driver ends cleanly"

# The file driver by itself.
dir=$STACK_DIR/files ledger=$(cat "$STACK_DIR/conf/ledger_id") id=00112233445566778899aabbccddee01
mkdir -m 0700 "$dir" "$dir/keys"
cat >"$dir/driver.conf" <<-CONF
	name = "files";
	socket = "$dir/main.sock";
	peers = [ "uid:$(id -u)" ];
	ledger_id = "$ledger";
	folder = "$dir/keys";
	insecure = true;
CONF
client() { "$CHANCERY_BUILD/tests/e2e/driver-client" "$dir/main.sock" "$ledger" "$@"; }
daemon_start files "$STACK_BIN/chancery-driver-file" --config "$dir/driver.conf"
stack_until "$STACK_PATIENCE" stack_listens "$dir/main.sock" || e2e_die "no file driver"
digest=$(printf '%064d' 7)
succeeds "the file driver makes a key" client create "$id" ECDSA-P256 one
succeeds "and signs" client sign "$id" ECDSA-P256 "$digest"
succeeds "lists" client list
succeeds "shows its public key" client public "$id"
refuses "and refuses another algorithm" client sign "$id" RSA-2048 "$digest"
refuses "an unknown key" client public "${id/01/02}"
daemon_stop files "the file driver ends cleanly"

# What valgrind says of itself, as of calls that it doesn't know (Landlock's), begins with --.
for report in "$reports"/*; do
  said=$(sed -n 's/^==[0-9]*== //p' "$report" | head -n 80)
  [ -z "$said" ] || fail "valgrind finds nothing in ${report##*/}" "$said"
done
is "$(find "$reports" -type f | sed 's,.*/,,; s/\..*//' | sort -u | wc -l)" 5 "all five programs were watched"
tap_done
