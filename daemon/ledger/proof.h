/*
 * Proofs that can be carried away: that records stand in the tree which the
 * log key signed, and that one tree is the beginning of another. As text, so
 * that they can be mailed; verified without the ledger and without us.
 *
 *	chancery proof 1                     chancery consistency 1
 *	key BASE64                           key BASE64
 *	record SEQ                           BASE64 (a hash a line, RFC 6962 2.1.2)
 *	BASE64 (the leaf: head and body)     (empty line)
 *	BASE64 (a hash a line, RFC 6962      the older note
 *	2.1.1; then perhaps another record)  (empty line)
 *	(empty line)                         the newer note
 *	the note
 *
 * Reading takes any bytes from anybody.
 */
#ifndef CHANCERY_LEDGER_PROOF_H
#define CHANCERY_LEDGER_PROOF_H

#include "ledger/checkpoint.h"
#include "ledger/merkle.h"
#include "ledger/record.h"

#define MAX_PROOF_RECORDS 2	  /* an intent and its result */
#define MAX_PROOF_FILE (1u << 20) /* bytes: two records at their limit in base64, and their paths */

struct proof_record {
	uint64_t seq;
	struct buf leaf; /* what record points into */
	struct record record;
	uint8_t hash[HASH_SIZE];
	uint8_t path[MAX_PROOF][HASH_SIZE];
	size_t count;
};
struct proof {
	struct buf key; /* the log key that it names: worth what whoever gave it is worth */
	struct slice note;
	struct checkpoint head;
	struct proof_record records[MAX_PROOF_RECORDS];
	size_t count;
};
struct consistency {
	struct buf key;
	struct slice notes[2];
	struct checkpoint heads[2]; /* the older one first */
	uint8_t path[MAX_PROOF][HASH_SIZE];
	size_t count;
};
void proof_free(struct proof *p);
void consistency_free(struct consistency *c);

/* Why one doesn't hold. */
enum proof_refusal {
	PROOF_HOLDS = 0,
	PROOF_FORM,	 /* it isn't such a file */
	PROOF_OTHER_KEY, /* it names another log key than the one that was given */
	PROOF_SIGNATURE, /* a note isn't signed by the log key */
	PROOF_LEDGER,	 /* the two notes are of two ledgers */
	PROOF_PATH,	 /* the hashes lead to another root */
};
const char *proof_refusal_text(enum proof_refusal r);

/* Text to struct, with slices into text; then everything in it verified. key: empty for the one that it names. */
enum proof_refusal proof_read(struct slice text, struct slice key, struct proof *out);
enum proof_refusal consistency_read(struct slice text, struct slice key, struct consistency *out);
/* Whether text begins as a proof, or as a consistency proof. */
bool proof_is(struct slice text);
bool consistency_is(struct slice text);

struct ledger_reader;
/*
 * Makes one of records below the note's size, or of two notes' trees, from a
 * ledger's files: costs a hash a record. 0; LEDGER_NONE: no such record; -1
 * (logged). It may not hold if the files' index is wrong: read it back.
 */
int proof_make(struct ledger_reader *r, const uint64_t *seqs, size_t count, uint64_t size, struct slice key,
	       struct slice note, struct buf *out);
int consistency_make(struct ledger_reader *r, uint64_t first, uint64_t second, struct slice key,
		     const struct slice notes[2], struct buf *out);

#endif
