/*
 * EC public keys of certificate requests, without the library's decoder: each
 * thread has a key object and a verifying context a curve, into which it puts
 * one point after the other. The library checks that the point lies on the
 * curve. A thirtieth of the cost, and only the one way of writing such a key is
 * taken.
 */
#ifndef CHANCERY_FRONTD_EC_KEY_H
#define CHANCERY_FRONTD_EC_KEY_H

#include "base/algorithm.h"
#include "base/buf.h"

struct ec_key;

/*
 * This thread's key of that curve, until it reads the next one, and its enum
 * key_algorithm, if the SubjectPublicKeyInfo names P-256, P-384 or P-521 and
 * has an uncompressed point of it, in DER. NULL for every other one, good or
 * bad: the library may know better.
 */
struct ec_key *ec_key_read(struct slice public_key, uint8_t *algorithm);
/* Whether that is the key's ECDSA signature of the digest. */
bool ec_key_verify(struct ec_key *key, struct slice digest, struct slice signature);

#endif
