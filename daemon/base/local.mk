# base: leaves on libc alone, but for conf (libconfig).
noinst_LIBRARIES += daemon/base/libbase.a
daemon_base_libbase_a_SOURCES = \
	daemon/base/algorithm.c daemon/base/algorithm.def daemon/base/algorithm.h \
	daemon/base/batch.c daemon/base/batch.h \
	daemon/base/buf.c daemon/base/buf.h \
	daemon/base/cond.c daemon/base/cond.h \
	daemon/base/conf.c daemon/base/conf.h \
	daemon/base/fd.c daemon/base/fd.h \
	daemon/base/filter.c daemon/base/filter.h \
	daemon/base/jail.c daemon/base/jail.h \
	daemon/base/log.c daemon/base/log.h \
	daemon/base/pack.c daemon/base/pack.h daemon/base/pack_done.h daemon/base/pack_fields.h \
	daemon/base/pack_struct.h \
	daemon/base/peer.c daemon/base/peer.h \
	daemon/base/random.c daemon/base/random.h \
	daemon/base/ready.c daemon/base/ready.h \
	daemon/base/secret.c daemon/base/secret.h \
	daemon/base/text.c daemon/base/text.h \
	daemon/base/time.c daemon/base/time.h
daemon_base_libbase_a_CFLAGS = $(AM_CFLAGS) $(LIBCONFIG_CFLAGS)

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_pack tests/unit/test_base
tests_unit_test_pack_SOURCES = tests/unit/test_pack.c
tests_unit_test_pack_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_pack_LDADD = daemon/base/libbase.a $(CMOCKA_LIBS)
tests_unit_test_base_SOURCES = tests/unit/test_base.c
tests_unit_test_base_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_base_LDADD = daemon/base/libbase.a $(LIBCONFIG_LIBS) $(CMOCKA_LIBS)
endif
