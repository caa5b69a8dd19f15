#include "wire/passing.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/fd.h"

/* Room for more than may come, so that what is too much is seen and closed, and aligned as the kernel wants it. */
union control {
	struct cmsghdr head;
	uint8_t bytes[CMSG_SPACE((MAX_PASSED + 1) * sizeof(int))];
};

bool passing_put(struct passing *p, int fd, size_t at)
{
	if (fd < 0 || p->count == MAX_PASSED) {
		fd_close(&fd);
		return false;
	}
	p->held[p->count].fd = fd;
	p->held[p->count++].at = at;
	return true;
}

int passing_take(struct passing *p)
{
	if (p->count == 0)
		return -1;
	int fd = p->held[0].fd;
	memmove(&p->held[0], &p->held[1], --p->count * sizeof(p->held[0]));
	return fd;
}

void passing_close(struct passing *p)
{
	while (p->count) {
		scoped_fd int fd = passing_take(p);
		(void)fd;
	}
}

/* Every descriptor that came is ours now: kept, or closed. */
static bool take_control(struct msghdr *m, struct passing *p)
{
	bool fits = !(m->msg_flags & MSG_CTRUNC);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
			fits = passing_put(p, fd, 0) && fits;
		}
	}
	return fits;
}

ssize_t passing_recv(int socket, void *bytes, size_t room, int flags, struct passing *p)
{
	union control control;
	struct iovec part = { bytes, room };
	struct msghdr m = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes)
	};
	ssize_t n = recvmsg(socket, &m, flags | MSG_CMSG_CLOEXEC);
	if (n >= 0 && !take_control(&m, p)) {
		errno = EPROTO;
		return -1;
	}
	return n;
}

/* The first n bytes, the first of them with this descriptor. */
static ssize_t send_with(int socket, const struct buf *out, size_t n, int flags, int fd)
{
	union control control = { 0 };
	struct iovec part = { out->at, n };
	struct msghdr m = { .msg_iov = &part,
			    .msg_iovlen = 1,
			    .msg_control = control.bytes,
			    .msg_controllen = CMSG_SPACE(sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(socket, &m, flags);
}

ssize_t passing_send(int socket, struct buf *out, int flags, struct passing *p)
{
	bool with = p->count && p->held[0].at == 0;
	size_t next = with ? 1 : 0, n = p->count > next ? p->held[next].at : out->len;
	ssize_t sent = with ? send_with(socket, out, n, flags, p->held[0].fd) : send(socket, out->at, n, flags);
	if (sent <= 0)
		return sent;
	if (with) {
		scoped_fd int fd = passing_take(p);
		(void)fd;
	}
	for (size_t i = 0; i < p->count; i++)
		p->held[i].at -= (size_t)sent;
	buf_drop(out, (size_t)sent);
	return sent;
}
