/* ledger/checkpoint: notes under each kind of key, there and back, and bent at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "ledger/checkpoint.h"

static const struct checkpoint sample = { .ledger_id = { 0xab, 1 }, .size = 1234567, .root = { 1, 2, 3 } };

struct log_key {
	EVP_PKEY *key;
	uint8_t spki[1024];
	size_t spki_size;
};

static void key_make(struct log_key *k, const char *kind)
{
	k->key = strncmp(kind, "P-", 2) == 0 ? EVP_EC_gen(kind)
		 : strcmp(kind, "RSA") == 0  ? EVP_RSA_gen(2048)
		 : strcmp(kind, "weak") == 0 ? EVP_RSA_gen(1024)
					     : EVP_PKEY_Q_keygen(NULL, NULL, kind);
	assert_non_null(k->key);
	unsigned char *at = k->spki;
	k->spki_size = (size_t)i2d_PUBKEY(k->key, &at);
}

static struct slice spki_of(const struct log_key *k)
{
	return (struct slice){ k->spki, k->spki_size };
}

static void note_make(const struct log_key *k, struct buf *note)
{
	scoped_buf text = { .max = MAX_NOTE };
	uint8_t signature[1024];
	size_t n = sizeof(signature);
	const char *digest = EVP_PKEY_is_a(k->key, "ED25519") || EVP_PKEY_is_a(k->key, "ED448") ? NULL : "SHA256";
	checkpoint_text(&sample, &text);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_int_equal(EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, k->key, NULL), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &n, text.at, text.len), 1);
	EVP_MD_CTX_free(ctx);
	checkpoint_note(&sample, spki_of(k), (struct slice){ signature, n }, note);
}

static void each_kind_of_key_comes_back_and_no_bent_note(void **state)
{
	(void)state;
	static const char *const kinds[] = { "P-256", "P-384", "P-521", "RSA", "ED25519" };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct log_key k, other;
		scoped_buf note = { .max = MAX_NOTE };
		struct checkpoint c;
		key_make(&k, kinds[i]);
		key_make(&other, kinds[i]);
		note_make(&k, &note);
		assert_true(buf_ok(&note));
		assert_int_equal(checkpoint_read(buf_slice(&note), spki_of(&k), &c), 0);
		assert_int_equal(c.size, sample.size);
		assert_memory_equal(c.root, sample.root, HASH_SIZE);
		assert_memory_equal(c.ledger_id, sample.ledger_id, 16);
		assert_true(checkpoint_read(buf_slice(&note), spki_of(&other), &c) > 0);
		for (size_t at = 0; at < note.len; at++) {
			note.at[at] ^= 1;
			assert_true(checkpoint_read(buf_slice(&note), spki_of(&k), &c) > 0);
			note.at[at] ^= 1;
			assert_true(checkpoint_read((struct slice){ note.at, at }, spki_of(&k), &c) > 0);
		}
		EVP_PKEY_free(k.key);
		EVP_PKEY_free(other.key);
	}
}

static void the_text_is_as_the_specification_has_it(void **state)
{
	(void)state;
	scoped_buf text = { .max = MAX_NOTE };
	checkpoint_text(&sample, &text);
	assert_true(slice_equal(buf_slice(&text), slice_text("chancery/ab010000000000000000000000000000\n1234567\n"
							     "AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n")));
}

static void signatures_of_witnesses_stand_beside_ours(void **state)
{
	(void)state;
	struct log_key k;
	scoped_buf note = { .max = MAX_NOTE + 1 };
	struct checkpoint c;
	key_make(&k, "P-256");
	note_make(&k, &note);
	for (int i = 1; i < 16; i++)
		buf_put_text(&note, "\xe2\x80\x94 witness.example AAAAAAAA\n");
	assert_int_equal(checkpoint_read(buf_slice(&note), spki_of(&k), &c), 0);
	scoped_buf more = { .max = MAX_NOTE };
	buf_put_slice(&more, buf_slice(&note));
	buf_put_text(&more, "\xe2\x80\x94 witness.example AAAAAAAA\n");
	assert_true(checkpoint_read(buf_slice(&more), spki_of(&k), &c) > 0);
	buf_put_text(&note, "no dash\n");
	assert_true(checkpoint_read(buf_slice(&note), spki_of(&k), &c) > 0);
	EVP_PKEY_free(k.key);
}

static void other_keys_are_no_log_keys(void **state)
{
	(void)state;
	static const char *const kinds[] = { "weak", "ED448", "P-224" };
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		struct log_key k;
		scoped_buf note = { .max = MAX_NOTE };
		key_make(&k, kinds[i]);
		note_make(&k, &note);
		assert_false(buf_ok(&note));
		EVP_PKEY_free(k.key);
	}
	struct checkpoint c;
	assert_true(checkpoint_read(slice_text("chancery/"), slice_text("no key"), &c) > 0);
	assert_true(checkpoint_read(slice_text(""), slice_text(""), &c) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_of_key_comes_back_and_no_bent_note),
		cmocka_unit_test(the_text_is_as_the_specification_has_it),
		cmocka_unit_test(signatures_of_witnesses_stand_beside_ours),
		cmocka_unit_test(other_keys_are_no_log_keys),
	};
	return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}
