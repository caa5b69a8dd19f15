/*
 * Why the signer has stopped signing for good, or stopped with one key, until
 * root says otherwise. A latch is a record on the ledger, or where the ledger
 * is what failed, a file in the state folder; so it outlives the process.
 * chancery-signd --resume opens all of them (signd/resume.h). No peer can.
 */
#ifndef CHANCERY_SIGND_LATCH_H
#define CHANCERY_SIGND_LATCH_H

#include "base/buf.h"
#include "ledger/hash.h"

#define MAX_LATCH_WHY 400 /* records.def */

enum latch {
	LATCH_CLOCK,	/* it jumped, or too long a time has passed since the ledger's last record */
	LATCH_ROLLBACK, /* a front-end knows more than the ledger holds: nothing at all is written */
	LATCH_LEDGER,	/* it could not be written */
	LATCH_HOST,	/* it was written on another host: nothing at all is written here */
	LATCHES,
};

struct signer;
struct key;
struct latched_record;

/* What somebody has seen of a ledger. */
struct sighting {
	uint64_t size;		 /* records; 0: not known */
	uint8_t root[HASH_SIZE]; /* over them, or zeros */
	uint32_t epoch;		 /* 0: not known */
};

struct latches {
	bool closed[LATCHES];
	char why[LATCHES][MAX_LATCH_WHY + 1];
	struct sighting known; /* of a rollback: the most that anybody was known to have seen */
	uint64_t shared;       /* ... and how many records this ledger has in common with that one, at most */
};

/* Whether an earlier life saw the ledger fail, and its tail was not written anew since. Before the ledger is opened. */
bool latch_ledger_suspect(const struct signer *s);
/* It is, now. */
void latch_ledger_settled(const struct signer *s);
/* Finds the files of earlier lives. After the ledger was read. */
int latch_start(struct signer *s);
/* Looks at clock and ledger. Call it often. */
void latch_tick(struct signer *s);

/* The ledger was rolled back: somebody has seen more of it, or another. */
void latch_rolled_back(struct signer *s, const struct sighting *seen, const char *why);
void latch_close(struct signer *s, enum latch which, const char *why);
void latch_key(struct signer *s, struct key *k, const char *why);
/* Puts a latch of this name on the ledger: its owner has closed it. */
void latch_record(struct signer *s, const char *what, const char *why);
/* Whether any is closed, of the signer or of a key. */
bool latch_any(const struct signer *s);
/* All are open from here on: what a RESUMED of an earlier life says. */
void latch_forget(struct signer *s);
/* The same for one of this life, once it is durable: the files go too. */
void latch_open_all(struct signer *s);
/* Whether nothing at all may be written, not even that it is so: this ledger isn't the one that goes on. */
bool latch_stands_back(const struct signer *s);
/* Takes a LATCHED record of an earlier life; positive: it is none that this version knows. */
int latch_take(struct signer *s, const struct latched_record *r);

#endif
