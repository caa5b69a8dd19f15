# ledger: records, the tree over them, the files that hold them and the notes that sign them; libcrypto and base.
noinst_LIBRARIES += daemon/ledger/libledger.a
daemon_ledger_libledger_a_SOURCES = \
	daemon/ledger/archive.c daemon/ledger/archive.h \
	daemon/ledger/checkpoint.c daemon/ledger/checkpoint.h \
	daemon/ledger/hash.c daemon/ledger/hash.h \
	daemon/ledger/head.c daemon/ledger/head.h \
	daemon/ledger/inspection.c daemon/ledger/inspection.h \
	daemon/ledger/ledger.c daemon/ledger/ledger.h \
	daemon/ledger/merkle.c daemon/ledger/merkle.h \
	daemon/ledger/proposal.c daemon/ledger/proposal_signed.c daemon/ledger/proposal_tell.c daemon/ledger/proposal.h daemon/ledger/proposal.def \
	daemon/ledger/proof.c daemon/ledger/proof.h \
	daemon/ledger/reader.c \
	daemon/ledger/record.c daemon/ledger/record.h daemon/ledger/records.def \
	daemon/ledger/recovery.c daemon/ledger/recovery.h \
	daemon/ledger/segment.c daemon/ledger/segment.h \
	daemon/ledger/snapshot.c daemon/ledger/snapshot.h
daemon_ledger_libledger_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
# Records as JSON, which the signer has no use for.
noinst_LIBRARIES += daemon/ledger/librecordjson.a
daemon_ledger_librecordjson_a_SOURCES = daemon/ledger/record_json.c daemon/ledger/record_json.h
daemon_ledger_librecordjson_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS)
EXTRA_DIST += tests/e2e/ledger_check.py tests/e2e/ledger_forge.py

if HAVE_CMOCKA
LEDGER_TEST_LIBS = daemon/ledger/libledger.a daemon/base/libbase.a $(CRYPTO_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_record tests/unit/test_merkle tests/unit/test_ledger tests/unit/test_checkpoint
tests_unit_test_record_SOURCES = tests/unit/test_record.c
tests_unit_test_record_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_record_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_test_merkle_SOURCES = tests/unit/test_merkle.c
tests_unit_test_merkle_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_merkle_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_test_ledger_SOURCES = tests/unit/test_ledger.c
tests_unit_test_ledger_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_ledger_LDADD = $(LEDGER_TEST_LIBS)
tests_unit_test_checkpoint_SOURCES = tests/unit/test_checkpoint.c
tests_unit_test_checkpoint_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_checkpoint_LDADD = $(LEDGER_TEST_LIBS)
endif
