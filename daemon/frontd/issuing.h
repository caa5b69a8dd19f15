/*
 * Issuing CAs as issuance needs them, read once: the rows of the chain, what
 * the CA's certificate says, the PEM that goes with every leaf. An entry is
 * good for as long as no CA's row has changed: whoever was told of a change
 * never sees what was before it. Beside the store, so it holds no more than
 * can be read there again.
 *
 * What is asked of a CA that was followed is asked of the generation that took
 * over: whoever knows the first one's id goes on being served.
 */
#ifndef CHANCERY_FRONTD_ISSUING_H
#define CHANCERY_FRONTD_ISSUING_H

#include <stdatomic.h>

#include "frontd/chain.h"
#include "frontd/facts.h"

struct issuing {
	struct chain chain;
	char asked[64]; /* the id that was asked for: of this CA, or of an earlier generation that it took over from */
	size_t before_count;
	char before[MAX_CHAIN][64]; /* the ids of the generations before it, newest first */
	struct facts facts;	    /* of the CA's own certificate; only if why is empty */
	char why[FACTS_WHY];
	struct buf members;	  /* ,"chain_pem":"…","root_pem":"…","ca_id":"…" of every answer */
	uint64_t generation;	  /* of the store's CAs when these were read */
	atomic_bool shards_there; /* each of its shards has a CRL */
	atomic_uint users;
};

struct issuings;
/* NULL if out of memory. */
struct issuings *issuings_new(void);
void issuings_free(struct issuings *all);

/* 0; STORE_NONE: no such CA; negative: broken, logged. Release it when done. */
int issuing_get(struct issuings *all, struct store *store, const char *ca_id, struct issuing **out);
void issuing_release(struct issuing **issuing);

#endif
