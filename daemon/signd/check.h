/*
 * Whether the tokens have the keys that the ledger says. When a driver has
 * connected, each key of its token is looked for, compared, and a CA's key
 * proves itself by a signature over text that is no certificate; from time to
 * time they are looked for again. One question is under way for each token, so
 * that requests don't wait for it.
 *
 * A key that is not what the ledger says is marked, its requests are refused,
 * and everything else goes on. The mark goes when the token shows the key
 * again. Nothing is ever forgotten because a token doesn't have it: it may be
 * the wrong token.
 */
#ifndef CHANCERY_SIGND_CHECK_H
#define CHANCERY_SIGND_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct signer;
struct slot;
struct key;
struct buf;

enum check_pass {
	CHECK_PROVE,	/* all keys; those of CAs sign */
	CHECK_LOOK,	/* all keys */
	CHECK_TROUBLED, /* those that were marked; they sign */
};

/* Of one slot. */
struct check {
	unsigned connection; /* the slot's, that was checked or is being */
	enum check_pass pass;
	bool running, asking;
	size_t next;		     /* key */
	size_t seen;		     /* in this pass */
	int64_t look_at, trouble_at; /* boot milliseconds of the next passes */
};

/* Begins what is due. Call it often. */
void check_tick(struct signer *s, int64_t now);
/* A driver would not sign with this key, for a reason that lies in the key: it is marked until a check says otherwise.
 */
void check_refused(struct signer *s, struct key *k, uint16_t driver_code);
/* What a key signs to prove itself: words, the ledger that asks, and bytes that nobody knew before. Never DER. */
void check_challenge(const struct signer *s, const char *words, struct buf *out);

#endif
