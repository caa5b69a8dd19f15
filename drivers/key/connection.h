/*
 * One peer's connection to a driver: its unread bytes, its unsent answers.
 * The server's loop reads; workers answer from their own threads, in any
 * order. A connection lives until the last request that came over it is
 * answered, its socket may be gone long before; then answers are dropped.
 */
#ifndef CHANCERY_KEY_CONNECTION_H
#define CHANCERY_KEY_CONNECTION_H

#include "base/buf.h"
#include "base/peer.h"
#include "wire/frame.h"

struct connection;

/* Takes the descriptor; one reference. NULL if there is no memory. */
struct connection *connection_new(int fd, const struct peer *peer);
void connection_hold(struct connection *c);
void connection_drop(struct connection *c);
/* Closes the socket now. */
void connection_close(struct connection *c);

/* For the loop: the descriptor and what poll() should wait for. */
int connection_fd(const struct connection *c);
short connection_events(struct connection *c);
uid_t connection_uid(const struct connection *c);

/* Whether HELLO was accepted on this connection. */
bool connection_greeted(const struct connection *c);
void connection_greet(struct connection *c);

/* Reads what is there. 0; positive: the peer closed; -1: it failed. */
int connection_read(struct connection *c);
/* The first frame that was read, and the way past it; the frame's body moves at the next connection_read(). */
enum frame_state connection_peek(struct connection *c, struct frame *f);
void connection_skip(struct connection *c, const struct frame *f);

/* Sends a whole frame, or as much as the socket takes. True if some of it has to wait until poll() says so. */
bool connection_answer(struct connection *c, struct slice frame);
/* Sends what had to wait. */
void connection_flush(struct connection *c);
/* Writing failed, or the peer doesn't read its answers: to be closed. */
bool connection_broken(struct connection *c);

#endif
