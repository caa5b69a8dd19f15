/* The log key of the harness `note` and of its seeds: Ed25519, and no secret. */
#ifndef CHANCERY_TESTS_FUZZ_LOG_KEY_H
#define CHANCERY_TESTS_FUZZ_LOG_KEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#define LOG_KEY_SIZE 44 /* bytes of its SubjectPublicKeyInfo */

static inline EVP_PKEY *log_key_make(void)
{
	static const uint8_t seed[32] = "an open secret of the harnesses";
	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, sizeof(seed));
}

static inline void log_key_public(uint8_t spki[LOG_KEY_SIZE])
{
	EVP_PKEY *key = log_key_make();
	unsigned char *at = spki;
	i2d_PUBKEY(key, &at);
	EVP_PKEY_free(key);
}

#endif
