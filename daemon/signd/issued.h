/*
 * What the ledger says of one certificate, found by the number of its record:
 * whose it is, its serial number, until when it lasts. One record is read, so
 * nothing is kept in memory for each certificate. On a scribe's thread.
 */
#ifndef CHANCERY_SIGND_ISSUED_H
#define CHANCERY_SIGND_ISSUED_H

#include "ledger/ledger.h"
#include "wire/inner.h"
#include "wire/rows.h"

#define MAX_OUTCOME_DISTANCE 65536 /* records between an intent and its result: all that can be in flight, and more */

struct issued {
	uint8_t ca_key[KEY_ID_SIZE];
	uint8_t serial[ROW_SERIAL_SIZE];
	int64_t not_after;
	bool ca;
	bool local;    /* key_id: the key of this ledger that it certifies */
	bool admitted; /* signed in an earlier life of the CA's key */
	uint8_t key_id[KEY_ID_SIZE];
	struct buf public_key; /* of an admitted CA: its SubjectPublicKeyInfo */
};

/* What a reading of many shares; head: records that are committed. */
struct issued_reader {
	struct ledger_reader *ledger;
	uint64_t head;
	struct buf record, range;
};
void issued_open(struct issued_reader *r, struct ledger_reader *ledger, uint64_t head);
void issued_close(struct issued_reader *r);

/*
 * 0; positive: there is no certificate's record of that number; -1: the ledger can't be read. public_key of out is
 * the caller's to free.
 */
int issued_read(struct issued_reader *r, uint64_t seq, struct issued *out);
/* Whether the intent of that number came to a signature: 0; positive: it did not, or not yet; -1. */
int issued_signed(struct issued_reader *r, uint64_t seq);

#endif
