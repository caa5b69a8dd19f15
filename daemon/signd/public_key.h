/*
 * Public keys as they stand in a SubjectPublicKeyInfo: those of subjects,
 * which an enemy may have made, and those of our own keys, under which every
 * signature is verified before it leaves.
 */
#ifndef CHANCERY_SIGND_PUBLIC_KEY_H
#define CHANCERY_SIGND_PUBLIC_KEY_H

#include <openssl/evp.h>

#include "base/algorithm.h"
#include "base/buf.h"

#define LEAST_RSA_EXPONENT 65537 /* FIPS 186-5 5.1 */

/*
 * Reads one key in its only DER form: a named curve with an uncompressed point
 * on it, RSA of a known size with an odd exponent from 65537 up, or Ed25519.
 * The algorithm's number, or 0 if it is anything else; *key, if asked for, is
 * the caller's to free.
 */
uint8_t public_key_read(struct slice spki, EVP_PKEY **key);

/* Whether signature (the contents of a BIT STRING, or of a note's line) is this key's over message. */
bool public_key_verify(EVP_PKEY *key, uint8_t algorithm, struct slice message, struct slice signature);

/* The digest that this algorithm's keys sign, into out (EVP_MAX_MD_SIZE bytes), and its size; 0: the message itself. */
size_t public_key_digest(uint8_t algorithm, struct slice message, uint8_t *out);

/*
 * A key made ready for one thread to verify signatures over digests with,
 * again and again; NULL for Ed25519, which has none, or out of memory.
 */
EVP_PKEY_CTX *public_key_verifier(EVP_PKEY *key, uint8_t algorithm);
bool public_key_verify_digest(EVP_PKEY_CTX *verifier, struct slice digest, struct slice signature);

#endif
