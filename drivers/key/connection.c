#include "key/connection.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/log.h"

#define MAX_UNREAD (256 * 1024)	 /* two of the largest requests (66 KiB), and many small ones at once */
#define MAX_UNSENT (4096 * 1024) /* several of the largest replies (a list of 4096 keys, 270 KiB) */
#define ENOUGH_UNSENT (256 * 1024) /* from here on nothing more is read from a peer that doesn't read */
#define READ_AT_ONCE  (64 * 1024)

struct connection {
	int fd; /* only the loop closes it */
	uid_t uid;
	bool greeted;
	struct buf in;
	size_t taken; /* bytes at the front of in that are done with */
	atomic_uint references;
	pthread_mutex_t lock; /* for what follows, and for the socket's writing side */
	struct buf out;
	bool broken;
};

struct connection *connection_new(int fd, const struct peer *peer)
{
	struct connection *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->fd = fd;
	c->uid = peer->uid;
	buf_init(&c->in, MAX_UNREAD);
	buf_init(&c->out, MAX_UNSENT);
	atomic_store(&c->references, 1);
	pthread_mutex_init(&c->lock, NULL);
	return c;
}

void connection_hold(struct connection *c)
{
	atomic_fetch_add(&c->references, 1);
}

void connection_drop(struct connection *c)
{
	if (atomic_fetch_sub(&c->references, 1) != 1)
		return;
	fd_close(&c->fd);
	buf_free(&c->in);
	buf_free(&c->out);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

void connection_close(struct connection *c)
{
	pthread_mutex_lock(&c->lock);
	fd_close(&c->fd);
	c->broken = true;
	pthread_mutex_unlock(&c->lock);
}

int connection_fd(const struct connection *c)
{
	return c->fd;
}

short connection_events(struct connection *c)
{
	pthread_mutex_lock(&c->lock);
	size_t unsent = c->out.len;
	pthread_mutex_unlock(&c->lock);
	return (short)((unsent ? POLLOUT : 0) | (unsent < ENOUGH_UNSENT ? POLLIN : 0));
}

uid_t connection_uid(const struct connection *c)
{
	return c->uid;
}

bool connection_greeted(const struct connection *c)
{
	return c->greeted;
}

void connection_greet(struct connection *c)
{
	c->greeted = true;
}

int connection_read(struct connection *c)
{
	buf_drop(&c->in, c->taken);
	c->taken = 0;
	size_t room = MAX_UNREAD - c->in.len < READ_AT_ONCE ? MAX_UNREAD - c->in.len : READ_AT_ONCE;
	uint8_t *at = buf_room(&c->in, room);
	if (!at || room == 0)
		return -1;
	ssize_t n = recv(c->fd, at, room, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	c->in.len += (size_t)n;
	return n == 0;
}

enum frame_state connection_peek(struct connection *c, struct frame *f)
{
	return frame_peek((struct slice){ c->in.at + c->taken, c->in.len - c->taken }, f);
}

void connection_skip(struct connection *c, const struct frame *f)
{
	c->taken += frame_size(f);
}

/* With the lock held: sends as much of bytes as goes, and returns how much that was. */
static size_t send_some(struct connection *c, struct slice bytes)
{
	size_t sent = 0;
	while (sent < bytes.len) {
		ssize_t n = send(c->fd, bytes.at + sent, bytes.len - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			c->broken = errno != EAGAIN;
			return sent;
		}
		sent += (size_t)n;
	}
	return sent;
}

bool connection_answer(struct connection *c, struct slice frame)
{
	pthread_mutex_lock(&c->lock);
	if (!c->broken) {
		size_t sent = c->out.len ? 0 : send_some(c, frame);
		buf_put(&c->out, frame.at + sent, frame.len - sent);
		c->broken = c->broken || !buf_ok(&c->out);
	}
	bool waiting = c->broken || c->out.len > 0;
	pthread_mutex_unlock(&c->lock);
	return waiting;
}

void connection_flush(struct connection *c)
{
	pthread_mutex_lock(&c->lock);
	if (!c->broken)
		buf_drop(&c->out, send_some(c, buf_slice(&c->out)));
	pthread_mutex_unlock(&c->lock);
}

bool connection_broken(struct connection *c)
{
	pthread_mutex_lock(&c->lock);
	bool broken = c->broken;
	pthread_mutex_unlock(&c->lock);
	return broken;
}
