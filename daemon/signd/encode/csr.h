/*
 * Writes CertificationRequestInfo and CertificationRequest (RFC 2986 4) for
 * CA keys: a subject, a key, and the extensions that only a CA asks for.
 * Nothing else can be said here.
 */
#ifndef CHANCERY_SIGND_ENCODE_CSR_H
#define CHANCERY_SIGND_ENCODE_CSR_H

#include "signd/encode/cert.h"

#define MAX_CSR_INFO 31744 /* so that the request with its signature fits its reply */

/* Of f: subject, public_key, subject_key_id, path_len, constraints; kind is KIND_CA. */
void csr_put_info(struct buf *out, const struct cert_fields *f);
/* algorithm: the signing key's; signature: what its BIT STRING holds. */
void csr_put(struct buf *out, struct slice info, uint8_t algorithm, struct slice signature);

#endif
