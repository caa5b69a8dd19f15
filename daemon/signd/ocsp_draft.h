/*
 * One OCSP answer on its way to the bytes that are signed: what the loop hands
 * to a scribe, and what comes back. What is said of a certificate must be what
 * the ledger and the last CRL say.
 */
#ifndef CHANCERY_SIGND_OCSP_DRAFT_H
#define CHANCERY_SIGND_OCSP_DRAFT_H

#include "signd/encode/ocsp.h"
#include "signd/issued.h"
#include "signd/last.h"

#define MAX_SINGLES 16 /* inner.def */

/* The last CRL that a row is held against. */
struct ocsp_against {
	bool any;     /* there is one */
	bool sound;   /* it was read to its end before */
	bool latched; /* it can't be read: good is said of nothing */
	struct last_ref last;
};

struct ocsp_draft {
	struct ocsp_fields fields; /* point into bytes and singles */
	struct ocsp_single singles[MAX_SINGLES];
	struct ocsp_against against[MAX_SINGLES];
	uint8_t ca_key[KEY_ID_SIZE];
	int crl_folder;
	uint64_t head, responder_seq;
	bool wants_certificate; /* the responder's, from the ledger */
	struct buf bytes, certificate;
	uint16_t code; /* what was refused, */
	size_t at;     /* ... and in which row */
};

struct ocsp_draft *ocsp_draft_new(void);
void ocsp_draft_free(struct ocsp_draft *d);
/* Whether a row can be said at all: its status, hash, reason and date fit each other. 0 or a refusal. */
uint16_t ocsp_row_check(const struct ocsp_single *one, int64_t now);
/* On a scribe's thread: judges, and writes the ResponseData to out. */
void ocsp_draft_write(struct ocsp_draft *d, struct ledger_reader *ledger, struct buf *out);

#endif
