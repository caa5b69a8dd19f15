/*
 * Descriptors that go along with frames (SCM_RIGHTS). One is sent with the
 * first bytes of its frame; who receives takes them in the order in which they
 * come, one for each frame of a verb that carries one. Used on both sides of
 * sign.sock; knows no verb and looks into no descriptor.
 */
#ifndef CHANCERY_WIRE_PASSING_H
#define CHANCERY_WIRE_PASSING_H

#include <sys/types.h>

#include "base/buf.h"

#define MAX_PASSED 4 /* that wait on one connection, in one direction */

/* All zeros: none. */
struct passing {
	size_t count;
	struct {
		int fd;
		size_t at; /* where its frame begins in what is to be sent */
	} held[MAX_PASSED];
};

/* Takes the descriptor over, for the frame that begins at this place of what is to be sent. False: too many, closed. */
bool passing_put(struct passing *p, int fd, size_t at);
/* The oldest that has come, the caller's from now on; -1: none. */
int passing_take(struct passing *p);
void passing_close(struct passing *p);

/* As recv(2), keeping the descriptors that come along. -1 with errno EPROTO: more of them than may wait. */
ssize_t passing_recv(int socket, void *bytes, size_t room, int flags, struct passing *p);
/* As send(2) of what `out` holds, each descriptor with its frame; what was sent is dropped from out. */
ssize_t passing_send(int socket, struct buf *out, int flags, struct passing *p);

#endif
