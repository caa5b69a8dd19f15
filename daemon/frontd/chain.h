/*
 * A CA with all that is above it, as rows from the store, and what follows
 * from the whole chain: until when it is valid, what names it admits, its PEM.
 */
#ifndef CHANCERY_FRONTD_CHAIN_H
#define CHANCERY_FRONTD_CHAIN_H

#include "frontd/call.h"
#include "names/constraints.h"
#include "store/store.h"

#define MAX_CHAIN 16 /* CAs above each other: validators stop soon after */

struct chain {
	size_t count;
	struct ca_row ca[MAX_CHAIN]; /* this CA first, its root last */
};

/* 0; STORE_NONE: no such CA; negative: broken, logged. Free it in every case. */
int chain_load(struct store_session *s, const char *ca_id, struct chain *out);
void chain_free(struct chain *chain);
#define scoped_chain __attribute__((cleanup(chain_free))) struct chain

/* Whether the CA is known by its certificate only: its key is not in any of the signer's tokens. */
bool ca_offline(const struct ca_row *ca);
/* Name and subject of a CA that is being made at this moment: nobody sees it yet. */
bool ca_reserved(const struct ca_row *ca);
/* Its request is out, and its certificate is signed elsewhere. */
bool ca_waits(const struct ca_row *ca);
/* Whether it is in that state (store/store.h). */
bool ca_is(const struct ca_row *ca, const char *state);

int64_t chain_not_after(const struct chain *chain);
int64_t chain_not_before(const struct chain *chain);

/* The packed form in which constraints stand in a row; views point into the row. */
int constraints_unpack(struct slice packed, struct constraints *out);
void constraints_pack(const struct constraints *c, struct buf *out);

/* What holds from a CA on that states these, below that one or NULL; both packed. 0 or -1. */
int constraints_settle(const struct constraints *stated, const struct ca_row *above, struct constraints_buf *effective,
		       struct buf *packed_stated, struct buf *packed_effective);

/* Appends one PEM block; pem_put() one of a certificate. */
int pem_put_block(struct buf *out, const char *label, struct slice der);
int pem_put(struct buf *out, struct slice der);
/* PEM of the CAs from..to-1 of a chain, owned by the caller; NULL if broken. */
char *chain_pem(const struct chain *chain, size_t from, size_t to);

#endif
