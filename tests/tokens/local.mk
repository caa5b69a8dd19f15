# tokens: what brings one up, and one that fails on demand (README).
EXTRA_DIST += tests/tokens/README tests/tokens/up-softhsm tests/tokens/up-faulty \
	tests/tokens/up-opencryptoki tests/tokens/up-tpm2 tests/tokens/down \
	tests/tokens/faulty/functions.def tests/tokens/faulty/names.def tests/e2e/faulty.t tests/e2e/tokens.t tests/e2e/no_curves.t

# A shared object, which automake makes without libtool as a program.
noinst_PROGRAMS += tests/tokens/faulty.so tests/tokens/tell
tests_tokens_faulty_so_SOURCES = tests/tokens/faulty/module.c \
	tests/tokens/faulty/faults.c tests/tokens/faulty/faults.h \
	tests/tokens/faulty/plan.c tests/tokens/faulty/plan.h \
	tests/tokens/faulty/special.c tests/tokens/faulty/special.h \
	tests/tokens/faulty/state.c tests/tokens/faulty/state.h
tests_tokens_faulty_so_CFLAGS = $(AM_CFLAGS) -fPIC -fno-sanitize=all $(P11KIT_CFLAGS) -pthread
tests_tokens_faulty_so_LDFLAGS = -shared
tests_tokens_faulty_so_LDADD = -lpthread -ldl
tests_tokens_tell_SOURCES = tests/tokens/faulty/tell.c tests/tokens/faulty/plan.c tests/tokens/faulty/state.c
tests_tokens_tell_CFLAGS = $(AM_CFLAGS) $(P11KIT_CFLAGS)
