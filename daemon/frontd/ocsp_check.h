/*
 * Trust no answer: an OCSP answer that came back from the signer, decoded with
 * libcrypto and held against what was asked for. Pure.
 */
#ifndef CHANCERY_FRONTD_OCSP_CHECK_H
#define CHANCERY_FRONTD_OCSP_CHECK_H

#include "frontd/ocsp_cache.h"

#define OCSP_WHY 120

/* One certificate, as the signer is told of it. */
struct ocsp_single_answer {
	uint8_t status; /* enum ocsp_status */
	struct ocsp_row row;
};

/* 0; positive: it says something else, *why says what. */
int ocsp_check(struct slice response, const struct ocsp_single_answer *asked, size_t count, struct slice nonce,
	       char why[OCSP_WHY]);
/* An answer's own name among its like. */
void ocsp_etag(struct slice response, char etag[OCSP_ETAG_SIZE]);

#endif
