# A second driver beside the token's, whose keys are files: `. files.sh` after lib.sh. files_configure adds it between
# stack_configure and stack_init; files_up brings a whole stack up that makes its CA keys there. The log key stays in the
# token.
# shellcheck shell=bash
: "${STACK_DIR:=}" "${STACK_BIN:=}" "${body:=}"

files_configure() {
  stack_folder 0700 - - "$STACK_DIR/keys"
  cat >"$STACK_DIR/conf/driver-files.conf" <<-CONF
	insecure = true;
	name = "files";
	socket = "$STACK_DIR/driver/files.sock";
	peers = [ "uid:$(id -u)" ];
	ledger_id = "$(cat "$STACK_DIR/conf/ledger_id")";
	folder = "$STACK_DIR/keys";
	CONF
  sed -i "s|^tokens = .*|tokens = ( { name = \"main\"; socket = \"$STACK_DIR/driver/main.sock\"; },\n  { name = \"files\"; socket = \"$STACK_DIR/driver/files.sock\"; } );|" \
    "$STACK_DIR/conf/signd.conf"
  echo "files - $STACK_BIN/chancery-driver-file $STACK_DIR/conf/driver-files.conf" >>"$STACK_DIR/stack"
}
drivers_ready() { # both
  api GET /api/v1/status
  [ "$(jq '[.signer.drivers[]? | select(.state == "ready")] | length' <<<"$body")" = 2 ]
}
files_up() {
  stack_folders
  stack_token || e2e_die "no token"
  stack_configure
  files_configure
  sed -i 's|^default_token = .*|default_token = "files";|' "$STACK_DIR/conf/frontd.conf"
  stack_init || e2e_die "no ledger"
  stack_start || e2e_die "the stack is not ready"
  stack_until 100 drivers_ready || e2e_die "the drivers are not ready"
}
