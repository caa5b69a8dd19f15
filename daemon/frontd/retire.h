/*
 * A CA's steps to retiring and retired. They come one at a time in this
 * process, each with its note on the ledger before it is anybody's to see.
 */
#ifndef CHANCERY_FRONTD_RETIRE_H
#define CHANCERY_FRONTD_RETIRE_H

#include "frontd/call.h"

struct retirement {
	bool confirm; /* from retiring to retired */
	const char *note;
	const char *successor_id; /* who takes over: must be active then; NULL: nobody */
};

/* Answers with the CA, as POST .../retire does. */
int retire_take(struct front *f, struct call *c, const char *ca_id, const struct retirement *wanted);

#endif
