/*
 * What outlives the process that the module is loaded into: how often each
 * function was called, and how much of each fault is used up. A file of fixed
 * size (FOLDER/state), mapped by the module and by who tells it. The plan is
 * FOLDER/control. Nothing here is safe against a hostile neighbour.
 */
#ifndef CHANCERY_TESTS_FAULTY_STATE_H
#define CHANCERY_TESTS_FAULTY_STATE_H

#include <stdatomic.h>
#include <sys/stat.h>

#include "tokens/faulty/plan.h"

/* Which plan: another file, or another text in it, is another one. */
struct plan_mark {
	uint64_t inode, seconds, nanoseconds, size;
};

struct state {
	struct plan_mark mark;		/* of the plan that used belongs to */
	atomic_ullong used[MAX_FAULTS]; /* calls that the line's pattern fitted, since it was written */
	atomic_ullong calls[CALL_COUNT];
	atomic_ullong wrong_pins; /* since the last right one */
};

/* Maps folder's state, made if it isn't there: for any user to write. NULL with errno. */
struct state *state_open(const char *folder);

/* A state of this process alone, where there is no folder. */
struct state *state_private(void);

struct plan_mark plan_mark_of(const struct stat *st);
bool plan_mark_same(const struct plan_mark *a, const struct plan_mark *b);

/* The counts of an earlier plan don't count for this one. */
void state_take_plan(struct state *state, const struct plan_mark *mark);

#endif
