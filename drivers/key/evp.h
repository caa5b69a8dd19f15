/*
 * What libcrypto calls the things of base/algorithm.h, for every kind of
 * driver: curves, digests, how a digest is signed, SubjectPublicKeyInfo. It
 * stands behind the third wall; it holds no key and knows no token.
 */
#ifndef CHANCERY_KEY_EVP_H
#define CHANCERY_KEY_EVP_H

#include <openssl/ec.h>
#include <openssl/evp.h>

#include "key/driver.h"

void evp_ctx_free(EVP_PKEY_CTX **ctx);
void evp_md_ctx_free(EVP_MD_CTX **ctx);
void evp_ecdsa_free(ECDSA_SIG **s);
#define scoped_ctx __attribute__((cleanup(evp_ctx_free))) EVP_PKEY_CTX
#define scoped_md_ctx __attribute__((cleanup(evp_md_ctx_free))) EVP_MD_CTX
#define scoped_ecdsa __attribute__((cleanup(evp_ecdsa_free))) ECDSA_SIG

/* The curve's name; NULL for an algorithm that isn't ECDSA. */
const char *evp_group(const struct algorithm *a);
/* NULL for Ed25519, which signs the message itself. */
const EVP_MD *evp_digest(const struct algorithm *a);
/* PKCS#1 v1.5 for RSA, and the digest, on a context that was begun to sign or to verify. */
bool evp_digest_set(EVP_PKEY_CTX *ctx, const struct algorithm *a);
/* DER SubjectPublicKeyInfo into MAX_PUBLIC_KEY bytes; its size, or 0. */
size_t evp_spki(const EVP_PKEY *key, uint8_t *out);

#endif
