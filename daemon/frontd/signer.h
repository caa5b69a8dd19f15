/*
 * The front-end's link to the signer: one connection, pipelined, kept up by a
 * thread of its own that reconnects with back-off and jitter. After each
 * connect it says HELLO, then takes from the ledger what the database lacks
 * (catchup.h), and only then lets callers ask.
 *
 * Whoever asks is told of his answer, of the deadline's passing or of the loss
 * of the link: by a call on the link's thread, or by waiting for it.
 */
#ifndef CHANCERY_FRONTD_SIGNER_H
#define CHANCERY_FRONTD_SIGNER_H

#include "wire/frame.h"
#include "wire/inner.h"
#include "wire/passing.h"

struct signer;
struct front;

struct signer_options {
	const char *path;    /* sign.sock */
	unsigned timeout;    /* seconds */
	struct front *front; /* for the catch-up */
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
	struct passing came; /* CRL_SIGN: the memory file; passing_take() makes it the caller's */
};
void signer_answer_free(struct signer_answer *a);
#define scoped_answer __attribute__((cleanup(signer_answer_free))) struct signer_answer

/* Fresh request id for the verbs that have one: time and random (wire/inner.def). */
void signer_request_id(uint8_t id[REQUEST_ID_SIZE]);

/* A question on its way; belongs to whoever asks, and stays where it is until answered() is called. */
struct signer_ask {
	/*
	 * Called once, on the link's thread or, with SIGNER_AWAY, within the post, with no lock held; must not wait
	 * for the signer. What an answer puts into the store's queue the link wakes.
	 */
	void (*answered)(struct signer_ask *ask);
	void *with;	    /* the caller's own */
	const int *entries; /* CRL_SIGN: the descriptor that goes along, the caller's still; NULL */
	enum signer_result result;
	struct signer_answer answer;

	/* the link's own */
	uint64_t tag;
	uint16_t verb;
	int64_t deadline; /* time_boot_ms() */
	struct signer_ask *next;
};

/*
 * Three per verb. signer_post_VERB() sends: all but answered and with is filled in. signer_get_VERB() decodes what
 * came; a reply that can't be decoded drops the link and is SIGNER_AWAY, as if none had come. signer_VERB() does
 * both and waits in between.
 */
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	void signer_post_##name(struct signer *s, const struct name##_request *r, struct signer_ask *ask);             \
	enum signer_result signer_get_##name(struct signer *s, const struct signer_ask *ask,                           \
					     struct name##_reply *out);                                                \
	enum signer_result signer_##name(struct signer *s, const struct name##_request *r, struct name##_reply *out,   \
					 struct signer_answer *a);
#include "wire/inner.def"
#undef VERB

/* CRL_SIGN with its entries, a sealed memory file (wire/rows.h) that stays the caller's; waits. a->came has the CRLs.
 */
enum signer_result signer_crl_sign_entries(struct signer *s, const struct crl_sign_request *r, int entries,
					   struct crl_sign_reply *out, struct signer_answer *a);

/*
 * From before a request that leaves records on the ledger until the database
 * reflects them. The link thereby knows how far the database is complete, and
 * tells the store (store_mark()). A hold that ends unsettled makes the link
 * read the ledger again before it counts any further.
 *
 *	scoped_hold hold;
 *	signer_hold(f->signer, &hold);
 *	... ask ...
 *	signer_settle_failed(&hold, asked, &answer);
 *	... commit ...
 *	signer_settle(&hold, reply.ledger_seq);
 */
struct signer_hold {
	struct signer *signer;
	uint64_t low; /* no record of this request is below */
	bool settled;
	struct signer_hold *older, *newer;
};
void signer_hold(struct signer *s, struct signer_hold *h);
/* Whether it is certain of a request that failed that it left nothing on the ledger: it was refused before its intent.
 */
bool signer_left_nothing(enum signer_result r, const struct signer_answer *a);
/* All that this request left on the ledger is in the database; ledger_seq 0: it left nothing. */
void signer_settle(struct signer_hold *h, uint64_t ledger_seq);
/* The same of a request that failed, if it is certain that it left nothing; for SIGNER_DONE nothing is done. */
void signer_settle_failed(struct signer_hold *h, enum signer_result r, const struct signer_answer *a);
void signer_release(struct signer_hold *h);
#define scoped_hold __attribute__((cleanup(signer_release))) struct signer_hold

/* Reads the ledger once more, for a request whose fate is unknown, and waits for it; false if the link is away. */
bool signer_refresh(struct signer *s);

/* For /readyz and /status: whether callers may ask now, and a sentence about why not. */
bool signer_ready(struct signer *s, char why[160]);

/* Over which link callers may ask now: another number with each, 0 while there is none. */
unsigned signer_link(struct signer *s);

/*
 * Whether this process has read the ledger to its end once. Before that the database may lack what a power loss took
 * from it, so what isn't there may be all the same.
 */
bool signer_met(struct signer *s);

#endif
