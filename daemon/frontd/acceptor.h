/*
 * Takes connections from a listening socket, on a thread of its own, until it
 * is told to stop: what has not been taken by then stays in the socket's queue,
 * for the next process where a supervisor holds the socket. The HTTP library's
 * own way to stop listening is not safe while its threads run.
 */
#ifndef CHANCERY_FRONTD_ACCEPTOR_H
#define CHANCERY_FRONTD_ACCEPTOR_H

#include <stdbool.h>
#include <sys/socket.h>

struct acceptor;

/* A new connection's socket, which it owns from here on. False: it was closed; there is no room at the moment. */
typedef bool acceptor_take(void *of, int fd, const struct sockaddr *address, socklen_t size);

/* Takes over the listening socket, also when it fails. NULL with the reason logged. */
struct acceptor *acceptor_start(int listening, acceptor_take *take, void *of);
/* Takes nobody any more; once is enough, twice is harmless. */
void acceptor_pause(struct acceptor *a);
/* Pauses, and closes the socket. NULL is fine. */
void acceptor_stop(struct acceptor *a);

#endif
