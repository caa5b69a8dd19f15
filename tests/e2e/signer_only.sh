# A signer with its driver and no front-end, in a private folder: for scripts that ask it directly. They source
# tap.sh first, then this; signer_only_up begins, and what runs is killed at the end.
# shellcheck shell=bash disable=SC2034 # for the scripts
. "$CHANCERY_SOURCE/scripts/stack.sh"

STACK_DIR=$(mktemp -d /tmp/ch.XXXXXX)
STACK_BIN=$CHANCERY_BUILD
STACK_SOURCE=$CHANCERY_SOURCE
driver='' signer='' id=''
: "${tap_count:=0}"
finish() {
  # shellcheck disable=SC2086 # words
  kill -KILL $driver $signer 2>/dev/null
  rm -rf "$STACK_DIR"
}
trap finish EXIT

start_driver() {
  "$STACK_BIN/chancery-driver-pkcs11" --config "$STACK_DIR/conf/driver-main.conf" >>"$STACK_DIR/log/driver.log" 2>&1 &
  driver=$!
  stack_until 100 stack_listens "$STACK_DIR/driver/main.sock"
}
start_signer() {
  : >"$STACK_DIR/log/signd.log"
  "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" >>"$STACK_DIR/log/signd.log" 2>&1 &
  signer=$!
  stack_until 100 stack_listens "$STACK_DIR/sign/sign.sock" &&
    stack_until 100 grep -q 'driver_ready' "$STACK_DIR/log/signd.log"
}
kill_signer() {
  kill -KILL "$signer"
  wait "$signer" 2>/dev/null
}

signer_only_up() {
  stack_folders && stack_token && stack_configure && stack_init || {
    stack_show_logs
    fail "a private stack without a front-end"
    tap_done
  }
  id=$(cat "$STACK_DIR/conf/ledger_id")
  start_driver && start_signer || {
    stack_show_logs
    fail "driver and signer start"
    tap_done
  }
}

# The points of a program that speaks TAP become points of this script; its plan says that it came to its end.
relay() { # PREFIX OUTPUT
  local line before=$tap_count
  while read -r line; do
    case $line in
    'ok '*) pass "$1${line#*- }" ;;
    'not ok '*) fail "$1${line#*- }" ;;
    esac
  done <<<"$2"
  like "$2" "^1\.\.$((tap_count - before))\$" "$1it came to its end"
}
