/*
 * An OCSPRequest (RFC 6960 4.1.1), taken apart: which certificates it asks for,
 * and its nonce. Anybody may have written it. Pure: it asks and stores nothing,
 * allocates nothing, and slices point into what was given. Signatures of
 * requests are not looked at: nobody is told more for having signed.
 */
#ifndef CHANCERY_FRONTD_OCSP_REQUEST_H
#define CHANCERY_FRONTD_OCSP_REQUEST_H

#include "wire/rows.h"

#define MAX_OCSP_REQUEST                                                                                               \
	16384		   /* bytes: what may be asked at once fits ten times over, with a signature and its chain */
#define MAX_OCSP_ASKED 16  /* certificates in one request: OCSP_SIGN takes no more */
#define MAX_OCSP_NONCE 128 /* RFC 9654 2.1 */

/* OCSPResponseStatus, RFC 6960 4.2.1. */
enum ocsp_error {
	OCSP_SUCCESSFUL = 0,
	OCSP_MALFORMED = 1,
	OCSP_INTERNAL_ERROR = 2,
	OCSP_TRY_LATER = 3,
	OCSP_UNAUTHORIZED = 6,
};

/* A CertID. */
struct ocsp_asked {
	uint8_t hash; /* enum cert_id_hash */
	struct slice issuer_name, issuer_key;
	uint8_t serial[ROW_SERIAL_SIZE];
};

struct ocsp_request {
	size_t count;
	struct ocsp_asked asked[MAX_OCSP_ASKED];
	struct slice nonce; /* empty: none */
};

/*
 * OCSP_SUCCESSFUL; OCSP_MALFORMED: it is not DER of that syntax, has an extension that is critical and unknown, or a
 * nonce that isn't of 1 to 128 bytes; OCSP_UNAUTHORIZED: it asks for too many, by another hash than SHA-1 and SHA-256,
 * or for a serial number that no certificate can have, so that there is nothing to say.
 */
enum ocsp_error ocsp_request_read(struct slice der, struct ocsp_request *out);

#define OCSP_ERROR_SIZE 5
/* An OCSPResponse that is nothing but an error. */
void ocsp_error_put(enum ocsp_error error, uint8_t out[OCSP_ERROR_SIZE]);

#endif
