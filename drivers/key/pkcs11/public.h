/*
 * Public keys as a token states them, made into SubjectPublicKeyInfo; and
 * signatures verified under them, which is how the driver proves that a
 * private key belongs to its public key. libcrypto; knows no token.
 */
#ifndef CHANCERY_KEY_PKCS11_PUBLIC_H
#define CHANCERY_KEY_PKCS11_PUBLIC_H

#include "base/algorithm.h"
#include "base/buf.h"

struct public_key {
	const struct algorithm *algorithm;
	void *key;     /* the EVP_PKEY */
	uint8_t *spki; /* DER SubjectPublicKeyInfo */
	size_t spki_len;
};

/*
 * From CKA_EC_PARAMS and CKA_EC_POINT: a named curve of ours, or Ed25519; the
 * point raw or inside an OCTET STRING, uncompressed, on its curve. False for
 * anything else.
 */
bool public_from_ec(struct slice params, struct slice point, struct public_key *out);
/* From CKA_MODULUS and CKA_PUBLIC_EXPONENT: exactly 2048, 3072 or 4096 bits. */
bool public_from_rsa(struct slice modulus, struct slice exponent, struct public_key *out);
void public_free(struct public_key *p);

/* CKA_EC_PARAMS of an algorithm of the families EC and EDWARDS. */
struct slice public_ec_params(const struct algorithm *a);

/* A signature of the size and form of driver.def, over a digest (Ed25519: over the data). */
bool public_verify(const struct public_key *p, struct slice data, struct slice signature);
/* The algorithm's digest of a message; Ed25519: 0 bytes, the message itself is signed. Out has 64 bytes. */
size_t public_digest(const struct algorithm *a, struct slice message, uint8_t *out);

#endif
