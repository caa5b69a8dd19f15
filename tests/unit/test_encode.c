/* signd/encode: lengths, integers, bits and times as DER wants them; a certificate as libcrypto reads it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/time.h"
#include "ledger/record.h"
#include "names/dn.h"
#include "signd/encode/csr.h"
#include "signd/encode/der.h"
#include "signd/encode/oid.h"
#include "signd/public_key.h"

#define assert_bytes(buf, text) assert_true(slice_equal(buf_slice(buf), OID_SLICE(text)))

static void lengths_are_as_short_as_can_be(void **state)
{
	static const struct {
		size_t content;
		const char *head;
		size_t head_len;
	} cases[] = { { 0, "\x04\x00", 2 },
		      { 127, "\x04\x7f", 2 },
		      { 128, "\x04\x81\x80", 3 },
		      { 255, "\x04\x81\xff", 3 },
		      { 256, "\x04\x82\x01\x00", 4 },
		      { 65535, "\x04\x82\xff\xff", 4 },
		      { 65536, "\x04\x83\x01\x00\x00", 5 } };
	uint8_t *zeros = calloc(1, 65536);
	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scoped_buf b = { .max = 70000 };
		der_put(&b, DER_OCTET_STRING, (struct slice){ zeros, cases[i].content });
		assert_int_equal(b.len, cases[i].head_len + cases[i].content);
		assert_memory_equal(b.at, cases[i].head, cases[i].head_len);
	}
	free(zeros);
}

static void unsigned_integers_are_minimal(void **state)
{
	(void)state;
	scoped_buf b = { .max = 256 };
	der_put_unsigned(&b, DER_INTEGER, OID_SLICE("\x00\x00\x7f"));
	der_put_unsigned(&b, DER_INTEGER, OID_SLICE("\x00\x80"));
	der_put_unsigned(&b, DER_INTEGER, OID_SLICE("\x00\x00"));
	der_put_small(&b, DER_INTEGER, 0);
	der_put_small(&b, DER_INTEGER, 255);
	assert_bytes(&b, "\x02\x01\x7f\x02\x02\x00\x80\x02\x01\x00\x02\x01\x00\x02\x02\x00\xff");
}

static void named_bits_drop_their_tail(void **state)
{
	(void)state;
	scoped_buf b = { .max = 256 };
	der_put_named_bits(&b, USAGE_DIGITAL_SIGNATURE);
	der_put_named_bits(&b, USAGE_KEY_CERT_SIGN | USAGE_CRL_SIGN);
	der_put_named_bits(&b, USAGE_DECIPHER_ONLY);
	assert_bytes(&b, "\x03\x02\x07\x80\x03\x02\x01\x06\x03\x03\x07\x00\x80");
}

static void put_time(struct buf *b, const char *text)
{
	int64_t t;
	assert_true(time_parse(text, &t));
	der_put_time(b, t);
}

static void times_turn_over_in_2050(void **state)
{
	(void)state;
	scoped_buf b = { .max = 256 };
	put_time(&b, "2049-12-31T23:59:59Z");
	put_time(&b, "2050-01-01T00:00:00Z");
	assert_bytes(&b, "\x17\x0d"
			 "491231235959Z"
			 "\x18\x0f"
			 "20500101000000Z");
	scoped_buf beyond = { .max = 256 };
	der_put_time(&beyond, INT64_MAX / 2);
	assert_false(buf_ok(&beyond));
}

static void a_small_signature_is_still_der(void **state)
{
	uint8_t raw[64] = { 0 };
	(void)state;
	raw[31] = 1;
	raw[32] = 0x80;
	scoped_buf b = { .max = 256 };
	cert_put_signature(&b, ALGORITHM_ECDSA_P256, SLICE_OF(raw));
	const unsigned char *p = b.at;
	ECDSA_SIG *read = d2i_ECDSA_SIG(NULL, &p, (long)b.len);
	assert_non_null(read);
	unsigned char *again = NULL;
	int n = i2d_ECDSA_SIG(read, &again);
	assert_true(slice_equal(buf_slice(&b), (struct slice){ again, (size_t)n }));
	OPENSSL_free(again);
	ECDSA_SIG_free(read);
}

static void serials_are_positive_and_differ(void **state)
{
	uint8_t a[SERIAL_SIZE], b[SERIAL_SIZE];
	(void)state;
	cert_new_serial(86400 * 20778, a);
	cert_new_serial(86400 * 20778, b);
	assert_true(a[0] > 0 && a[0] < 0x80);
	assert_int_equal(a[1] << 8 | a[2], 20778);
	assert_memory_not_equal(a + 3, b + 3, 16);
}

/* A key of each algorithm, its SubjectPublicKeyInfo and what we take it for. */
static void check_key(const char *type, const char *group, size_t bits, uint8_t expected)
{
	EVP_PKEY *key = group  ? EVP_PKEY_Q_keygen(NULL, NULL, type, group)
			: bits ? EVP_PKEY_Q_keygen(NULL, NULL, type, bits)
			       : EVP_PKEY_Q_keygen(NULL, NULL, type);
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	assert_int_equal(public_key_read((struct slice){ der, (size_t)n }, NULL), expected);
	assert_int_equal(public_key_read((struct slice){ der, (size_t)n - 1 }, NULL), 0);
	OPENSSL_free(der);
	EVP_PKEY_free(key);
}

static void only_known_keys_are_read(void **state)
{
	(void)state;
	check_key("EC", "P-256", 0, ALGORITHM_ECDSA_P256);
	check_key("EC", "P-384", 0, ALGORITHM_ECDSA_P384);
	check_key("EC", "P-521", 0, ALGORITHM_ECDSA_P521);
	check_key("EC", "P-224", 0, 0);
	check_key("EC", "secp256k1", 0, 0);
	check_key("RSA", NULL, 2048, ALGORITHM_RSA_2048);
	check_key("RSA", NULL, 1024, 0);
	check_key("ED25519", NULL, 0, ALGORITHM_ED25519);
}

static struct list one_item(struct buf *raw, uint8_t tag, const char *text)
{
	uint16_t count = 0;
	list_put(raw, &count, tag, slice_text(text));
	return list_of(raw, count);
}

static EVP_PKEY *self_key;

/* A CA certificate with everything that a CA's can have, made over and signed with a key of this test. */
static void make_ca(struct buf *certificate)
{
	scoped_buf subject_items = { .max = 256 }, subject = { .max = 256 }, spki = { .max = 256 };
	scoped_buf permitted = { .max = 256 }, excluded = { .max = 256 }, urls = { .max = 256 },
		   policies = { .max = 64 };
	scoped_buf tbs = { .max = MAX_TBS };
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(self_key, &der);
	buf_put(&spki, der, (size_t)n);
	OPENSSL_free(der);
	cert_put_name(&subject, one_item(&subject_items, DN_COMMON_NAME, "Root"));
	struct cert_fields f = { .kind = KIND_CA,
				 .algorithm = ALGORITHM_ECDSA_P256,
				 .issuer = buf_slice(&subject),
				 .authority_key_id = slice_text("01234567890123456789"),
				 .not_before = 1700000000,
				 .not_after = 2700000000,
				 .subject = buf_slice(&subject),
				 .public_key = buf_slice(&spki),
				 .path_len = 3,
				 .constraints = { one_item(&permitted, NAME_DNS, "example.com"),
						  one_item(&excluded, NAME_IP, "\x0a\x01\x01\x01\xff\xff\xff\xff") },
				 .urls = one_item(&urls, URL_CA_ISSUERS, "http://example.com/ca.crt"),
				 .policies = one_item(&policies, 0, "\x2a\x03\x04") };
	cert_new_serial(1700000000, f.serial);
	cert_put_tbs(&tbs, &f);
	assert_true(buf_ok(&tbs));
	uint8_t signature[128];
	size_t size = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, self_key);
	assert_int_equal(EVP_DigestSign(ctx, signature, &size, tbs.at, tbs.len), 1);
	EVP_MD_CTX_free(ctx);
	assert_int_equal(record_certificate(buf_slice(&tbs), (struct slice){ signature, size }, certificate), 0);
}

static void libcrypto_reads_the_same_certificate(void **state)
{
	scoped_buf certificate = { .max = 4096 };
	(void)state;
	self_key = EVP_EC_gen("P-256");
	make_ca(&certificate);
	const unsigned char *p = certificate.at;
	X509 *x = d2i_X509(NULL, &p, (long)certificate.len);
	assert_non_null(x);
	assert_ptr_equal(p, certificate.at + certificate.len);
	/* Written anew from what was read: not a byte differs. */
	unsigned char *again = NULL;
	assert_true(i2d_re_X509_tbs(x, NULL) > 0);
	int n = i2d_X509(x, &again);
	assert_true(slice_equal(buf_slice(&certificate), (struct slice){ again, (size_t)n }));
	OPENSSL_free(again);
	assert_int_equal(X509_verify(x, self_key), 1);
	assert_int_equal(X509_get_pathlen(x), 3);
	assert_int_equal(X509_get_key_usage(x), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
	assert_true(X509_get_extension_flags(x) & EXFLAG_CA);
	assert_false(X509_get_extension_flags(x) & EXFLAG_INVALID);
	int critical = -1;
	NAME_CONSTRAINTS *constraints = X509_get_ext_d2i(x, NID_name_constraints, &critical, NULL);
	assert_non_null(constraints);
	assert_int_equal(critical, 1);
	NAME_CONSTRAINTS_free(constraints);
	X509_free(x);
	EVP_PKEY_free(self_key);
}

/* A request over and signed with a key of this test; subject_key_id may be empty. */
static X509_REQ *make_request(EVP_PKEY *key, struct slice subject_key_id, uint16_t path_len, bool constrained)
{
	scoped_buf items = { .max = 256 }, subject = { .max = 256 }, spki = { .max = 256 }, permitted = { .max = 256 };
	scoped_buf info = { .max = 4096 }, request = { .max = 4096 };
	unsigned char *der = NULL;
	int n = i2d_PUBKEY(key, &der);
	buf_put(&spki, der, (size_t)n);
	OPENSSL_free(der);
	cert_put_name(&subject, one_item(&items, DN_COMMON_NAME, "Sub"));
	struct cert_fields f = { .kind = KIND_CA,
				 .subject = buf_slice(&subject),
				 .public_key = buf_slice(&spki),
				 .subject_key_id = subject_key_id,
				 .path_len = path_len };
	if (constrained)
		f.constraints.permitted = one_item(&permitted, NAME_DNS, "example.com");
	csr_put_info(&info, &f);
	uint8_t signature[128];
	size_t size = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key);
	assert_int_equal(EVP_DigestSign(ctx, signature, &size, info.at, info.len), 1);
	EVP_MD_CTX_free(ctx);
	csr_put(&request, buf_slice(&info), ALGORITHM_ECDSA_P256, (struct slice){ signature, size });
	assert_true(buf_ok(&request));
	const unsigned char *p = request.at;
	X509_REQ *read = d2i_X509_REQ(NULL, &p, (long)request.len);
	assert_non_null(read);
	assert_ptr_equal(p, request.at + request.len);
	unsigned char *again = NULL;
	assert_true(i2d_re_X509_REQ_tbs(read, NULL) > 0); /* not a byte differs when it is written anew */
	n = i2d_X509_REQ(read, &again);
	assert_true(slice_equal(buf_slice(&request), (struct slice){ again, (size_t)n }));
	OPENSSL_free(again);
	return read;
}

static void libcrypto_reads_the_same_request(void **state)
{
	(void)state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *r = make_request(key, (struct slice){ 0 }, 3, true);
	assert_int_equal(X509_REQ_verify(r, key), 1);
	assert_int_equal(X509_REQ_get_version(r), 0);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(r);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 4);
	int critical;
	BASIC_CONSTRAINTS *basic = X509V3_get_d2i(extensions, NID_basic_constraints, &critical, NULL);
	assert_true(basic && basic->ca && critical == 1);
	assert_int_equal(ASN1_INTEGER_get(basic->pathlen), 3);
	BASIC_CONSTRAINTS_free(basic);
	NAME_CONSTRAINTS *nc = X509V3_get_d2i(extensions, NID_name_constraints, &critical, NULL);
	assert_true(nc && critical == 1 && !nc->excludedSubtrees);
	NAME_CONSTRAINTS_free(nc);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(r);
	EVP_PKEY_free(key);
}

static void a_request_says_no_more_than_it_must(void **state)
{
	(void)state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509_REQ *r = make_request(key, slice_text("its own identifier"), PATH_LEN_NONE, false);
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(r);
	assert_int_equal(sk_X509_EXTENSION_num(extensions), 3);
	int critical;
	ASN1_OCTET_STRING *id = X509V3_get_d2i(extensions, NID_subject_key_identifier, &critical, NULL);
	assert_non_null(id);
	assert_int_equal(ASN1_STRING_length(id), 18);
	assert_memory_equal(ASN1_STRING_get0_data(id), "its own identifier", 18);
	assert_int_equal(critical, 0);
	ASN1_OCTET_STRING_free(id);
	BASIC_CONSTRAINTS *basic = X509V3_get_d2i(extensions, NID_basic_constraints, &critical, NULL);
	assert_true(basic && basic->ca && !basic->pathlen);
	BASIC_CONSTRAINTS_free(basic);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	X509_REQ_free(r);
	EVP_PKEY_free(key);
}

static void object_identifiers_are_checked(void **state)
{
	(void)state;
	assert_true(oid_valid(OID_SLICE(OID_ANY_EXT_KEY_USAGE)));
	assert_false(oid_valid(OID_SLICE("")));
	assert_false(oid_valid(OID_SLICE("\x2a\x80")));
	assert_false(oid_valid(OID_SLICE("\x2a\x80\x01")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lengths_are_as_short_as_can_be),
		cmocka_unit_test(unsigned_integers_are_minimal),
		cmocka_unit_test(named_bits_drop_their_tail),
		cmocka_unit_test(times_turn_over_in_2050),
		cmocka_unit_test(a_small_signature_is_still_der),
		cmocka_unit_test(serials_are_positive_and_differ),
		cmocka_unit_test(only_known_keys_are_read),
		cmocka_unit_test(libcrypto_reads_the_same_certificate),
		cmocka_unit_test(libcrypto_reads_the_same_request),
		cmocka_unit_test(a_request_says_no_more_than_it_must),
		cmocka_unit_test(object_identifiers_are_checked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
