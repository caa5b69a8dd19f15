# Two tokens, `main` and `second`, each with its driver: `. two_tokens.sh` after lib.sh, then two_tokens_up.
# shellcheck shell=bash

: "${softhsm_module:?of scripts/stack.sh}"

two_tokens_up() {
  stack_folders
  stack_token || e2e_die "no token"
  "$STACK_SOURCE/tests/tokens/up-softhsm" "$STACK_DIR/token2" second >/dev/null || e2e_die "no second token"
  stack_configure
  sed "s|/driver/main.sock|/driver/second.sock|; s|/token/|/token2/|g; s|/token\"|/token2\"|
    s|name = \"main\"|name = \"second\"|; s|^token = .*|token = \"second\";|" \
    "$STACK_DIR/conf/driver-main.conf" >"$STACK_DIR/conf/driver-second.conf"
  sed -i "s|^tokens = .*|tokens = ( { name = \"main\"; socket = \"$STACK_DIR/driver/main.sock\"; }, \
{ name = \"second\"; socket = \"$STACK_DIR/driver/second.sock\"; } );|" "$STACK_DIR/conf/signd.conf"
  sed -i "1i driver2 - $STACK_BIN/chancery-driver-pkcs11 $STACK_DIR/conf/driver-second.conf" "$STACK_DIR/stack"
  stack_init || e2e_die "no ledger"
  stack_start || e2e_die "the stack is not ready"
  stack_until 100 tokens_are "main second" || e2e_die "not both tokens are ready"
}
# From here on new CAs have their keys in the other token.
second_is_default() {
  stack_stop
  sed -i 's/^default_token = .*/default_token = "second";/' "$STACK_DIR/conf/frontd.conf"
  stack_start || e2e_die "not ready with the other token as default"
  stack_until 100 tokens_are "main second" || e2e_die "not both tokens are ready"
}

ready_tokens() { # the names of those that are, sorted
  curl -s --max-time 20 --unix-socket "$STACK_DIR/pki.sock" http://localhost/readyz |
    jq -r '[.tokens[] | select(.ready) | .name] | sort | join(" ")'
}
tokens_are() { [ "$(ready_tokens)" = "$1" ]; }

# The second token is pulled out, and plugged in again.
second_pull() {
  mv "$STACK_DIR/token2/tokens" "$STACK_DIR/token2/away"
  mkdir "$STACK_DIR/token2/tokens"
  kill -KILL "$(pid_of driver2)"
}
second_plug() {
  rmdir "$STACK_DIR/token2/tokens"
  mv "$STACK_DIR/token2/away" "$STACK_DIR/token2/tokens"
}
second_tool() { # pkcs11-tool, logged in
  SOFTHSM2_CONF=$STACK_DIR/token2/softhsm2.conf pkcs11-tool --module "$softhsm_module" --token-label second --login \
    --pin "$(cat "$STACK_DIR/token2/pin")" "$@" >/dev/null 2>&1
}
# What second_tool has deleted comes back from a copy of its folder.
second_restore() { # COPY
  local file
  for file in "$1"/*/*; do
    [ -e "$STACK_DIR/token2/tokens/${file#"$1/"}" ] || cp -p "$file" "$STACK_DIR/token2/tokens/${file#"$1/"}"
  done
}
key_of() { # CA: its CKA_ID
  api GET "/api/v1/intermediates/$1"
  field .key_driver_id | sed 's/.*;id=//; s/;.*//; s/%//g' | tr A-F a-f
}
