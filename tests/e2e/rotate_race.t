#!/usr/bin/env bash
# Who rotates a CA while another makes its successor waits for that one, wherever he comes in: also where his look at the
# database has seen no successor and no name, and then sees the subject. The statement that asks for subjects is made slow
# for that.
set -u
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

programs=$work/bin stall=$work/stall
mkdir "$programs"
still() { printf '\x00' | dd of="$stall" conv=notrunc status=none; }
slow() { printf '\x1e' | dd of="$stall" conv=notrunc status=none; } # 0.3 s
head -c 1 /dev/zero >"$stall"
cat >"$programs/chancery-frontd" <<RUN
#!/bin/sh
export LD_PRELOAD='$CHANCERY_BUILD/tests/shim/stall.so' CHANCERY_SHIM_STALL='$stall' CHANCERY_SHIM_STALL_SQL='WHERE subject_fold ='
export ASAN_OPTIONS="\${ASAN_OPTIONS:+\$ASAN_OPTIONS:}verify_asan_link_order=0"
exec '$STACK_BIN/chancery-frontd' "\$@"
RUN
chmod 755 "$programs/chancery-frontd"
ln -s "$STACK_BIN/chancery" "$STACK_BIN/chancery-driver-pkcs11" "$STACK_BIN/chancery-signd" "$programs/"
STACK_BIN=$programs
e2e_up
issuer=$(issuer_make race)
root=$(ca_make "$issuer" root ECDSA-P256 1)
ca=$(ca_make "$issuer" issuing ECDSA-P256 0 "$root")

slow
clients=() begun=$EPOCHREALTIME
for ((i = 0; i < 8; i++)); do # a tenth of a second apart, so that one looks in each third of what another does
  (
    api POST "/api/v1/intermediates/$ca/rotate" '{}'
    echo "$status $(field '.id // .error.code')" >"$work/client.$i"
  ) &
  clients+=($!)
  until [ $((${EPOCHREALTIME/./} - ${begun/./})) -ge $((100000 * (i + 1))) ]; do sleep 0.01; done
done
wait "${clients[@]}"
still
is "$(cut -d' ' -f1 "$work"/client.* | sort | tr '\n' ' ')" '200 200 200 200 200 200 200 201 ' \
  "eight clients rotate a CA: one makes the successor, the others get it" || cat "$work"/client.*
is "$(cut -d' ' -f2 "$work"/client.* | sort -u | wc -l)" 1 "the same one"
api GET "/api/v1/issuers/$issuer/intermediates"
is "$(jq --arg ca "$ca" '[.data[] | select(.predecessor_ca_id == $ca)] | length' <<<"$body")" 1 "and there is no other"
tap_done
