# key: what holds the keys. The server is the same for every kind of driver; each kind is a program of its own.
noinst_LIBRARIES += drivers/key/libserver.a drivers/key/pkcs11/libtoken.a
drivers_key_libserver_a_SOURCES = drivers/key/driver.h \
	drivers/key/connection.c drivers/key/connection.h \
	drivers/key/evp.c drivers/key/evp.h \
	drivers/key/jobs.c drivers/key/jobs.h \
	drivers/key/server.c drivers/key/server.h \
	drivers/key/server_settings.c drivers/key/server_settings.h \
	drivers/key/verbs.c drivers/key/verbs.h \
	drivers/key/watchdog.c drivers/key/watchdog.h
drivers_key_libserver_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) -pthread

drivers_key_pkcs11_libtoken_a_SOURCES = \
	drivers/key/pkcs11/attributes.c drivers/key/pkcs11/attributes.h \
	drivers/key/pkcs11/audit.c drivers/key/pkcs11/audit.h \
	drivers/key/pkcs11/create.c drivers/key/pkcs11/create.h \
	drivers/key/pkcs11/cryptoki.c drivers/key/pkcs11/cryptoki_answers.c drivers/key/pkcs11/cryptoki.h \
	drivers/key/pkcs11/health.c drivers/key/pkcs11/health.h \
	drivers/key/pkcs11/keeper.c drivers/key/pkcs11/keeper.h \
	drivers/key/pkcs11/keys.c drivers/key/pkcs11/keys.h \
	drivers/key/pkcs11/latch.c drivers/key/pkcs11/latch.h \
	drivers/key/pkcs11/login.c drivers/key/pkcs11/login.h \
	drivers/key/pkcs11/operations.c drivers/key/pkcs11/operations.h \
	drivers/key/pkcs11/public.c drivers/key/pkcs11/public.h \
	drivers/key/pkcs11/recovery.c drivers/key/pkcs11/recovery.h \
	drivers/key/pkcs11/settings.c drivers/key/pkcs11/settings.h \
	drivers/key/pkcs11/signature.c drivers/key/pkcs11/signature.h \
	drivers/key/pkcs11/token.c drivers/key/pkcs11/token.h \
	drivers/key/pkcs11/uri.c drivers/key/pkcs11/uri.h
drivers_key_pkcs11_libtoken_a_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS) $(LIBP11_CFLAGS) $(CRYPTO_CFLAGS) -pthread

DRIVER_LIBS = drivers/key/pkcs11/libtoken.a drivers/key/libserver.a daemon/wire/libdriver_answer.a \
	daemon/wire/libframe.a daemon/base/libbase.a

sbin_PROGRAMS += chancery-driver-pkcs11
chancery_driver_pkcs11_SOURCES = drivers/key/pkcs11/main.c
chancery_driver_pkcs11_CFLAGS = $(drivers_key_pkcs11_libtoken_a_CFLAGS)
chancery_driver_pkcs11_LDADD = $(DRIVER_LIBS) $(LIBP11_LIBS) $(LIBCONFIG_LIBS) $(CRYPTO_LIBS) -lpthread -ldl

# Keys in files, for migration and development.
sbin_PROGRAMS += chancery-driver-file
chancery_driver_file_SOURCES = drivers/key/file/main.c drivers/key/file/folder.c drivers/key/file/folder.h \
	drivers/key/file/keys.c drivers/key/file/keys.h drivers/key/file/operations.c drivers/key/file/operations.h
chancery_driver_file_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) -pthread
chancery_driver_file_LDADD = drivers/key/libserver.a daemon/wire/libdriver_answer.a daemon/wire/libframe.a \
	daemon/base/libbase.a $(LIBCONFIG_LIBS) $(CRYPTO_LIBS) -lpthread

# For the tests: one verb a run, against a real driver.
noinst_PROGRAMS += tests/e2e/driver-client
tests_e2e_driver_client_SOURCES = tests/e2e/driver-client.c
tests_e2e_driver_client_LDADD = daemon/wire/libdriver_ask.a daemon/wire/libframe.a daemon/base/libbase.a
dist_man_MANS += conf/driver.conf.5 drivers/key/pkcs11/chancery-driver-pkcs11.8 \
	drivers/key/file/chancery-driver-file.8
EXTRA_DIST += conf/driver.conf tests/e2e/driver.t tests/e2e/driver.sh tests/e2e/driver_faulty.sh tests/e2e/token_use.t tests/e2e/pin.t tests/e2e/key_made.t tests/e2e/nss.t \
	tests/e2e/driver_file.t tests/e2e/algorithms.t tests/e2e/recovery.t tests/e2e/recovery_path.t

if HAVE_CMOCKA
check_PROGRAMS += tests/unit/test_driver_public tests/unit/test_driver_server tests/unit/test_driver_uri
tests_unit_test_driver_uri_SOURCES = tests/unit/test_driver_uri.c
tests_unit_test_driver_uri_CFLAGS = $(UNIT_CFLAGS)
tests_unit_test_driver_uri_LDADD = drivers/key/pkcs11/libtoken.a daemon/base/libbase.a $(CMOCKA_LIBS)
tests_unit_test_driver_public_SOURCES = tests/unit/test_driver_public.c
tests_unit_test_driver_public_CFLAGS = $(UNIT_CFLAGS) $(P11KIT_CFLAGS)
tests_unit_test_driver_public_LDADD = $(DRIVER_LIBS) $(LIBP11_LIBS) $(CRYPTO_LIBS) $(CMOCKA_LIBS) -ldl
tests_unit_test_driver_server_SOURCES = tests/unit/test_driver_server.c
tests_unit_test_driver_server_CFLAGS = $(UNIT_CFLAGS) -pthread
tests_unit_test_driver_server_LDADD = drivers/key/libserver.a daemon/wire/libdriver_answer.a \
	daemon/wire/libdriver_ask.a daemon/wire/libframe.a daemon/base/libbase.a $(CMOCKA_LIBS) -lpthread
endif
