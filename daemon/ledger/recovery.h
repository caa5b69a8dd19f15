/*
 * What the writer does before it trusts a ledger that it finds: reads every
 * record, rebuilds tree and index, holds the checkpoint against the tree, and
 * cuts off what a crash left of the last batch. Inside this room only.
 *
 * Memory is constant. State and walk are apart, so that a start from a stored
 * state later than the first segment needs no other code.
 */
#ifndef CHANCERY_LEDGER_RECOVERY_H
#define CHANCERY_LEDGER_RECOVERY_H

#include "ledger/ledger.h"
#include "ledger/merkle.h"
#include "ledger/segment.h"

struct recovered {
	struct merkle tree;
	int64_t last_time;
	struct segment_head head; /* of the last segment */
	uint64_t end;		  /* where its records end */
	uint64_t capacity;	  /* bytes reserved in it */
	uint64_t checkpoint_size; /* 0 without one */
	int segment, index;	  /* its files, for the caller to close */
};

/* folder: an open directory that the caller has locked; path: the same, for the checkpoint. Returns as ledger_open().
 */
int recovery_run(int folder, const char *path, const struct ledger_open_options *options, struct recovered *out);

/* One entry of an index, as it stands in its file. */
void index_entry_put(struct buf *out, uint64_t offset, const uint8_t hash[HASH_SIZE]);
int index_open(int folder, uint64_t first);

#endif
