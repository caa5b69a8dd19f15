/*
 * The signer's ledger on disk: segment files of records in one folder,
 * append-only, a Merkle tree over all of them (ledger/merkle.h), checkpoints
 * beside it (ledger/checkpoint.h). Only the signer writes; one writer at a
 * time, held by a lock on the folder. Readers open the same files read-only.
 *
 * The writer is used by one thread. The order is: ledger_stage() any number
 * of records, ledger_commit() them with one write and one fdatasync. Nothing
 * staged is visible to readers before its commit.
 *
 * Folder: SEQ.seg (16 hex digits: the first sequence number in it), SEQ.idx (derived: 8 bytes offset and 32
 * bytes leaf hash a record; rebuilt if it's missing or short), checkpoint (the newest signed note).
 */
#ifndef CHANCERY_LEDGER_LEDGER_H
#define CHANCERY_LEDGER_LEDGER_H

#include "ledger/record.h"

#define SEGMENT_HEAD 64
#define MAX_BATCH    4096 /* records in one commit */

struct ledger;

struct ledger_open_options {
	uint8_t ledger_id[16];
	uint64_t segment_size; /* bytes reserved per segment file; 0 for the default of 64 MiB */
};

/* Makes the folder's first segment, empty. 0; positive: there is a ledger already; -1 logged. */
int ledger_create(const char *folder, const struct ledger_open_options *options);
/*
 * Locks and opens for writing, cutting off a torn tail (what follows the last
 * whole batch). 0; positive: another process holds it, or it is another
 * ledger's (logged); -1: broken (logged).
 */
int ledger_open(const char *folder, const struct ledger_open_options *options, struct ledger **out);
void ledger_close(struct ledger *l);

/* Records committed so far: the next sequence number to be staged is size + staged. */
uint64_t ledger_size(const struct ledger *l);
/* Time of the last committed record in milliseconds; 0 if there is none. */
int64_t ledger_last_time(const struct ledger *l);
/* The tree's root over all committed records. */
void ledger_root(const struct ledger *l, uint8_t root[HASH_SIZE]);

/* Adds a record to the batch and answers its sequence number. 0, or -1: batch full or out of memory. */
int ledger_stage(struct ledger *l, uint8_t type, int64_t time, struct slice body, uint64_t *seq);
/*
 * Writes and flushes the batch. 0; -1 with the reason logged: nothing of the
 * batch counts, and the ledger refuses all further commits (fail closed).
 */
int ledger_commit(struct ledger *l);
/* The newest checkpoint's note replaces the last one; durable on return. 0 or -1. */
int ledger_put_checkpoint(struct ledger *l, struct slice note);

/* Reading, by any process that may open the files; never beyond `limit`. */
struct ledger_reader;
int ledger_reader_open(const char *folder, struct ledger_reader **out);
void ledger_reader_close(struct ledger_reader *r);
/* One record by number: its bytes (head to check) into out, and parsed. 0; positive: there is none; -1 broken, logged. */
int ledger_read(struct ledger_reader *r, uint64_t seq, struct buf *out, struct record *record);
/*
 * Raw records from `from` up to before `limit`, as many as fit into most bytes
 * but at least one, appended to out. 0 (also if there is none); -1 broken, logged.
 */
int ledger_read_range(struct ledger_reader *r, uint64_t from, uint64_t limit, size_t most, struct buf *out);
/* Leaf hash of a record; for proofs. 0; positive: there is none; -1. */
int ledger_read_hash(struct ledger_reader *r, uint64_t seq, uint8_t hash[HASH_SIZE]);
/* Newest note, at most 4096 bytes. 0; positive: none yet; -1. */
int ledger_read_checkpoint(const char *folder, struct buf *out);
/*
 * Records that the files hold, by walking the last segment; a torn tail and
 * reserved space don't count. For offline tools; the signer knows its size.
 */
int ledger_reader_size(struct ledger_reader *r, uint64_t *size);

#endif
