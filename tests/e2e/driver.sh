# One driver of any kind, started, asked and stopped: `. driver.sh` with $driver, $client, $dir, $ledger set and the
# configuration in $dir/driver.conf.
# shellcheck shell=bash disable=SC2154,SC2034

# Each with the bytes that it signs: its digest, or a message.
algorithms='ECDSA-P256 32
ECDSA-P384 48
ECDSA-P521 64
RSA-2048 32
RSA-3072 32
RSA-4096 32
Ed25519 1000'

up() { # waits for the service manager's notice
  rm -f "$dir/notify"
  socat -u "UNIX-RECV:$dir/notify" "CREATE:$dir/notices" 2>/dev/null &
  local listener=$!
  until [ -S "$dir/notify" ]; do kill -0 $listener || return 1; done
  NOTIFY_SOCKET=$dir/notify "$driver" --config "$dir/driver.conf" 2>>"$dir/log" &
  pid=$!
  until grep -q READY=1 "$dir/notices" 2>/dev/null; do
    kill -0 $pid 2>/dev/null || break
  done
  kill $listener 2>/dev/null
  wait $listener 2>/dev/null
  rm -f "$dir/notices"
  kill -0 $pid 2>/dev/null
}
down() { # leaves the exit status in $status
  kill -TERM "$pid" 2>/dev/null
  ended
}
ended() {
  wait "$pid" 2>/dev/null
  status=$?
  pid=''
}
ask() { timeout 60 "$client" "$dir/main.sock" "$ledger" "$@"; }
fails_with() { # STATUS PATTERN: the driver ends so, and says so; a latched PIN once it has told somebody
  local got=0 end=$((SECONDS + 100)) tried
  : >"$dir/log"
  "$driver" --config "$dir/driver.conf" 2>"$dir/log" &
  tried=$!
  while kill -0 $tried 2>/dev/null && [ $SECONDS -lt $end ]; do
    ask hello >/dev/null 2>&1
    sleep 0.05
  done
  kill -TERM $tried 2>/dev/null
  wait $tried || got=$?
  [ $got -eq "$1" ] && grep -q -- "$2" "$dir/log"
}
refused() { # CODE ARGUMENTS...
  local code=$1
  shift
  ask "$@" 2>&1 | grep -q "^refused=$code "
}
digest() { head -c "$1" /dev/urandom | xxd -p | tr -d '\n'; }

# r and s side by side, as openssl wants them: a SEQUENCE of two INTEGERs.
ecdsa_der() {
  python3 - "$1" <<-'PY'
	import sys
	s = bytes.fromhex(sys.argv[1]); n = len(s) // 2
	def integer(b):
	    b = b.lstrip(b"\0") or b"\0"
	    b = b"\0" + b if b[0] & 128 else b
	    return bytes([2, len(b)]) + b
	body = integer(s[:n]) + integer(s[n:])
	head = bytes([0x30, len(body)]) if len(body) < 128 else bytes([0x30, 0x81, len(body)])
	sys.stdout.buffer.write(head + body)
	PY
}
verified() { # ALGORITHM KEY SIZE: signs random data and lets openssl verify it
  local data signature
  data=$(digest "$3")
  signature=$(ask sign "$2" "$1" "$data") || return 1
  xxd -r -p <<<"$data" >"$dir/data"
  case $1 in
  ECDSA-*)
    ecdsa_der "$signature" >"$dir/signature"
    openssl pkeyutl -verify -pubin -inkey "$dir/$1.pem" -in "$dir/data" -sigfile "$dir/signature"
    ;;
  RSA-*)
    xxd -r -p <<<"$signature" >"$dir/signature"
    openssl pkeyutl -verify -pubin -inkey "$dir/$1.pem" -in "$dir/data" -sigfile "$dir/signature" \
      -pkeyopt rsa_padding_mode:pkcs1 -pkeyopt digest:sha256
    ;;
  *)
    xxd -r -p <<<"$signature" >"$dir/signature"
    openssl pkeyutl -verify -pubin -rawin -inkey "$dir/$1.pem" -in "$dir/data" -sigfile "$dir/signature"
    ;;
  esac
}
