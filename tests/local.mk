# tests: the scripts; each room declares its own unit tests.
EXTRA_DIST += \
	tests/e2e/approvals.t \
	tests/e2e/assessment.t \
	tests/e2e/proposals.t \
	tests/e2e/openapi.t \
	tests/e2e/openapi_check.py \
	tests/e2e/bad_input.t \
	tests/e2e/browser.sh \
	tests/e2e/cases.sh \
	tests/e2e/crl.t \
	tests/e2e/crl_sign.t \
	tests/e2e/crl_judges.t \
	tests/e2e/crl_lost.t \
	tests/e2e/crl_states.t \
	tests/e2e/crl_time.t \
	tests/e2e/crls.sh \
	tests/e2e/delta.t \
	tests/e2e/catch_up.t \
	tests/e2e/ceremony.sh \
	tests/e2e/ceremony.t \
	tests/e2e/ceremony_refused.t \
	tests/e2e/cuts.t \
	tests/e2e/doctor.t \
	tests/e2e/epochs.t \
	tests/e2e/forks.t \
	tests/e2e/files.sh \
	tests/e2e/fips.t \
	tests/e2e/full_path.t \
	tests/e2e/forger.py \
	tests/e2e/hierarchy.t \
	tests/e2e/hierarchy_names.t \
	tests/e2e/hierarchy_time.t \
	tests/e2e/keys.t \
	tests/e2e/kill.t \
	tests/e2e/latch.t \
	tests/e2e/lives.t \
	tests/e2e/lost.t \
	tests/e2e/lib.sh \
	tests/e2e/liar.t \
	tests/e2e/liar.table \
	tests/e2e/shards.t \
	tests/e2e/signer_only.sh \
	tests/e2e/load.py \
	tests/e2e/load.sh \
	tests/e2e/migrate.t \
	tests/e2e/offline.t \
	tests/e2e/patterns.t \
	tests/e2e/quickstart.t \
	tests/e2e/race.py \
	tests/e2e/race.t \
	tests/e2e/rates.t \
	tests/e2e/register.t \
	tests/e2e/renew.t \
	tests/e2e/retry.t \
	tests/e2e/revoke.t \
	tests/e2e/rotate.t \
	tests/e2e/nginx.t \
	tests/e2e/ocsp.sh \
	tests/e2e/ocsp.t \
	tests/e2e/ocsp_states.t \
	tests/e2e/ocsp_load.t \
	tests/e2e/ocsp_request.py \
	tests/e2e/rotation.sh \
	tests/e2e/rotation.t \
	tests/e2e/rotation_faults.t \
	tests/e2e/scale.t \
	tests/e2e/soak.t \
	tests/e2e/tree.t \
	tests/e2e/two_tokens.sh \
	tests/e2e/year.t \
	tests/e2e/import.t \
	tests/e2e/istio.t \
	tests/e2e/lint.t \
	tests/e2e/profile.t \
	tests/e2e/profile_check.t \
	tests/e2e/signer.t \
	tests/lint/c.t \
	tests/lint/cppcheck.cfg \
	tests/lint/cppcheck.supp \
	tests/lint/shell.t \
	tests/lint/tidy.t \
	tests/sanitize/chancery-driver-pkcs11.options \
	tests/sanitize/leaks.supp \
	tests/sanitize/options.sh \
	tests/sanitize/reports.t \
	tests/sanitize/unit.t \
	tests/system/host.sh \
	tests/system/package.t \
	tests/system/rpm.t \
	tests/tap.sh \
	tests/valgrind/daemons.t \
	tests/valgrind/foreign.supp
# A shared object, which automake makes without libtool as a program.
noinst_PROGRAMS += tests/e2e/witness.so
tests_e2e_witness_so_SOURCES = tests/e2e/witness.c
tests_e2e_witness_so_CFLAGS = $(AM_CFLAGS) -fPIC -fno-sanitize=all $(P11KIT_CFLAGS)
tests_e2e_witness_so_LDFLAGS = -shared
tests_e2e_witness_so_LDADD = -ldl -lpthread
noinst_PROGRAMS += tests/e2e/cuts
tests_e2e_cuts_SOURCES = tests/e2e/cuts.c
tests_e2e_cuts_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_e2e_cuts_LDADD = daemon/ledger/libledger.a daemon/base/libbase.a $(CRYPTO_LIBS)
include tests/boundary/local.mk
include tests/shim/local.mk
include tests/bench/local.mk
include tests/fuzz/local.mk
include tests/tokens/local.mk
