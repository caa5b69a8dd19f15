/*
 * The proposals that the signer knows of: those that are open, with who has
 * signed them, and how the last ones ended. Made from the ledger's records
 * alone, so that a restart, a snapshot and a restored ledger come to the same.
 * Whether somebody may approve, and what for, is not decided here.
 */
#ifndef CHANCERY_SIGND_PROPOSALS_H
#define CHANCERY_SIGND_PROPOSALS_H

#include "ledger/hash.h"
#include "ledger/proposal.h"
#include "wire/inner.h"

#define MAX_PROPOSALS 64	/* open at a time: more than any number of people looks at */
#define MAX_ROOTS_PROPOSALS 4	/* besides: what root proposes waits for nobody's to expire */
#define MAX_EPOCHS 256		/* that are told apart; the oldest two become one then */
#define MAX_CLOSED 1024		/* that are told apart from such as never were */
#define MAX_PROPOSAL_SIGNERS 32 /* every approver and every requester that can be named */

struct open_proposal {
	struct buf bytes;
	struct proposal says; /* points into bytes */
	bool held;	      /* what it allows is being done */
	size_t count;
	struct {
		uint8_t role, key[HASH_SIZE];
	} signers[MAX_PROPOSAL_SIGNERS];
};

struct proposals {
	uint32_t epoch; /* of the ledger; 0 until its first record was read */
	size_t fork_count;
	struct fork {
		uint32_t epoch; /* it began */
		uint64_t size;	/* ... with so many records of those before it */
	} forks[MAX_EPOCHS];
	size_t count;
	struct open_proposal *all[MAX_PROPOSALS + MAX_ROOTS_PROPOSALS];
	size_t closed_count; /* ever; the ring has the last ones */
	struct {
		uint8_t id[PROPOSAL_ID_SIZE];
		uint16_t code; /* what whoever asks for it is told */
	} closed[MAX_CLOSED];
};

void proposals_free(struct proposals *p);
/* Opens one as of a time in seconds; those that have expired leave. 0; positive: a refusal; -1: no proposal, no memory.
 */
int proposals_open(struct proposals *p, struct slice bytes, int64_t now);
/* NULL, and why. */
struct open_proposal *proposals_find(struct proposals *p, const uint8_t id[PROPOSAL_ID_SIZE], int64_t now,
				     uint16_t *code);
/* A key signs in a role: 0 or a refusal. */
uint16_t proposal_sign(struct open_proposal *o, uint8_t role, const uint8_t key[HASH_SIZE]);
/* It ends, and who asks for it from now on is told this. */
void proposals_close(struct proposals *p, const uint8_t id[PROPOSAL_ID_SIZE], uint16_t code);
/* A new epoch, with so many records of those before it: all that is open is void. */
void proposals_epoch(struct proposals *p, uint32_t number, uint64_t size);
/* How many records of this epoch are on the ledger still; UINT64_MAX: all. */
uint64_t proposals_fork(const struct proposals *p, uint32_t epoch);

/* All of it for a snapshot, and back into an empty one. 0 or -1. */
void proposals_put(const struct proposals *p, struct buf *out);
int proposals_get(struct proposals *p, struct slice in);

#endif
