#include "base/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

#define LISTEN_BACKLOG 128

void fd_close(int *fd)
{
	int saved = errno;
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = saved;
}

int fd_take(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

int fd_write_all(int fd, const void *bytes, size_t n)
{
	const uint8_t *at = bytes;
	while (n) {
		ssize_t w = write(fd, at, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return -1;
		at += w;
		n -= (size_t)w;
	}
	return 0;
}

int fd_read_all(int fd, void *bytes, size_t n)
{
	uint8_t *at = bytes;
	while (n) {
		ssize_t r = read(fd, at, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r == 0)
			errno = 0;
		if (r <= 0)
			return -1;
		at += r;
		n -= (size_t)r;
	}
	return 0;
}

int fd_read_file(const char *path, size_t max, struct buf *out)
{
	scoped_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) != 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size < 0 || (size_t)st.st_size > max) {
		errno = S_ISREG(st.st_mode) ? EFBIG : EINVAL;
		return -1;
	}
	size_t n = (size_t)st.st_size;
	uint8_t *at = buf_room(out, n);
	if (!at && n) {
		errno = EFBIG;
		return -1;
	}
	if (fd_read_all(fd, at, n) != 0)
		return -1;
	out->len += n;
	return 0;
}

static int folder_sync(const char *path)
{
	char folder[PATH_MAX];
	if (snprintf(folder, sizeof(folder), "%s", path) >= (int)sizeof(folder)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	char *slash = strrchr(folder, '/');
	if (slash)
		slash[slash == folder] = '\0';
	scoped_fd int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -1 : fsync(fd);
}

int replacement_begin(struct replacement *r, const char *path, mode_t mode)
{
	r->fd = -1;
	if (snprintf(r->path, sizeof(r->path), "%s", path) >= (int)sizeof(r->path) ||
	    snprintf(r->next, sizeof(r->next), "%s.new", path) >= (int)sizeof(r->next)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	r->fd = open(r->next, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode);
	if (r->fd >= 0 && fchmod(r->fd, mode) == 0)
		return 0;
	fd_close(&r->fd);
	return -1;
}

int replacement_end(struct replacement *r)
{
	bool done = fsync(r->fd) == 0 && rename(r->next, r->path) == 0;
	fd_close(&r->fd);
	return done ? folder_sync(r->path) : -1;
}

void replacement_abandon(struct replacement *r)
{
	fd_close(&r->fd);
	unlink(r->next);
}

int fd_replace_file(const char *path, struct slice content, mode_t mode)
{
	struct replacement r;
	if (replacement_begin(&r, path, mode) != 0)
		return -1;
	if (fd_write_all(r.fd, content.at, content.len) == 0)
		return replacement_end(&r);
	fd_close(&r.fd);
	return -1;
}

int fd_nonblock(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	return flags < 0 ? -1 : fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static int address_set(struct sockaddr_un *address, const char *path)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof(address->sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address->sun_path, path, strlen(path) + 1);
	return 0;
}

int fd_connect(const char *path)
{
	struct sockaddr_un address;
	if (address_set(&address, path) != 0)
		return -1;
	scoped_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0)
		return -1;
	return fd_take(&fd);
}

/* A socket file that a dead process left behind may go; a live one or another file may not. */
static int stale_remove(const char *path)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return -1;
	}
	scoped_fd int fd = fd_connect(path);
	if (fd >= 0) {
		errno = EADDRINUSE;
		return -1;
	}
	return unlink(path);
}

int fd_listen(const char *path, mode_t mode)
{
	struct sockaddr_un address;
	if (address_set(&address, path) != 0) {
		log_error("socket_path_too_long", "path=%s bytes=%zu longest=%zu", path, strlen(path),
			  sizeof(address.sun_path) - 1);
		return -1;
	}
	scoped_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	/* The file appears closed to all and is opened up only by chmod. */
	mode_t mask = umask(0777);
	bool bound = fd >= 0 && stale_remove(path) == 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	umask(mask);
	if (!bound || chmod(path, mode) != 0 || listen(fd, LISTEN_BACKLOG) != 0) {
		log_error("socket_failed", "path=%s why=\"%s\"", path, log_errno());
		return -1;
	}
	return fd_take(&fd);
}
