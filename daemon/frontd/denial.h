/*
 * Denials on the ledger: who was refused for want of a role is noted with the
 * signer. The first time at once; what a caller goes on to try on the same
 * route is counted and noted now and then, ever less often, so that a loop of
 * refusals can't fill the ledger.
 */
#ifndef CHANCERY_FRONTD_DENIAL_H
#define CHANCERY_FRONTD_DENIAL_H

#include "frontd/call.h"

struct front;

/* Logs, and notes if it is due; waits for the note to be durable. Never fails: the caller is refused anyway. */
void denial_note(struct front *f, const struct call *c, const char *method);
/* Notes what was counted and is due, or all of it. For one thread, every few seconds and at the end. */
void denial_tick(struct front *f, bool all);

#endif
