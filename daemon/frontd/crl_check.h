/*
 * Trust no answer: a full CRL that came back from the signer, held against what
 * was asked for while it is copied to where it will be served from. One pass
 * through small windows: its frame is decoded by libcrypto and its signature
 * verified under the CA's certificate; its entries are, byte for byte, those that were
 * asked for, or those of the CRL before with the changes that were asked for.
 * Decides nothing: what fails is not to be served.
 */
#ifndef CHANCERY_FRONTD_CRL_CHECK_H
#define CHANCERY_FRONTD_CRL_CHECK_H

#include "base/buf.h"

#define CRL_WHY 120

struct crl_expected {
	struct slice certificate; /* the CA's, DER */
	uint64_t number;
	int64_t this_update, next_update;
	uint32_t entries; /* that the signer counted */
	int rows;	  /* descriptor of what was asked for (wire/rows.h) */
	uint32_t count;
	int before; /* the CRL before, if only changes were asked for, else -1 */
	/* Whether an entry of the CRL before, by the octets of its INTEGER, may be missing. 1, 0 or negative. */
	int (*may_leave)(void *with, struct slice serial);
	void *with;
};

/*
 * Copies size bytes of the file from `at` on to out. 0; positive: it is not what was asked for, why says in which
 * respect; negative: it could not be read or written.
 */
int crl_check(const struct crl_expected *e, int file, uint64_t at, uint64_t size, int out, char why[CRL_WHY]);

#endif
