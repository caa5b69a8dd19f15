/*
 * The last CRL of a scope as the signer keeps it: which serials it lists,
 * since when, why, and how long their certificates last. A base file holds
 * most rows, sorted; a second one what has changed since, so that the next
 * CRL costs the disk what is new and not what is old. The ledger has the hash
 * of the second one (CRL_INTENT), which has the hash of the base.
 *
 * KEY.SHARD.NUMBER.base and KEY.SHARD.NUMBER.last in the folder crl of the
 * state folder; NUMBER is that of the CRL with which the file was written.
 * Files are written once and never changed. On a scribe's thread.
 */
#ifndef CHANCERY_SIGND_LAST_H
#define CHANCERY_SIGND_LAST_H

#include "signd/stream.h"
#include "wire/inner.h"
#include "wire/rows.h"

#define LAST_ROW_SIZE 45
#define LAST_HEAD_SIZE 82
#define REASON_LEFT 255		  /* no entry any more: the row hides that of the base */
#define MAX_CRL_ENTRIES 4000000UL /* of one scope: keeps its files and its CRL far below 2^28 bytes */
#define MAX_LAST_ROWS (2 * MAX_CRL_ENTRIES)

/* A row; REASON_REMOVE: it was on hold and is released, which the next deltas still tell. */
struct last_row {
	uint8_t serial[ROW_SERIAL_SIZE];
	uint8_t reason;
	int64_t revoked, not_after;
	uint64_t since; /* the number of the CRL in which it came to be what it is */
};

/* Which CRL, as the ledger knows it. */
struct last_ref {
	uint8_t ca_key[KEY_ID_SIZE];
	uint16_t shard;
	uint64_t number;
	uint8_t hash[HASH_SIZE];
};

#include "base/pack_struct.h"
/* clang-format off */
#define LAST_HEAD_FIELDS                                                                                         \
	FIXED(magic, 8) FIXED(ca_key, 16) U16(shard) U64(number)                                                 \
	U64(base) /* the number of the base file; of a base, its own */                                          \
	FIXED(base_hash, 32) U64(base_rows) /* of a base: zero */
/* clang-format on */
struct last_head {
	LAST_HEAD_FIELDS
};
#include "base/pack_done.h"

struct last_file {
	int fd;
	uint64_t rows;
	struct stream_in in;
	bool has;
	struct last_row row; /* the next */
};

struct last {
	struct last_head head;
	struct last_file base, changes;
	uint8_t hash[HASH_SIZE]; /* that the file with the changes must have */
	bool broken;
};

enum last_trouble {
	LAST_DAMAGED = 1, /* missing, or not what the ledger says */
};

/* Opens the folder, which is made if need be. A descriptor or -1, logged. */
int last_folder(const char *state_dir);
/* To be closed also when it failed. 0; LAST_DAMAGED, logged. hashed: last_sound() will want to know. */
int last_open(int folder, const struct last_ref *ref, bool hashed, struct last *l);
void last_close(struct last *l);
/* The next row by serial, of both files; of_base: as the base has it. False: there is no more, or it is broken. */
bool last_next(struct last *l, struct last_row *row, bool *of_base);
/* After the last row: whether both files were whole, in order, and what the ledger says. Logged if not. */
bool last_sound(struct last *l);
/* The row of one serial. 0; 1: there is none; -1: can't be read. */
int last_find(int folder, const struct last_ref *ref, const uint8_t serial[ROW_SERIAL_SIZE], struct last_row *row);

struct last_writer {
	int folder, fd;
	bool compact; /* a new base is written, and nothing has changed since */
	struct last_head head;
	struct last_ref ref; /* hash: when it has ended */
	uint64_t rows;
	struct stream_out out;
};
/*
 * Begins the files of this CRL. old: the head of the CRL before, whose base
 * goes on being one; NULL: a new base. 0 or -1, logged.
 */
int last_begin(struct last_writer *w, int folder, const struct last_ref *ref, const struct last_head *old);
/* In order. of_base: the base has the row already. */
void last_put(struct last_writer *w, const struct last_row *row, bool of_base);
/* Durable. 0 or -1, logged; w->ref names it. */
int last_end(struct last_writer *w);
void last_abandon(struct last_writer *w);

/* Removes what was written for this CRL. */
void last_remove(int folder, const struct last_ref *ref);
/*
 * Removes all files of this scope that the CRLs kept (ascending, at most two)
 * don't need; those of a CRL that never came to be are among them.
 */
void last_clean(int folder, const struct last_ref *kept, size_t count);

#endif
