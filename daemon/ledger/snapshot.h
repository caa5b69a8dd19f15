/*
 * Snapshots: what a reader of the ledger's first `size` records knows, beside
 * the ledger, so that a start need not read them again. The ledger's part is
 * the right edge of its tree there; the rest, the state, is the caller's own
 * and opaque in this room.
 *
 *	"CHSNAPST"         8 bytes
 *	u32 version        1
 *	u32 state version  the caller's
 *	ledger id          16 bytes
 *	u64 last time      of record size - 1
 *	u64 size           and the peaks of the tree over so many records (ledger/merkle.h), smallest first
 *	u64 first          of the segment that holds record size - 1, and the peaks of the tree before it
 *	u32 state length   and the state
 *	note               to the file's end: by the log key, over size, root and SHA-256 of all before it
 *
 * A snapshot is never believed for itself. It is the signer's own word only
 * under the log key's signature, and it fits only if the records from the
 * start of its segment on, read and hashed, lead to its root and to that of
 * every checkpoint that follows. One that is missing, damaged or does not fit
 * is passed over, and the whole ledger is read. Whoever can have the log key
 * sign (the signer's own user, root) could forge one, and any record as well.
 */
#ifndef CHANCERY_LEDGER_SNAPSHOT_H
#define CHANCERY_LEDGER_SNAPSHOT_H

#include "ledger/checkpoint.h"
#include "ledger/merkle.h"

#define MAX_SNAPSHOT (64u << 20) /* some 2 KiB for each CA, and there are at most 16,384 */
#define MAX_SNAPSHOTS_KEPT 2	 /* the newest, and the one before, should that be damaged */

struct snapshot {
	uint8_t ledger_id[16];
	uint32_t state_version;
	int64_t last_time; /* milliseconds */
	struct merkle tree;
	struct merkle segment; /* the tree at the start of the segment that holds the last record */
	struct slice state;
};

/* Appends all but the note. */
void snapshot_put(const struct snapshot *s, struct buf *out);
/* What its note is to say. bytes: what snapshot_put() made. */
void snapshot_head(const struct snapshot *s, struct slice bytes, struct checkpoint *out);
/* Reads all but the note, which nobody has looked at yet. 0; positive: it is none. */
int snapshot_parse(struct slice bytes, struct snapshot *out);
/*
 * Reads a snapshot and its note, which the log key must have signed. Slices
 * point into bytes. 0; positive: it is none of this ledger's, or not whole.
 */
int snapshot_get(struct slice bytes, const uint8_t ledger_id[16], struct slice log_key, struct snapshot *out);

/* Sizes of the snapshots in a ledger's folder, newest first; at most so many. How many there are. */
size_t snapshot_list(int folder, uint64_t *sizes, size_t most);
/* The file's bytes, appended to out. 0; positive: there is none, or none that can be read. */
int snapshot_load(int folder, uint64_t size, struct buf *out);
/* Makes the file, durable, and removes those before the last MAX_SNAPSHOTS_KEPT. content: with its note. 0 or -1,
 * logged. */
int snapshot_store(const char *folder, uint64_t size, struct slice content);

#endif
