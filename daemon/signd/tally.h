/*
 * What peers were refused, counted for the ledger. The first time that a peer
 * meets a refusal is a record of its own; what he goes on to ask is counted and
 * written now and then, ever less often. Whatever a peer does in a loop, the
 * ledger grows by a few records an hour: a captured front-end can't fill the
 * disk by asking for what it may not have, nor hide that it asked.
 *
 * Not counted is what says more of the signer than of its peer: that it is
 * busy, latched, or a token away.
 */
#ifndef CHANCERY_SIGND_TALLY_H
#define CHANCERY_SIGND_TALLY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "signd/meter.h"

#define MAX_TALLIES 128	     /* what is counted apart; what finds no room is counted together */
#define TALLY_PAUSE_MS 60000 /* between two records of the same; doubles while it goes on */
#define MAX_TALLY_PAUSE_MS 3600000
#define MAX_TALLIES_MINUTE 10	 /* records of all of these, */
#define MAX_TALLIES_BURST 120	 /* ... and at once: enough for each refusal there is */
#define TALLY_UID ((uint32_t)-1) /* of what is counted together: no one's */

struct signer;

struct tally {
	uint32_t uid;
	uint16_t verb, code; /* code 0: free, but in the last one */
	uint32_t count;	     /* since the last record */
	int64_t since;	     /* milliseconds of Unix time: the first of these */
	int64_t due;	     /* boot milliseconds: not before this is a record written */
	int64_t pause;
};

struct tallies {
	struct tally all[MAX_TALLIES + 1]; /* the last one: all that found no room */
	struct meter written;
	unsigned open; /* that have something to be written */
};

/*
 * Counts one, where it is counted. verb is 0 where the peer did not get so far as to name one. Whether the log shall
 * have a line of it: it is not counted, or the first since the last record.
 */
bool tally_refusal(struct signer *s, uid_t uid, uint16_t verb, uint16_t code);
/* Writes what is due; all that there is, where the signer stops. */
void tally_tick(struct signer *s, int64_t now_boot_ms);
void tally_flush(struct signer *s);

/* Whether this refusal is counted. */
bool tally_counts(uint16_t code);

#endif
