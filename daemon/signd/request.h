/*
 * What every request that leaves a record goes through first: is the signer
 * signing at all, is the request's id fresh, was it asked before. And how it ends.
 */
#ifndef CHANCERY_SIGND_REQUEST_H
#define CHANCERY_SIGND_REQUEST_H

#include "signd/op.h"
#include "wire/frame.h"

struct signer;

/*
 * An op for a request that may go on. NULL: it was answered here, by a refusal
 * or with the same answer as the first time.
 */
struct op *request_begin(struct signer *s, uint64_t peer, const struct frame *f, const uint8_t id[REQUEST_ID_SIZE]);
/* Refuses and ends the op. */
void request_refuse(struct signer *s, struct op *op, uint16_t code, const char *field);
/* The refusal that tells of an op's trouble. */
uint16_t request_trouble(const struct op *op);
/* The op's outcome stands at seq: remembered, so that a repetition finds it. The reply is the caller's. */
void request_concluded(struct signer *s, const struct op *op, uint64_t seq);
/* What follows the journal where one record is all there is to a request. */
void request_single_done(struct signer *s, struct op *op);
/* Fills in the id and hash that stand in the first fields of a record. */
void request_stamp(const struct op *op, uint8_t id[REQUEST_ID_SIZE], uint8_t hash[32]);

/* The replies, also to repetitions. Cert: from its intent's TBS and its signature. */
void reply_cert(struct signer *s, uint64_t peer, uint64_t tag, uint16_t verb, uint64_t seq, struct slice tbs,
		struct slice signature);
void reply_key(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq, const uint8_t key_id[KEY_ID_SIZE],
	       struct slice public_key);
void reply_csr(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq, uint8_t algorithm, struct slice info,
	       struct slice signature);
void reply_imported(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq, const uint8_t key_id[KEY_ID_SIZE]);
void reply_proposed(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq, struct slice bytes);
void reply_seq(struct signer *s, uint64_t peer, uint64_t tag, uint16_t verb, uint64_t seq);

#endif
