#include "frontd/ec_key.h"

#include <pthread.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/params.h>

#define EC_PUBLIC_KEY 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01

/* What a SubjectPublicKeyInfo starts with, up to the point. */
static const uint8_t p256_head[] = { 0x30, 0x59, 0x30, 0x13, EC_PUBLIC_KEY, 0x06, 0x08, 0x2a, 0x86, 0x48,
				     0xce, 0x3d, 0x03, 0x01, 0x07,	    0x03, 0x42, 0x00 };
static const uint8_t p384_head[] = { 0x30, 0x76, 0x30, 0x10, EC_PUBLIC_KEY, 0x06, 0x05,
				     0x2b, 0x81, 0x04, 0x00, 0x22,	    0x03, 0x62, 0x00 };
static const uint8_t p521_head[] = { 0x30, 0x81, 0x9b, 0x30, 0x10, EC_PUBLIC_KEY, 0x06, 0x05,
				     0x2b, 0x81, 0x04, 0x00, 0x23, 0x03,	  0x81, 0x86, 0x00 };

static const struct curve {
	const char *name;
	uint8_t algorithm;
	struct slice head;
	size_t point;
} curves[] = {
	{ "P-256", ALGORITHM_ECDSA_P256, { p256_head, sizeof(p256_head) }, 65 },
	{ "P-384", ALGORITHM_ECDSA_P384, { p384_head, sizeof(p384_head) }, 97 },
	{ "P-521", ALGORITHM_ECDSA_P521, { p521_head, sizeof(p521_head) }, 133 },
};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

static EVP_PKEY *templates[CURVES]; /* a curve and no point; made once, never freed */

static void templates_make(void)
{
	for (size_t i = 0; i < CURVES; i++) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
		OSSL_PARAM group[] = {
			OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curves[i].name, 0),
			OSSL_PARAM_END,
		};
		if (EVP_PKEY_fromdata_init(ctx) <= 0 ||
		    EVP_PKEY_fromdata(ctx, &templates[i], EVP_PKEY_KEY_PARAMETERS, group) <= 0)
			templates[i] = NULL;
		EVP_PKEY_CTX_free(ctx);
	}
}

static EVP_PKEY *key_of_point(EVP_PKEY *curve, struct slice point)
{
	EVP_PKEY *key = curve && point.at[0] == POINT_CONVERSION_UNCOMPRESSED ? EVP_PKEY_dup(curve) : NULL;
	if (key && EVP_PKEY_set1_encoded_public_key(key, point.at, point.len) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

EVP_PKEY *ec_key_read(struct slice public_key, uint8_t *algorithm)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, templates_make);
	for (size_t i = 0; i < CURVES; i++) {
		struct slice head = curves[i].head;
		if (public_key.len != head.len + curves[i].point || memcmp(public_key.at, head.at, head.len) != 0)
			continue;
		*algorithm = curves[i].algorithm;
		return key_of_point(templates[i], (struct slice){ public_key.at + head.len, curves[i].point });
	}
	return NULL;
}
