/*
 * What the signer has around it, for a harness: a ledger in memory, tokens
 * whose keys are known to everybody, a peer whose answers are looked at.
 * Takes the place of journal, slot, verify, guard, ledger and clock in the
 * link. Nothing is done at once: each step waits until world_run().
 */
#ifndef CHANCERY_TESTS_WORLD_H
#define CHANCERY_TESTS_WORLD_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ledger/record.h"
#include "signd/signer.h"

#define WORLD_NOW 1800000000
#define WORLD_KEYS 8 /* Ed25519; the first is the log key */
#define WORLD_PEER 7

/* What the tokens do next. */
enum { WORLD_GOOD, WORLD_AWAY, WORLD_REFUSES, WORLD_WRONG };

struct world {
	EVP_PKEY *private[WORLD_KEYS];
	struct buf public[WORLD_KEYS]; /* SubjectPublicKeyInfo */
	int token;		       /* WORLD_GOOD ... */
	bool front;		       /* whether the peer is one */
	int made;		       /* keys that tokens have made */
	STACK_OF(X509) * anchors;      /* of the request that is answered */
	struct op_chain waiting;       /* ops whose next step may be taken */
	size_t record_count;
	struct buf records[512]; /* head to check */
	struct buf out;		 /* what the peer was sent */
	uint8_t random;
};
extern struct world world;

/* Once. */
void world_make(void);
/* An empty ledger but for its start, into a signer that has nothing but its configuration. */
void world_begin(struct signer *s);
void world_end(struct signer *s);
/* Takes `most` steps, or all. */
void world_run(struct signer *s, size_t most);
struct slice world_public(int key);
/* A certificate around this TBSCertificate, signed by one of the keys; as it is if that isn't possible. */
void world_sign(int key, struct slice tbs_or_certificate, struct buf *out);

#endif
