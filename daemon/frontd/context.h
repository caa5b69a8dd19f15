/*
 * The front-end's own words on the ledger, at most a kilobyte of compact JSON
 * with each request, from which the database can be made again: written here
 * when asking, read here when catching up. Opaque to the signer.
 */
#ifndef CHANCERY_FRONTD_CONTEXT_H
#define CHANCERY_FRONTD_CONTEXT_H

#include "frontd/call.h"
#include "store/store.h"

/* Appends the context; positive: it doesn't fit MAX_CONTEXT. What is NULL is left out. */
struct context_words {
	/* "key", "ca", "csr", "leaf", "admit", "issuer", "move", "made", "withheld", "revoke", "release", "responder",
	 * "crlnumber", "asked", "answered"
	 */
	const char *op;
	const struct issuer_row *issuer; /* id, name, mode, issuing CA */
	const char *reason;		 /* of a revocation, its number (RFC 5280 5.3.1) */
	const char *subject_ca;		 /* the CA whose certificate is revoked, and which is so itself */
	const char *ca, *name, *parent, *metadata, *profile, *from, *to, *note;
	const char *serial, *fingerprint;
	const char *when;	       /* a certificate was revoked elsewhere, if not now */
	const char *template;	       /* of name constraints */
	const char *asked, *effective; /* constraints in words (transition.h) */
	const char *valid;	       /* what validity is asked for outside: two times, with a dash */
	const char *of;		       /* the request id that a certificate had, in hex */
	const char *key_uri;	       /* how a key was named that was there before */
	const char *predecessor, *successor, *rotation;
	const char *nonce, *letter, *crl; /* what went to an offline root and came back: letters.h */
	int64_t ttl;
};
int context_put(struct buf *out, const struct call *c, const struct context_words *words);

/* The object of a record's context, a new reference; NULL if it is not one of ours. */
json_t *context_read(struct slice context);
/* A text of it; "" if it isn't there. */
const char *context_text(json_t *context, const char *key);

/* "ica-" or "iss-" and a UUID made from a request id, so that a repeated request names the same thing. */
void context_id(const char *prefix, const uint8_t request_id[16], char out[48]);
/* The id of what a call has signed or noted: that of its Idempotency-Key, or a fresh one. */
void context_request_id(const struct call *c, uint8_t out[16]);
/* A CA's step is two requests, closing and note: the id of one makes the id of the other, either way. */
void context_note_id(const uint8_t request_id[16], uint8_t out[16]);
/* The time that stands in a request id, in seconds: the "now" of all that it decides. */
int64_t request_time(const uint8_t request_id[16]);

#endif
