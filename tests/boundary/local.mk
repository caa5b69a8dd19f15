# boundary: the walls over the finished programs, and a program that tries to get over them from within.
noinst_PROGRAMS += tests/boundary/jail_probe
tests_boundary_jail_probe_SOURCES = tests/boundary/jail_probe.c
tests_boundary_jail_probe_CFLAGS = $(AM_CFLAGS) -pthread
tests_boundary_jail_probe_LDADD = daemon/signd/libsignd.a daemon/base/libbase.a
EXTRA_DIST += tests/boundary/completion.t tests/boundary/dist.t tests/boundary/failures.t tests/boundary/failures.table tests/boundary/practice.table tests/boundary/pages.t tests/boundary/units.t tests/boundary/binaries.t tests/boundary/jail.t tests/boundary/sockets.t tests/boundary/warnings.t
