/*
 * Denials on the ledger: who was refused for want of a role is noted with the
 * signer, at most once a minute for each caller and route, so that a loop of
 * refusals can't fill the ledger. What was left out is counted in the next note.
 */
#ifndef CHANCERY_FRONTD_DENIAL_H
#define CHANCERY_FRONTD_DENIAL_H

#include "frontd/call.h"

struct front;

/* Logs, and notes if it is due; waits for the note to be durable. Never fails: the caller is refused anyway. */
void denial_note(struct front *f, const struct call *c, const char *method);

#endif
