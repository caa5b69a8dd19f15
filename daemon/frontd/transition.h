/*
 * The record of a CA's step from one state to the next, for the ledger: who,
 * which CA by id, serial and fingerprint, the states before and after, the
 * constraints that were asked for and those that hold. A CA that has just been
 * made has one, too; nothing is made again from that, its certificate's own
 * records have all of it.
 */
#ifndef CHANCERY_FRONTD_TRANSITION_H
#define CHANCERY_FRONTD_TRANSITION_H

#include "frontd/call.h"
#include "names/constraints.h"
#include "store/store.h"

#define PATH_LEN_UNASKED -1

/* Path length and name constraints in words; long ones as their number and hash. Of nothing at all: "". */
void transition_limits(int path_len, const struct constraints *c, struct buf *out);

struct transition {
	const char *op; /* "move", or "made" of a new CA */
	const struct ca_row *ca;
	const char *from, *to;
	const char *note;      /* the caller's words; may be NULL */
	const char *successor; /* the id of who takes over; may be NULL */
	const char *asked;     /* transition_limits() of what was asked for; may be NULL */
};
/* The context of its record; positive: the note is too long for it. */
int transition_put(const struct call *c, const struct transition *t, struct buf *out);

/* Records that a CA was made and is what its row says: the ledger's number, or 0 if that fails, which is logged. */
struct front;
uint64_t transition_made(struct front *f, const struct call *c, const struct ca_row *ca, const char *asked);

#endif
