# What daemon/frontd is built from: the program, and the rooms between the sockets and the handlers.
sbin_PROGRAMS += chancery-frontd
noinst_LIBRARIES += daemon/frontd/libfronthttp.a
daemon_frontd_libfronthttp_a_SOURCES = \
	daemon/frontd/api.c daemon/frontd/api.h \
	daemon/frontd/audit.c daemon/frontd/audit.h \
	daemon/frontd/backup.c daemon/frontd/backup.h \
	daemon/frontd/ca_gauges.c daemon/frontd/ca_gauges.h \
	daemon/frontd/authz.c daemon/frontd/authz.h \
	daemon/frontd/call.c daemon/frontd/call.h daemon/frontd/front.h \
	daemon/frontd/config.c daemon/frontd/config.h \
	daemon/frontd/csr.c daemon/frontd/csr.h \
	daemon/frontd/denial.c daemon/frontd/denial.h \
	daemon/frontd/diagnosis.h \
	daemon/frontd/doctor.c daemon/frontd/doctor.h \
	daemon/frontd/est.c daemon/frontd/est.h \
	daemon/frontd/est_input.c daemon/frontd/est_input.h \
	daemon/frontd/doctor_charter.c daemon/frontd/doctor_crls.c daemon/frontd/doctor_duties.c \
	daemon/frontd/doctor_keys.c daemon/frontd/doctor_offline.c \
	daemon/frontd/acceptor.c daemon/frontd/acceptor.h \
	daemon/frontd/http.c daemon/frontd/http.h \
	daemon/frontd/offline_gauges.c daemon/frontd/offline_gauges.h \
	daemon/frontd/metrics.c daemon/frontd/metrics.h \
	daemon/frontd/pki.c daemon/frontd/pki.h \
	daemon/frontd/route.c daemon/frontd/route.h \
	daemon/frontd/status.c daemon/frontd/status.h \
	daemon/frontd/tokens.c daemon/frontd/tokens.h \
	daemon/frontd/urls.c daemon/frontd/urls.h \
	daemon/frontd/workers.c daemon/frontd/workers.h
daemon_frontd_libfronthttp_a_CFLAGS = $(AM_CFLAGS) $(MICROHTTPD_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS) \
	$(LIBCONFIG_CFLAGS)
FRONT_ROOMS = daemon/frontd/libfronthttp.a daemon/frontd/libfrontcore.a daemon/frontd/libfronthttp.a daemon/frontd/libfrontcore.a \
	daemon/policy/libpolicy.a drivers/store/libstore.a daemon/letter/libletter.a daemon/ledger/librecordjson.a \
	daemon/ledger/libledger.a daemon/names/libnames.a \
	daemon/wire/libinner_ask.a daemon/wire/libframe.a daemon/base/libbase.a
FRONT_LIBS = $(MICROHTTPD_LIBS) $(JANSSON_LIBS) $(SQLITE_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS) -lpthread
chancery_frontd_SOURCES = daemon/frontd/main.c
chancery_frontd_CFLAGS = $(AM_CFLAGS) $(MICROHTTPD_CFLAGS) $(JANSSON_CFLAGS)
chancery_frontd_LDADD = $(FRONT_ROOMS) $(FRONT_LIBS)
EXTRA_DIST += tests/e2e/est.t
EXTRA_DIST += tests/e2e/downgrade.t
EXTRA_DIST += daemon/frontd/openapi.yaml conf/frontd.conf
dist_man_MANS += conf/frontd.conf.5 conf/constraints.conf.5 conf/profile.conf.5 daemon/frontd/chancery-frontd.8

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_csr tests/unit/test_http tests/unit/test_key_token
tests_unit_test_csr_SOURCES = tests/unit/test_csr.c
tests_unit_test_csr_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS) $(CRYPTO_CFLAGS)
tests_unit_test_csr_LDADD = $(FRONT_ROOMS) $(FRONT_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += tests/unit/test_scale tests/unit/test_lineage
tests_unit_test_lineage_SOURCES = tests/unit/test_lineage.c
tests_unit_test_lineage_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_lineage_LDADD = $(FRONT_ROOMS) $(FRONT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_scale_SOURCES = tests/unit/test_scale.c
tests_unit_test_scale_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS) $(SQLITE_CFLAGS)
tests_unit_test_scale_LDADD = $(FRONT_ROOMS) $(FRONT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_http_SOURCES = tests/unit/test_http.c
tests_unit_test_http_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_http_LDADD = $(FRONT_ROOMS) $(FRONT_LIBS) $(CMOCKA_LIBS)
tests_unit_test_key_token_SOURCES = tests/unit/test_key_token.c
tests_unit_test_key_token_CFLAGS = $(UNIT_CFLAGS) $(JANSSON_CFLAGS)
tests_unit_test_key_token_LDADD = $(FRONT_ROOMS) daemon/wire/libinner_answer.a daemon/wire/libframe.a \
	daemon/base/libbase.a $(FRONT_LIBS) $(CMOCKA_LIBS)
endif

include daemon/frontd/core.mk
