/* frontd/csr: what a CSR may be, made anew with libcrypto for each case. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/algorithm.h"
#include "frontd/csr.h"
#include "frontd/ec_key.h"
#include "names/dn.h"
#include "names/name.h"

/* A request over the key with this subjectAltName (NULL: none), signed with md; PEM, owned by the caller. */
static char *request_make(EVP_PKEY *key, const char *san, const EVP_MD *md, bool spoil)
{
	X509_REQ *req = X509_REQ_new();
	X509_NAME *name = X509_REQ_get_subject_name(req);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)"www.example.com", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "dnQualifier", MBSTRING_ASC, (const unsigned char *)"q", -1, -1, 0);
	X509_REQ_set_pubkey(req, key);
	if (san) {
		STACK_OF(X509_EXTENSION) *list = sk_X509_EXTENSION_new_null();
		sk_X509_EXTENSION_push(list, X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san));
		X509_REQ_add_extensions(req, list);
		sk_X509_EXTENSION_pop_free(list, X509_EXTENSION_free);
	}
	assert_true(X509_REQ_sign(req, key, md) > 0);
	if (spoil) {
		unsigned char *der = NULL;
		int n = i2d_X509_REQ(req, &der);
		der[n - 1] ^= 1;
		const unsigned char *at = der;
		X509_REQ_free(req);
		req = d2i_X509_REQ(NULL, &at, n);
		OPENSSL_free(der);
	}
	BIO *out = BIO_new(BIO_s_mem());
	PEM_write_bio_X509_REQ(out, req);
	char *at, *text = NULL;
	long n = BIO_get_mem_data(out, &at);
	text = strndup(at, (size_t)n);
	BIO_free(out);
	X509_REQ_free(req);
	return text;
}

/* The code of the refusal; "" if it was taken. */
static const char *code_of(const char *pem, struct csr *csr)
{
	static struct call c;
	memset(&c, 0, sizeof(c));
	int result = csr_decode(pem, strlen(pem), csr, &c);
	assert_true(result >= 0);
	assert_int_equal(result > 0, c.error.status != 0);
	if (result)
		assert_int_equal(c.error.status, 422);
	return c.error.code;
}

static void check(EVP_PKEY *key, const char *san, const EVP_MD *md, bool spoil, const char *code)
{
	struct csr csr;
	char *pem = request_make(key, san, md, spoil);
	assert_string_equal(code_of(pem, &csr), code);
	csr_free(&csr);
	free(pem);
	EVP_PKEY_free(key);
}

static EVP_PKEY *ec(const char *curve)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "EC", curve);
}

static EVP_PKEY *rsa(size_t bits)
{
	return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits);
}

static void good_ones_are_decoded(void **state)
{
	(void)state;
	struct csr csr;
	EVP_PKEY *key = ec("P-256");
	char *pem = request_make(key, "DNS:WWW.example.com,DNS:www.example.com,IP:10.0.0.1", EVP_sha256(), false);
	assert_string_equal(code_of(pem, &csr), "");
	assert_int_equal(csr.algorithm, ALGORITHM_ECDSA_P256);
	assert_int_equal(csr.alt_names.count, 2);
	assert_int_equal(csr.subject.count, 1); /* dnQualifier is dropped */
	struct list names = csr.alt_names;
	uint8_t type;
	struct slice value;
	assert_true(list_next(&names, &type, &value));
	assert_int_equal(type, NAME_DNS);
	assert_true(slice_equal(value, slice_text("www.example.com")));
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	assert_true(slice_equal(csr.public_key, (struct slice){ der, (size_t)n }));
	OPENSSL_free(der);
	csr_free(&csr);
	free(pem);
	EVP_PKEY_free(key);
	check(ec("P-384"), NULL, EVP_sha384(), false, "");
	check(rsa(2048), NULL, EVP_sha256(), false, "");
	check(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), NULL, NULL, false, "");
}

static void keys_are_judged(void **state)
{
	(void)state;
	check(rsa(1024), NULL, EVP_sha256(), false, "csr_weak_key");
	check(rsa(2047), NULL, EVP_sha256(), false, "csr_weak_key");
	check(ec("secp256k1"), NULL, EVP_sha256(), false, "csr_unsupported_key");
	check(EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), NULL, NULL, false, "csr_bad_signature");
	struct csr csr;
	EVP_PKEY *odd = rsa(2056); /* a size without a name */
	char *pem = request_make(odd, NULL, EVP_sha256(), false);
	assert_string_equal(code_of(pem, &csr), "");
	assert_int_equal(csr.algorithm, 0);
	csr_free(&csr);
	free(pem);
	EVP_PKEY_free(odd);
}

static size_t digest_sign(EVP_PKEY *key, const uint8_t digest[32], uint8_t sig[160])
{
	size_t n = 160;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	assert_true(EVP_PKEY_sign_init(ctx) == 1 && EVP_PKEY_sign(ctx, sig, &n, digest, 32) == 1);
	EVP_PKEY_CTX_free(ctx);
	return n;
}

/* The quick way to a key takes what the library writes and nothing beside it. */
static void points_are_judged(void **state)
{
	(void)state;
	static const struct {
		const char *curve;
		uint8_t algorithm;
	} curves[] = { { "P-256", ALGORITHM_ECDSA_P256 },
		       { "P-384", ALGORITHM_ECDSA_P384 },
		       { "P-521", ALGORITHM_ECDSA_P521 } };
	for (size_t i = 0; i < 3; i++) {
		EVP_PKEY *key = ec(curves[i].curve);
		unsigned char *der = NULL;
		size_t n = (size_t)i2d_PUBKEY(key, &der);
		uint8_t algorithm = 0;
		uint8_t digest[32] = { 7 }, sig[160];
		size_t sig_len = digest_sign(key, digest, sig);
		struct slice hash = { digest, sizeof(digest) }, signature = { sig, sig_len };
		struct ec_key *read = ec_key_read((struct slice){ der, n }, &algorithm);
		assert_non_null(read);
		assert_int_equal(algorithm, curves[i].algorithm);
		assert_true(ec_key_verify(read, hash, signature));
		/* The same object with another point is another key. */
		EVP_PKEY *other = ec(curves[i].curve);
		unsigned char *other_der = NULL;
		size_t other_n = (size_t)i2d_PUBKEY(other, &other_der);
		read = ec_key_read((struct slice){ other_der, other_n }, &algorithm);
		assert_non_null(read);
		assert_false(ec_key_verify(read, hash, signature));
		read = ec_key_read((struct slice){ der, n }, &algorithm);
		assert_true(read && ec_key_verify(read, hash, signature));
		digest[0] ^= 1;
		assert_false(ec_key_verify(read, hash, signature));
		OPENSSL_free(other_der);
		EVP_PKEY_free(other);
		assert_null(ec_key_read((struct slice){ der, n - 1 }, &algorithm));
		der[n - 1] ^= 1; /* off the curve */
		assert_null(ec_key_read((struct slice){ der, n }, &algorithm));
		EVP_PKEY_set_utf8_string_param(key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, "compressed");
		unsigned char *short_der = NULL;
		n = (size_t)i2d_PUBKEY(key, &short_der);
		assert_null(ec_key_read((struct slice){ short_der, n }, &algorithm));
		OPENSSL_free(short_der);
		OPENSSL_free(der);
		EVP_PKEY_free(key);
	}
	check(ec("P-521"), NULL, EVP_sha512(), false, "");
}

static void signatures_are_judged(void **state)
{
	(void)state;
	check(rsa(2048), NULL, EVP_sha1(), false, "csr_bad_signature");
	check(rsa(2048), NULL, EVP_md5(), false, "csr_bad_signature");
	check(ec("P-256"), NULL, EVP_sha256(), true, "csr_bad_signature");
}

static void names_are_judged(void **state)
{
	(void)state;
	check(ec("P-256"), "RID:1.2.3", EVP_sha256(), false, "csr_bad_name");
	check(ec("P-256"), "otherName:1.2.3;UTF8:x", EVP_sha256(), false, "csr_bad_name");
	check(ec("P-256"), "DNS:bad label", EVP_sha256(), false, "csr_bad_name");
	check(ec("P-256"), "URI:spiffe://example.org/a,email:a@example.org", EVP_sha256(), false, "");
}

static void text_is_judged(void **state)
{
	(void)state;
	struct csr csr;
	EVP_PKEY *key = ec("P-256");
	char *pem = request_make(key, NULL, EVP_sha256(), false), text[8192];
	const char *const bad[][2] = {
		{ "", "csr_not_pem" },
		{ "hello", "csr_not_pem" },
		{ "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", "csr_malformed" },
		{ "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "csr_not_pem" },
		{ "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "csr_private_key" },
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_string_equal(code_of(bad[i][0], &csr), bad[i][1]);
		csr_free(&csr);
	}
	snprintf(text, sizeof(text), "%s%s", pem, pem);
	assert_string_equal(code_of(text, &csr), "csr_not_pem");
	csr_free(&csr);
	snprintf(text, sizeof(text), "%s-----BEGIN EC PRIVATE KEY-----\n", pem);
	assert_string_equal(code_of(text, &csr), "csr_private_key");
	csr_free(&csr);
	free(pem);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_are_decoded), cmocka_unit_test(keys_are_judged),
		cmocka_unit_test(points_are_judged),	 cmocka_unit_test(signatures_are_judged),
		cmocka_unit_test(names_are_judged),	 cmocka_unit_test(text_is_judged),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
