# tests: the scripts; each room declares its own unit tests.
EXTRA_DIST += tests/tap.sh \
	tests/e2e/lib.sh tests/e2e/bad_input.t tests/e2e/catch_up.t tests/e2e/full_path.t tests/e2e/kill.t \
	tests/e2e/quickstart.t tests/lint/c.t tests/lint/shell.t \
	tests/sanitize/chancery-driver-pkcs11.options tests/sanitize/leaks.supp \
	tests/sanitize/options.sh tests/sanitize/reports.t tests/sanitize/unit.t tests/valgrind/daemons.t tests/valgrind/foreign.supp
include tests/boundary/local.mk
include tests/shim/local.mk
include tests/bench/local.mk
include tests/fuzz/local.mk
