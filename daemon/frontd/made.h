/*
 * A certificate that came back from the signer, with the rows that remember
 * it. The same for what was just asked for and for what the ledger had.
 */
#ifndef CHANCERY_FRONTD_MADE_H
#define CHANCERY_FRONTD_MADE_H

#include "frontd/facts.h"
#include "store/store.h"

struct made {
	struct key_row key; /* a CA's; key_id all zero: none */
	struct ca_row ca;   /* a CA's; empty id: a leaf */
	struct certificate_row row;
	struct items names;	   /* what it is found by */
	const char *renewed_ca_id; /* the CA whose certificate this is from now on, its key and limits being the same;
				      NULL */
	const uint8_t *responder;  /* of an OCSP responder's certificate: its key's id; NULL */
	const char *issuing_ca_id; /* whose signature it has: what is held if it is withheld */
	bool single;		   /* the issuer has one CA, and it is this */
	int64_t now;
	uint64_t noted;	     /* the ledger's number of the CA's first transition; 0: none */
	char why[FACTS_WHY]; /* why it is withheld; empty: it is not */
};

/* Fills in row and names from the certificate; texts stay the caller's. Frees with made_free(). */
void made_fill(struct made *m, const struct facts *facts, struct slice der, const char *ca_id, uint8_t kind);
/* Fills in what the certificate with this record says of the CA whose planned row stands in ca, and row. */
void made_fill_ca(struct made *m, const struct facts *facts, struct slice der, uint64_t ledger_seq);
void made_free(struct made *m);
#define scoped_made __attribute__((cleanup(made_free))) struct made

/* Commits all of it in one piece; can be repeated. with is a struct made. */
store_work made_commit;

#endif
