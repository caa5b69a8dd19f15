#include "key/evp.h"

#include <openssl/rsa.h>
#include <openssl/x509.h>

void evp_ctx_free(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

void evp_md_ctx_free(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

void evp_ecdsa_free(ECDSA_SIG **s)
{
	ECDSA_SIG_free(*s);
}

const char *evp_group(const struct algorithm *a)
{
	switch (a->number) {
	case ALGORITHM_ECDSA_P256:
		return "prime256v1";
	case ALGORITHM_ECDSA_P384:
		return "secp384r1";
	case ALGORITHM_ECDSA_P521:
		return "secp521r1";
	default:
		return NULL;
	}
}

const EVP_MD *evp_digest(const struct algorithm *a)
{
	static const EVP_MD *(*const digests[])(
		void) = { [DIGEST_SHA256] = EVP_sha256, [DIGEST_SHA384] = EVP_sha384, [DIGEST_SHA512] = EVP_sha512 };
	return digests[a->digest] ? digests[a->digest]() : NULL;
}

bool evp_digest_set(EVP_PKEY_CTX *ctx, const struct algorithm *a)
{
	if (a->family == FAMILY_RSA && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		return false;
	return EVP_PKEY_CTX_set_signature_md(ctx, evp_digest(a)) == 1;
}

size_t evp_spki(const EVP_PKEY *key, uint8_t *out)
{
	int n = i2d_PUBKEY(key, NULL);
	return n > 0 && n <= MAX_PUBLIC_KEY && i2d_PUBKEY(key, &out) == n ? (size_t)n : 0;
}
