# names: typed names and the algebra of name constraints; on base alone.
noinst_LIBRARIES += daemon/names/libnames.a
daemon_names_libnames_a_SOURCES = \
	daemon/names/constraints.c daemon/names/constraints.h \
	daemon/names/dn.c daemon/names/dn.h \
	daemon/names/name.c daemon/names/name.h

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_dn tests/unit/test_name tests/unit/test_constraints \
	tests/unit/test_constraints_properties
tests_unit_test_dn_SOURCES = tests/unit/test_dn.c
tests_unit_test_dn_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_dn_LDADD = daemon/names/libnames.a daemon/base/libbase.a $(CMOCKA_LIBS)
tests_unit_test_name_SOURCES = tests/unit/test_name.c
tests_unit_test_name_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_name_LDADD = daemon/names/libnames.a daemon/base/libbase.a $(CMOCKA_LIBS)
tests_unit_test_constraints_SOURCES = tests/unit/test_constraints.c
tests_unit_test_constraints_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_constraints_LDADD = daemon/names/libnames.a daemon/base/libbase.a $(CMOCKA_LIBS)
# The test holds the room against libcrypto; the room itself links none.
tests_unit_test_constraints_properties_SOURCES = tests/unit/test_constraints_properties.c
tests_unit_test_constraints_properties_CFLAGS = $(UNIT_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_constraints_properties_LDADD = daemon/names/libnames.a daemon/base/libbase.a $(CRYPTO_LIBS) \
	$(CMOCKA_LIBS)
endif
