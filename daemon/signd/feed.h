/*
 * OCSP answers that are on the ledger and wait for their tokens. Certificates
 * and CRLs go first: while a token has enough to do an answer waits, though not
 * for ever, and no more answers are with a token than it signs at a time, so
 * that what comes behind them waits for one signature and not for hundreds.
 */
#ifndef CHANCERY_SIGND_FEED_H
#define CHANCERY_SIGND_FEED_H

#include "signd/queue.h"
#include "signd/slot.h"

struct feed {
	struct op_chain waiting;
	struct {
		const struct slot *slot; /* NULL: from here on none */
		unsigned with;		 /* answers that it signs */
	} at[MAX_SLOTS];
};

/* An op whose key signs an answer; now: boot milliseconds. */
void feed_put(struct feed *f, struct op *op, int64_t now);
/* The oldest whose token takes it now: hand it over. NULL: there is none. */
struct op *feed_take(struct feed *f, int64_t now);
/* What feed_take() gave has come back from this token. */
void feed_back(struct feed *f, const struct slot *slot);
/* Whether anything waits for this token. */
bool feed_waits(const struct feed *f, const struct slot *slot);

#endif
