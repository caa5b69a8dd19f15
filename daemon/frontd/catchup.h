/*
 * What the ledger has and the database lacks: read at every connect, before
 * callers may ask, and whenever the fate of a request is unknown. Every
 * insertion can be repeated. With an empty database this is how all of it is
 * made again.
 *
 * Runs on the link's thread (frontd/signer.h). It asks the signer for records
 * only and changes nothing there.
 */
#ifndef CHANCERY_FRONTD_CATCHUP_H
#define CHANCERY_FRONTD_CATCHUP_H

#include "frontd/front.h"
#include "frontd/signer.h"

#define CATCHUP_WHY 160

/* What HELLO says of this database. 0 or -1. */
int catchup_hello(struct front *f, struct hello_request *out);
/* How far a catch-up came. */
struct reached {
	uint64_t end;	      /* every record below is in the database */
	uint64_t oldest_open; /* an intent there whose outcome is still to come; UINT64_MAX: none */
};
/*
 * Brings the database up to the ledger's head. first: nothing was asked for
 * yet in this process's life, so what was left half-made is forgotten. What
 * the database says of itself stays below the oldest open intent, so that its
 * outcome will be read whoever waits for it. 0; -1 with *why a sentence.
 */
int catchup_run(struct front *f, struct signer *s, const struct hello_reply *hello, bool first, struct reached *out,
		char why[CATCHUP_WHY]);

/*
 * Keeps the newest checkpoint, so that a signer that was rolled back behind it
 * is found out. May take as long as the log key's token; nobody shall wait for it.
 */
void catchup_checkpoint(struct front *f, struct signer *s);

#endif
