# letter: what travels between a host and an offline root; ledger (hashes and base64), names and base.
noinst_LIBRARIES += daemon/letter/libletter.a
daemon_letter_libletter_a_SOURCES = \
	daemon/letter/armour.c \
	daemon/letter/letter.c daemon/letter/letter.h daemon/letter/letter.def \
	daemon/letter/telling.c daemon/letter/telling.h \
	daemon/letter/words.c daemon/letter/words.h daemon/letter/words.def
daemon_letter_libletter_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_letter
tests_unit_test_letter_SOURCES = tests/unit/test_letter.c
tests_unit_test_letter_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_letter_LDADD = daemon/letter/libletter.a daemon/names/libnames.a $(LEDGER_TEST_LIBS)
endif
