/*
 * The key algorithms that Chancery knows, as one table: their numbers on the
 * wire, their names for people, the size of a signature and the digest that
 * is signed. A CA key of one algorithm always signs with that digest.
 */
#ifndef CHANCERY_BASE_ALGORITHM_H
#define CHANCERY_BASE_ALGORITHM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum key_family { FAMILY_EC, FAMILY_RSA, FAMILY_EDWARDS };
/* NONE: the message itself is signed (Ed25519). */
enum key_digest { DIGEST_NONE, DIGEST_SHA256, DIGEST_SHA384, DIGEST_SHA512 };

enum key_algorithm {
#define ALGORITHM(number, NAME, text, family, bits, size, digest) ALGORITHM_##NAME = number,
#include "base/algorithm.def"
#undef ALGORITHM
};

struct algorithm {
	uint8_t number; /* enum key_algorithm */
	const char *name;
	enum key_family family;
	unsigned bits;
	size_t signature_size; /* as a driver answers it: r and s side by side for EC */
	enum key_digest digest;
};

#define MAX_SIGNATURE 512 /* RSA-4096 */

/* NULL for an unknown number or name. */
const struct algorithm *algorithm_by_number(uint8_t number);
const struct algorithm *algorithm_by_name(const char *name);
/* The i-th algorithm, for listing; NULL past the end. */
const struct algorithm *algorithm_at(size_t i);
/*
 * Among what FIPS 140-3 modules over OpenSSL 3.0 are approved for: ECDSA and RSA. FIPS 186-5 has EdDSA, but those
 * modules were validated without it.
 */
bool algorithm_approved(uint8_t number);
size_t digest_size(enum key_digest d);

#endif
