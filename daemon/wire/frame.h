/*
 * Frames: how one message stands on a stream socket. Both protocols, the
 * inner one (front-end to signer) and the drivers', use the same frame.
 *
 *	u32 length    bytes of the body that follows these 16
 *	u8  version   1
 *	u8  kind      1 request, 2 reply, 3 refusal
 *	u16 verb      from the protocol's table
 *	u64 tag       chosen by who asks, echoed in the answer; answers may
 *	              come in any order
 *
 * This room is on both sides of every wall. It never allocates from a length
 * that it hasn't checked, and knows no verb.
 */
#ifndef CHANCERY_WIRE_FRAME_H
#define CHANCERY_WIRE_FRAME_H

#include "base/pack.h"

#define FRAME_HEAD 16
#define FRAME_VERSION 1
#define MAX_FRAME_BODY (1088 * 1024) /* the largest reply: a megabyte of ledger records and its few words */

enum frame_kind { FRAME_REQUEST = 1, FRAME_REPLY = 2, FRAME_REFUSAL = 3 };

struct frame {
	uint32_t length;
	uint8_t version;
	uint8_t kind;
	uint16_t verb;
	uint64_t tag;
	struct slice body; /* inside the buffer it was read from */
};

enum frame_state {
	FRAME_WHOLE,
	FRAME_PARTIAL,	   /* more bytes are needed */
	FRAME_TOO_LONG,	   /* a length over MAX_FRAME_BODY: close */
	FRAME_BAD_VERSION, /* close */
};

/*
 * Looks at the first frame in bytes. The head is filled in as soon as it is
 * there, also while the body is PARTIAL, so that a verb's own limit can be
 * held before its body is read.
 */
enum frame_state frame_peek(struct slice bytes, struct frame *out);
#define frame_size(f) ((size_t)FRAME_HEAD + (f)->length)

/* Starts a frame at the end of out; frame_end() with the same start fills in its length. */
size_t frame_begin(struct buf *out, enum frame_kind kind, uint16_t verb, uint64_t tag);
void frame_end(struct buf *out, size_t start);

/* What a refusal says: a stable number from the protocol's list, the field it is about, a sentence. */
struct refusal_message {
	uint16_t code;
	uint32_t retry_after; /* seconds after which the same request may succeed; 0: never as it stands */
	struct slice field;
	struct slice sentence;
};

#define MAX_REFUSAL_FIELD 64
#define MAX_REFUSAL_SENTENCE 400

void refusal_put(struct buf *out, uint16_t verb, uint64_t tag, const struct refusal_message *r);
enum pack_refusal refusal_get(struct slice body, struct refusal_message *r);

/* One row of a protocol's table, as the answering half sees it. */
struct verb {
	uint16_t number;
	const char *name;
	unsigned who;  /* the kinds of peer that may send it, a mask of the protocol's own bits */
	uint32_t most; /* bytes of a request's body */
};

#endif
