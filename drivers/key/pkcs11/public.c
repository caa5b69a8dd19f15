#include "key/pkcs11/public.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <string.h>

#include "key/evp.h"

#define DER_OCTET_STRING 0x04
#define POINT_UNCOMPRESSED 0x04
#define ED25519_BYTES 32

static void build_free(OSSL_PARAM_BLD **build)
{
	OSSL_PARAM_BLD_free(*build);
}
static void params_free(OSSL_PARAM **params)
{
	OSSL_PARAM_free(*params);
}
static void number_free(BIGNUM **n)
{
	BN_free(*n);
}
#define scoped(free) __attribute__((cleanup(free)))

struct curve {
	uint8_t algorithm;
	const char *params; /* DER, as CKA_EC_PARAMS has it */
	size_t params_len;
};

#define CURVE(algorithm, params)                                                                                       \
	{                                                                                                              \
		algorithm, params, sizeof(params) - 1                                                                  \
	}

/* The first row of an algorithm is the one that keys are made with. */
static const struct curve curves[] = {
	CURVE(ALGORITHM_ECDSA_P256, "\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"),
	CURVE(ALGORITHM_ECDSA_P384, "\x06\x05\x2b\x81\x04\x00\x22"),
	CURVE(ALGORITHM_ECDSA_P521, "\x06\x05\x2b\x81\x04\x00\x23"),
	/* PKCS#11 3.0 names the curve by text or by object identifier; the text works with tokens of both kinds. */
	CURVE(ALGORITHM_ED25519, "\x13\x0c"
				 "edwards25519"),
	CURVE(ALGORITHM_ED25519, "\x06\x03\x2b\x65\x70"),
};

static const struct curve *curve_of(struct slice params)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (params.len == curves[i].params_len && memcmp(params.at, curves[i].params, params.len) == 0)
			return &curves[i];
	return NULL;
}

struct slice public_ec_params(const struct algorithm *a)
{
	for (size_t i = 0; i < sizeof(curves) / sizeof(curves[0]); i++)
		if (curves[i].algorithm == a->number)
			return (struct slice){ (const uint8_t *)curves[i].params, curves[i].params_len };
	return (struct slice){ NULL, 0 };
}

/* A point of exactly want bytes, bare or inside an OCTET STRING. */
static bool point_unwrap(struct slice point, size_t want, struct slice *out)
{
	if (point.len < want)
		return false;
	size_t head = point.len - want;
	*out = (struct slice){ point.at + head, want };
	if (head == 0)
		return true;
	if (point.at[0] != DER_OCTET_STRING)
		return false;
	if (head == 2)
		return want < 128 && point.at[1] == want;
	return head == 3 && want >= 128 && point.at[1] == 0x81 && point.at[2] == want;
}

/* Takes over an EVP_PKEY and writes its SubjectPublicKeyInfo. */
static bool public_take(EVP_PKEY *key, uint8_t algorithm, struct public_key *out)
{
	*out = (struct public_key){ .algorithm = algorithm_by_number(algorithm), .key = key };
	int n = key ? i2d_PUBKEY(key, &out->spki) : -1;
	out->spki_len = n > 0 ? (size_t)n : 0;
	if (n > 0 && n <= MAX_PUBLIC_KEY)
		return true;
	public_free(out);
	return false;
}

static EVP_PKEY *key_build(const char *type, OSSL_PARAM_BLD *build)
{
	OSSL_PARAM *params scoped(params_free) = OSSL_PARAM_BLD_to_param(build);
	scoped_ctx *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
	EVP_PKEY *key = NULL;
	if (!params || !ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	scoped_ctx *check = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (check && EVP_PKEY_public_check(check) == 1)
		return key;
	EVP_PKEY_free(key);
	return NULL;
}

static EVP_PKEY *ec_build(const char *group, struct slice point)
{
	OSSL_PARAM_BLD *build scoped(build_free) = OSSL_PARAM_BLD_new();
	if (!build || OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, group, 0) != 1 ||
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point.at, point.len) != 1)
		return NULL;
	return key_build("EC", build);
}

bool public_from_ec(struct slice params, struct slice point, struct public_key *out)
{
	*out = (struct public_key){ 0 };
	const struct curve *curve = curve_of(params);
	struct slice bare;
	if (!curve)
		return false;
	if (curve->algorithm == ALGORITHM_ED25519)
		return point_unwrap(point, ED25519_BYTES, &bare) &&
		       public_take(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, bare.at, bare.len),
				   curve->algorithm, out);
	const struct algorithm *a = algorithm_by_number(curve->algorithm);
	size_t want = 1 + a->signature_size;
	return point_unwrap(point, want, &bare) && bare.at[0] == POINT_UNCOMPRESSED &&
	       public_take(ec_build(evp_group(a), bare), curve->algorithm, out);
}

static uint8_t rsa_algorithm(int bits)
{
	return bits == 2048   ? ALGORITHM_RSA_2048
	       : bits == 3072 ? ALGORITHM_RSA_3072
	       : bits == 4096 ? ALGORITHM_RSA_4096
			      : 0;
}

bool public_from_rsa(struct slice modulus, struct slice exponent, struct public_key *out)
{
	*out = (struct public_key){ 0 };
	if (modulus.len > MAX_SIGNATURE + 1 || exponent.len > 8)
		return false;
	BIGNUM *n scoped(number_free) = BN_bin2bn(modulus.at, (int)modulus.len, NULL);
	BIGNUM *e scoped(number_free) = BN_bin2bn(exponent.at, (int)exponent.len, NULL);
	uint8_t algorithm = n ? rsa_algorithm(BN_num_bits(n)) : 0;
	OSSL_PARAM_BLD *build scoped(build_free) = OSSL_PARAM_BLD_new();
	if (!algorithm || !e || !build || OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
	    OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e) != 1)
		return false;
	return public_take(key_build("RSA", build), algorithm, out);
}

void public_free(struct public_key *p)
{
	EVP_PKEY_free(p->key);
	OPENSSL_free(p->spki);
	*p = (struct public_key){ 0 };
}

size_t public_digest(const struct algorithm *a, struct slice message, uint8_t *out)
{
	unsigned n = 0;
	const EVP_MD *md = evp_digest(a);
	return md && EVP_Digest(message.at, message.len, out, &n, md, NULL) == 1 ? n : 0;
}

static bool verify_digest(const struct public_key *p, struct slice digest, struct slice signature)
{
	scoped_ctx *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, p->key, NULL);
	return ctx && EVP_PKEY_verify_init(ctx) == 1 && evp_digest_set(ctx, p->algorithm) &&
	       EVP_PKEY_verify(ctx, signature.at, signature.len, digest.at, digest.len) == 1;
}

/* libcrypto wants r and s as DER, where tokens have them side by side. */
static bool verify_ec(const struct public_key *p, struct slice digest, struct slice signature)
{
	int half = (int)(signature.len / 2);
	scoped_ecdsa *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature.at, half, NULL), *s = BN_bin2bn(signature.at + half, half, NULL);
	if (!pair || !r || !s || ECDSA_SIG_set0(pair, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return false;
	}
	uint8_t der[2 * MAX_SIGNATURE], *end = der;
	if (i2d_ECDSA_SIG(pair, NULL) > (int)sizeof(der))
		return false;
	int n = i2d_ECDSA_SIG(pair, &end);
	return n > 0 && verify_digest(p, digest, (struct slice){ der, (size_t)n });
}

static bool verify_message(const struct public_key *p, struct slice data, struct slice signature)
{
	scoped_md_ctx *ctx = EVP_MD_CTX_new();
	return ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, p->key) == 1 &&
	       EVP_DigestVerify(ctx, signature.at, signature.len, data.at, data.len) == 1;
}

bool public_verify(const struct public_key *p, struct slice data, struct slice signature)
{
	if (signature.len != p->algorithm->signature_size)
		return false;
	if (p->algorithm->family == FAMILY_EDWARDS)
		return verify_message(p, data, signature);
	if (data.len != digest_size(p->algorithm->digest))
		return false;
	return p->algorithm->family == FAMILY_EC ? verify_ec(p, data, signature) : verify_digest(p, data, signature);
}
