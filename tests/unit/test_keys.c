/* signd/keys: binding and binding anew, what a closed key stays, whose name a subject is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/x509.h>

#include "signd/keys.h"

static const uint8_t id[KEY_ID_SIZE] = "0123456789abcdef";

static struct key *new_key(const uint8_t key_id[KEY_ID_SIZE])
{
	unsigned char *der = NULL;
	EVP_PKEY *pair = EVP_EC_gen("P-256");
	int n = i2d_PUBKEY(pair, &der);
	struct key *k = key_new(key_id, slice_text("main"), slice_text("x"), (struct slice){ der, (size_t)n });
	OPENSSL_free(der);
	EVP_PKEY_free(pair);
	assert_non_null(k);
	return k;
}

static int bind(struct key *k, const char *subject, uint16_t path_len, int64_t not_after)
{
	scoped_buf packed = { .max = 4096 };
	struct charter c = { .token = slice_text("main"),
			     .public_key = buf_slice(&k->public_key),
			     .subject = slice_text(subject),
			     .path_len = path_len };
	memcpy(c.key_id, k->id, KEY_ID_SIZE);
	charter_put(&packed, &c);
	return key_bind(k, buf_slice(&packed), 0, not_after);
}

static void binding_anew_replaces_the_charter(void **state)
{
	(void)state;
	struct key *k = new_key(id);
	assert_int_equal(bind(k, "one", 3, 100), 0);
	size_t size = k->charter_bytes.len;
	assert_int_equal(bind(k, "one", 3, 200), 0);
	assert_int_equal(k->state, KEY_STATE_BOUND);
	assert_int_equal(k->charter_bytes.len, size);
	assert_int_equal(k->not_after, 200);
	assert_int_equal(k->charter.path_len, 3);
	assert_true(k->charter.subject.at > k->charter_bytes.at &&
		    k->charter.subject.at < k->charter_bytes.at + k->charter_bytes.len);
	assert_true(slice_equal(k->charter.subject, slice_text("one")));
	key_free(k);
}

static void a_charter_that_does_not_fit_changes_nothing(void **state)
{
	(void)state;
	struct key *k = new_key(id), *other = new_key(id);
	assert_int_equal(bind(k, "one", 3, 100), 0);
	assert_int_equal(bind(other, "two", 1, 100), 0);
	assert_int_not_equal(key_bind(k, buf_slice(&other->charter_bytes), 0, 500), 0);
	assert_int_not_equal(key_bind(k, slice_text("no charter"), 0, 500), 0);
	assert_true(slice_equal(k->charter.subject, slice_text("one")));
	assert_int_equal(k->not_after, 100);
	key_free(k);
	key_free(other);
}

static void a_closed_key_stays_closed(void **state)
{
	(void)state;
	struct key *k = new_key(id);
	assert_int_equal(bind(k, "one", 3, 100), 0);
	k->state = KEY_STATE_CLOSED;
	assert_int_equal(bind(k, "one", 3, 200), 0);
	assert_int_equal(k->state, KEY_STATE_CLOSED);
	assert_int_equal(k->not_after, 200);
	key_free(k);
}

static void a_subject_belongs_to_one_key(void **state)
{
	(void)state;
	struct keys keys = { 0 };
	struct key *k = new_key(id);
	struct slice own = buf_slice(&k->public_key), other = slice_text("another key");
	assert_int_equal(keys_add(&keys, k), 0);
	assert_false(keys_subject_taken(&keys, slice_text("one"), other));
	key_reserve(k, slice_text("one"));
	assert_true(keys_subject_taken(&keys, slice_text("one"), other));
	assert_false(keys_subject_taken(&keys, slice_text("one"), own));
	assert_int_equal(bind(k, "one", 3, 100), 0);
	assert_true(keys_subject_taken(&keys, slice_text("one"), other));
	assert_false(keys_subject_taken(&keys, slice_text("one"), own));
	assert_int_equal(keys_know(&keys, slice_text("outside"), other), 0);
	size_t size = keys.outside.len;
	assert_int_equal(keys_know(&keys, slice_text("outside"), other), 0);
	assert_int_equal(keys.outside.len, size); /* known once */
	assert_true(keys_subject_taken(&keys, slice_text("outside"), own));
	assert_false(keys_subject_taken(&keys, slice_text("outside"), other));
	keys_free(&keys);
}

static void keys_come_and_go(void **state)
{
	(void)state;
	struct keys keys = { 0 };
	uint8_t name[KEY_ID_SIZE] = { 0 };
	struct key *all[5];
	for (uint8_t i = 0; i < 5; i++) {
		name[0] = i;
		all[i] = new_key(name);
		assert_int_equal(keys_add(&keys, all[i]), 0);
	}
	for (uint8_t round = 0; round < 3; round++) { /* around a power of two, where the table grows */
		keys_remove(&keys, all[4]);
		keys_remove(&keys, all[1]);
		assert_int_equal(keys.count, 3);
		name[0] = 1;
		assert_null(keys_find(&keys, name));
		assert_null(keys_by_public(&keys, buf_slice(&all[1]->public_key)));
		assert_ptr_equal(keys_by_public(&keys, buf_slice(&all[3]->public_key)), all[3]);
		assert_int_equal(keys_add(&keys, all[1]), 0);
		assert_int_equal(keys_add(&keys, all[4]), 0);
		assert_ptr_equal(keys_find(&keys, name), all[1]);
	}
	keys_free(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(binding_anew_replaces_the_charter),
		cmocka_unit_test(a_charter_that_does_not_fit_changes_nothing),
		cmocka_unit_test(a_closed_key_stays_closed),
		cmocka_unit_test(a_subject_belongs_to_one_key),
		cmocka_unit_test(keys_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
