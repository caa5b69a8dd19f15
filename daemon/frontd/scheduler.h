/*
 * Takes the steps that rules of rotation ask for, when they are due: makes
 * successors, lets them take over, and takes a CA that was followed to retired
 * once nothing that it signed is valid any more. One thread; it polls the wall
 * clock and never trusts a long sleep, and holds nothing that could not be read
 * again from the database: killed at any point, the next one goes on.
 *
 * What can't be done now is tried again, with growing pauses, told once in the
 * log, and shown by status and doctor for as long as it waits.
 */
#ifndef CHANCERY_FRONTD_SCHEDULER_H
#define CHANCERY_FRONTD_SCHEDULER_H

#include "frontd/lineage.h"

struct scheduler;

int scheduler_start(struct front *f, struct scheduler **out);
void scheduler_stop(struct scheduler *s);

/* A step that is due and could not be taken. */
struct waiting {
	char ca_id[64], ca_name[257];
	enum lineage_duty duty;
	bool late;		 /* what the CA signs is cut short by now, or will be within the rule's shorter lead */
	char code[48], why[512]; /* as of an API error */
	int64_t since;		 /* Unix time */

	/* the scheduler's own */
	int64_t again; /* time_boot_ms() */
	int64_t pause;
	bool seen;
};
const char *waiting_text(enum lineage_duty duty);
#define MAX_WAITING_SHOWN 64
/* Copies at most so many and answers how many there are; s may be NULL. */
size_t scheduler_waiting(struct scheduler *s, struct waiting *out, size_t most);
/* {"looked_at", "waiting": [...]}: all that was due at that time was tried. */
json_t *scheduler_json(struct scheduler *s);

#endif
