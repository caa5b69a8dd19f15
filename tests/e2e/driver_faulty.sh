# The PKCS#11 driver on a token that fails on demand: `. driver_faulty.sh` after tap.sh, then `configure` and `started`.
# Scratch in $dir, which goes at the end; two key ids in $key and $other, for `key_make`.
# shellcheck shell=bash disable=SC2034,SC2154

client=$CHANCERY_BUILD/tests/e2e/driver-client
driver=$CHANCERY_BUILD/chancery-driver-pkcs11
dir=$(mktemp -d /tmp/ch.XXXXXX)
ledger=000102030405060708090a0b0c0d0e0f
key=00112233445566778899aabbccddee01
other=00112233445566778899aabbccddee02
pid=''

finish() {
  [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
  rm -rf "$dir"
}
trap finish EXIT
trap 'exit 1' HUP INT TERM

# shellcheck source=tests/e2e/driver.sh
. "$CHANCERY_SOURCE/tests/e2e/driver.sh"
eval "$("$CHANCERY_SOURCE/tests/tokens/up-faulty" "$dir/token" chancery)" || exit 1
mkdir "$dir/state"
: >"$dir/log"
tell() { "$CHANCERY_BUILD/tests/tokens/tell" "$FAULTY_DIR" "$@"; }
pin="pin_file = \"$PIN_FILE\";"
calls() { tell --calls "$1"; } # how often the module was asked that

configure() { # [LINE...]: more settings
  cat >"$dir/driver.conf" <<-CONF
	name = "main";
	socket = "$dir/main.sock";
	peers = [ "uid:$(id -u)" ];
	ledger_id = "$ledger";
	module = "$MODULE";
	token = "$TOKEN";
	$pin
	state_dir = "$dir/state";
	scan_seconds = 1;
	environment = {
	  SOFTHSM2_CONF = "$SOFTHSM2_CONF";
	  FAULTY_MODULE = "$FAULTY_MODULE";
	  FAULTY_DIR = "$FAULTY_DIR";
	  FAULTY_PIN_FILE = "$FAULTY_PIN_FILE";
	};
	CONF
  printf '%s\n' "$@" >>"$dir/driver.conf"
}

started() { # a fresh process on a token that is well
  [ -z "$pid" ] || down
  tell
  tell --reset
  : >"$dir/log"
  up || fail "it comes up" "$(tail -n 5 "$dir/log")"
}
sign() { ask sign "${1:-$key}" ECDSA-P256 "$(digest 32)" >"$dir/out" 2>&1; }
signs() { # WHAT [KEY]: a signature that openssl verifies
  cp "$dir/${2:-$key}.pem" "$dir/ECDSA-P256.pem"
  succeeds "$1" verified ECDSA-P256 "${2:-$key}" 32
}
refuses_to_sign() { # CODE WHAT [KEY]
  sign "${3:-$key}"
  is "$? $(sed -n 's/^refused=\([0-9]*\) .*/\1/p' "$dir/out")" "1 $1" "$2"
}
status_of() { ask status 2>/dev/null | sed -n "s/^$1=//p"; }
said() { # PATTERN WHAT
  if grep -qE -- "$1" "$dir/log"; then pass "$2"; else fail "$2" "wanted: $1"$'\n'"$(tail -n 5 "$dir/log")"; fi
}
same_process() { # WHAT
  if kill -0 "$pid" 2>/dev/null; then pass "$1"; else
    fail "$1" "$(tail -n 5 "$dir/log")"
    ended
    up
  fi
}
ends() { # STATUS WHAT: without an answer, and the next process signs
  sign
  is $? 2 "$2: nothing is answered"
  ended
  is "$status" "$1" "$2: the process ends with $1"
  tell
  up
  signs "$2: the next one signs"
}

key_make() { # ID
  ask create "$1" ECDSA-P256 "key $1" 2>/dev/null | xxd -r -p | openssl pkey -pubin -inform DER -out "$dir/$1.pem" 2>/dev/null
}
