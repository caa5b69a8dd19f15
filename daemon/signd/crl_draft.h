/*
 * One CRL, and its delta, on the way from its rows to the bytes that are
 * signed: what the loop hands to a scribe, and what comes back. The memory
 * file holds the full CRL and behind it the delta, each with room before and
 * behind its TBSCertList for what a signature adds.
 */
#ifndef CHANCERY_SIGND_CRL_DRAFT_H
#define CHANCERY_SIGND_CRL_DRAFT_H

#include "signd/encode/crl.h"
#include "signd/merge.h"
#include "signd/op.h"

#define MAX_PURE_TBS 65536 /* what a key that signs whole messages, Ed25519, is given at once */

/* One of the two in the memory file. */
struct crl_part {
	uint64_t at, size;	 /* of the TBSCertList; size 0: there is none */
	uint8_t hash[HASH_SIZE]; /* of it */
	uint8_t digest[MAX_DIGEST];
	size_t digest_len;	       /* 0: the key signs the TBSCertList itself */
	struct buf signature;	       /* contents of signatureValue */
	uint64_t whole_at, whole_size; /* of the CertificateList */
};
enum { PART_FULL, PART_DELTA, PARTS };

struct crl_draft {
	struct merge_plan plan;
	struct crl_fields fields; /* of the full one; point into bytes */
	int64_t delta_next;	  /* nextUpdate of the delta */
	struct buf bytes, context;
	uint64_t head; /* records that were committed when it began */
	int entries, file;
	uint16_t code; /* what a scribe refused */
	struct merge_result made;
	struct crl_part parts[PARTS];
};

struct crl_draft *crl_draft_new(void);
/* A CRL that came to nothing leaves no files behind: unless kept. */
void crl_draft_free(struct crl_draft *d, bool kept);
/* On a scribe's thread: merges and writes. */
void crl_draft_write(struct crl_draft *d, struct ledger_reader *ledger);
/* Reads the TBSCertList of a part, which is at most MAX_PURE_TBS long. 0 or -1. */
int crl_draft_tbs(const struct crl_draft *d, const struct crl_part *part, struct buf *out);
/* Puts the signatures to what they sign and seals the file. 0 or -1. */
int crl_draft_close(struct crl_draft *d);

#endif
