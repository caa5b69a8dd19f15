/*
 * Writes ResponseData and OCSPResponse (RFC 6960 4.2.1). It can only write
 * these shapes: a responder known by its key's hash, certificates known by the
 * hashes of their issuer's name and key, which are made here from what the
 * issuer is, three states, and a nonce.
 */
#ifndef CHANCERY_SIGND_ENCODE_OCSP_H
#define CHANCERY_SIGND_ENCODE_OCSP_H

#include "wire/rows.h"

#define MAX_OCSP_DATA 8192 /* sixteen responses and a nonce take less than 3,000 */

struct ocsp_single {
	uint8_t status; /* enum ocsp_status */
	struct ocsp_row row;
};

struct ocsp_fields {
	struct slice issuer_name, issuer_key; /* of the CA: DER Name, SubjectPublicKeyInfo */
	struct slice responder_key;	      /* SubjectPublicKeyInfo */
	int64_t produced_at;
	const struct ocsp_single *singles;
	size_t count;
	struct slice nonce; /* RFC 9654; empty: none */
};

void ocsp_put_data(struct buf *out, const struct ocsp_fields *f);
/* algorithm: the responder's; signature: what its BIT STRING holds; certificate: the responder's own. */
void ocsp_put_response(struct buf *out, struct slice data, uint8_t algorithm, struct slice signature,
		       struct slice certificate);

#endif
