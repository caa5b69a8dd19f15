/*
 * A ledger's files held against themselves and against the heads that the log
 * key signed. Whoever needs its records for something else reads them in the
 * same run.
 */
#ifndef CHANCERY_CLI_VERIFY_H
#define CHANCERY_CLI_VERIFY_H

#include <limits.h>

#include "cli/assent.h"
#include "cli/beside.h"
#include "cli/books.h"

#define MAX_FINDINGS 1000 /* shown; more are counted */
#define MAX_LOST_PARTS 64 /* that are known; heads of later ones are errors */

/* What an epoch of the ledger began without, by its record. */
struct lost_part {
	uint32_t epoch;
	uint64_t from, to; /* numbers of records; to is the last known end */
};

struct verification {
	const struct cli *c;
	char folder[PATH_MAX];
	struct inspection inspection;
	/* Somebody else's look at each record, if set before the run (ledger/inspection.h). */
	int (*visit)(void *with, const struct record *record, const uint8_t hash[HASH_SIZE]);
	void *with;
	struct assent *assent;
	struct lost_part lost[MAX_LOST_PARTS];
	size_t lost_count;
	struct heads heads;
	struct beside beside;
	struct buf key; /* the log key: given, or record 0's */
	bool key_given;
	bool checkpoint; /* heads.all[0] is the ledger's own */
	struct progress progress;
	json_t *findings;
	size_t errors, warnings;
};

void verification_init(struct verification *v, const struct cli *c);
void verification_free(struct verification *v);
#define scoped_verification __attribute__((cleanup(verification_free))) struct verification

/* --key and --head of these options, and the ledger in this folder: CLI_DONE, or told. */
int verification_prepare(struct verification *v, const struct options *o, const char *folder);
/* Reads all of it. CLI_DONE, whatever was found; told if it can't be read; what visit() answered. */
int verification_run(struct verification *v);
/* A finding of somebody else's; code is stable. */
void verification_find(struct verification *v, bool error, const char *code, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The findings as a table, with the segment, number and offset of each; nothing without any. */
void verification_findings(const struct verification *v, struct buf *out);
/* The members that all reports in JSON have. */
json_t *verification_json(const struct verification *v);
/* CLI_CRITICAL, CLI_WARNINGS or CLI_DONE. */
int verification_exit(const struct verification *v);

int audit_verify(struct cli *c, const struct options *o);
extern const struct option_spec verify_options[];

#endif
