# The front-end's core: the link to the signer, the hierarchy's rules, issuing and looking up.
noinst_LIBRARIES += daemon/frontd/libfrontcore.a
daemon_frontd_libfrontcore_a_SOURCES = \
	daemon/frontd/catchup.h \
	daemon/frontd/signer.c daemon/frontd/signer.h daemon/frontd/signer_link.c daemon/frontd/signer_link.h
daemon_frontd_libfrontcore_a_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_signer
tests_unit_test_signer_SOURCES = tests/unit/test_signer.c
tests_unit_test_signer_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_signer_LDADD = daemon/frontd/libfrontcore.a drivers/store/libstore.a daemon/wire/libinner_ask.a \
	daemon/wire/libinner_answer.a daemon/wire/libframe.a daemon/base/libbase.a $(SQLITE_LIBS) $(CMOCKA_LIBS)
endif
