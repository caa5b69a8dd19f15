/*
 * The answering side of the key protocol, the same for every kind of driver:
 * the socket, who may connect, the order in which a frame is judged. It
 * stands at the third wall: the signer is on the other side, and what the
 * signer sends is judged as if an enemy sent it. It never touches the token
 * itself, and a message never ends the process.
 */
#ifndef CHANCERY_KEY_SERVER_H
#define CHANCERY_KEY_SERVER_H

#include "base/peer.h"
#include "key/driver.h"

struct server_settings {
	const char *socket; /* a path; the service manager's socket named "driver" goes first */
	mode_t socket_mode;
	struct peer_rules peers;
	uint8_t ledger_id[16];
	unsigned sign_seconds, create_seconds;
};

struct server;

/* Listens; NULL, with the reason logged, if it can't. The settings must outlive it. */
struct server *server_open(const struct server_settings *settings);
/*
 * Tells the service manager READY=1 and serves until SIGTERM or SIGINT, which
 * the caller has blocked in all threads: 0. -1: the token is beyond cure, or
 * the server is; logged.
 */
int server_run(struct server *s, const struct key_operations *do_, void *token, unsigned workers);
void server_close(struct server *s);

#endif
