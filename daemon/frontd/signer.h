/*
 * The front-end's link to the signer: one connection, pipelined, kept up by a
 * thread of its own that reconnects with back-off and jitter. After each
 * connect it says HELLO, then takes from the ledger what the database lacks
 * (catchup.h), and only then lets callers ask.
 *
 * Callers block until their answer, the deadline or the loss of the link.
 */
#ifndef CHANCERY_FRONTD_SIGNER_H
#define CHANCERY_FRONTD_SIGNER_H

#include "wire/frame.h"
#include "wire/inner.h"

struct signer;
struct front;

struct signer_options {
	const char *path;	 /* sign.sock */
	unsigned timeout;	 /* seconds */
	struct front *front;	 /* for the catch-up */
};

/* Starts the thread; answers at once. 0 or -1. */
int signer_start(const struct signer_options *options, struct signer **out);
void signer_stop(struct signer *s);

enum signer_result {
	SIGNER_DONE = 0,
	SIGNER_REFUSED = 1, /* answer.refusal is set */
	SIGNER_AWAY = 2,    /* no link, or lost before the answer: the request may or may not have been done */
	SIGNER_LATE = 3,    /* the deadline passed: likewise */
};

/* An answer's bytes; reply structs point into them. Free with signer_answer_free(). */
struct signer_answer {
	struct buf bytes;
	struct slice body;
	struct refusal_message refusal;
};
void signer_answer_free(struct signer_answer *a);
#define scoped_answer __attribute__((cleanup(signer_answer_free))) struct signer_answer

/* Fresh request id for the verbs that have one: time and random (wire/inner.def). */
void signer_request_id(uint8_t id[REQUEST_ID_SIZE]);

/* One per verb: sends, waits, decodes. Negative never: a reply that does not decode drops the link and is SIGNER_AWAY. */
#define VERB(number, NAME, name, who, most, request, reply)                                                \
	enum signer_result signer_##name(struct signer *s, const struct name##_request *r, struct name##_reply *out, \
					 struct signer_answer *a);
#include "wire/inner.def"
#undef VERB

/* For /readyz and /status: whether callers may ask now, and a sentence about why not. */
bool signer_ready(struct signer *s, char why[160]);

#endif
