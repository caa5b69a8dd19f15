#include "key/file/keys.h"

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "base/log.h"
#include "key/evp.h"

#define MAX_ECDSA_DER 160 /* two numbers of 66 bytes with their heads take 141 */

EVP_PKEY *keys_make(const struct algorithm *a)
{
	if (a->family == FAMILY_RSA)
		return EVP_RSA_gen(a->bits);
	if (a->family == FAMILY_EDWARDS)
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	return evp_group(a) ? EVP_EC_gen(evp_group(a)) : NULL;
}

static bool matches(EVP_PKEY *key, const struct algorithm *a)
{
	char group[32];
	if (a->family == FAMILY_EDWARDS)
		return EVP_PKEY_is_a(key, "ED25519");
	if (a->family == FAMILY_RSA)
		return EVP_PKEY_is_a(key, "RSA") && EVP_PKEY_get_bits(key) == (int)a->bits;
	if (!EVP_PKEY_is_a(key, "EC") || EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return false;
	return strcmp(group, evp_group(a)) == 0;
}

const struct algorithm *keys_algorithm(EVP_PKEY *key)
{
	const struct algorithm *a = NULL;
	for (size_t i = 0; (a = algorithm_at(i)) && !matches(key, a); i++)
		continue;
	return a;
}

static bool digest_sign(EVP_PKEY *key, const struct algorithm *a, struct slice data, uint8_t *out, size_t *n)
{
	scoped_ctx *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	return ctx && EVP_PKEY_sign_init(ctx) == 1 && evp_digest_set(ctx, a) &&
	       EVP_PKEY_sign(ctx, out, n, data.at, data.len) == 1;
}

/* libcrypto answers DER; the protocol has r and s side by side. */
static bool ec_sign(EVP_PKEY *key, const struct algorithm *a, struct slice data, uint8_t *out)
{
	uint8_t der[MAX_ECDSA_DER];
	const uint8_t *at = der;
	size_t n = sizeof(der);
	int half = (int)(a->signature_size / 2);
	if (!digest_sign(key, a, data, der, &n))
		return false;
	scoped_ecdsa *pair = d2i_ECDSA_SIG(NULL, &at, (long)n);
	return pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), out, half) == half &&
	       BN_bn2binpad(ECDSA_SIG_get0_s(pair), out + half, half) == half;
}

static bool message_sign(EVP_PKEY *key, struct slice data, uint8_t *out, size_t *n)
{
	scoped_md_ctx *ctx = EVP_MD_CTX_new();
	return ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, key) == 1 &&
	       EVP_DigestSign(ctx, out, n, data.at, data.len) == 1;
}

int keys_sign(EVP_PKEY *key, const struct algorithm *a, struct slice data, uint8_t *out)
{
	size_t n = a->family == FAMILY_EC ? a->signature_size : MAX_SIGNATURE;
	if (a->digest != DIGEST_NONE && data.len != digest_size(a->digest))
		return DRIVER_REFUSE_DATA_SIZE;
	bool made = a->family == FAMILY_EC	  ? ec_sign(key, a, data, out)
		    : a->family == FAMILY_EDWARDS ? message_sign(key, data, out, &n)
						  : digest_sign(key, a, data, out, &n);
	if (made && n == a->signature_size)
		return 0;
	ERR_clear_error();
	log_error("signature_failed", "algorithm=%s", a->name);
	return DRIVER_REFUSE_TOKEN_FAILED;
}
