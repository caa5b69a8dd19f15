/*
 * A disk that fails, for a program under test: a library to preload. While the
 * file that CHANCERY_SHIM_DISK names is there, fdatasync() says EIO.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

int fdatasync(int fd)
{
	const char *path = getenv("CHANCERY_SHIM_DISK");
	struct stat st;
	if (path && stat(path, &st) == 0) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}
