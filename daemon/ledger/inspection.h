/*
 * A ledger's files looked at by somebody who didn't write them, may not write
 * them and doesn't believe them: every head, every record's check, number and
 * place in its batch, zeros in all reserved space, the tree. Goes on behind
 * what is broken, so that one run finds all of it, and says where. For the
 * command line, on the ledger itself, while its signer writes it, or on a copy.
 *
 * Of an archived segment (ledger/archive.h) its index has the hashes: they are
 * part of the tree, and the head of the next segment says whether they are the
 * ones. Its records are not visited.
 *
 * Signatures are not looked at here: whoever has a checkpoint asks for the
 * tree's root at its size (marks) and compares.
 */
#ifndef CHANCERY_LEDGER_INSPECTION_H
#define CHANCERY_LEDGER_INSPECTION_H

#include "ledger/merkle.h"
#include "ledger/record.h"

#define INSPECTION_SENTENCE 400
#define NOWHERE UINT64_MAX /* of a finding's seq or offset: it has none */

/* What a finding is about; the codes are for ever. DAMAGE: what was written isn't there. ODD: it may be, and yet. */
enum inspection_severity { INSPECTION_ODD, INSPECTION_DAMAGE };
#define INSPECTION_CODES                                                                                               \
	CODE(SEGMENT_UNREADABLE, "segment_unreadable", DAMAGE)                                                         \
	CODE(SEGMENT_HEAD, "segment_head", DAMAGE)                                                                     \
	CODE(SEGMENT_OTHER, "segment_other", DAMAGE)                                                                   \
	CODE(SEGMENT_MISSING, "segment_missing", DAMAGE)                                                               \
	CODE(SEGMENT_ROOT, "segment_root", DAMAGE)                                                                     \
	CODE(START_RECORD, "start_record", DAMAGE)                                                                     \
	CODE(RECORD_BYTES, "record_bytes", DAMAGE)                                                                     \
	CODE(RECORD_ORDER, "record_order", DAMAGE)                                                                     \
	CODE(RECORD_BATCH, "record_batch", DAMAGE)                                                                     \
	CODE(RECORDS_CUT, "records_cut", DAMAGE)                                                                       \
	CODE(RESERVED_SPACE, "reserved_space", DAMAGE)                                                                 \
	CODE(ARCHIVED_INDEX, "archived_index", DAMAGE)                                                                 \
	CODE(TAIL_TORN, "tail_torn", ODD)                                                                              \
	CODE(INDEX_DIFFERS, "index_differs", ODD)
enum inspection_code {
#define CODE(NAME, text, severity) INSPECTION_##NAME,
	INSPECTION_CODES
#undef CODE
};
const char *inspection_code_text(enum inspection_code code);

struct inspection_finding {
	enum inspection_code code;
	enum inspection_severity severity;
	uint64_t segment; /* its first sequence number, as in its name */
	uint64_t seq, offset;
	char sentence[INSPECTION_SENTENCE];
};

/* A size at which the tree's root is wanted. */
struct inspection_mark {
	uint64_t size;
	uint8_t root[HASH_SIZE];
	bool reached; /* root is the tree's */
};

/* Records that are kept elsewhere: from the first of a segment to before the next one's. */
struct inspection_range {
	uint64_t first, next;
};

struct inspection {
	/* The caller's; each function may be NULL. */
	struct inspection_mark *marks; /* ascending by size */
	size_t mark_count;
	void (*found)(void *with, const struct inspection_finding *f);
	/* Each whole record once, in order; not 0 ends the run, which answers it. */
	int (*visit)(void *with, const struct record *record, const uint8_t hash[HASH_SIZE]);
	void (*progress)(void *with, uint64_t bytes, uint64_t of);
	void *with;
	bool at_rest; /* nobody writes it: what isn't whole is not waited for */

	/* What was found. */
	struct merkle tree; /* over all records, if tree_whole */
	bool tree_whole;    /* nothing was broken or missing */
	uint64_t size;	    /* the number behind the last whole batch */
	uint64_t segments;
	struct inspection_range *archived; /* ascending; inspection_free() frees them */
	size_t archived_count;
	int64_t first_time, last_time; /* of the records that are here */
	uint8_t ledger_id[16];	       /* if segments isn't 0 */
	uint8_t log_key[2048];	       /* SubjectPublicKeyInfo from record 0 */
	size_t log_key_size;	       /* 0: it says none */
	size_t next_mark;	       /* the inspection's own, from here on */
	uint64_t visited, done, of;
	uint32_t epoch;
	bool numbers_lost; /* nobody knows how many records what is broken held */
};

/* Reads all of it. 0; LEDGER_NONE: no segment there; -1: can't be read at all (errno); what visit() answered. */
int inspection_run(const char *folder, struct inspection *i);
void inspection_free(struct inspection *i);
/* How many records of [first, next) are archived. */
uint64_t inspection_archived(const struct inspection *i, uint64_t first, uint64_t next);

#endif
