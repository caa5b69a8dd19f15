/*
 * The signer: what its rooms share. One loop owns all of this; the journal's
 * thread and the verifiers see only the ops that are handed to them.
 */
#ifndef CHANCERY_SIGND_SIGNER_H
#define CHANCERY_SIGND_SIGNER_H

#include "ledger/checkpoint.h"
#include "ledger/head.h"
#include "signd/archivist.h"
#include "signd/check.h"
#include "signd/clock.h"
#include "signd/config.h"
#include "signd/feed.h"
#include "signd/disk.h"
#include "signd/host.h"
#include "signd/journal.h"
#include "signd/keys.h"
#include "signd/latch.h"
#include "signd/loop.h"
#include "signd/proposals.h"
#include "signd/recent.h"
#include "signd/scopes.h"
#include "signd/tally.h"
#include "signd/verify.h"

#define MAX_IN_FLIGHT 1024 /* ops; a request past it is refused BUSY */

struct guard;
struct scribes;

struct signer {
	struct config config;
	struct loop *loop;
	struct inbox *inbox;
	struct watch inbox_watch;
	struct journal *journal;
	struct ledger_reader *reader;
	struct verifiers *verifiers;
	struct archivist *archivist;
	struct slot *slots[MAX_SLOTS + 1];
	struct keys keys;
	struct recent *recent;
	struct scopes scopes;
	uint64_t crl_floor; /* CRL numbers up to here may have been used in what was lost before the last epoch */
	struct proposals proposals;
	struct scribes *scribes;
	int crl_folder;
	unsigned crls, answers; /* under way */
	struct op_chain ocsp;	/* that wait for a record of theirs, */
	int64_t ocsp_since;	/* ... boot milliseconds, */
	struct feed feed;	/* ... and then for their tokens */
	struct meter ocsp_rate; /* by the time since boot */
	struct meter new_keys;
	struct tallies tallies;
	uint8_t law[HASH_SIZE]; /* the last CEILINGS of the ledger; zeros: none yet */
	struct guard *guard;

	struct op *running; /* all ops */
	size_t running_count;
	struct op_chain intents, records, signatures; /* of this round: for the journal, and to be verified */

	struct check checks[MAX_SLOTS];
	struct clock clock;
	struct disk disk;
	struct host host, written_on; /* this one; the ledger's last one */
	struct latches latches;
	bool resuming;
	int64_t next_look, resume_look; /* boot milliseconds */
	uint64_t snapshot;		/* records that the start had not to read; 0: it read all */
	uint64_t found;			/* records at the start, before this life added any */
	bool rolled_back;		/* as the head file says, */
	struct head_line told;		/* ... and what that was */
	bool greeted;			/* a caller has said HELLO: from now on it may know what this life added */

	struct key *log_key;
	struct checkpoint checkpoint; /* the newest; size 0: none yet */
	struct buf note;
	bool notarizing;
	int64_t checkpoint_at; /* boot milliseconds of the newest */
};

/* The index in slots of the token of that name; MAX_SLOTS, where slots ends in a NULL, if there is none. */
size_t signer_slot(const struct signer *s, struct slice name);

/* An op of this verb for this peer, counted; NULL if too many are in flight. */
struct op *signer_op(struct signer *s, uint64_t peer, uint64_t tag, uint16_t verb);
/* Takes an op that came to its end off the books and frees it. */
void signer_op_done(struct signer *s, struct op *op);
/* Makes the op's records durable, then goes on with `then`. */
void signer_journal(struct signer *s, struct op *op, void (*then)(struct signer *s, struct op *op));
/*
 * The same for what op->key is to sign next. While its token has work for a
 * while that may wait, to share the flush of the next result.
 */
void signer_intend(struct signer *s, struct op *op, void (*then)(struct signer *s, struct op *op));
/* Verifies the op's signature; `then` sees it again, unless it has its own way to conclude (op.h) and verifies. */
void signer_verify(struct signer *s, struct op *op, void (*then)(struct signer *s, struct op *op));
/* Hands over what a round has gathered: to the threads, together. */
void signer_hand_over(struct signer *s);

/*
 * How many records callers get to see: all; of a ledger that was rolled back only those that it shares with what was
 * known, so that nobody takes what was written before that was noticed for what he knew.
 */
uint64_t signer_shown(const struct signer *s);
/* Unless 0: why the signer writes, or signs, nothing right now (inner_refusals.def). A note needs no right clock. */
uint16_t signer_stopped(struct signer *s, bool signing);

#endif
