# ceremony: the offline root's dialogue on signd's rooms. guard.o stays out: desk.o takes its place, and nothing listens.
sbin_PROGRAMS += chancery-ceremony
chancery_ceremony_SOURCES = \
	daemon/ceremony/act.h daemon/ceremony/consent.c \
	daemon/ceremony/crl.c \
	daemon/ceremony/desk.c daemon/ceremony/desk.h \
	daemon/ceremony/destroy.c \
	daemon/ceremony/dialogue.c daemon/ceremony/dialogue.h \
	daemon/ceremony/driver.c daemon/ceremony/driver.h \
	daemon/ceremony/history.c daemon/ceremony/history.h \
	daemon/ceremony/home.c daemon/ceremony/home.h \
	daemon/ceremony/main.c \
	daemon/ceremony/request.c daemon/ceremony/request.h \
	daemon/ceremony/root.c \
	daemon/ceremony/screen.c daemon/ceremony/screen.h \
	daemon/ceremony/show.c \
	daemon/ceremony/sign.c
chancery_ceremony_CPPFLAGS = $(AM_CPPFLAGS) -D_GNU_SOURCE -DCHANCERY_SBINDIR='"$(sbindir)"'
chancery_ceremony_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
chancery_ceremony_LDADD = daemon/signd/libsignd.a daemon/letter/libletter.a daemon/ledger/libledger.a \
	daemon/wire/libinner_ask.a daemon/wire/libinner_answer.a daemon/wire/libdriver_ask.a daemon/wire/libframe.a \
	daemon/names/libnames.a daemon/base/libbase.a $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)
dist_man_MANS += daemon/ceremony/chancery-ceremony.8
