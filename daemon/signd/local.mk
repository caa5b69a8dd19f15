# signd: libc, libcrypto and libconfig, and nothing else. Its rooms are a library of their own for the tests and the ceremony.
sbin_PROGRAMS += chancery-signd
noinst_LIBRARIES += daemon/signd/libsignd.a
daemon_signd_libsignd_a_SOURCES = \
	daemon/signd/answer.c \
	daemon/signd/ceilings.c daemon/signd/ceilings.h \
	daemon/signd/certify.c daemon/signd/certify.h \
	daemon/signd/charter.c daemon/signd/charter.h \
	daemon/signd/config.c daemon/signd/config.h \
	daemon/signd/encode/cert.c daemon/signd/encode/cert.h \
	daemon/signd/encode/der.c daemon/signd/encode/der.h \
	daemon/signd/encode/oid.c daemon/signd/encode/oid.h \
	daemon/signd/guard.c daemon/signd/guard.h \
	daemon/signd/journal.c daemon/signd/journal.h \
	daemon/signd/keygen.c daemon/signd/keygen.h \
	daemon/signd/keys.c daemon/signd/keys.h \
	daemon/signd/loop.c daemon/signd/loop.h \
	daemon/signd/notary.c daemon/signd/notary.h \
	daemon/signd/op.c daemon/signd/op.h \
	daemon/signd/public_key.c daemon/signd/public_key.h \
	daemon/signd/recent.c daemon/signd/recent.h \
	daemon/signd/request.c daemon/signd/request.h \
	daemon/signd/restore.c daemon/signd/restore.h \
	daemon/signd/serve.c daemon/signd/serve.h \
	daemon/signd/signer.c daemon/signd/signer.h \
	daemon/signd/slot.c daemon/signd/slot.h \
	daemon/signd/verify.c daemon/signd/verify.h
daemon_signd_libsignd_a_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)

SIGND_LIBS = daemon/signd/libsignd.a daemon/ledger/libledger.a daemon/wire/libinner_answer.a \
	daemon/wire/libdriver_ask.a daemon/wire/libframe.a daemon/names/libnames.a daemon/base/libbase.a
chancery_signd_SOURCES = daemon/signd/main.c
chancery_signd_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
chancery_signd_LDADD = $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)
