/* ledger/record: the bytes of a record, its states, bent ones, and certificates put together from it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ledger/merkle.h"
#include "ledger/record.h"

static void sample_put(struct buf *out, uint8_t hash[HASH_SIZE])
{
	struct record r = {
		.type = RECORD_LATCHED, .flags = RECORD_BATCH_END, .seq = 7, .time = -2, .body = slice_text("body")
	};
	record_put(out, &r, hash);
	assert_true(buf_ok(out));
}

static void the_bytes_are_as_the_header_says(void **state)
{
	(void)state;
	scoped_buf out = { .max = 100 };
	uint8_t hash[HASH_SIZE], leaf[HASH_SIZE];
	sample_put(&out, hash);
	assert_int_equal(out.len, 24 + 4 + 8);
	assert_memory_equal(out.at,
			    "\x04\0\0\0\x0c\x01\x01\0\x07\0\0\0\0\0\0\0\xfe\xff\xff\xff\xff\xff\xff\xff"
			    "body",
			    28);
	merkle_leaf_hash((struct slice){ out.at, 28 }, leaf);
	assert_memory_equal(hash, leaf, HASH_SIZE);
	assert_memory_equal(out.at + 28, leaf, 8);
	struct record r;
	size_t size;
	assert_int_equal(record_peek(buf_slice(&out), &r, &size, leaf), RECORD_WHOLE);
	assert_int_equal(size, 36);
	assert_true(r.seq == 7 && r.time == -2 && r.type == RECORD_LATCHED && slice_equal(r.body, slice_text("body")));
	assert_memory_equal(hash, leaf, HASH_SIZE);
	assert_string_equal(record_type_name(12), "LATCHED");
	assert_string_equal(record_type_name(0), "UNKNOWN");
}

static void every_cut_is_partial_and_every_flip_broken(void **state)
{
	(void)state;
	scoped_buf out = { .max = 100 };
	uint8_t hash[HASH_SIZE];
	struct record r;
	size_t size;
	sample_put(&out, hash);
	for (size_t n = 0; n < out.len; n++) {
		assert_int_equal(record_peek((struct slice){ out.at, n }, &r, &size, NULL), RECORD_PARTIAL);
		assert_true(size > n && size <= out.len);
	}
	for (size_t bit = 0; bit < 8 * out.len; bit++) {
		out.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(record_peek(buf_slice(&out), &r, &size, NULL), RECORD_WHOLE);
		out.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	static const uint8_t zeros[RECORD_HEAD];
	assert_int_equal(record_peek(SLICE_OF(zeros), &r, &size, NULL), RECORD_RESERVED);
}

static void bodies_go_to_the_limit(void **state)
{
	(void)state;
	scoped_buf out = { .max = 2 * MAX_RECORD };
	uint8_t *body = calloc(1, MAX_RECORD_BODY + 1), hash[HASH_SIZE];
	struct record r = { .type = 1, .body = { body, MAX_RECORD_BODY } }, back;
	size_t size;
	record_put(&out, &r, hash);
	assert_int_equal(record_peek(buf_slice(&out), &back, &size, NULL), RECORD_WHOLE);
	assert_int_equal(size, MAX_RECORD);
	set_u32(out.at, MAX_RECORD_BODY + 1);
	assert_int_equal(record_peek(buf_slice(&out), &back, &size, NULL), RECORD_BROKEN);
	r.body.len++;
	record_put(&out, &r, hash);
	assert_false(buf_ok(&out));
	free(body);
}

/* Bytes bent at random never take the reader past their end (under a sanitizer this says more). */
static void bent_bytes_are_survived(void **state)
{
	(void)state;
	srandom(1);
	for (int i = 0; i < 200000; i++) {
		uint8_t bytes[64], hash[HASH_SIZE];
		struct record r;
		size_t size, n = (size_t)random() % sizeof(bytes);
		for (size_t k = 0; k < sizeof(bytes); k++)
			bytes[k] = (uint8_t)(random() & 1 ? random() : random() % 3);
		set_u32(bytes, (uint32_t)random() % 40);
		bytes[5] &= 3, bytes[6] = 1, bytes[7] = 0;
		enum record_state s = record_peek((struct slice){ bytes, n }, &r, &size, hash);
		assert_true(s != RECORD_WHOLE || size <= n);
		struct cert_intent_record intent;
		struct ledger_start_record start;
		record_cert_intent_get((struct slice){ bytes, n }, &intent);
		record_ledger_start_get((struct slice){ bytes, n }, &start);
	}
}

static void records_come_back_as_they_went(void **state)
{
	(void)state;
	struct cert_result_record in = { .intent = 9, .signature = slice_text("signature") }, back;
	scoped_buf body = { .max = 1000 };
	record_cert_result_put(&body, &in);
	assert_int_equal(record_cert_result_get(buf_slice(&body), &back), PACK_OK);
	assert_true(back.intent == 9 && slice_equal(back.signature, in.signature));
	assert_int_equal(record_cert_result_get((struct slice){ body.at, body.len - 1 }, &back), PACK_SHORT);
}

static void a_certificate_is_what_libcrypto_would_write(void **state)
{
	(void)state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *x = X509_new();
	assert_true(X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), 5) &&
		    X509_gmtime_adj(X509_getm_notBefore(x), 0) && X509_gmtime_adj(X509_getm_notAfter(x), 60) &&
		    X509_set_pubkey(x, key) && X509_sign(x, key, EVP_sha256()) > 0);
	unsigned char *der = NULL, *tbs = NULL;
	int der_size = i2d_X509(x, &der), tbs_size = i2d_re_X509_tbs(x, &tbs);
	const ASN1_BIT_STRING *signature;
	X509_get0_signature(&signature, NULL, x);
	scoped_buf out = { .max = 4096 };
	struct slice t = { tbs, (size_t)tbs_size };
	struct slice s = { ASN1_STRING_get0_data(signature), (size_t)ASN1_STRING_length(signature) };
	assert_int_equal(record_certificate(t, s, &out), 0);
	assert_true(slice_equal(buf_slice(&out), (struct slice){ der, (size_t)der_size }));
	for (size_t n = 0; n < t.len; n++)
		assert_true(record_certificate((struct slice){ tbs, n }, s, &out) > 0);
	OPENSSL_free(der);
	OPENSSL_free(tbs);
	X509_free(x);
	EVP_PKEY_free(key);
}

/* UTCTime and GeneralizedTime; each byte less is none. */
static void the_end_of_a_certificate_is_read(void **state)
{
	(void)state;
	static const int64_t ends[] = { 1893456000, 4102444800 }; /* 2030 and 2100 */
	for (size_t i = 0; i < 2; i++) {
		EVP_PKEY *key = EVP_EC_gen("P-256");
		X509 *x = X509_new();
		assert_true(X509_set_version(x, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x), 5) &&
			    X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
			    ASN1_TIME_set(X509_getm_notAfter(x), (time_t)ends[i]) && X509_set_pubkey(x, key) &&
			    X509_sign(x, key, EVP_sha256()) > 0);
		unsigned char *tbs = NULL;
		size_t size = (size_t)i2d_re_X509_tbs(x, &tbs);
		int64_t end = 7;
		assert_int_equal(record_not_after((struct slice){ tbs, size }, &end), 0);
		assert_int_equal(end, ends[i]);
		end = 7;
		for (size_t n = 0; n < size; n++)
			assert_true(record_not_after((struct slice){ tbs, n }, &end) > 0);
		assert_int_equal(end, 7);
		OPENSSL_free(tbs);
		X509_free(x);
		EVP_PKEY_free(key);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_as_the_header_says),
		cmocka_unit_test(every_cut_is_partial_and_every_flip_broken),
		cmocka_unit_test(bodies_go_to_the_limit),
		cmocka_unit_test(bent_bytes_are_survived),
		cmocka_unit_test(records_come_back_as_they_went),
		cmocka_unit_test(a_certificate_is_what_libcrypto_would_write),
		cmocka_unit_test(the_end_of_a_certificate_is_read),
	};
	return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
