#include "signd/public_key.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <string.h>

#include "signd/encode/oid.h"

static EVP_MD *digests[DIGEST_SHA512 + 1]; /* fetched once: a search by name costs as much as hashing a certificate */

static void digests_fetch(void)
{
	digests[DIGEST_SHA256] = EVP_MD_fetch(NULL, "SHA256", NULL);
	digests[DIGEST_SHA384] = EVP_MD_fetch(NULL, "SHA384", NULL);
	digests[DIGEST_SHA512] = EVP_MD_fetch(NULL, "SHA512", NULL);
}

/* NULL for Ed25519, which takes the message itself. */
static const EVP_MD *digest_method(uint8_t algorithm)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, digests_fetch);
	return digests[algorithm_by_number(algorithm)->digest];
}

/* A key without a point, one a curve, made once: a copy of it and a point cost a thirtieth of a decode. */
static EVP_PKEY *curve_templates[3];

static void curve_templates_make(void)
{
	static const char *const names[] = { "P-256", "P-384", "P-521" };
	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
		OSSL_PARAM group[] = { OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)names[i],
							      0),
				       OSSL_PARAM_END };
		if (EVP_PKEY_fromdata_init(ctx) <= 0 ||
		    EVP_PKEY_fromdata(ctx, &curve_templates[i], EVP_PKEY_KEY_PARAMETERS, group) <= 0)
			curve_templates[i] = NULL;
		EVP_PKEY_CTX_free(ctx);
	}
}

static EC_GROUP *curve_groups[3];

static void curve_groups_make(void)
{
	static const int names[] = { NID_X9_62_prime256v1, NID_secp384r1, NID_secp521r1 };
	for (size_t i = 0; i < 3; i++)
		curve_groups[i] = EC_GROUP_new_by_curve_name(names[i]);
}

/* The point is checked to be on the curve by the setter. */
static EVP_PKEY *ec_key(uint8_t algorithm, struct slice point)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, curve_templates_make);
	EVP_PKEY *shape = curve_templates[algorithm - ALGORITHM_ECDSA_P256];
	EVP_PKEY *key = shape && point.at[0] == POINT_CONVERSION_UNCOMPRESSED ? EVP_PKEY_dup(shape) : NULL;
	if (key && EVP_PKEY_set1_encoded_public_key(key, point.at, point.len) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

/* For who only asks whether the point is good: a tenth of what a key costs. */
static bool ec_point_ok(uint8_t algorithm, struct slice point)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, curve_groups_make);
	const EC_GROUP *group = curve_groups[algorithm - ALGORITHM_ECDSA_P256];
	EC_POINT *read = group && point.at[0] == POINT_CONVERSION_UNCOMPRESSED ? EC_POINT_new(group) : NULL;
	bool ok = read && EC_POINT_oct2point(group, read, point.at, point.len, NULL) == 1;
	EC_POINT_free(read);
	return ok;
}

static bool rsa_exponent_ok(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool ok = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && BN_is_odd(e) && BN_num_bits(e) <= 64 &&
		  BN_get_word(e) >= LEAST_RSA_EXPONENT;
	BN_free(e);
	return ok;
}

/* RSA goes through the library's decoder; what it took must be what it would write. */
static EVP_PKEY *rsa_key(struct slice spki, uint8_t *algorithm)
{
	const unsigned char *p = spki.at;
	EVP_PKEY *key = d2i_PUBKEY(NULL, &p, (long)spki.len);
	unsigned char *again = NULL;
	int n = key && EVP_PKEY_is_a(key, "RSA") ? i2d_PUBKEY(key, &again) : -1;
	bool same = n > 0 && slice_equal(spki, (struct slice){ again, (size_t)n });
	OPENSSL_free(again);
	if (same && rsa_exponent_ok(key)) {
		int bits = EVP_PKEY_get_bits(key);
		*algorithm = bits == 2048   ? ALGORITHM_RSA_2048
			     : bits == 3072 ? ALGORITHM_RSA_3072
			     : bits == 4096 ? ALGORITHM_RSA_4096
					    : 0;
		if (*algorithm)
			return key;
	}
	EVP_PKEY_free(key);
	return NULL;
}

/* A key that isn't asked for is only checked. */
static bool plain_key(const struct algorithm *a, struct slice bits, EVP_PKEY **key)
{
	if (!key)
		return a->family == FAMILY_EDWARDS || ec_point_ok(a->number, bits);
	*key = a->family == FAMILY_EDWARDS ? EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bits.at, bits.len)
					   : ec_key(a->number, bits);
	return *key != NULL;
}

uint8_t public_key_read(struct slice spki, EVP_PKEY **key)
{
	for (size_t i = 0; algorithm_at(i); i++) {
		const struct algorithm *a = algorithm_at(i);
		struct slice prefix = oid_public_key_prefix(a->number);
		size_t size = a->family == FAMILY_EDWARDS ? 32 : 1 + a->signature_size;
		if (prefix.len == 0 || spki.len != prefix.len + size || memcmp(spki.at, prefix.at, prefix.len) != 0)
			continue;
		return plain_key(a, (struct slice){ spki.at + prefix.len, size }, key) ? a->number : 0;
	}
	uint8_t algorithm = 0;
	EVP_PKEY *rsa = spki.len ? rsa_key(spki, &algorithm) : NULL;
	if (key)
		*key = rsa;
	else
		EVP_PKEY_free(rsa);
	return algorithm;
}

bool public_key_verify(EVP_PKEY *key, uint8_t algorithm, struct slice message, struct slice signature)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool ok = ctx && EVP_DigestVerifyInit(ctx, NULL, digest_method(algorithm), NULL, key) == 1 &&
		  EVP_DigestVerify(ctx, signature.at, signature.len, message.at, message.len) == 1;
	EVP_MD_CTX_free(ctx);
	return ok;
}

size_t public_key_digest(uint8_t algorithm, struct slice message, uint8_t *out)
{
	const EVP_MD *method = digest_method(algorithm);
	unsigned n = 0;
	if (method)
		EVP_Digest(message.at, message.len, out, &n, method, NULL);
	return n;
}

EVP_PKEY_CTX *public_key_verifier(EVP_PKEY *key, uint8_t algorithm)
{
	const EVP_MD *method = digest_method(algorithm);
	EVP_PKEY_CTX *ctx = method ? EVP_PKEY_CTX_new(key, NULL) : NULL;
	if (ctx && EVP_PKEY_verify_init(ctx) == 1 && EVP_PKEY_CTX_set_signature_md(ctx, method) == 1)
		return ctx;
	EVP_PKEY_CTX_free(ctx);
	return NULL;
}

bool public_key_verify_digest(EVP_PKEY_CTX *verifier, struct slice digest, struct slice signature)
{
	return EVP_PKEY_verify(verifier, signature.at, signature.len, digest.at, digest.len) == 1;
}
