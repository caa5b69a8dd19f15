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
 * bytes leaf hash a record; rebuilt if it's missing or short), checkpoint (the newest signed note), SIZE.snap
 * (ledger/snapshot.h), head (ledger/head.h), SEQ.arc (a segment that is kept elsewhere: ledger/archive.h).
 *
 * A segment is a head (ledger/segment.h), records in whole batches and zeros up to the file's end. A batch never
 * spans two segments. Only the last segment can end in a torn batch: what can't be one is damage, and refused.
 */
#ifndef CHANCERY_LEDGER_LEDGER_H
#define CHANCERY_LEDGER_LEDGER_H

#include "ledger/head.h"
#include "ledger/record.h"

#define MAX_BATCH 4096		   /* records in one commit */
#define MAX_BATCH_BYTES (4u << 20) /* bytes in one commit: a flush's worth, and all that a torn tail can be */
#define MAX_SEGMENT_SIZE (UINT64_C(16) << 30) /* far above use; keeps every offset an off_t */

struct ledger;

/* What isn't broken, but can't be had. */
enum ledger_refusal {
	LEDGER_EXISTS = 1, /* the folder holds a ledger already */
	LEDGER_HELD,	   /* another process writes it */
	LEDGER_OTHER,	   /* its id is another one */
	LEDGER_NONE,	   /* no such ledger, record or checkpoint */
	LEDGER_ARCHIVED,   /* its segment was moved elsewhere: ledger/archive.h */
	LEDGER_NEWER,	   /* a version to come has written it */
};

struct ledger_open_options {
	uint8_t ledger_id[16];
	uint64_t segment_size;	/* bytes reserved per segment file (more if a batch needs it); 0 for 64 MiB */
	const char *head_file;	/* where the head is told, as an absolute path; NULL: "head" in the folder */
	bool distrust;		/* the last life saw a write fail: see ledger_open() */
	uint32_t state_version; /* of the snapshots that the caller can read; 0: none, all records are read */
};

/* Makes the folder, if need be, and the first segment, empty. 0; LEDGER_EXISTS or LEDGER_HELD; -1 logged. */
int ledger_create(const char *folder, const struct ledger_open_options *options);
/*
 * Locks and opens for writing: reads all records and verifies their checks,
 * order and batches, the heads of all segments and the checkpoint (signature
 * and root), and cuts off a torn tail. From a snapshot that fits, only the
 * records from its segment on are read; ledger_state() says which it was.
 *
 * After a write or flush that failed the kernel may show what never reached
 * the disk, and call it clean. options->distrust: the last batch, the only one
 * that can be such, is written to a new segment before anything follows it. 0; LEDGER_HELD, LEDGER_OTHER,
 * LEDGER_NONE, LEDGER_NEWER (all logged, and nothing changed); -1: broken (logged), which is also a ledger that
 * is shorter than its own checkpoint.
 */
int ledger_open(const char *folder, const struct ledger_open_options *options, struct ledger **out);
void ledger_close(struct ledger *l);

/* The state of the snapshot that the ledger was opened from, and how many records it is of; empty and 0 without one. */
struct slice ledger_state(const struct ledger *l, uint64_t *size);
/* Gives its memory back: the slice is gone. */
void ledger_state_drop(struct ledger *l);

/*
 * Whether the head file told of more than was found here, or of other records: the
 * ledger was cut or put back. Until ledger_tell_head() the file stays as it was.
 */
bool ledger_rolled_back(const struct ledger *l);
/* What the head file said when the ledger was opened; size 0: nothing. */
struct head_line ledger_told(const struct ledger *l);
/* Writes the head file. After each commit, when nobody waits for it any more. */
void ledger_tell_head(struct ledger *l);
/*
 * Writes zeros where the next records will stand, now and then, when nobody waits. Space that is reserved but was
 * never written costs a change of the file's extents with each flush: half as long again, in time and in work.
 */
void ledger_clear_ahead(struct ledger *l);

/* Records committed so far: the next sequence number to be staged is size + staged. */
uint64_t ledger_size(const struct ledger *l);
/* Time of the last committed record in milliseconds; 0 if there is none. */
int64_t ledger_last_time(const struct ledger *l);
/* The tree's root over all committed records. */
void ledger_root(const struct ledger *l, uint8_t root[HASH_SIZE]);
const struct merkle *ledger_tree(const struct ledger *l);

/*
 * Adds a record to the batch and answers its sequence number. 0, or -1: the
 * batch is full (commit it and stage again), the body over MAX_RECORD_BODY, or the ledger has failed.
 */
int ledger_stage(struct ledger *l, uint8_t type, int64_t time, struct slice body, uint64_t *seq);
/*
 * Writes and flushes the batch. 0; -1 with the reason logged: nothing of the
 * batch counts, and the ledger refuses all further commits (fail closed).
 */
int ledger_commit(struct ledger *l);
/*
 * The newest checkpoint's note replaces the last one; durable on return. It
 * must verify with the log key of record 0 and not be longer than the ledger. 0 or -1, logged.
 */
int ledger_put_checkpoint(struct ledger *l, struct slice note);

/*
 * Reading, by any process or thread that may open the files, one reader each,
 * while the writer appends. A caller asks only for what it knows committed:
 * below ledger_size(), a checkpoint's size or ledger_reader_size() of a ledger at rest.
 */
struct ledger_reader;
int ledger_reader_open(const char *folder, struct ledger_reader **out);
void ledger_reader_close(struct ledger_reader *r);
/*
 * near: from here on records are asked for in ascending order, and many lie close together: they are read in larger
 * pieces, which are kept, so only what is committed by now may be asked for. false: each by itself again.
 */
void ledger_reader_near(struct ledger_reader *r, bool near);
/* One record by number: its bytes (head to check) replace what out had, and parsed. 0; LEDGER_NONE;
 * LEDGER_ARCHIVED; -1 broken, logged. */
int ledger_read(struct ledger_reader *r, uint64_t seq, struct buf *out, struct record *record);
/*
 * Raw records from `from` up to before `limit`, as many as fit into most bytes
 * but at least one, appended to out. 0 (also if there is none); LEDGER_ARCHIVED: the first isn't here; -1 broken,
 * logged.
 */
int ledger_read_range(struct ledger_reader *r, uint64_t from, uint64_t limit, size_t most, struct buf *out);
/* Leaf hash of a record as the index has it: for proofs, which whoever gets them verifies; also of one that
 * is archived. 0; LEDGER_NONE; -1. */
int ledger_read_hash(struct ledger_reader *r, uint64_t seq, uint8_t hash[HASH_SIZE]);
/* The first sequence number of the segment that holds this record. 0; LEDGER_NONE; -1. */
int ledger_reader_segment(struct ledger_reader *r, uint64_t seq, uint64_t *first);
/* The log key's SubjectPublicKeyInfo from record 0, which goes to out. 0; LEDGER_NONE; -1 logged. */
int ledger_read_log_key(struct ledger_reader *r, struct buf *out, struct slice *public_key);
/* Newest note, at most MAX_NOTE bytes, appended to out. 0; LEDGER_NONE; -1 logged. */
int ledger_read_checkpoint(const char *folder, struct buf *out);
/*
 * Records that the files hold, by walking the last segment; a torn tail and
 * reserved space don't count. For offline tools; the signer knows its size.
 */
int ledger_reader_size(struct ledger_reader *r, uint64_t *size);

#endif
