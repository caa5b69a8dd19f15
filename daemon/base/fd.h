/*
 * File descriptors, and the Unix sockets that are our walls.
 */
#ifndef CHANCERY_BASE_FD_H
#define CHANCERY_BASE_FD_H

#include <sys/types.h>

#include "base/buf.h"

void fd_close(int *fd);
/* Closes a descriptor when its scope ends; fd_take() hands it on instead. */
#define scoped_fd __attribute__((cleanup(fd_close)))
int fd_take(int *fd);

/* All n bytes or -1 (errno set). EINTR is repeated. */
int fd_write_all(int fd, const void *bytes, size_t n);
/* All n bytes, or -1: errno, which is 0 if the file ended first. */
int fd_read_all(int fd, void *bytes, size_t n);
/* A whole small file of at most max bytes appended to out; 0 or -1 (errno; EFBIG if longer). */
int fd_read_file(const char *path, size_t max, struct buf *out);
/* Replaces a file by writing a neighbour, fsync, rename, fsync of the folder. 0 or -1 (errno). */
int fd_replace_file(const char *path, struct slice content, mode_t mode);
/* The same in steps, for what is written piece by piece to fd. Whoever has begun ends it or abandons it. */
struct replacement {
	int fd;
	char path[4096], next[4096];
};
int replacement_begin(struct replacement *r, const char *path, mode_t mode);
int replacement_end(struct replacement *r);
void replacement_abandon(struct replacement *r);
int fd_nonblock(int fd);

/*
 * Listens on a Unix stream socket at path with these permissions; a socket
 * file that nobody answers is replaced. -1 with the reason logged, also for a
 * path that does not fit the 108 bytes of sockaddr_un.
 */
int fd_listen(const char *path, mode_t mode);
/* Connects, blocking; -1 (errno, ENAMETOOLONG for a path that does not fit). */
int fd_connect(const char *path);

#endif
