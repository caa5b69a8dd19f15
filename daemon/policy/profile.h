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
#include "base/conf.h"
#include "names/dn.h"
#include "policy/lint.h"
#include "policy/pattern.h"

#define MAX_PROFILES 256
#define MAX_PROFILE_NAME 64
#define MAX_LEAF_NAMES 256	  /* the signer takes no more */
#define MAX_PROFILE_USAGES 16	  /* extended key usages, and policies: likewise */
#define MAX_PROFILE_PATTERNS 256  /* each name is held against each of its type */
#define MAX_PROFILE_EXTENSIONS 16 /* likewise */
#define MAX_PROFILE_URLS 4	  /* of each use: a request to the signer has room for sixteen in all */
#define MAX_PROFILE_URL 512	  /* bytes as written; with a CA's id it stays below the wire's 1024 */

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
	unsigned algorithms;		     /* mask of 1 << enum key_algorithm that the subject's key may have */
	unsigned name_types;		     /* mask of 1 << enum name_type that alternative names may have */
	bool wildcards;			     /* "*.example.com" allowed */
	const struct name_pattern *patterns; /* of a type that has any, names must be within one */
	size_t pattern_count;
	unsigned patterned; /* mask of the types that have patterns */
	uint16_t key_usage; /* what the key's algorithm can't do is left out: encipherment is for RSA, agreement for EC
			     */
	struct list ext_key_usage; /* OID contents */
	struct list policies;
	int64_t default_ttl, longest_ttl; /* seconds */
	unsigned subject_attributes;	  /* mask of 1 << enum dn_attribute taken from the CSR's subject */
	struct list extensions;		  /* as CERT_SIGN has them without a typed form, none critical */
	bool must_staple;
	struct list urls;     /* tag enum lint_url; "{ca}" in one stands for the CA's id */
	unsigned urls_stated; /* mask of the uses whose list the file has, maybe empty; others come from pki_base_url */
	enum lint_severity refuse_from; /* findings over what is asked for that it is refused for */
	bool spiffe;			/* exactly one name, a URI spiffe://TRUST_DOMAIN/path */
	char trust_domain[256];		/* empty: any */
};

/* What a profile is read for: the settings elsewhere that its own lean on. */
struct profile_site {
	bool has_base_url; /* frontd.conf has a pki_base_url */
};

/*
 * Reads all *.conf of a folder but that of templates.h. 0, or -1 with every mistake of every file told to listener, or
 * in the log without one.
 */
int profiles_load(const char *folder, const struct profile_site *site, conf_listener *listener, void *with,
		  struct profiles **out);
void profiles_free(struct profiles *p);
const struct profile *profile_find(const struct profiles *p, const char *name);
const struct profile *profile_at(const struct profiles *p, size_t i);

/* One setting that a profile's file may have; NULL past the last. */
struct profile_setting {
	const char *name, *kind, *sentence;
	const char *otherwise; /* what holds without it; NULL: it must be there */
};
const struct profile_setting *profile_setting(size_t i);
/* "digitalSignature" and its like, for one bit; NULL for a bit that no leaf may have. */
const char *profile_usage_text(uint16_t bit);
/* "serverAuth", or the object identifier's numbers. */
void profile_purpose_put(struct slice purpose, struct buf *out);
/* What of a profile's key usage a key of this algorithm can do. */
uint16_t profile_usage_of(uint16_t key_usage, const struct algorithm *a);
/* The URLs of a leaf from this CA, as items: the profile's, or what the base URL (empty: none) says of the CA. */
void profile_urls_put(const struct profile *p, const char *base_url, const char *ca_id, struct buf *raw,
		      uint16_t *count);

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
 * name_pattern, wildcard_not_allowed, spiffe_id, trust_domain, common_name_not_in_names, subject_invalid, ttl_invalid,
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
