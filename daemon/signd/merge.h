/*
 * The law of CRLs: what was asked for, held row by row against the last CRL of
 * the scope. Nothing that is revoked is forgotten before its certificate has
 * expired, no date and no reason changes, only a hold is released; and what is
 * new is a certificate of this CA, by its record on the ledger. What comes of
 * it is written beside the last CRL, to be the last one itself.
 *
 * On a scribe's thread; knows no key and signs nothing.
 */
#ifndef CHANCERY_SIGND_MERGE_H
#define CHANCERY_SIGND_MERGE_H

#include "ledger/ledger.h"
#include "signd/last.h"

#define MAX_CLOSES 1024 /* CAs that one CRL may list anew: records.def */

/* What a CRL is to be. */
struct merge_plan {
	int folder;	     /* last.h */
	struct last_ref ref; /* the CRL that is asked for; no hash yet */
	uint16_t shards;
	uint8_t form; /* enum crl_form */
	uint64_t base;
	int64_t this_update;
	int entries; /* descriptor of the rows */
	uint32_t count;
	bool has_before; /* the last CRL, and when it was made */
	struct last_ref before;
	int64_t before_update;
};

struct merge_result {
	const char *field; /* that was refused; row: the entry, from 1, or 0 */
	uint32_t row;
	struct last_ref ref; /* with its hash */
	uint64_t full_entries, full_bytes;
	uint64_t delta_entries, delta_bytes;
	struct buf closes; /* a list: keys of CAs that are listed anew, tag 1 by id, tag 2 by SubjectPublicKeyInfo */
	uint16_t close_count;
};

/* 0, or a number of inner_refusals.def, with nothing left behind. closes is the caller's to free. */
uint16_t merge_run(const struct merge_plan *plan, struct ledger_reader *ledger, uint64_t head,
		   struct merge_result *out);

/* The shard that a serial number belongs to: the number that its last four bytes are, modulo their count. */
uint16_t merge_shard(const uint8_t serial[ROW_SERIAL_SIZE], uint16_t shards);

#endif
