/*
 * Which host the ledger was written on last. A state folder that is copied to
 * another host and started there would be a second signer under the same keys:
 * it finds the name of the host that it came from on the ledger, and neither
 * signs nor writes until root says that this is the one from now on.
 *
 * A host is known by its machine id (machine-id(5)). A copy of a whole host
 * that kept the id is not told apart here.
 */
#ifndef CHANCERY_SIGND_HOST_H
#define CHANCERY_SIGND_HOST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "ledger/hash.h"

#define MAX_HOST_NAME 64

struct host {
	bool known;		      /* false where there is no machine id: then nothing is compared */
	uint8_t id[HASH_SIZE];	      /* a hash of machine id and ledger id, which says nothing elsewhere */
	char name[MAX_HOST_NAME + 1]; /* for people */
};

/* This host. machine_id: the file that names it. Before the jail closes. */
void host_read(const char *machine_id, const uint8_t ledger_id[16], struct host *out);
bool host_same(const struct host *a, const struct host *b);
/* The body of a HOST record. */
void host_put(const struct host *h, struct buf *out);
/* Reads one; false if it is none. */
bool host_get(struct slice body, struct host *out);

#endif
