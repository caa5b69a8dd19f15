/*
 * What stands beside a ledger's segments: snapshots, which a signer's start
 * goes on from, and the head file, which says how far it was written. Neither
 * is part of the ledger; both are held against it. On the auditor's side,
 * read-only, and nothing of them is believed.
 */
#ifndef CHANCERY_CLI_BESIDE_H
#define CHANCERY_CLI_BESIDE_H

#include "ledger/head.h"
#include "ledger/snapshot.h"

#define MAX_BESIDE 16 /* snapshots looked at: a signer keeps MAX_SNAPSHOTS_KEPT */

enum beside_state { BESIDE_UNKNOWN, BESIDE_FINE, BESIDE_DAMAGED };

struct beside_snapshot {
	uint64_t named; /* its size, as its name has it */
	bool parsed;
	struct merkle tree, segment;
	enum beside_state state;
};
struct beside {
	struct beside_snapshot *snapshots; /* newest first */
	size_t count;
	bool head_there;
	struct head_line head;
	enum beside_state head_state;
	uint64_t sizes[2 * MAX_BESIDE + 1]; /* of which the tree's roots are needed */
	size_t size_count;
};

struct verification;
/* Before the records are read: what counts them was there then. CLI_DONE or told. */
int beside_read(struct verification *v, struct beside *b);
/* After that, with the log key known: each has its finding, or none. */
void beside_judge(struct verification *v, struct beside *b);
void beside_free(struct beside *b);
const char *beside_state_text(enum beside_state state);

#endif
