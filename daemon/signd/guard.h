/*
 * The wall's own side of sign.sock: who may come in, and the fixed order in
 * which a frame is judged before anything looks into it:
 *
 *	length, version, verb known, permitted for this peer now,
 *	body within the verb's limit, decode, nothing left over, act
 *
 * A message that does not fit its table closes the connection, never the process.
 */
#ifndef CHANCERY_SIGND_GUARD_H
#define CHANCERY_SIGND_GUARD_H

#include "wire/frame.h"

#define MAX_PEERS 64 /* connections at a time */

struct signer;
struct guard;

/* Listens (or takes the service manager's socket) and accepts. 0 or -1. */
int guard_start(struct signer *s, struct guard **out);
void guard_stop(struct guard *g);

/* Whether this peer may ask as a front-end. */
bool guard_is_front(struct guard *g, uint64_t peer);

/* Where to put an answer for this peer; NULL if he has gone. guard_send() afterwards: it goes with the next flush. */
struct buf *guard_out(struct guard *g, uint64_t peer);
void guard_send(struct guard *g, uint64_t peer);
/* Sends what a round of the loop has answered, each peer's at once. */
void guard_flush(struct guard *g);
/* Ends all connections, as their peers see it; whoever has more to ask says HELLO again. */
void guard_hang_up(struct guard *g);
/* The descriptor that came with the request in hand, the caller's from now on; -1: none. */
int guard_passed(struct guard *g, uint64_t peer);
/* Takes a descriptor over, to go with the answer that is put next; false: it can't, and is closed. */
bool guard_pass(struct guard *g, uint64_t peer, int fd);
/* Answers with a refusal: number, field (may be NULL), the seconds after which it may succeed. */
void guard_refuse(struct guard *g, uint64_t peer, uint16_t verb, uint64_t tag, uint16_t code, const char *field,
		  uint32_t retry_after);

/* Acts on one request, whose body is as long as its verb allows. Answers 0, or -1: malformed, close. */
int answer_request(struct signer *s, uint64_t peer, const struct frame *f);

#endif
