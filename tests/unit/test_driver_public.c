/* drivers/key/pkcs11: public keys as tokens state them, DigestInfo, and what is no key of ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/sha.h>

#include "key/pkcs11/public.h"
#include "key/pkcs11/signature.h"

#define POINT_256 65

/* The uncompressed point of a fresh key of this curve. */
static size_t point_make(const char *curve, uint8_t *out, size_t size)
{
	EVP_PKEY *key = EVP_EC_gen(curve);
	size_t n = 0;
	assert_non_null(key);
	assert_int_equal(EVP_PKEY_get_octet_string_param(key, "pub", out, size, &n), 1);
	EVP_PKEY_free(key);
	return n;
}

static struct slice params_of(uint8_t algorithm)
{
	return public_ec_params(algorithm_by_number(algorithm));
}

static void points_come_bare_or_wrapped(void **state)
{
	(void)state;
	static const struct {
		const char *curve;
		uint8_t algorithm;
		size_t point;
	} cases[] = { { "P-256", ALGORITHM_ECDSA_P256, 65 },
		      { "P-384", ALGORITHM_ECDSA_P384, 97 },
		      { "P-521", ALGORITHM_ECDSA_P521, 133 } };
	for (size_t i = 0; i < 3; i++) {
		uint8_t wrapped[160] = { 0x04, 0x81 };
		size_t head = cases[i].point < 128 ? 2 : 3;
		size_t n = point_make(cases[i].curve, wrapped + head, sizeof(wrapped) - head);
		assert_int_equal(n, cases[i].point);
		wrapped[head - 1] = (uint8_t)n;
		struct public_key bare, inside;
		struct slice params = params_of(cases[i].algorithm);
		assert_true(public_from_ec(params, (struct slice){ wrapped + head, n }, &bare));
		assert_true(public_from_ec(params, (struct slice){ wrapped, n + head }, &inside));
		assert_int_equal(bare.algorithm->number, cases[i].algorithm);
		assert_int_equal(bare.spki_len, inside.spki_len);
		assert_memory_equal(bare.spki, inside.spki, bare.spki_len);
		public_free(&bare);
		public_free(&inside);
	}
}

static void bad_points_are_refused(void **state)
{
	(void)state;
	uint8_t at[POINT_256 + 2] = { 0x04, POINT_256 };
	point_make("P-256", at + 2, POINT_256);
	struct slice params = params_of(ALGORITHM_ECDSA_P256), bare = { at + 2, POINT_256 };
	struct public_key key;
	assert_false(public_from_ec(params, (struct slice){ at + 2, POINT_256 - 1 }, &key));
	assert_false(public_from_ec(params, (struct slice){ at + 2, 0 }, &key));
	assert_false(public_from_ec(params, (struct slice){ NULL, 0 }, &key));
	assert_false(public_from_ec(params_of(ALGORITHM_ECDSA_P384), bare, &key));
	assert_false(public_from_ec((struct slice){ (const uint8_t *)"\x06\x05\x2b\x81\x04\x00\x0a", 7 }, bare, &key));
	at[1] = POINT_256 - 1;
	assert_false(public_from_ec(params, (struct slice){ at, POINT_256 + 2 }, &key));
	at[2] = 0x02; /* claims to be compressed */
	assert_false(public_from_ec(params, bare, &key));
	at[2] = 0x04;
	at[20] ^= 1; /* off the curve */
	assert_false(public_from_ec(params, bare, &key));
}

static void edwards_keys_have_two_spellings(void **state)
{
	(void)state;
	uint8_t point[34] = { 0x04, 32 };
	memset(point + 2, 9, 32);
	struct public_key key;
	assert_true(public_from_ec(params_of(ALGORITHM_ED25519), SLICE_OF(point), &key));
	assert_int_equal(key.spki_len, 44);
	public_free(&key);
	assert_true(public_from_ec((struct slice){ (const uint8_t *)"\x06\x03\x2b\x65\x70", 5 },
				   (struct slice){ point + 2, 32 }, &key));
	assert_int_equal(key.algorithm->number, ALGORITHM_ED25519);
	public_free(&key);
}

/* The modulus of a fresh key; a made-up one would fail for its small factors. */
static void modulus_make(unsigned bits, uint8_t *out)
{
	EVP_PKEY *pair = EVP_RSA_gen(bits);
	BIGNUM *n = NULL;
	assert_int_equal(EVP_PKEY_get_bn_param(pair, "n", &n), 1);
	assert_int_equal(BN_bn2bin(n, out), (int)bits / 8);
	BN_free(n);
	EVP_PKEY_free(pair);
}

static void rsa_sizes_are_exact(void **state)
{
	(void)state;
	static const uint8_t exponent[] = { 1, 0, 1 };
	uint8_t modulus[1 + 256] = { 0 }; /* a zero in front, as some tokens write it */
	struct public_key key, padded;
	modulus_make(2048, modulus + 1);
	assert_true(public_from_rsa((struct slice){ modulus + 1, 256 }, SLICE_OF(exponent), &key));
	assert_true(public_from_rsa(SLICE_OF(modulus), SLICE_OF(exponent), &padded));
	assert_int_equal(key.algorithm->number, ALGORITHM_RSA_2048);
	assert_memory_equal(key.spki, padded.spki, key.spki_len);
	public_free(&key);
	public_free(&padded);
	modulus[1] &= 0x7f; /* one bit less */
	assert_false(public_from_rsa(SLICE_OF(modulus), SLICE_OF(exponent), &key));
	modulus_make(1024, modulus);
	assert_false(public_from_rsa((struct slice){ modulus, 128 }, SLICE_OF(exponent), &key));
	memset(modulus, 0xff, sizeof(modulus)); /* a multiple of three */
	assert_false(public_from_rsa((struct slice){ modulus, 256 }, SLICE_OF(exponent), &key));
	assert_false(public_from_rsa((struct slice){ NULL, 0 }, SLICE_OF(exponent), &key));
}

/* Against RFC 8017's own bytes (9.2, note 1). */
static void digest_info_is_that_of_the_rfc(void **state)
{
	(void)state;
	static const uint8_t sha256[] = { 0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					  0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20 };
	static const uint8_t sha512[] = { 0x30, 0x51, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01,
					  0x65, 0x03, 0x04, 0x02, 0x03, 0x05, 0x00, 0x04, 0x40 };
	uint8_t digest[64] = { 5 }, out[MAX_DIGEST_INFO];
	assert_int_equal(digest_info(DIGEST_SHA256, (struct slice){ digest, 32 }, out), 51);
	assert_memory_equal(out, sha256, sizeof(sha256));
	assert_memory_equal(out + 19, digest, 32);
	assert_int_equal(digest_info(DIGEST_SHA512, (struct slice){ digest, 64 }, out), MAX_DIGEST_INFO);
	assert_memory_equal(out, sha512, sizeof(sha512));
}

static void signatures_verify_in_the_form_of_the_wire(void **state)
{
	(void)state;
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	uint8_t point[POINT_256], digest[32] = { 1, 2 }, der[80], wire[64] = { 0 };
	size_t n = 0, der_len = sizeof(der);
	assert_int_equal(EVP_PKEY_get_octet_string_param(pair, "pub", point, sizeof(point), &n), 1);
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pair, NULL);
	assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
	assert_int_equal(EVP_PKEY_sign(ctx, der, &der_len, digest, sizeof(digest)), 1);
	const uint8_t *at = der + 2;
	for (size_t half = 0; half < 2; half++) { /* two INTEGERs, right-aligned into their halves */
		size_t len = at[1], skip = len > 32 ? len - 32 : 0;
		memcpy(wire + 32 * half + 32 - (len - skip), at + 2 + skip, len - skip);
		at += 2 + len;
	}
	struct public_key key;
	assert_true(public_from_ec(params_of(ALGORITHM_ECDSA_P256), SLICE_OF(point), &key));
	assert_true(public_verify(&key, SLICE_OF(digest), SLICE_OF(wire)));
	assert_false(public_verify(&key, (struct slice){ digest, 31 }, SLICE_OF(wire)));
	assert_false(public_verify(&key, SLICE_OF(digest), (struct slice){ wire, 63 }));
	wire[40] ^= 1;
	assert_false(public_verify(&key, SLICE_OF(digest), SLICE_OF(wire)));
	public_free(&key);
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(pair);
}

static void answers_have_names_and_classes(void **state)
{
	(void)state;
	assert_string_equal(cryptoki_name(CKR_PIN_INCORRECT), "CKR_PIN_INCORRECT");
	assert_string_equal(cryptoki_name(0x80001234UL), "CKR_0x80001234");
	assert_int_equal(cryptoki_class(CKR_OK), CRYPTOKI_FINE);
	assert_int_equal(cryptoki_class(CKR_SESSION_HANDLE_INVALID), CRYPTOKI_LOST);
	assert_int_equal(cryptoki_class(CKR_TOKEN_NOT_PRESENT), CRYPTOKI_AWAY);
	assert_int_equal(cryptoki_class(CKR_MECHANISM_INVALID), CRYPTOKI_ASKED);
	assert_int_equal(cryptoki_class(0x80001234UL), CRYPTOKI_BROKEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(points_come_bare_or_wrapped),
		cmocka_unit_test(bad_points_are_refused),
		cmocka_unit_test(edwards_keys_have_two_spellings),
		cmocka_unit_test(rsa_sizes_are_exact),
		cmocka_unit_test(digest_info_is_that_of_the_rfc),
		cmocka_unit_test(signatures_verify_in_the_form_of_the_wire),
		cmocka_unit_test(answers_have_names_and_classes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
