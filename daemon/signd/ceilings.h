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

enum key_class { CLASS_ROOT, CLASS_SINGLE, CLASS_INTERMEDIATE, CLASS_ISSUING, CLASS_COUNT };

struct ceilings {
	unsigned kinds;	     /* mask of 1 << enum cert_kind that it may sign */
	int64_t longest[5];  /* seconds of validity, by enum cert_kind */
	int64_t backdate;    /* notBefore lies at most so many seconds before now */
	int64_t ahead;	     /* ... and so many after */
	unsigned name_types; /* mask of 1 << enum name_type of a leaf's names */
	unsigned algorithms; /* mask of 1 << enum key_algorithm of subject keys */
};

/* How long after thisUpdate the nextUpdate of a CRL, and of an OCSP answer, may lie: seconds. */
int64_t ceilings_crl_longest(const struct ceilings *c);
int64_t ceilings_ocsp_longest(const struct ceilings *c);
enum key_class ceilings_class(bool self_signed, uint16_t path_len);
const char *ceilings_class_name(enum key_class c);
/* Reads the group `classes`; what is not there keeps its default. */
void ceilings_read(struct conf *conf, struct ceilings all[CLASS_COUNT]);

#endif
