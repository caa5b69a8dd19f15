# A private stack under one folder: SoftHSM token, driver, signer, front-end.
# quickstart and the tests source this (bash); it does nothing by itself.
#
# The caller sets
#   STACK_DIR     the folder, absolute
#   STACK_BIN     where the programs are
#   STACK_SOURCE  the source tree
#   STACK_ADMINS  who gets every role, as peer rules: uid:0 uid:1000
# and, for one user per daemon, STACK_FRONT, STACK_SIGN and STACK_DRIVER; "-"
# or unset: whoever runs this; and STACK_TOKEN, a token of tests/tokens/up-*,
# if it isn't to be SoftHSM's.
#
# Every socket has a folder of its own, so that no daemon can take the place of
# another one's while that is down. With separate users a folder's group is
# the one client's, and setgid hands it on to the socket.
# shellcheck shell=bash

: "${STACK_DIR:=}" "${STACK_BIN:=}" "${STACK_SOURCE:=}" "${STACK_ADMINS:=uid:$(id -u)}"
: "${STACK_FRONT:=-}" "${STACK_SIGN:=-}" "${STACK_DRIVER:=-}"
max_socket_path=107 # sockaddr_un holds 108 bytes with the zero at the end
# shellcheck disable=SC2034 # for the scripts
softhsm_module=/usr/lib/softhsm/libsofthsm2.so

stack_say() { printf '%s\n' "$*" >&2; }

# As one of the daemons' users, without a way back. In the place of a subshell: `(stack_exec …) &` is the program itself.
stack_exec() { # USER COMMAND...
  local user=$1
  shift
  [ "$user" != - ] || exec "$@"
  exec setpriv --reuid="$user" --regid="$user" --init-groups --inh-caps=-all --no-new-privs "$@"
}

# The peer rule that admits a daemon's user.
stack_rule() { # USER
  if [ "$1" = - ]; then echo "uid:$(id -u)"; else echo "user:$1"; fi
}

stack_check_paths() {
  local path
  for path in driver/main.sock front/api.sock front/pki.sock sign/sign.sock; do
    path=$STACK_DIR/$path
    [ "${#path}" -le "$max_socket_path" ] && continue
    stack_say "The socket path $path is ${#path} bytes long and Unix sockets take $max_socket_path:" \
      "choose a folder with a shorter path."
    return 1
  done
  case $STACK_DIR in
  *[!A-Za-z0-9_./+,@%=-]*)
    stack_say "The folder $STACK_DIR has characters in its path that configuration files and shells would have to quote:" \
      "choose one of letters, digits and _ . / + , @ % = -"
    return 1
    ;;
  esac
}

# A folder for one user (and group), made once.
stack_folder() { # MODE USER GROUP PATH
  mkdir -p "$4"
  if [ "$2" != - ]; then chown "$2:$3" "$4"; fi
  chmod "$1" "$4"
}

stack_folders() {
  mkdir -p "$STACK_DIR"
  chmod 0755 "$STACK_DIR"
  stack_folder 0755 - - "$STACK_DIR/conf"
  stack_folder 0755 - - "$STACK_DIR/conf/profiles"
  stack_folder 0755 - - "$STACK_DIR/anchors"
  stack_folder 0755 - - "$STACK_DIR/log"
  stack_folder 0755 - - "$STACK_DIR/pid"
  stack_folder 0755 "$STACK_FRONT" "$STACK_FRONT" "$STACK_DIR/front"
  stack_folder 2750 "$STACK_SIGN" "$STACK_FRONT" "$STACK_DIR/sign"
  stack_folder 2750 "$STACK_DRIVER" "$STACK_SIGN" "$STACK_DIR/driver"
  stack_folder 0700 "$STACK_DRIVER" "$STACK_DRIVER" "$STACK_DIR/token"
  stack_folder 0700 "$STACK_SIGN" "$STACK_SIGN" "$STACK_DIR/signer"
  stack_folder 0700 "$STACK_FRONT" "$STACK_FRONT" "$STACK_DIR/db"
  ln -sfn front/api.sock "$STACK_DIR/api.sock"
  ln -sfn front/pki.sock "$STACK_DIR/pki.sock"
  ln -sfn sign/sign.sock "$STACK_DIR/sign.sock"
}

# A token with a PIN of its own, readable by its driver only. A second call finds it made.
stack_token() {
  [ ! -e "$STACK_DIR/token/pin" ] || return 0
  CHANCERY_BUILD=${CHANCERY_BUILD:-$STACK_BIN} "$STACK_SOURCE/tests/tokens/up-${STACK_TOKEN:-softhsm}" "$STACK_DIR/token" main >/dev/null ||
    return
  if [ "$STACK_DRIVER" != - ]; then chown -R "$STACK_DRIVER:$STACK_DRIVER" "$STACK_DIR/token"; fi
}

# The driver's program. Some tokens can be reached only from within namespaces of their own, in which we are root.
stack_driver() {
  if [ ! -e "$STACK_DIR/token/inside" ]; then
    echo "$STACK_BIN/chancery-driver-pkcs11"
    return
  fi
  printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$STACK_DIR/token/inside" "$STACK_BIN/chancery-driver-pkcs11" \
    >"$STACK_DIR/conf/driver"
  chmod 0755 "$STACK_DIR/conf/driver"
  echo "$STACK_DIR/conf/driver"
}
stack_driver_peer() { # the signer, as the driver sees it
  if [ -e "$STACK_DIR/token/inside" ]; then echo uid:0; else stack_rule "$STACK_SIGN"; fi
}

# One configuration file from standard input, for its daemon's eyes; one that is there stays as it is.
stack_write() { # USER FILE
  if [ -e "$2" ]; then
    cat >/dev/null
    return 0
  fi
  cat >"$2.new"
  chmod 0640 "$2.new"
  if [ "$1" != - ]; then chgrp "$1" "$2.new"; fi
  mv "$2.new" "$2"
}

stack_roles() { # every role for the same callers
  local list='' rule
  for rule in $STACK_ADMINS; do list+="${list:+, }\"$rule\""; done
  for rule in admin auditor operator; do printf '  %s = [ %s ];\n' "$rule" "$list"; done
  printf '  issuer = ( { peers = [ %s ]; } );\n' "$list"
}

stack_configure() {
  local id
  if [ -e "$STACK_DIR/conf/ledger_id" ]; then
    id=$(cat "$STACK_DIR/conf/ledger_id")
  else
    id=$("$STACK_BIN/chancery-signd" --new-id)
    echo "$id" >"$STACK_DIR/conf/ledger_id"
  fi
  stack_write "$STACK_DRIVER" "$STACK_DIR/conf/driver-main.conf" <<-CONF
	name = "main";
	socket = "$STACK_DIR/driver/main.sock";
	socket_mode = "${STACK_SOCKET_MODE:-0660}";
	peers = [ "$(stack_driver_peer)" ];
	ledger_id = "$id";
	$(cat "$STACK_DIR/token/driver.part")
	state_dir = "$STACK_DIR/token";
	CONF
  stack_write "$STACK_SIGN" "$STACK_DIR/conf/signd.conf" <<-CONF
	ledger_id = "$id";
	state_dir = "$STACK_DIR/signer";
	socket = "$STACK_DIR/sign/sign.sock";
	socket_mode = "${STACK_SOCKET_MODE:-0660}";
	peers = { front = [ "$(stack_rule "$STACK_FRONT")" ]; };
	tokens = ( { name = "main"; socket = "$STACK_DIR/driver/main.sock"; } );
	log_token = "main";
	allow_roots = true;
	anchors_dir = "$STACK_DIR/anchors";
	CONF
  stack_write "$STACK_FRONT" "$STACK_DIR/conf/frontd.conf" <<-CONF
	api_socket = "$STACK_DIR/front/api.sock";
	pki_socket = "$STACK_DIR/front/pki.sock";
	sign_socket = "$STACK_DIR/sign/sign.sock";
	database = "$STACK_DIR/db/chancery.sqlite";
	profiles_dir = "$STACK_DIR/conf/profiles";
	default_token = "main";
	crl_hours = ${STACK_CRL_HOURS:-168};
	roles = {
	$(stack_roles)
	};
	CONF
  local profile
  for profile in "$STACK_SOURCE"/conf/profiles/*.conf; do
    [ -e "$STACK_DIR/conf/profiles/${profile##*/}" ] || install -m 0644 "$profile" "$STACK_DIR/conf/profiles/"
  done
  cat >"$STACK_DIR/stack" <<-ROWS
	driver $STACK_DRIVER $(stack_driver) $STACK_DIR/conf/driver-main.conf
	signd $STACK_SIGN $STACK_BIN/chancery-signd $STACK_DIR/conf/signd.conf
	frontd $STACK_FRONT $STACK_BIN/chancery-frontd $STACK_DIR/conf/frontd.conf
	ROWS
}

# Polls a condition until it holds; false when it didn't when the time was up: the last look begins behind the end.
stack_until() { # SECONDS COMMAND...
  local end=$((SECONDS + $1)) began=$SECONDS
  shift
  until "$@"; do
    [ "$began" -lt "$end" ] || return 1
    sleep 0.02
    began=$SECONDS
  done
}

# The kernel's list says who listens, without knocking at anybody's door.
stack_listens() { # PATH
  grep -qE "^[^ ]+ [0-9A-F]+ [0-9A-F]+ 00010000 .* $1\$" /proc/net/unix
}

stack_ready() {
  [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 30 --unix-socket "$STACK_DIR/pki.sock" http://localhost/readyz)" = 200 ]
}

stack_show_logs() {
  local log
  for log in "$STACK_DIR"/log/*.log; do
    [ -s "$log" ] || continue
    stack_say "--- the end of $log"
    tail -n 8 "$log" >&2
  done
}

# The ledger with its log key, made once; the driver runs for as long as that takes.
stack_init() {
  [ ! -e "$STACK_DIR/conf/ledger_made" ] || return 0
  local log=$STACK_DIR/log driver status=0
  (stack_exec "$STACK_DRIVER" "$(stack_driver)" --config "$STACK_DIR/conf/driver-main.conf") \
    >>"$log/driver.log" 2>&1 </dev/null &
  driver=$!
  if stack_until "${STACK_PATIENCE:-120}" stack_driver_up "$driver" && kill -0 "$driver" 2>/dev/null; then
    (stack_exec "$STACK_SIGN" "$STACK_BIN/chancery-signd" --config "$STACK_DIR/conf/signd.conf" --init) \
      >>"$log/signd.log" 2>&1 </dev/null || status=1
  else
    status=1
  fi
  kill -TERM "$driver" 2>/dev/null || true
  wait "$driver" 2>/dev/null || true
  [ "$status" = 0 ] || return 1
  : >"$STACK_DIR/conf/ledger_made"
}
stack_driver_up() { # PID: it listens, or it has given up
  stack_listens "$STACK_DIR/driver/main.sock" || ! kill -0 "$1" 2>/dev/null
}

# The processes of this stack: those of the supervisor's process group that name this folder. It is asked for again and
# again, so no program is run for each process of the host.
stack_members() {
  local group stat rest command
  group=$(cat "$STACK_DIR/supervisor.pid" 2>/dev/null) || return 0
  for stat in /proc/[0-9]*/stat; do
    rest=
    IFS= read -r -d '' rest 2>/dev/null <"$stat" || [ -n "$rest" ] || continue
    rest=${rest##*) }
    # state, parent, process group
    read -r _ _ rest _ <<<"$rest"
    [ "$rest" = "$group" ] || continue
    stat=${stat%/stat}
    command=$(tr '\0' ' ' 2>/dev/null <"$stat/cmdline") || continue
    case $command in *"$STACK_DIR"*) echo "${stat#/proc/}" ;; esac
  done
}
stack_gone() { [ -z "$(stack_members)" ]; }

stack_running() {
  local pid
  pid=$(cat "$STACK_DIR/supervisor.pid" 2>/dev/null) && stack_members | grep -qx "$pid"
}

# Starts the supervisor and answers when the front-end says that all of it is ready.
stack_start() {
  stack_stop || return 1
  : >"$STACK_DIR/log/supervisor.log"
  setsid "$STACK_SOURCE/scripts/supervise" "$STACK_DIR" </dev/null >>"$STACK_DIR/log/supervisor.log" 2>&1 &
  stack_until "${STACK_PATIENCE:-120}" stack_ready
}

# Ends all that is left of the stack, also if the supervisor was killed.
stack_stop() {
  [ -e "$STACK_DIR/supervisor.pid" ] || return 0
  local pid
  pid=$(cat "$STACK_DIR/supervisor.pid")
  if stack_running; then
    kill -TERM "$pid" 2>/dev/null || true
    stack_until 100 stack_gone || true
  fi
  if stack_end_group TERM; then stack_until 20 stack_gone || true; fi
  if stack_end_group KILL; then stack_until 60 stack_gone || true; fi
  stack_gone || {
    stack_say "Process group $pid could not be ended; see ps -o pid,args -g $pid."
    return 1
  }
  rm -f "$STACK_DIR/supervisor.pid"
}
stack_end_group() { # SIGNAL: false if nothing was left
  local left
  left=$(stack_members)
  [ -n "$left" ] || return 1
  # shellcheck disable=SC2086 # one word a process
  kill "-$1" $left 2>/dev/null || true
}
