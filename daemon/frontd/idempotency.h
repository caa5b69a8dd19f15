/*
 * Idempotency-Key: the same POST by the same actor with the same key gets the
 * same answer, and what it makes is made once. The key is remembered with a
 * request id before the handler runs; whatever the handler has signed carries
 * that id, and so is found again after a crash of any process. The key gets
 * another id only when it is certain that nothing will ever come of the first.
 */
#ifndef CHANCERY_FRONTD_IDEMPOTENCY_H
#define CHANCERY_FRONTD_IDEMPOTENCY_H

#include "frontd/call.h"

#define IDEMPOTENCY_SECONDS (INT64_C(48) * 3600) /* how long an answer is kept */

/* Before the handler: 0: go on; positive: answered, from the store (status, reply) or refused (error). */
int idempotency_begin(struct front *f, struct call *c);

/* How often and how long one call was tried; zero at first. */
struct retrial {
	int64_t end; /* time_boot_ms() */
	int ids, pause;
};
/*
 * After a handler that was let go on: true if its refusal only says that an
 * earlier try is still under way or was lost. The error is cleared then, and
 * the handler shall run once more.
 */
bool idempotency_again(struct front *f, struct call *c, struct retrial *t);

/* At last: keeps the answer, or forgets a refusal that left nothing behind. */
void idempotency_end(struct front *f, struct call *c);

#endif
