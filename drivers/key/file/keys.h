/* What the file driver does with a private key: make one, name its algorithm, sign. libcrypto; knows no file. */
#ifndef CHANCERY_KEY_FILE_KEYS_H
#define CHANCERY_KEY_FILE_KEYS_H

#include <openssl/evp.h>

#include "key/driver.h"

/* NULL if libcrypto can't. */
EVP_PKEY *keys_make(const struct algorithm *a);
/* NULL for a key that is none of ours. */
const struct algorithm *keys_algorithm(EVP_PKEY *key);
/* Signs a digest of the algorithm's size (Ed25519: the data) into out, of MAX_SIGNATURE bytes. 0 or a refusal. */
int keys_sign(EVP_PKEY *key, const struct algorithm *a, struct slice data, uint8_t *out);

#endif
