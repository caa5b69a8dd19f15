/* What the ledger of an offline root has of its past: small enough to be read from end to end. */
#ifndef CHANCERY_CEREMONY_HISTORY_H
#define CHANCERY_CEREMONY_HISTORY_H

#include "signd/signer.h"

/* Sees each record; false ends the walk. */
typedef bool history_visit(void *with, const struct record *r);
/* 0 or -1: it can't be read, logged. */
int history_walk(struct signer *s, history_visit *visit, void *with);

/*
 * What came of a request before, or of a root's making: the number of the intent that was signed, 0: nothing yet.
 * certificate: the whole of it. -1: broken.
 */
int history_answer(struct signer *s, const uint8_t request[HASH_SIZE], uint64_t *seq, struct buf *certificate);
int history_root(struct signer *s, const uint8_t key_id[KEY_ID_SIZE], uint64_t *seq, struct buf *certificate);

/* A certificate that this ledger knows to be signed, or that may be. */
struct history_certificate {
	uint8_t serial[20];
	size_t serial_len;
	uint64_t seq;
	int64_t not_after;
	char name[256]; /* its subject, for people */
};
/* All that this key has signed, to be freed. 0 or -1. */
int history_certificates(struct signer *s, const uint8_t key_id[KEY_ID_SIZE], struct history_certificate **all,
			 size_t *count);

#endif
