/*
 * OCSP answers that are good for more than one caller: one certificate, no
 * nonce. Bounded; what was used longest ago makes room. It decides nothing:
 * whether an answer still holds is for who asks for it to say.
 */
#ifndef CHANCERY_FRONTD_OCSP_CACHE_H
#define CHANCERY_FRONTD_OCSP_CACHE_H

#include "base/buf.h"
#include "wire/rows.h"

#define OCSP_ETAG_SIZE 35 /* quoted hex of 16 bytes, and NUL */

/* All of its bytes count: clear it before it is filled in. */
struct ocsp_key {
	char ca_id[64];
	uint8_t hash;
	uint8_t serial[ROW_SERIAL_SIZE];
};

/* What the signer was told, and what it answered. */
struct ocsp_answer {
	uint8_t status; /* enum ocsp_status */
	struct ocsp_row row;
	uint64_t generation; /* store_status_generation(): as long as it stays, the row is what the database says */
	char etag[OCSP_ETAG_SIZE];
	struct buf response; /* owned */
};
void ocsp_answer_free(struct ocsp_answer *a);
#define scoped_ocsp_answer __attribute__((cleanup(ocsp_answer_free))) struct ocsp_answer

struct ocsp_cache;
/* most: bytes of answers that it holds; NULL if out of memory. */
struct ocsp_cache *ocsp_cache_new(size_t most);
void ocsp_cache_free(struct ocsp_cache *c);

/* Copies the answer, to be freed in either case; false: there is none. */
bool ocsp_cache_find(struct ocsp_cache *c, const struct ocsp_key *key, struct ocsp_answer *out);
/* Copies the answer. It takes the place of one that was judged earlier, never of one that was judged later. */
void ocsp_cache_keep(struct ocsp_cache *c, const struct ocsp_key *key, const struct ocsp_answer *answer);
/* This very answer, as it was found, holds in this generation as well; of another that came meanwhile nothing is said.
 */
void ocsp_cache_confirm(struct ocsp_cache *c, const struct ocsp_key *key, const struct ocsp_answer *found,
			uint64_t generation);

#endif
