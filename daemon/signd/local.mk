# signd: libc, libcrypto and libconfig, and nothing else. Its rooms are a library of their own for the tests and the ceremony.
sbin_PROGRAMS += chancery-signd
noinst_LIBRARIES += daemon/signd/libsignd.a
daemon_signd_libsignd_a_SOURCES = \
	daemon/signd/ahead.c daemon/signd/ahead.h \
	daemon/signd/anchors.c daemon/signd/anchors.h \
	daemon/signd/answer.c \
	daemon/signd/approve.c daemon/signd/approve.h \
	daemon/signd/approvers.c daemon/signd/approvers.h \
	daemon/signd/archive.c daemon/signd/archive.h \
	daemon/signd/archivist.c daemon/signd/archivist.h \
	daemon/signd/calls.c daemon/signd/calls.h \
	daemon/signd/ceilings.c daemon/signd/ceilings.h \
	daemon/signd/certify.c daemon/signd/certify.h \
	daemon/signd/chain.c daemon/signd/chain.h \
	daemon/signd/charter.c daemon/signd/charter.h \
	daemon/signd/check.c daemon/signd/check.h \
	daemon/signd/clock.c daemon/signd/clock.h \
	daemon/signd/config.c daemon/signd/config.h \
	daemon/signd/provider.c daemon/signd/provider.h \
	daemon/signd/crl.c daemon/signd/crl.h \
	daemon/signd/crl_draft.c daemon/signd/crl_draft.h \
	daemon/signd/disk.c daemon/signd/disk.h \
	daemon/signd/encode/cert.c daemon/signd/encode/cert.h \
	daemon/signd/encode/crl.c daemon/signd/encode/crl.h \
	daemon/signd/encode/csr.c daemon/signd/encode/csr.h \
	daemon/signd/encode/der.c daemon/signd/encode/der.h \
	daemon/signd/encode/ocsp.c daemon/signd/encode/ocsp.h \
	daemon/signd/encode/oid.c daemon/signd/encode/oid.h \
	daemon/signd/entries.c daemon/signd/entries.h \
	daemon/signd/gone.c daemon/signd/gone.h \
	daemon/signd/guard.c daemon/signd/guard.h \
	daemon/signd/health.c daemon/signd/health.h \
	daemon/signd/host.c daemon/signd/host.h \
	daemon/signd/import.c daemon/signd/import.h \
	daemon/signd/issued.c daemon/signd/issued.h \
	daemon/signd/journal.c daemon/signd/journal.h \
	daemon/signd/keygen.c daemon/signd/keygen.h \
	daemon/signd/keys.c daemon/signd/keys.h \
	daemon/signd/last.c daemon/signd/last.h \
	daemon/signd/latch.c daemon/signd/latch.h \
	daemon/signd/law.c daemon/signd/law.h \
	daemon/signd/loop.c daemon/signd/loop.h \
	daemon/signd/merge.c daemon/signd/merge.h \
	daemon/signd/meter.c daemon/signd/meter.h \
	daemon/signd/notary.c daemon/signd/notary.h \
	daemon/signd/feed.c daemon/signd/feed.h \
	daemon/signd/ocsp.c daemon/signd/ocsp.h \
	daemon/signd/ocsp_draft.c daemon/signd/ocsp_draft.h \
	daemon/signd/op.c daemon/signd/op.h \
	daemon/signd/proposals.c daemon/signd/proposals.h \
	daemon/signd/public_key.c daemon/signd/public_key.h \
	daemon/signd/queue.c daemon/signd/queue.h \
	daemon/signd/recent.c daemon/signd/recent.h \
	daemon/signd/report.c daemon/signd/report.h \
	daemon/signd/binding.c daemon/signd/binding.h \
	daemon/signd/renewal.c daemon/signd/renewal.h \
	daemon/signd/request.c daemon/signd/request.h \
	daemon/signd/restore.c daemon/signd/restore.h \
	daemon/signd/resume.c daemon/signd/resume.h \
	daemon/signd/scopes.c daemon/signd/scopes.h \
	daemon/signd/scribe.c daemon/signd/scribe.h \
	daemon/signd/serve.c daemon/signd/serve.h \
	daemon/signd/signer.c daemon/signd/signer.h \
	daemon/signd/slot.c daemon/signd/slot.h \
	daemon/signd/stream.c daemon/signd/stream.h \
	daemon/signd/tally.c daemon/signd/tally.h \
	daemon/signd/verify.c daemon/signd/verify.h \
	daemon/signd/word.c daemon/signd/word.h
daemon_signd_libsignd_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)

SIGND_LIBS = daemon/signd/libsignd.a daemon/ledger/libledger.a daemon/wire/libinner_answer.a \
	daemon/wire/libdriver_ask.a daemon/wire/libframe.a daemon/names/libnames.a daemon/base/libbase.a
chancery_signd_SOURCES = daemon/signd/main.c
chancery_signd_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
chancery_signd_LDADD = $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)

# For the tests: a front-end that asks the signer directly, also for what it may not have.
noinst_PROGRAMS += tests/e2e/signer_probe
tests_e2e_signer_probe_SOURCES = tests/e2e/signer_probe.c tests/e2e/asking.c tests/e2e/asking.h
tests_e2e_signer_probe_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_e2e_signer_probe_LDADD = daemon/wire/libinner_ask.a daemon/wire/libframe.a daemon/base/libbase.a $(CRYPTO_LIBS)
noinst_PROGRAMS += tests/e2e/liar
tests_e2e_liar_SOURCES = tests/e2e/liar.c tests/e2e/asking.c tests/e2e/asking.h
tests_e2e_liar_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_e2e_liar_LDADD = daemon/ledger/libledger.a daemon/wire/libinner_ask.a daemon/wire/libframe.a daemon/base/libbase.a $(CRYPTO_LIBS)
noinst_PROGRAMS += tests/e2e/import_probe
tests_e2e_import_probe_SOURCES = tests/e2e/import_probe.c
tests_e2e_import_probe_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_e2e_import_probe_LDADD = daemon/wire/libinner_ask.a daemon/wire/libframe.a daemon/base/libbase.a $(CRYPTO_LIBS)
noinst_PROGRAMS += tests/e2e/approve_probe
tests_e2e_approve_probe_SOURCES = tests/e2e/approve_probe.c tests/e2e/asking.c tests/e2e/asking.h
tests_e2e_approve_probe_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_e2e_approve_probe_LDADD = daemon/ledger/libledger.a daemon/wire/libinner_ask.a daemon/wire/libframe.a \
	daemon/base/libbase.a $(CRYPTO_LIBS)
noinst_PROGRAMS += tests/e2e/crl_probe
tests_e2e_crl_probe_SOURCES = tests/e2e/crl_probe.c
tests_e2e_crl_probe_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_e2e_crl_probe_LDADD = daemon/wire/libinner_ask.a daemon/wire/libframe.a daemon/base/libbase.a $(CRYPTO_LIBS)
dist_man_MANS += conf/signd.conf.5 daemon/signd/chancery-signd.8
EXTRA_DIST += conf/signd.conf

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_clock tests/unit/test_encode tests/unit/test_charter tests/unit/test_keys tests/unit/test_meter tests/unit/test_feed tests/unit/test_recent tests/unit/test_crl \
	tests/unit/test_snapshot
SIGND_TEST_LIBS = $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS) $(CMOCKA_LIBS)
# With clocks of its own in place of base's.
tests_unit_test_clock_SOURCES = tests/unit/test_clock.c daemon/signd/clock.c
tests_unit_test_clock_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_clock_LDADD = $(CMOCKA_LIBS)
tests_unit_test_encode_SOURCES = tests/unit/test_encode.c
tests_unit_test_encode_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_encode_LDADD = $(SIGND_TEST_LIBS)
tests_unit_test_charter_SOURCES = tests/unit/test_charter.c
tests_unit_test_charter_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_charter_LDADD = $(SIGND_TEST_LIBS)
tests_unit_test_feed_SOURCES = tests/unit/test_feed.c
tests_unit_test_feed_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_feed_LDADD = $(SIGND_TEST_LIBS)
tests_unit_test_meter_SOURCES = tests/unit/test_meter.c
tests_unit_test_meter_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_meter_LDADD = $(SIGND_TEST_LIBS)
tests_unit_test_keys_SOURCES = tests/unit/test_keys.c
tests_unit_test_keys_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_keys_LDADD = $(SIGND_TEST_LIBS)
tests_unit_test_snapshot_SOURCES = tests/unit/test_snapshot.c
tests_unit_test_snapshot_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_snapshot_LDADD = $(SIGND_TEST_LIBS)
tests_unit_test_recent_SOURCES = tests/unit/test_recent.c
tests_unit_test_recent_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_recent_LDADD = $(SIGND_TEST_LIBS)
tests_unit_test_crl_SOURCES = tests/unit/test_crl.c
tests_unit_test_crl_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_crl_LDADD = $(SIGND_TEST_LIBS)
endif
