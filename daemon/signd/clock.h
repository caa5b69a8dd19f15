/*
 * Whether the wall clock can be believed, and the time that records bear. In
 * one life it is held against the time since boot, across lives against the
 * ledger. A record's time never goes back, and never follows a clock that has
 * jumped: the ledger would be ahead of time for ever after.
 */
#ifndef CHANCERY_SIGND_CLOCK_H
#define CHANCERY_SIGND_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define CLOCK_BEHIND_MS 5000   /* how far the clock may be behind the ledger's last record */
#define CLOCK_STEP_MS 86400000 /* how far it may be from the time since boot, in one life */

/* Written by the loop, but for last, which is the journal's. */
struct clock {
	_Atomic int64_t last;	/* the newest record's time */
	_Atomic int64_t offset; /* wall clock minus time since boot, when it was last believed */
	atomic_bool anchored;	/* whether it was, in this life */
	int64_t max_downtime;	/* milliseconds; 0: none */
};

enum clock_verdict {
	CLOCK_FINE,
	CLOCK_BEHIND,  /* behind the ledger; nothing is signed until it has caught up */
	CLOCK_STEPPED, /* by more than a day */
	CLOCK_GAP,     /* the ledger's last record is older than max_downtime: in this life it was not believed yet */
};

/* Before the first stamp of a life: the time of the ledger's last record. */
void clock_start(struct clock *c, int64_t last, int64_t max_downtime);
/* Looks at the clock; it is believed from the first time on that it is fine. */
enum clock_verdict clock_look(struct clock *c);
/* An operator vouches for the clock as it is. */
void clock_vouch(struct clock *c);
/* The time for a record, in milliseconds. On the journal's thread, or before there is one. */
int64_t clock_stamp(struct clock *c);

#endif
