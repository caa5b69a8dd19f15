# bench: what the figures are measured with. They need nothing that the test programs don't.
noinst_PROGRAMS += tests/bench/raw_sign tests/bench/sign_flood tests/bench/http_load tests/bench/audit_rate tests/bench/ledger_make
tests_bench_raw_sign_SOURCES = tests/bench/raw_sign.c
tests_bench_raw_sign_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS) -pthread
tests_bench_raw_sign_LDADD = daemon/base/libbase.a -lpthread -ldl
tests_bench_sign_flood_SOURCES = tests/bench/sign_flood.c
tests_bench_sign_flood_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_bench_sign_flood_LDADD = daemon/wire/libinner_ask.a daemon/wire/libframe.a daemon/names/libnames.a \
	daemon/base/libbase.a $(CRYPTO_LIBS)
tests_bench_http_load_SOURCES = tests/bench/http_load.c
tests_bench_http_load_CFLAGS = $(AM_CFLAGS) -pthread
tests_bench_http_load_LDADD = daemon/base/libbase.a -lpthread
tests_bench_audit_rate_SOURCES = tests/bench/audit_rate.c
tests_bench_audit_rate_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_bench_audit_rate_LDADD = daemon/ledger/libledger.a daemon/base/libbase.a $(CRYPTO_LIBS)
# A ledger of any size for the signer's start.
tests_bench_ledger_make_SOURCES = tests/bench/ledger_make.c
tests_bench_ledger_make_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS)
tests_bench_ledger_make_LDADD = $(SIGND_LIBS) $(CRYPTO_LIBS) $(LIBCONFIG_LIBS)
# Certificates for a whole stack.
noinst_PROGRAMS += tests/bench/rows_make
tests_bench_rows_make_SOURCES = tests/bench/rows_make.c
tests_bench_rows_make_CFLAGS = $(AM_CFLAGS) $(CRYPTO_CFLAGS) $(SQLITE_CFLAGS)
tests_bench_rows_make_LDADD = daemon/ledger/libledger.a daemon/base/libbase.a $(CRYPTO_LIBS) $(SQLITE_LIBS)
EXTRA_DIST += tests/bench/start
EXTRA_DIST += tests/bench/run tests/bench/bench.t tests/bench/RESULTS.md \
	tests/bench/scale \
	tests/bench/scale.py
EXTRA_DIST += tests/bench/millions tests/bench/millions.t
