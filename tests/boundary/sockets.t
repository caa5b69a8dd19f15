#!/usr/bin/env bash
# Who is at the other end counts, not only who may reach the socket's file: with
# every folder and socket open to all, made-up users are refused at each wall.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
[ "$(id -u)" = 0 ] || tap_skip_all "only root can speak as other users; this is uid $(id -u)"
export STACK_SOCKET_MODE=0666
e2e_up
chmod 755 "$STACK_DIR" "$STACK_DIR/sign" "$STACK_DIR/driver" "$STACK_DIR/front"
ledger=$(cat "$STACK_DIR/conf/ledger_id")

# Says HELLO and answers with the kind of the first frame that comes back (2: a reply, 3: a refusal), or "closed".
# shellcheck disable=SC2016 # perl's own variables
hello='use IO::Socket::UNIX; $SIG{ALRM} = sub { print "silent\n"; exit }; alarm 60; $SIG{PIPE} = "IGNORE";
  my ($path, $body) = @ARGV; $body = pack "H*", $body;
  my $s = IO::Socket::UNIX->new(Peer => $path) or do { print "unreachable\n"; exit };
  syswrite $s, pack("VCCvQ<", length $body, 1, 1, 1, 7) . $body;
  my ($got, $n) = ("", 1);
  while (length $got < 16 && $n) { $n = sysread $s, $got, 16 - length $got, length $got }
  print length $got < 16 ? "closed\n" : (unpack "VCC", $got)[2], length $got < 16 ? "" : "\n"'
inner=0100${ledger}$(printf '0%.0s' {1..104})
driver=0100${ledger}

as() { # UID COMMAND...
  local uid=$1
  shift
  setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}
knock() { as "$1" perl -e "$hello" "$2" "$3"; } # UID SOCKET HELLO
api_status() { as "$1" curl -s -o /dev/null -w '%{http_code}' --max-time 60 --unix-socket "$STACK_DIR/front/api.sock" "http://localhost/api/v1/$2"; }

is "$(knock 0 "$STACK_DIR/sign/sign.sock" "$inner")" 2 "sign.sock answers the configured user"
is "$(api_status 0 issuers)" 200 "api.sock answers the configured user"
stack_stop
# The driver serves one signer at a time, so it is asked without one.
"$STACK_BIN/chancery-driver-pkcs11" --config "$STACK_DIR/conf/driver-main.conf" >>"$STACK_DIR/log/driver.log" 2>&1 &
alone=$!
stack_until 60 stack_listens "$STACK_DIR/driver/main.sock" || e2e_die "no driver"
is "$(knock 0 "$STACK_DIR/driver/main.sock" "$driver")" 2 "the driver's socket answers the configured user"
for uid in 54321 65534; do
  like "$(knock $uid "$STACK_DIR/driver/main.sock" "$driver")" '^(closed|3)$' "the driver's socket refuses uid $uid"
done
kill "$alone"
wait "$alone"

stack_start || e2e_die "the stack is not ready again"
for uid in 54321 65534; do
  like "$(knock $uid "$STACK_DIR/sign/sign.sock" "$inner")" '^(closed|3)$' "sign.sock refuses uid $uid"
  like "$(api_status $uid issuers)" '^(403|000)$' "api.sock refuses uid $uid"
done
like "$(api_status 54321 whatever)" '^(403|404|000)$' "api.sock: nothing for uid 54321 on an unknown route either"
api GET '/api/v1/audit?last=50'
answers 200 "the refusals left the stack as it was"

# The modes that quickstart uses: a made-up user does not even get to the peer check.
chmod 2750 "$STACK_DIR/sign" "$STACK_DIR/driver"
is "$(knock 54321 "$STACK_DIR/sign/sign.sock" "$inner")" unreachable "with its folder closed sign.sock can't be reached"
is "$(knock 54321 "$STACK_DIR/driver/main.sock" "$driver")" unreachable "nor can the driver's"
tap_done
