/*
 * Segment files: their names, heads and the walk over their records. Shared by
 * the ledger's writer and its readers; nothing outside this room includes it.
 *
 *	"CHLEDGER"         8 bytes
 *	u32 version        1
 *	u32 epoch          0: which epoch a record is of follows from the records EPOCH before it
 *	ledger id          16 bytes
 *	u64 first          sequence number of the first record
 *	root               32 bytes: the tree's root over all records before
 *	check              8 bytes: the first of SHA-256(0x00 || the 72 bytes above)
 */
#ifndef CHANCERY_LEDGER_SEGMENT_H
#define CHANCERY_LEDGER_SEGMENT_H

#include <sys/types.h>

#include "ledger/record.h"

#define SEGMENT_HEAD 80
#define SEGMENT_VERSION 1
#define SEGMENT_NAME 24	       /* 16 digits, a dot, an ending of at most 4, NUL */
#define INDEX_ENTRY 40	       /* u64 offset, leaf hash */
#define MAX_SEGMENTS (1 << 20) /* 64 TiB of full ones; bounds what a folder can make us allocate */

struct segment_head {
	uint8_t ledger_id[16];
	uint32_t epoch;
	uint64_t first;
	uint8_t root[HASH_SIZE];
};

void segment_name(uint64_t first, const char *ending, char name[SEGMENT_NAME]);

/* A head from its bytes. NULL, or what is wrong with it. */
const char *segment_head_read(const uint8_t at[SEGMENT_HEAD], struct segment_head *head);

/* Whether its head says that a version to come wrote it: such a one begins a new segment. */
bool segment_newer(int folder, uint64_t first);

/* The numbers of all files of one ending in a folder, ascending: of segments ("seg") the first record's. */
struct segment_list {
	uint64_t *first;
	size_t count;
};
/* Replaces the list by the folder's. 0 or -1, logged. */
int segment_list_read(int folder, const char *ending, struct segment_list *list);
void segment_list_free(struct segment_list *list);
#define scoped_segment_list __attribute__((cleanup(segment_list_free))) struct segment_list

/*
 * Makes a segment of size bytes that begins with these records, all of it
 * durable before it has its name. The descriptor, or -1 (logged).
 */
int segment_create(int folder, const struct segment_head *head, uint64_t size, struct slice records);
/* Opens a segment (flags: O_RDONLY or O_RDWR) whose head must be whole and named `first`. The descriptor, or -1
 * (logged). */
int segment_open(int folder, uint64_t first, int flags, struct segment_head *head);

/* A segment that has a successor is never written again: its file says so, for whoever would do it by mistake. */
void segment_seal(int fd, uint64_t first);

#define ZERO_WINDOW (64 * 1024) /* bytes of zeros written, or looked for, at a time */

/* All n bytes at an offset: 0, or -1 (errno; for reading 0 if the file ended). */
int segment_pread(int fd, void *bytes, size_t n, uint64_t offset);
int segment_pwrite(int fd, const void *bytes, size_t n, uint64_t offset);
/* Writes zeros. 0 or -1 (errno). */
int segment_clear(int fd, uint64_t from, uint64_t to);
/* The first offset from `from` on that isn't zero, or the file's size; 0 or -1 (errno). */
int segment_find_nonzero(int fd, uint64_t from, uint64_t *found);

/* A walk over a segment's records from its first, in constant memory. */
struct segment_walk {
	int fd;
	uint64_t size;	     /* the file's */
	uint64_t offset;     /* of the next record */
	uint64_t seq;	     /* that it must have */
	uint64_t batch;	     /* offset of the last whole batch */
	uint64_t end;	     /* where that ends: a writer goes on here */
	uint64_t end_seq;    /* the first sequence number behind it */
	struct buf window;   /* bytes of the file up to the window's end */
	uint64_t window_end; /* offset */
};
/* 0 or -1 (errno). Close it in any case. */
int segment_walk_open(struct segment_walk *w, int fd, uint64_t first);
void segment_walk_close(struct segment_walk *w);
/* 0: a whole record, good until the next call, and its leaf hash; positive: none stands here; -1: can't be read
 * (errno). */
int segment_walk_next(struct segment_walk *w, struct record *record, uint8_t hash[HASH_SIZE]);

#endif
