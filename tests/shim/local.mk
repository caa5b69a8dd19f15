# shim: another clock and repeatable chance, and a kernel without filters, preloaded. Shared objects, which automake makes
# without libtool as programs.
noinst_PROGRAMS += tests/shim/shim.so tests/shim/unfiltered.so
tests_shim_shim_so_SOURCES = tests/shim/shim.c
tests_shim_shim_so_CFLAGS = $(AM_CFLAGS) -fPIC -fno-sanitize=all
tests_shim_shim_so_LDFLAGS = -shared
tests_shim_shim_so_LDADD = -ldl -lpthread
tests_shim_unfiltered_so_SOURCES = tests/shim/unfiltered.c
tests_shim_unfiltered_so_CFLAGS = $(AM_CFLAGS) -fPIC -fno-sanitize=all
tests_shim_unfiltered_so_LDFLAGS = -shared
tests_shim_unfiltered_so_LDADD = -ldl
noinst_PROGRAMS += tests/shim/disk.so
tests_shim_disk_so_SOURCES = tests/shim/disk.c
tests_shim_disk_so_CFLAGS = $(AM_CFLAGS) -fPIC -fno-sanitize=all
tests_shim_disk_so_LDFLAGS = -shared
tests_shim_disk_so_LDADD = -ldl
EXTRA_DIST += tests/shim/clock.sh tests/e2e/clock.t
noinst_PROGRAMS += tests/shim/step.so
tests_shim_step_so_SOURCES = tests/shim/step.c
tests_shim_step_so_CFLAGS = $(AM_CFLAGS) -D_GNU_SOURCE -fPIC -fno-sanitize=all
tests_shim_step_so_LDFLAGS = -shared
EXTRA_DIST += tests/e2e/steps.t
noinst_PROGRAMS += tests/shim/power.so
tests_shim_power_so_SOURCES = tests/shim/power.c
tests_shim_power_so_CFLAGS = $(AM_CFLAGS) -D_GNU_SOURCE -fPIC -fno-sanitize=all
tests_shim_power_so_LDFLAGS = -shared
EXTRA_DIST += tests/e2e/power.t
noinst_PROGRAMS += tests/shim/stall.so
tests_shim_stall_so_SOURCES = tests/shim/stall.c
tests_shim_stall_so_CFLAGS = $(AM_CFLAGS) -D_GNU_SOURCE -fPIC -fno-sanitize=all
tests_shim_stall_so_LDFLAGS = -shared
tests_shim_stall_so_LDADD = -ldl
EXTRA_DIST += tests/e2e/rotate_race.t
