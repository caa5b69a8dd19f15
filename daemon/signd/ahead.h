/*
 * Looks the leaves up that a CRL is to list anew, as many rows ahead as have
 * come, in the order of their records: a first CRL of a million is a walk
 * over the ledger instead of a million leaps. It says only of what is a leaf of
 * this CA with that serial number how long it lasts; all else is for who judges
 * rows one by one. On a scribe's thread.
 */
#ifndef CHANCERY_SIGND_AHEAD_H
#define CHANCERY_SIGND_AHEAD_H

#include "signd/entries.h"
#include "signd/issued.h"

#define MAX_AHEAD (STREAM_WINDOW / CRL_ROW_SIZE + 1)

struct ahead {
	struct issued_reader *issued;
	uint32_t first, count; /* of the rows that were looked up, by their place among the entries */
	struct ahead_row {
		uint64_t seq;
		uint32_t at;
	} order[MAX_AHEAD];
	struct ahead_leaf {
		bool is;
		uint8_t serial[ROW_SERIAL_SIZE];
		int64_t not_after;
	} leaves[MAX_AHEAD];
};

void ahead_open(struct ahead *a, struct issued_reader *issued);
/*
 * Whether the current row is such a leaf, and its notAfter. before: the serial number up to which rows are new; NULL:
 * all are.
 */
bool ahead_leaf(struct ahead *a, struct entries *e, const uint8_t ca_key[KEY_ID_SIZE], const uint8_t *before,
		int64_t *not_after);

#endif
