/* frontd/ocsp_request: limits at the limit and one past it. frontd/ocsp_cache: what is kept, and what makes room. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ocsp.h>

#include "frontd/ocsp_cache.h"
#include "frontd/ocsp_request.h"
#include "wire/inner.h"

/* So many certificates with serial numbers from 1 on, and a nonce of so many bytes; 0: none. */
static enum ocsp_error request_try(int count, int nonce, size_t serial_size, struct ocsp_request *out, struct buf *der)
{
	uint8_t bytes[256] = { 0 }, *end = NULL;
	OCSP_REQUEST *r = OCSP_REQUEST_new();
	X509_NAME *name = X509_NAME_new();
	ASN1_BIT_STRING *key = ASN1_BIT_STRING_new();
	for (int i = 1; i <= count; i++) {
		uint8_t number[32] = { 0x7f };
		number[serial_size - 1] = (uint8_t)i;
		ASN1_INTEGER *serial = ASN1_INTEGER_new();
		ASN1_STRING_set(serial, number, (int)serial_size);
		OCSP_request_add0_id(r, OCSP_cert_id_new(EVP_sha256(), name, key, serial));
		ASN1_INTEGER_free(serial);
	}
	if (nonce)
		OCSP_request_add1_nonce(r, bytes, nonce);
	int n = i2d_OCSP_REQUEST(r, &end);
	buf_put(der, end, (size_t)n);
	OPENSSL_free(end);
	ASN1_BIT_STRING_free(key);
	X509_NAME_free(name);
	OCSP_REQUEST_free(r);
	return ocsp_request_read(buf_slice(der), out);
}

static enum ocsp_error tried(int count, int nonce, size_t serial_size)
{
	scoped_buf der = { .max = 65536 };
	struct ocsp_request r;
	enum ocsp_error e = request_try(count, nonce, serial_size, &r, &der);
	if (e == OCSP_SUCCESSFUL) {
		assert_int_equal(r.count, count);
		assert_int_equal(r.nonce.len, nonce);
		assert_int_equal(r.asked[count - 1].hash, CERT_ID_SHA256);
		assert_int_equal(r.asked[count - 1].serial[ROW_SERIAL_SIZE - 1], count);
	}
	return e;
}

static void requests_have_limits(void **state)
{
	(void)state;
	assert_int_equal(tried(1, 0, 19), OCSP_SUCCESSFUL);
	assert_int_equal(tried(MAX_OCSP_ASKED, 0, 19), OCSP_SUCCESSFUL);
	assert_int_equal(tried(MAX_OCSP_ASKED + 1, 0, 19), OCSP_UNAUTHORIZED);
	assert_int_equal(tried(0, 0, 19), OCSP_MALFORMED);
	assert_int_equal(tried(1, 1, 19), OCSP_SUCCESSFUL);
	assert_int_equal(tried(1, MAX_OCSP_NONCE, 19), OCSP_SUCCESSFUL);
	assert_int_equal(tried(1, MAX_OCSP_NONCE + 1, 19), OCSP_MALFORMED);
	assert_int_equal(tried(1, 0, ROW_SERIAL_SIZE), OCSP_SUCCESSFUL);
	assert_int_equal(tried(1, 0, ROW_SERIAL_SIZE + 1), OCSP_UNAUTHORIZED);
	assert_int_equal(tried(400, 0, 19), OCSP_MALFORMED); /* more than MAX_OCSP_REQUEST bytes */
}

static void every_cut_is_malformed(void **state)
{
	(void)state;
	scoped_buf der = { .max = 65536 };
	struct ocsp_request r;
	assert_int_equal(request_try(2, 16, 19, &r, &der), OCSP_SUCCESSFUL);
	for (size_t n = 0; n < der.len; n++)
		assert_int_equal(ocsp_request_read((struct slice){ der.at, n }, &r), OCSP_MALFORMED);
}

static struct ocsp_key key_of(uint8_t number)
{
	struct ocsp_key key;
	memset(&key, 0, sizeof(key));
	strcpy(key.ca_id, "ica-1");
	key.hash = CERT_ID_SHA1;
	key.serial[ROW_SERIAL_SIZE - 1] = number;
	return key;
}

static void keep(struct ocsp_cache *c, uint8_t number, int64_t this_update)
{
	static const uint8_t bytes[1000];
	scoped_ocsp_answer a = { .status = OCSP_IS_GOOD, .row = { .this_update = this_update }, .generation = 1 };
	struct ocsp_key key = key_of(number);
	buf_init(&a.response, sizeof(bytes));
	buf_put(&a.response, bytes, sizeof(bytes));
	ocsp_cache_keep(c, &key, &a);
}

static int64_t found(struct ocsp_cache *c, uint8_t number, uint64_t *generation)
{
	scoped_ocsp_answer a = { .status = 0 };
	struct ocsp_key key = key_of(number);
	if (!ocsp_cache_find(c, &key, &a))
		return -1;
	assert_int_equal(a.response.len, 1000);
	*generation = a.generation;
	return a.row.this_update;
}

static void what_was_used_longest_ago_makes_room(void **state)
{
	(void)state;
	uint64_t generation;
	struct ocsp_cache *c = ocsp_cache_new(6000); /* room for three or four */
	for (uint8_t i = 1; i <= 3; i++)
		keep(c, i, i);
	assert_int_equal(found(c, 1, &generation), 1);
	for (uint8_t i = 4; i <= 5; i++)
		keep(c, i, i);
	assert_int_equal(found(c, 1, &generation), 1);
	assert_int_equal(found(c, 2, &generation), -1);
	assert_int_equal(found(c, 5, &generation), 5);
	ocsp_cache_free(c);
}

static void a_newer_answer_takes_the_place(void **state)
{
	(void)state;
	uint64_t generation;
	struct ocsp_key key = key_of(1);
	struct ocsp_cache *c = ocsp_cache_new(100000);
	keep(c, 1, 10);
	keep(c, 1, 20);
	assert_int_equal(found(c, 1, &generation), 20);
	ocsp_cache_confirm(c, &key, 10, 7); /* another answer's */
	assert_int_equal(found(c, 1, &generation), 20);
	assert_int_equal(generation, 1);
	ocsp_cache_confirm(c, &key, 20, 7);
	assert_int_equal(found(c, 1, &generation), 20);
	assert_int_equal(generation, 7);
	ocsp_cache_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_have_limits),
		cmocka_unit_test(every_cut_is_malformed),
		cmocka_unit_test(what_was_used_longest_ago_makes_room),
		cmocka_unit_test(a_newer_answer_takes_the_place),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
