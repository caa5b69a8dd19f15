/* One signature: mechanism and input for the token, size and form of what it answers. */
#ifndef CHANCERY_KEY_PKCS11_SIGNATURE_H
#define CHANCERY_KEY_PKCS11_SIGNATURE_H

#include "key/pkcs11/recovery.h"

/*
 * Signs a digest of the algorithm's size (Ed25519: the data) into out, of
 * MAX_SIGNATURE bytes; the answer has exactly the algorithm's signature size.
 * 0, DATA_SIZE, or what attempt_failed() said.
 */
int signature_make(struct attempt *a, const struct key *k, struct slice data, uint8_t *out);

/* DigestInfo (RFC 8017 9.2) of a digest, for CKM_RSA_PKCS; returns its size. Out has MAX_DIGEST_INFO bytes. */
#define MAX_DIGEST_INFO 83
size_t digest_info(enum key_digest digest, struct slice value, uint8_t *out);

#endif
