/*
 * Power losses, for a program under test: a library to preload. Of each file
 * whose path ends with one of the endings in CHANCERY_SHIM_POWER (between
 * colons), FILE.kept is what a power loss would leave of it at worst: FILE as it
 * was at its last flush, and nothing of what was written since.
 */
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool ends_with(const char *path, const char *end, size_t len)
{
	size_t all = strlen(path);
	return len && all >= len && memcmp(path + all - len, end, len) == 0;
}

/* The path of an open file that is watched; false: it isn't. */
static bool watched(int fd, char path[PATH_MAX])
{
	char link[64];
	const char *ends = getenv("CHANCERY_SHIM_POWER");
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, PATH_MAX - 1);
	if (!ends || n < 0)
		return false;
	path[n] = 0;
	for (size_t len; *ends; ends += len + (ends[len] == ':')) {
		len = strcspn(ends, ":");
		if (ends_with(path, ends, len))
			return true;
	}
	return false;
}

static bool copied(int from, int to)
{
	static char bytes[1 << 20]; /* the test's program flushes these files on one thread */
	ssize_t n;
	for (off_t at = 0; (n = pread(from, bytes, sizeof(bytes), at)) > 0; at += n)
		if (write(to, bytes, (size_t)n) != n)
			return false;
	return n == 0;
}

/* Whole at once: this process may be killed meanwhile. */
static void keep(int fd)
{
	char path[PATH_MAX], new[PATH_MAX + 8], kept[PATH_MAX + 8];
	if (!watched(fd, path))
		return;
	snprintf(new, sizeof(new), "%s.new", path);
	snprintf(kept, sizeof(kept), "%s.kept", path);
	int to = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good = to >= 0 && copied(fd, to);
	if (to >= 0)
		close(to);
	if (!good || rename(new, kept) != 0)
		abort();
}

int fdatasync(int fd)
{
	int r = (int)syscall(SYS_fdatasync, fd);
	if (r == 0)
		keep(fd);
	return r;
}

int fsync(int fd)
{
	int r = (int)syscall(SYS_fsync, fd);
	if (r == 0)
		keep(fd);
	return r;
}
