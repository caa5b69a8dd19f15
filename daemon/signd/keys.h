/*
 * The keys that this ledger knows: made and unbound, bound to a CA, or closed.
 * Rebuilt from the ledger at each start; memory grows with CAs, never with
 * certificates. The loop's alone, but for what a verifier reads of a key that
 * an op points to: that never changes.
 */
#ifndef CHANCERY_SIGND_KEYS_H
#define CHANCERY_SIGND_KEYS_H

#include <openssl/evp.h>

#include "signd/charter.h"
#include "signd/meter.h"
#include "wire/driver.h"

#define MAX_KEYS 16384 /* CAs and keys without one; about 2 KiB each */

enum key_state { KEY_STATE_UNBOUND, KEY_STATE_BOUND, KEY_STATE_CLOSED, KEY_STATE_GONE, KEY_STATE_RESPONDER };

struct slot;
struct responder_bound_record;

struct key {
	uint8_t id[KEY_ID_SIZE];
	char token[65];
	struct slot *slot;
	uint8_t driver_key[MAX_DRIVER_KEY];
	size_t driver_key_len;
	uint8_t algorithm;
	EVP_PKEY *verify;
	struct buf public_key; /* DER SubjectPublicKeyInfo */
	uint64_t fingerprint;  /* of the public key, for a quick look */

	struct keys *home; /* the table that it stands in, and where; NULL: in none */
	size_t at;

	enum key_state state;
	struct buf reserved; /* not empty: a certificate that binds it to this subject is under way; key_reserve() */
	bool barred;	     /* by fips_only: of an algorithm that is not to be used */
	bool latched;
	unsigned wrong_signatures;
	uint32_t attributes;	/* as the token last stated them */
	uint16_t trouble;	/* enum driver_refusal: why the token's key is not used; 0 */
	int64_t checked_at;	/* seconds; 0: not in this life */
	int64_t made_at;	/* seconds: when it came to this ledger */
	struct charter charter; /* if bound; points into charter_bytes */
	struct buf charter_bytes;
	int64_t not_before, not_after;

	/* An OCSP responder's key has no charter: it signs ResponseData only. */
	uint8_t responder_of[KEY_ID_SIZE];
	uint64_t responder_seq;		 /* of the RESPONDER_BOUND, which follows its certificate's result */
	struct buf certificate;		 /* once it was asked for */
	struct key *above;		 /* the CA that charter.parent names, once it was needed */
	struct meter meters[KIND_COUNT]; /* by enum cert_kind */
};

/* What a key is looked for by, its first eight bytes: side by side, so that a look through thousands is quick. */
struct key_mark {
	uint64_t id, public_key, subject; /* subject, of a hash: that it is bound or reserved to; 0: none */
};

struct keys {
	size_t count;
	struct key **all;
	struct key_mark *marks; /* in the same order */
	struct buf outside;	/* of CAs whose keys are not here: hashes of subject and public key, one pair after the
				   other */
};

/* A key with this public key, not yet in the table; NULL if it is not a key we know how to use. */
struct key *key_new(const uint8_t id[KEY_ID_SIZE], struct slice token, struct slice driver_key,
		    struct slice public_key);
void key_free(struct key *k); /* in no table any more */
/*
 * Binds, or binds anew: reads the packed charter (kept as a copy). A closed key
 * stays closed, one that is gone stays gone. Positive: it does not fit the key, which stays as it was.
 */
int key_bind(struct key *k, struct slice charter, int64_t not_before, int64_t not_after);
/* Binds an OCSP responder's key, or binds it anew, by the record of this number. Positive: it is another thing. */
int key_respond(struct key *k, const struct responder_bound_record *r, uint64_t seq);
/* Keeps a subject for the key until it is bound or let go. */
void key_reserve(struct key *k, struct slice subject);
void key_unreserve(struct key *k);
/* The issuer that a bound key is, under its class's ceilings. */
struct issuer key_issuer(const struct key *k, const struct ceilings all[CLASS_COUNT]);
/* One way; a key that is gone stays so. */
void key_close(struct key *k);
/* The refusal that a key meets that signs nothing at all, for good or now; 0. One that is closed still signs CRLs. */
uint16_t key_silent(const struct key *k);
/* The refusal that a key meets that will never sign certificates again, or not now; 0. */
uint16_t key_stopped(const struct key *k);
bool key_is_root(const struct key *k);
/* From here on the keys that stand in the table sign nothing if their algorithm is not an approved one. */
void keys_bar(struct keys *keys);

/* 0, or -1: too many, or out of memory. */
int keys_add(struct keys *keys, struct key *k);
void keys_free(struct keys *keys);
struct key *keys_find(const struct keys *keys, const uint8_t id[KEY_ID_SIZE]);
/* Takes it off the table; the caller frees it. */
void keys_remove(struct keys *keys, struct key *k);
/* The key of our own that has this public key, or NULL. */
struct key *keys_by_public(const struct keys *keys, struct slice public_key);
/* Whether a CA with another key than this has this subject (DER), or is about to. */
bool keys_subject_taken(const struct keys *keys, struct slice subject, struct slice public_key);
/* Remembers the CA that an imported certificate is of, or under. 0, or -1: too many. */
int keys_know(struct keys *keys, struct slice subject, struct slice public_key);
/* All that keys_know() was told, in `outside`, taken over: hash by hash. 0, or -1: it is not of that form. */
int keys_outside_set(struct keys *keys, struct slice hashes);
size_t keys_count(const struct keys *keys, enum key_state state);

#endif
