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

/* What a CertID says of a CA, by enum cert_id_hash. */
struct ocsp_issuer {
	struct {
		uint8_t name[32], key[32];
		unsigned size;
	} by[3];
};

struct ocsp_asked_for {
	const struct ocsp_issuer *issuer;
	struct slice responder_key; /* SubjectPublicKeyInfo */
	const struct ocsp_single_answer *all;
	size_t count;
	struct slice nonce;
};

/* 0; positive: it says something else, or the responder's key hasn't signed it; *why says what. */
int ocsp_check(struct slice response, const struct ocsp_asked_for *asked, char why[OCSP_WHY]);
/* An answer's own name among its like. */
void ocsp_etag(struct slice response, char etag[OCSP_ETAG_SIZE]);

#endif
