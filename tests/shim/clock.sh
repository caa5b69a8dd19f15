# Clocks that a test sets while programs run: `. clock.sh`, then
#
#   clock_make FILE                          a clock that shows the truth
#   clock_program FILE PROGRAM STAND-IN      STAND-IN runs PROGRAM with that clock
#   clock_pass, clock_step, clock_rate, clock_hold_at, clock_now FILE ...
#
# What stands in such a file is said in shim.c. CHANCERY_SHIM_SEED, exported, reaches the programs. Bash.
# shellcheck shell=bash

clock_true_ms() { echo $((${EPOCHREALTIME/[^0-9]/} / 1000)); }

# In place, since the programs have the file mapped.
clock_write() { # FILE SINCE PASSED STEP RATE
  printf '%-255s\n' "$2 $3 $4 $5 $2 $3 $4 $5" | dd of="$1" bs=256 conv=notrunc status=none
}
clock_make() { clock_write "$1" "$(clock_true_ms)" 0 0 1000; }

# It passes at once, for the wall clock and since boot.
clock_pass() { # FILE SECONDS
  local since passed step rate
  read -r since passed step rate _ <"$1"
  clock_write "$1" "$since" $((passed + $2 * 1000)) "$step" "$rate"
}
# Somebody sets the wall clock, forward or (negative) back.
clock_step() { # FILE SECONDS
  local since passed step rate
  read -r since passed step rate _ <"$1"
  clock_write "$1" "$since" "$passed" $((step + $2 * 1000)) "$rate"
}
# What ran at the old rate becomes time that has passed, so that only the future changes. For clocks that run.
clock_rate() { # FILE THOUSANDTHS
  local since passed step rate now
  read -r since passed step rate _ <"$1"
  now=$(clock_true_ms)
  clock_write "$1" "$now" $((passed + (now - since) * (rate - 1000) / 1000)) "$step" "$2"
}
# The wall clock stands.
clock_hold_at() { # FILE UNIX-TIME
  local since passed
  read -r _ passed _ <"$1"
  since=$(clock_true_ms)
  clock_write "$1" "$since" "$passed" $(($2 * 1000 - since - passed)) 0
}
# Unix time as its programs see it.
clock_now() { # FILE
  local since passed step rate now
  read -r since passed step rate _ <"$1"
  now=$(clock_true_ms)
  echo $(((now + passed + step + (now - since) * (rate - 1000) / 1000) / 1000))
}

# In a sanitized build the sanitizer's library insists on being first, unless told otherwise.
clock_program() { # FILE PROGRAM STAND-IN
  cat >"$3" <<-RUN
	#!/bin/sh
	export CHANCERY_SHIM_CLOCK='$1' LD_PRELOAD='$CHANCERY_BUILD/tests/shim/shim.so'
	export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}verify_asan_link_order=0"
	exec '$2' "\$@"
	RUN
  chmod 755 "$3"
}
