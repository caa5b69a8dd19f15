/*
 * EC public keys of certificate requests, without the library's decoder: a
 * key on a known curve is the curve's copied template and a point, which is
 * checked to lie on the curve. A thirtieth of the cost, and only the one way
 * of writing such a key is taken.
 */
#ifndef CHANCERY_FRONTD_EC_KEY_H
#define CHANCERY_FRONTD_EC_KEY_H

#include <openssl/evp.h>

#include "base/algorithm.h"
#include "base/buf.h"

/*
 * The caller's key and its enum key_algorithm, if the SubjectPublicKeyInfo
 * names P-256, P-384 or P-521 and has an uncompressed point of it, in DER.
 * NULL for every other one, good or bad: the library may know better.
 */
EVP_PKEY *ec_key_read(struct slice public_key, uint8_t *algorithm);

#endif
