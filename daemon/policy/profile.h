/*
 * Profiles: what a leaf of a certain use looks like and who may be named in
 * it. Data from conf/profiles/NAME.conf, one profile a file; applied to what a
 * CSR asks for. Pure: no database, no socket, no DER. For the front-end and
 * the command line.
 *
 * The profile decides. What a CSR wishes beyond its key, its names and the
 * subject attributes that the profile takes is dropped, never copied.
 */
#ifndef CHANCERY_POLICY_PROFILE_H
#define CHANCERY_POLICY_PROFILE_H

#include "base/algorithm.h"
#include "names/constraints.h"
#include "names/dn.h"

#define MAX_PROFILES 256
#define MAX_PROFILE_NAME 64
#define MAX_LEAF_NAMES 256    /* the signer takes no more */
#define MAX_PROFILE_USAGES 16 /* extended key usages, and policies: likewise */

/*
 * Key usages that a leaf may have; bit i of the DER BIT STRING is 1 << i (RFC 5280
 * 4.2.1.3), and the flags of a request: as in wire/inner.h, which this room doesn't see.
 */
enum {
	LEAF_DIGITAL_SIGNATURE = 1 << 0,
	LEAF_NON_REPUDIATION = 1 << 1,
	LEAF_KEY_ENCIPHERMENT = 1 << 2,
	LEAF_DATA_ENCIPHERMENT = 1 << 3,
	LEAF_KEY_AGREEMENT = 1 << 4,
};
enum { LEAF_MUST_STAPLE = 1 };

struct profiles;

struct profile {
	char name[MAX_PROFILE_NAME + 1];
	char description[256];
	unsigned algorithms; /* mask of 1 << enum key_algorithm that the subject's key may have */
	unsigned name_types; /* mask of 1 << enum name_type that alternative names may have */
	bool wildcards;	     /* "*.example.com" allowed */
	uint16_t key_usage;  /* what the key's algorithm can't do is left out: encipherment is for RSA, agreement for EC
			      */
	struct list ext_key_usage; /* OID contents */
	struct list policies;
	int64_t default_ttl, longest_ttl; /* seconds */
	unsigned subject_attributes;	  /* mask of 1 << enum dn_attribute taken from the CSR's subject */
	bool must_staple;
	bool spiffe;		/* exactly one name, a URI spiffe://TRUST_DOMAIN/path */
	char trust_domain[256]; /* empty: any */
};

/* Reads all *.conf of a folder but that of templates.h. 0, or -1 with file, line and what was expected in the log. */
int profiles_load(const char *folder, struct profiles **out);
void profiles_free(struct profiles *p);
const struct profile *profile_find(const struct profiles *p, const char *name);
const struct profile *profile_at(const struct profiles *p, size_t i);

/* What is asked for: decoded from a CSR, nothing in it trusted. */
struct leaf_wish {
	uint8_t algorithm;     /* enum key_algorithm of the subject's key; 0: of no known kind */
	struct list subject;   /* tag enum dn_attribute */
	struct list alt_names; /* tag enum name_type, canonical (names/name.h, AS_NAME) */
	int64_t ttl;	       /* seconds asked for; 0: the profile's default */
};

/* What will be asked of the signer. Lists point into the wish or the profile, but for subject, into the buffer. */
struct leaf_fields {
	struct list subject;
	struct list alt_names;
	uint16_t key_usage;
	struct list ext_key_usage;
	struct list policies;
	int64_t ttl;
	uint8_t flags; /* wire/inner.h: CERT_MUST_STAPLE */
	struct buf subject_items;
};
void leaf_fields_free(struct leaf_fields *f);

/*
 * Stable codes: key_not_allowed, name_missing, too_many_names, name_invalid, name_type_not_allowed,
 * wildcard_not_allowed, spiffe_id, trust_domain, common_name_not_in_names, subject_invalid, ttl_invalid,
 * ttl_too_long.
 */
struct policy_refusal {
	const char *code;
	const char *field; /* "csr_pem", "ttl_seconds" */
	char message[400]; /* one sentence: what, and what would be accepted */
};

/*
 * 0: out is filled in, and the caller frees it; positive: refused, and out is empty.
 * Each common name must be among the alternative names (read as DNS, email, IP or URI).
 */
int profile_apply(const struct profile *profile, const struct leaf_wish *wish, struct leaf_fields *out,
		  struct policy_refusal *why);

#endif
