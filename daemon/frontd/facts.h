/*
 * What a certificate says, read with libcrypto from its DER: the same typed
 * fields that the signer is asked with, so that both can be held against each
 * other (frontd/check.h), and rows made from what the ledger has.
 */
#ifndef CHANCERY_FRONTD_FACTS_H
#define CHANCERY_FRONTD_FACTS_H

#include "base/pack.h"
#include "names/constraints.h"

#define FACTS_WHY 200
#define MAX_FACT_LIST (1024 * 1024) /* bytes of one list: more than a certificate within its limit holds */

/* A list under construction. */
struct items {
	struct buf raw;
	uint16_t count;
};
void items_init(struct items *i);
void items_free(struct items *i);
void items_put(struct items *i, uint8_t tag, struct slice item);
static inline struct list items_list(const struct items *i)
{
	return list_of(&i->raw, i->count);
}
#define scoped_items __attribute__((cleanup(items_free))) struct items

struct facts {
	uint8_t fingerprint[32];
	struct slice serial;				    /* big-endian, as it stands */
	struct slice issuer_name, subject_name, public_key; /* DER */
	struct slice subject_key_id, authority_key_id;
	int64_t not_before, not_after;
	bool ca;
	bool no_check;	   /* id-pkix-ocsp-nocheck */
	uint16_t path_len; /* PATH_LEN_NONE */
	uint16_t key_usage;
	uint8_t flags; /* CERT_MUST_STAPLE */
	bool foreign;  /* written by others: facts_read_foreign() */
	struct items subject, alt_names, ext_key_usage, permitted, excluded, urls, policies;
	struct items opaque; /* extensions without a typed form, as CERT_SIGN has them; of others' none */
	struct buf bytes;    /* what the slices point into */
};

/* 0; positive: not a certificate of a shape that Chancery writes, *why is a sentence's end; free it in either case. */
int facts_read(struct slice der, struct facts *out, char why[FACTS_WHY]);
/*
 * The same for a certificate that others wrote: an extension that isn't critical may be unknown or say what we never
 * write, and texts may be of older types. Names and subtrees come out in their canonical form. What binds a CA
 * (basicConstraints, key usage, name constraints, key identifier) must be read in any case. 2: because of a critical
 * extension; 3: because of its name constraints.
 */
int facts_read_foreign(struct slice der, struct facts *out, char why[FACTS_WHY]);
/*
 * What a PKCS#10 request of a CA of ours asks for: subject, public key, and the extensions of extensionRequest. Its
 * signature is verified. 0; positive: *why is a sentence's end.
 */
int facts_read_request(struct slice der, struct facts *out, char why[FACTS_WHY]);
void facts_free(struct facts *f);
#define scoped_facts __attribute__((cleanup(facts_free))) struct facts

static inline struct constraints facts_constraints(const struct facts *f)
{
	return (struct constraints){ items_list(&f->permitted), items_list(&f->excluded) };
}

#endif
