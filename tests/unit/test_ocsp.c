/*
 * frontd/ocsp_request: limits at the limit and one past it. frontd/ocsp_cache: what is kept, and what makes room.
 * frontd/ocsp_check: what came back from the signer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/ocsp.h>

#include "frontd/ocsp_cache.h"
#include "frontd/ocsp_check.h"
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

static void keep_judged(struct ocsp_cache *c, uint8_t number, int64_t this_update, uint64_t generation)
{
	static const uint8_t bytes[1000];
	scoped_ocsp_answer a = { .status = OCSP_IS_GOOD,
				 .row = { .this_update = this_update },
				 .generation = generation };
	struct ocsp_key key = key_of(number);
	snprintf(a.etag, sizeof(a.etag), "%lld", (long long)this_update);
	buf_init(&a.response, sizeof(bytes));
	buf_put(&a.response, bytes, sizeof(bytes));
	ocsp_cache_keep(c, &key, &a);
}

static void keep(struct ocsp_cache *c, uint8_t number, int64_t this_update)
{
	keep_judged(c, number, this_update, 1);
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

/* Each byte of the question counts: nobody gets another's answer. */
static void an_answer_is_for_one_question(void **state)
{
	(void)state;
	struct ocsp_cache *c = ocsp_cache_new(100000);
	const struct ocsp_key own = key_of(1);
	keep(c, 1, 10);
	for (size_t i = 0; i < sizeof(own); i++) {
		scoped_ocsp_answer a = { .status = 0 };
		struct ocsp_key other = own;
		((uint8_t *)&other)[i] ^= 1;
		assert_false(ocsp_cache_find(c, &other, &a));
	}
	scoped_ocsp_answer a = { .status = 0 };
	assert_true(ocsp_cache_find(c, &own, &a));
	ocsp_cache_free(c);
}

static void a_newer_answer_takes_the_place(void **state)
{
	(void)state;
	uint64_t generation;
	struct ocsp_cache *c = ocsp_cache_new(100000);
	keep(c, 1, 10);
	keep(c, 1, 20);
	assert_int_equal(found(c, 1, &generation), 20);
	keep_judged(c, 1, 30, 3);
	assert_int_equal(found(c, 1, &generation), 30);
	assert_int_equal(generation, 3);
	keep_judged(c, 1, 40, 2); /* the token took its time; what was judged meanwhile knows more */
	assert_int_equal(found(c, 1, &generation), 30);
	assert_int_equal(generation, 3);
	ocsp_cache_free(c);
}

/* Somebody found an answer and looks whether it holds still; before he says so another one took its place. */
static void what_was_found_is_confirmed(void **state)
{
	(void)state;
	uint64_t generation;
	struct ocsp_key key = key_of(1);
	struct ocsp_cache *c = ocsp_cache_new(100000);
	scoped_ocsp_answer one = { .status = 0 };
	keep(c, 1, 10);
	assert_true(ocsp_cache_find(c, &key, &one));
	ocsp_cache_confirm(c, &key, &one, 7);
	assert_int_equal(found(c, 1, &generation), 10);
	assert_int_equal(generation, 7);
	ocsp_cache_confirm(c, &key, &one, 6); /* never back */
	assert_int_equal(found(c, 1, &generation), 10);
	assert_int_equal(generation, 7);
	keep_judged(c, 1, 11, 8);
	ocsp_cache_confirm(c, &key, &one, 9);
	assert_int_equal(found(c, 1, &generation), 11);
	assert_int_equal(generation, 8);
	ocsp_cache_free(c);
}

/* A CA that is its own responder, an answer of its about its own certificate, and what was asked for. */
struct world {
	EVP_PKEY *key;
	X509 *ca;
	struct ocsp_issuer issuer;
	struct ocsp_single_answer one;
	struct buf public_key, response;
};

static void name_it(X509 *x)
{
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)"CA", 2, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(x));
}

static void sha1_of(const struct world *w, struct ocsp_issuer *out)
{
	memset(out, 0, sizeof(*out));
	X509_NAME_digest(X509_get_subject_name(w->ca), EVP_sha1(), out->by[CERT_ID_SHA1].name,
			 &out->by[CERT_ID_SHA1].size);
	X509_pubkey_digest(w->ca, EVP_sha1(), out->by[CERT_ID_SHA1].key, NULL);
}

static void answer_put(struct world *w)
{
	uint8_t *der = NULL, nonce[] = "nonce";
	OCSP_BASICRESP *basic = OCSP_BASICRESP_new();
	OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), w->ca, w->ca);
	ASN1_TIME *from = ASN1_GENERALIZEDTIME_set(NULL, 1000), *to = ASN1_GENERALIZEDTIME_set(NULL, 2000);
	OCSP_basic_add1_status(basic, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, from, to);
	OCSP_basic_add1_nonce(basic, nonce, 5);
	assert_int_equal(OCSP_basic_sign(basic, w->ca, w->key, EVP_sha256(), NULL, 0), 1);
	OCSP_RESPONSE *r = OCSP_response_create(OCSP_RESPONSE_STATUS_SUCCESSFUL, basic);
	int n = i2d_OCSP_RESPONSE(r, &der);
	buf_put(&w->response, der, (size_t)n);
	OPENSSL_free(der);
	OCSP_RESPONSE_free(r);
	ASN1_TIME_free(from);
	ASN1_TIME_free(to);
	OCSP_CERTID_free(id);
	OCSP_BASICRESP_free(basic);
}

static void world_make(struct world *w)
{
	uint8_t *der = NULL;
	*w = (struct world){
		.key = EVP_EC_gen("P-256"), .ca = X509_new(), .public_key.max = 1024, .response.max = 8192
	};
	X509_set_version(w->ca, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(w->ca), 7);
	name_it(w->ca);
	X509_gmtime_adj(X509_getm_notBefore(w->ca), 0);
	X509_gmtime_adj(X509_getm_notAfter(w->ca), 1000);
	X509_set_pubkey(w->ca, w->key);
	assert_true(X509_sign(w->ca, w->key, EVP_sha256()) > 0);
	int n = i2d_PUBKEY(w->key, &der);
	buf_put(&w->public_key, der, (size_t)n);
	OPENSSL_free(der);
	sha1_of(w, &w->issuer);
	w->one = (struct ocsp_single_answer){
		OCSP_IS_GOOD,
		{ .hash = CERT_ID_SHA1, .serial[ROW_SERIAL_SIZE - 1] = 7, .this_update = 1000, .next_update = 2000 }
	};
	answer_put(w);
}

static void world_free(struct world *w)
{
	EVP_PKEY_free(w->key);
	X509_free(w->ca);
	buf_free(&w->public_key);
	buf_free(&w->response);
}

static int checked(const struct world *w, const char *nonce)
{
	char why[OCSP_WHY];
	const struct ocsp_asked_for asked = { &w->issuer, buf_slice(&w->public_key), &w->one, 1, slice_text(nonce) };
	return ocsp_check(buf_slice(&w->response), &asked, why);
}

#define WRONG(change)                                                                                                  \
	do {                                                                                                           \
		struct world bent = w;                                                                                 \
		change;                                                                                                \
		assert_int_equal(checked(&bent, "nonce"), 1);                                                          \
	} while (0)

static void an_answer_says_what_was_asked_for(void **state)
{
	(void)state;
	struct world w, other;
	world_make(&w);
	world_make(&other);
	assert_int_equal(checked(&w, "nonce"), 0);
	assert_int_equal(checked(&w, ""), 1);
	assert_int_equal(checked(&w, "nonc"), 1);
	WRONG(bent.one.row.serial[0] = 1);
	WRONG(bent.one.row.this_update++);
	WRONG(bent.one.row.next_update++);
	WRONG(bent.one.status = OCSP_IS_UNKNOWN);
	WRONG(bent.one.status = OCSP_IS_REVOKED);
	WRONG(bent.issuer.by[CERT_ID_SHA1].name[0] ^= 1);
	WRONG(bent.issuer.by[CERT_ID_SHA1].key[19] ^= 1);
	WRONG((bent.one.row.hash = CERT_ID_SHA256, bent.issuer.by[CERT_ID_SHA256] = bent.issuer.by[CERT_ID_SHA1]));
	WRONG(bent.public_key = other.public_key); /* another responder's */
	uint8_t *produced = memmem(w.response.at, w.response.len,
				   "\x18\x0f"
				   "20",
				   4);
	assert_non_null(produced); /* the first time in it is producedAt, which only the signature covers */
	produced[15] ^= 1;
	assert_int_equal(checked(&w, "nonce"), 1);
	produced[15] ^= 1;
	assert_int_equal(checked(&w, "nonce"), 0);
	world_free(&other);
	world_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_have_limits),
		cmocka_unit_test(every_cut_is_malformed),
		cmocka_unit_test(what_was_used_longest_ago_makes_room),
		cmocka_unit_test(an_answer_is_for_one_question),
		cmocka_unit_test(a_newer_answer_takes_the_place),
		cmocka_unit_test(what_was_found_is_confirmed),
		cmocka_unit_test(an_answer_says_what_was_asked_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
