/*
 * Ceilings: what signd.conf allows a class of key at most. The class follows
 * from the facts of the key's certificate, never from what a request says:
 * a root, a single root (path length 0, signs leaves itself), an intermediate,
 * an issuing CA (path length 0). What holds is the tighter of ceiling and charter.
 */
#ifndef CHANCERY_SIGND_CEILINGS_H
#define CHANCERY_SIGND_CEILINGS_H

#include "base/conf.h"
#include "wire/inner.h"

#define KIND_COUNT 5   /* enum cert_kind, with nothing at 0 */
#define MAX_OIDS 16    /* in one of the lists below */
#define MAX_OID 32     /* contents octets of one */
#define CEILING_NONE 0 /* of a rate or a daily cap */

enum key_class { CLASS_ROOT, CLASS_SINGLE, CLASS_INTERMEDIATE, CLASS_ISSUING, CLASS_COUNT };

/* Object identifiers, packed as a list whose tags say nothing. */
struct oid_set {
	uint16_t count, len;
	uint8_t raw[MAX_OIDS * (3 + MAX_OID)];
};
struct list oid_set_list(const struct oid_set *set);

/* How many certificates of one kind a key, and all CAs below it, may sign. */
struct rate {
	uint32_t per_minute; /* sustained; CEILING_NONE */
	uint32_t burst;	     /* at once, after a time of rest */
	uint32_t per_day;    /* in one day of UTC; CEILING_NONE */
};

struct ceilings {
	unsigned kinds;		       /* mask of 1 << enum cert_kind that it may sign */
	int64_t longest[KIND_COUNT];   /* seconds of validity, by enum cert_kind */
	struct rate rates[KIND_COUNT]; /* likewise */
	int64_t backdate;	       /* notBefore and thisUpdate lie at most so many seconds before now */
	int64_t ahead;		       /* ... and so many after */
	int64_t crl_longest;	       /* seconds from thisUpdate to nextUpdate of its CRLs */
	int64_t ocsp_longest;	       /* ... of OCSP answers about its certificates */
	unsigned name_types;	       /* mask of 1 << enum name_type of a leaf's names */
	unsigned algorithms;	       /* mask of 1 << enum key_algorithm of subject keys */
	unsigned key_usages;	       /* mask of enum key_usage of a leaf */
	bool outside_cas; /* keys of CAs may be elsewhere: in a ceremony, where people look at each; no setting says so
			   */
	bool any_ext_key_usage;	       /* ext_key_usages doesn't limit */
	struct oid_set ext_key_usages; /* of a leaf, which then states some */
	struct oid_set opaque;	       /* extensions that a leaf may carry without a typed form here */
};

enum key_class ceilings_class(bool self_signed, uint16_t path_len);
const char *ceilings_class_name(enum key_class c);
/* "leaf" and so on. */
const char *ceilings_kind_name(enum cert_kind kind);
/* What the settings of a kind begin with: "ocsp_responder" of ocsp_responder_days. */
const char *ceilings_kind_setting(enum cert_kind kind);
/* "digitalSignature" for bit 0, and so on; NULL for those of CAs. */
const char *ceilings_usage_name(unsigned bit);
/* Reads the group `classes`; what is not there keeps its default. */
void ceilings_read(struct conf *conf, struct ceilings all[CLASS_COUNT]);

#endif
