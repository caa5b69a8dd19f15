/*
 * Trust no answer: a full CRL that came back from the signer, with its delta if
 * one was asked for, held against what was asked for while both are copied to where they will be served from. One pass
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
	uint64_t number, base;	  /* base 0: there is no delta */
	int64_t this_update, next_update, delta_next;
	struct slice url, delta_url; /* of the issuing distribution point, and freshestCRL; empty: none */
	uint32_t entries;	     /* that the signer counted */
	int rows;		     /* descriptor of what was asked for (wire/rows.h) */
	uint32_t count;
	int before; /* the CRL before, if only changes were asked for, else -1 */
	/* Whether an entry of the CRL before, by the octets of its INTEGER, may be missing. 1, 0 or negative. */
	int (*may_leave)(void *with, struct slice serial);
	void *with;
};

/* Bytes of the file that came, and where they are to be copied; size 0: there are none. */
struct crl_piece {
	uint64_t at, size;
	int out;
};

/* 0; positive: it is not what was asked for, why says in which respect; negative: it could not be read or written. */
int crl_check(const struct crl_expected *e, int file, const struct crl_piece *full, const struct crl_piece *delta,
	      char why[CRL_WHY]);

/* When a CRL in a file was made and when it ends, by what it says itself. 0, or -1: it is none, or can't be read. */
int crl_times(int file, int64_t *this_update, int64_t *next_update);

#endif
