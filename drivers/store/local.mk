# store: what the front-end remembers; sqlite/ is the embedded implementation.
noinst_LIBRARIES += drivers/store/libstore.a
drivers_store_libstore_a_SOURCES = \
	drivers/store/rows.def drivers/store/store.h \
	drivers/store/sqlite/certificate.c \
	drivers/store/sqlite/crl.c \
	drivers/store/sqlite/copy.c \
	drivers/store/sqlite/hierarchy.c \
	drivers/store/sqlite/ledger.c \
	drivers/store/sqlite/letter.c \
	drivers/store/sqlite/proposal.c \
	drivers/store/sqlite/responder.c \
	drivers/store/sqlite/page_cache.c drivers/store/sqlite/page_cache.h \
	drivers/store/sqlite/row.c \
	drivers/store/sqlite/schema.c \
	drivers/store/sqlite/session.c drivers/store/sqlite/session.h drivers/store/sqlite/statements.def \
	drivers/store/sqlite/store.c \
	drivers/store/sqlite/wal_file.c drivers/store/sqlite/wal_file.h
drivers_store_libstore_a_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_store tests/unit/test_store_marks tests/unit/test_store_flush
tests_unit_test_store_SOURCES = tests/unit/test_store.c tests/unit/store_fixture.h
tests_unit_test_store_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_store_LDADD = drivers/store/libstore.a daemon/base/libbase.a $(SQLITE_LIBS) $(CMOCKA_LIBS)
tests_unit_test_store_flush_SOURCES = tests/unit/test_store_flush.c tests/unit/store_fixture.h
tests_unit_test_store_flush_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_store_flush_LDADD = $(tests_unit_test_store_LDADD)
tests_unit_test_store_marks_SOURCES = tests/unit/test_store_marks.c tests/unit/store_fixture.h
tests_unit_test_store_marks_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_store_marks_LDADD = $(tests_unit_test_store_LDADD)
endif
