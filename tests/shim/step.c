/*
 * Ends or fails a program under test at a chosen step of what it does: a
 * library to preload. Steps are its calls that change a file or send on a
 * socket, counted while the test has armed them.
 *
 * CHANCERY_SHIM_STEP names a file of four 32-bit integers, little-endian,
 * mapped by the program and written by the test: armed, how many steps there
 * were since, at which one, and what happens there: 1 SIGKILL before the call,
 * 2 SIGKILL after it, 3 the call fails with EIO, 4 with ENOSPC (only what
 * changes a file that has a name). Once it has happened nothing is armed.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { STEP_BEFORE = 1, STEP_AFTER, STEP_EIO, STEP_ENOSPC };

struct step {
	_Atomic uint32_t armed, count, at, how;
};

static struct step *step;

__attribute__((constructor)) static void step_start(void)
{
	const char *path = getenv("CHANCERY_SHIM_STEP");
	int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof(*step), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	step = at == MAP_FAILED ? NULL : at;
	if (fd >= 0)
		close(fd);
}

/* The program's own filter lets it signal itself and nobody else. */
static void end(void)
{
	syscall(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), SIGKILL);
}

static bool has_name(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && st.st_nlink > 0;
}

/* 0; STEP_AFTER: end when the call is done; -1: it fails, errno says how. fd: -1 for what can't fail here. */
static int step_take(int fd)
{
	if (!step || !atomic_load(&step->armed))
		return 0;
	uint32_t how = atomic_load(&step->how);
	if (how >= STEP_EIO && (fd < 0 || !has_name(fd)))
		return 0;
	if (atomic_fetch_add(&step->count, 1) + 1 != atomic_load(&step->at))
		return 0;
	atomic_store(&step->armed, 0);
	if (how == STEP_BEFORE)
		end();
	if (how == STEP_EIO || how == STEP_ENOSPC) {
		errno = how == STEP_EIO ? EIO : ENOSPC;
		return -1;
	}
	return STEP_AFTER;
}

#define STEP(type, fd, call)                                                                                           \
	int when = step_take(fd);                                                                                      \
	type result = when < 0 ? -1 : (type)(call);                                                                    \
	if (when == STEP_AFTER)                                                                                        \
		end();                                                                                                 \
	return result

ssize_t pwrite(int fd, const void *at, size_t n, off_t offset)
{
	STEP(ssize_t, fd, syscall(SYS_pwrite64, fd, at, n, offset));
}

ssize_t pwrite64(int fd, const void *at, size_t n, off64_t offset)
{
	STEP(ssize_t, fd, syscall(SYS_pwrite64, fd, at, n, offset));
}

int fdatasync(int fd)
{
	STEP(int, fd, syscall(SYS_fdatasync, fd));
}

int fsync(int fd)
{
	STEP(int, fd, syscall(SYS_fsync, fd));
}

int rename(const char *from, const char *to)
{
	STEP(int, -1, syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}

ssize_t send(int fd, const void *at, size_t n, int flags)
{
	STEP(ssize_t, -1, syscall(SYS_sendto, fd, at, n, flags, NULL, 0));
}
