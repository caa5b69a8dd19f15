/* Keys of the harnesses that are no secret: the log key, Ed25519; and of P-256 the base point. */
#ifndef CHANCERY_TESTS_FUZZ_LOG_KEY_H
#define CHANCERY_TESTS_FUZZ_LOG_KEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdint.h>

#define LOG_KEY_SIZE 44 /* bytes of its SubjectPublicKeyInfo */

/* SubjectPublicKeyInfo, and a NUL behind it. */
#define P256_BASE_POINT                                                                                                \
	"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42"         \
	"\x00"                                                                                                         \
	"\x04\x6b\x17\xd1\xf2\xe1\x2c\x42\x47\xf8\xbc\xe6\xe5\x63\xa4\x40\xf2\x77\x03\x7d\x81\x2d\xeb\x33\xa0"         \
	"\xf4\xa1\x39\x45\xd8\x98\xc2\x96\x4f\xe3\x42\xe2\xfe\x1a\x7f\x9b\x8e\xe7\xeb\x4a\x7c\x0f\x9e\x16\x2b"         \
	"\xce\x33\x57\x6b\x31\x5e\xce\xcb\xb6\x40\x68\x37\xbf\x51\xf5"

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
