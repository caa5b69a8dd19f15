/*
 * What the writer does before it trusts a ledger that it finds: reads every
 * record, or every one from the segment of a snapshot on, rebuilds tree and
 * index, holds the checkpoint against the tree, and cuts off what a crash left
 * of the last batch. Inside this room only. Memory is constant.
 */
#ifndef CHANCERY_LEDGER_RECOVERY_H
#define CHANCERY_LEDGER_RECOVERY_H

#include "ledger/head.h"
#include "ledger/ledger.h"
#include "ledger/merkle.h"
#include "ledger/segment.h"
#include "ledger/snapshot.h"

struct recovered {
	struct merkle tree;
	int64_t last_time;
	struct segment_head head; /* of the last segment */
	uint64_t end;		  /* where its records end */
	uint64_t capacity;	  /* bytes reserved in it */
	uint64_t checkpoint_size; /* 0 without one */
	bool other_head;	  /* what was told of the ledger isn't what it is */
	int segment, index;	  /* its files, for the caller to close */
};

/* A snapshot to start from; it and the log key that signed it are in hand. */
struct recovery_from {
	const struct snapshot *snapshot;
	struct slice log_key;
};

/*
 * folder: an open directory that the caller has locked; path: the same, for
 * the checkpoint; from: NULL to read all. Returns as ledger_open(). -1 with a
 * snapshot may only say that it doesn't fit; then nothing was cut.
 */
int recovery_run(int folder, const char *path, const struct ledger_open_options *options,
		 const struct recovery_from *from, const struct head *told, struct recovered *out);

/* One entry of an index, as it stands in its file. */
void index_entry_put(struct buf *out, uint64_t offset, const uint8_t hash[HASH_SIZE]);
int index_open(int folder, uint64_t first);

#endif
