/*
 * One request under way in the signer, from its charter check to its reply.
 * An op belongs to one place at a time: the loop, the journal's flusher, a
 * verifier, or a slot that waits for its driver. `then` is what the loop does
 * with it when it comes back.
 */
#ifndef CHANCERY_SIGND_OP_H
#define CHANCERY_SIGND_OP_H

#include "base/buf.h"
#include "wire/inner.h"

#define MAX_OP_RECORDS 4
#define MAX_DIGEST 64 /* SHA-512 */

struct signer;
struct key;
struct ledger_reader;

/* A record for the journal: filled in by the loop, numbered by the flusher. */
struct staged {
	uint8_t type;
	struct buf body;
	uint64_t seq;
	uint8_t follows; /* its first field, a u64, becomes the seq of the record so many before it; 0: it doesn't */
};

enum op_trouble {
	OP_FINE = 0,
	OP_LEDGER_FAILED,   /* the journal could not write it */
	OP_TOKEN_AWAY,	    /* its driver did not answer in time */
	OP_TOKEN_REFUSED,   /* the driver said no; driver_code */
	OP_SIGNATURE_WRONG, /* what the driver answered does not verify */
};

struct op {
	struct op *next;		  /* in the place that holds it */
	struct op *running, **running_at; /* in the list of all ops */
	void (*then)(struct signer *s, struct op *op);
	void (*concluded)(struct op *op); /* stages its result once it is verified: on the verifier's thread, so it sees
					     the op alone */
	enum op_trouble trouble;
	uint16_t driver_code; /* the driver's refusal */
	uint16_t refusal;     /* what the peer will be told once this is recorded */
	uint32_t retry_after; /* seconds, where a refusal of its own time knows */

	uint64_t peer; /* whom to answer: guard.h; 0: nobody */
	uint64_t tag;
	uint16_t verb;
	bool has_id;
	uint8_t request_id[REQUEST_ID_SIZE], request_hash[32];

	struct key *key;     /* the key that signs, or that is made */
	struct key *subject; /* the key that a CA certificate binds */
	bool fresh;	     /* subject came with this import: if that fails, it goes too */
	uint8_t binding;     /* enum binding: what becomes of subject (binding.h) */
	int64_t not_before, not_after;
	struct buf charter;		    /* packed, for the subject */
	uint8_t proposal[PROPOSAL_ID_SIZE]; /* of an import: that it will spend */
	uint8_t kind;			    /* of a new key: its algorithm */
	size_t slot;			    /* ... and its token, an index of slots */
	uint64_t intent;		    /* sequence number */

	void (*task)(struct op *op, struct ledger_reader *ledger); /* what a scribe does with it */
	void *work;						   /* of its verb, */
	void (*work_free)(void *work);				   /* ... which goes with the op */

	struct buf message; /* what is signed */
	uint8_t digest[MAX_DIGEST];
	size_t digest_len;    /* of the message, as its key's algorithm wants it; 0: not made yet, or Ed25519 */
	bool digested;	      /* its verb has made the digest; message is empty */
	struct buf raw;	      /* what the driver answered */
	struct buf dropped;   /* ... of a new key: the attributes that its token did not take */
	struct buf signature; /* the contents of signatureValue */
	struct buf note;      /* not empty: becomes the ledger's checkpoint when the records are durable */

	uint32_t attributes; /* of the key that it asked for */
	uint16_t asks;	     /* the driver's verb that it waits for */
	uint64_t driver_tag;
	int64_t deadline; /* boot milliseconds */

	size_t record_count;
	struct staged records[MAX_OP_RECORDS];
};

/* NULL if out of memory. */
struct op *op_new(void);
void op_free(struct op *op);
#define scoped_op __attribute__((cleanup(op_cleanup))) struct op
void op_cleanup(struct op **op);
/* An empty body to put a record's fields into; the caller sees to it that there are never more than MAX_OP_RECORDS. */
struct buf *op_record(struct op *op, uint8_t type);

#endif
