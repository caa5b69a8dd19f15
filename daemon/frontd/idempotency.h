/*
 * Idempotency-Key: the same POST by the same actor with the same key gets the
 * same answer, and what it makes is made once. The key is remembered with a
 * request id before the handler runs; whatever the handler has signed carries
 * that id, and so is found again after a crash of any process.
 */
#ifndef CHANCERY_FRONTD_IDEMPOTENCY_H
#define CHANCERY_FRONTD_IDEMPOTENCY_H

#include "frontd/call.h"

/* Before the handler: 0: go on; positive: answered, from the store (status, reply) or refused (error). */
int idempotency_begin(struct front *f, struct call *c);
/* After a handler that was let go on: keeps its answer, or forgets a refusal that left nothing behind. */
void idempotency_end(struct front *f, struct call *c);

#endif
