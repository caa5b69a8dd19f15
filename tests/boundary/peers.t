#!/usr/bin/env bash
# Who may knock at each socket: as root, with made-up users.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../e2e/lib.sh"
if [ "$(id -u)" != 0 ]; then
  skip "strangers at the three sockets" "only root can play other users"
  tap_done
fi

# The file permissions would stop a stranger before the daemon sees him: open them, so that the daemons' own
# judgement is what is tested.
STACK_SOCKET_MODE=0666
export STACK_SOCKET_MODE
e2e_up
chmod 0755 "$STACK_DIR" "$STACK_DIR/driver" "$STACK_DIR/sign" "$STACK_DIR/front"
chmod 0666 "$STACK_DIR"/driver/main.sock "$STACK_DIR"/sign/sign.sock "$STACK_DIR"/front/api.sock

stranger() { # UID COMMAND...
  local uid=$1
  shift
  setpriv --reuid="$uid" --regid="$uid" --clear-groups "$@"
}

# A connection that is not admitted is closed without an answer.
knock() { # UID SOCKET: how many bytes came back to a HELLO
  # shellcheck disable=SC2016 # Perl's own
  stranger "$1" perl -MIO::Socket::UNIX -e '
    use strict;
    $SIG{PIPE} = "IGNORE";
    alarm 10;
    my $path = shift;
    my $s = IO::Socket::UNIX->new(Peer => $path) or die "no connection: $!";
    my $body = pack("v x16 Q< x32 Q<", 1, 0, 0);
    $body = substr($body, 0, 18) if $path =~ /driver/;
    syswrite($s, pack("V C C v Q<", length($body), 1, 1, 1, 7) . $body);
    my $n = sysread($s, my $got, 65536);
    print $n // 0, "\n"' "$2"
}

for uid in 4242 65533 65534; do
  is "$(knock "$uid" "$STACK_DIR/sign/sign.sock")" 0 "uid $uid gets nothing at sign.sock"
  is "$(knock "$uid" "$STACK_DIR/driver/main.sock")" 0 "uid $uid gets nothing at driver/main.sock"
  status=$(stranger "$uid" curl -s -o /dev/null -w '%{http_code}' --unix-socket "$STACK_DIR/front/api.sock" \
    http://localhost/api/v1/issuers)
  like "$status" '^(403|000)$' "uid $uid is refused at api.sock ($status)"
done
refuses "uid 4242 can't make an issuer" stranger 4242 env CHANCERY_SOCKET="$STACK_DIR/front/api.sock" \
  "$CHANCERY_BUILD/chancery" issuer create mine
like "$(cat "$STACK_DIR/log/signd.log")" 'peer_refused uid=4242' "the signer's log names the stranger"
like "$(cat "$STACK_DIR/log/driver.log")" '4242' "and so does the driver's"
like "$(knock 0 "$STACK_DIR/sign/sign.sock")" '^[1-9]' "whoever signd.conf names is answered"
tap_done
