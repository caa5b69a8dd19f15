#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "letter/letter.h"
#include "letter/words.h"

static struct buf letter, text, back;

static int room_make(void **state)
{
	(void)state;
	buf_init(&letter, MAX_LETTER);
	buf_init(&text, MAX_LETTER_TEXT);
	buf_init(&back, MAX_LETTER + 4);
	return 0;
}

static int room_free(void **state)
{
	(void)state;
	buf_free(&letter);
	buf_free(&text);
	buf_free(&back);
	return 0;
}

static struct request_letter request(struct slice ask)
{
	struct request_letter r = { .kind = LETTER_CRL,
				    .created = 1700000000,
				    .expires = 1700000000 + 30 * 86400,
				    .ledger_size = 7,
				    .host = slice_text("ca1"),
				    .name = slice_text("root"),
				    .parent = slice_text("a name"),
				    .ask = ask };
	memset(r.nonce, 1, sizeof(r.nonce));
	return r;
}

static void whole_requests_come_back(void **state)
{
	struct request_letter r = request(slice_text("ask")), got;
	uint8_t hash[HASH_SIZE], wanted[HASH_SIZE];
	(void)state;
	request_letter_put(&letter, &r);
	armour_put(&text, "REQUEST", buf_slice(&letter));
	assert_true(buf_ok(&text));
	assert_int_equal(armour_get(buf_slice(&text), "REQUEST", &back, hash), LETTER_OK);
	hash_of(buf_slice(&letter), wanted);
	assert_memory_equal(hash, wanted, HASH_SIZE);
	assert_true(slice_equal(buf_slice(&back), buf_slice(&letter)));
	assert_int_equal(request_letter_get(buf_slice(&back), &got), LETTER_OK);
	assert_int_equal(got.ledger_size, 7);
	assert_true(slice_equal(got.ask, slice_text("ask")));
	buf_clear(&back);
	assert_int_equal(armour_get(buf_slice(&text), "RESPONSE", &back, hash), LETTER_NOT_ONE);
}

static void each_altered_byte_is_found(void **state)
{
	struct request_letter r = request(slice_text("ask"));
	uint8_t hash[HASH_SIZE];
	(void)state;
	request_letter_put(&letter, &r);
	armour_put(&text, "REQUEST", buf_slice(&letter));
	for (size_t i = 0; i < text.len; i++) {
		text.at[i] ^= 1;
		buf_clear(&back);
		assert_int_not_equal(armour_get(buf_slice(&text), "REQUEST", &back, hash), LETTER_OK);
		text.at[i] ^= 1;
	}
	for (size_t i = 0; i < text.len; i++) {
		buf_clear(&back);
		assert_int_not_equal(armour_get((struct slice){ text.at, i }, "REQUEST", &back, hash), LETTER_OK);
	}
	buf_put_text(&text, "\n");
	buf_clear(&back);
	assert_int_equal(armour_get(buf_slice(&text), "REQUEST", &back, hash), LETTER_ALTERED);
}

static void other_ends_of_lines_are_taken(void **state)
{
	struct request_letter r = request(slice_text("ask"));
	scoped_buf dos = { .max = MAX_LETTER_TEXT };
	uint8_t hash[HASH_SIZE];
	(void)state;
	request_letter_put(&letter, &r);
	armour_put(&text, "REQUEST", buf_slice(&letter));
	for (size_t i = 0; i < text.len; i++) {
		if (text.at[i] == '\n')
			buf_put_u8(&dos, '\r');
		buf_put_u8(&dos, text.at[i]);
	}
	assert_int_equal(armour_get(buf_slice(&dos), "REQUEST", &back, hash), LETTER_OK);
}

static void odd_fields_are_refused(void **state)
{
	struct request_letter r = request(slice_text("ask")), got;
	(void)state;
	r.kind = 3;
	request_letter_put(&letter, &r);
	assert_int_equal(request_letter_get(buf_slice(&letter), &got), LETTER_VERSION);
	buf_clear(&letter);
	r = request(slice_text("ask"));
	r.parent.len = 0;
	request_letter_put(&letter, &r);
	assert_int_equal(request_letter_get(buf_slice(&letter), &got), LETTER_MALFORMED);
	buf_clear(&letter);
	r = request(slice_text("ask"));
	request_letter_put(&letter, &r);
	buf_put_u8(&letter, 0);
	assert_int_equal(request_letter_get(buf_slice(&letter), &got), LETTER_MALFORMED);
	letter.at[17] = '2';
	assert_int_equal(request_letter_get(buf_slice(&letter), &got), LETTER_VERSION);
}

static void a_request_is_open_for_a_while(void **state)
{
	struct request_letter r = request(slice_text("ask")), got;
	const struct {
		int64_t created, expires;
		enum letter_refusal wanted;
	} rows[] = {
		{ 1, 2, LETTER_OK },
		{ 1, 1, LETTER_MALFORMED },
		{ 0, 2, LETTER_MALFORMED },
		{ -1, 2, LETTER_MALFORMED },
		{ 5, INT64_MIN, LETTER_MALFORMED },
		{ 5, 5 + MAX_LETTER_OPEN, LETTER_OK },
		{ 5, 6 + MAX_LETTER_OPEN, LETTER_MALFORMED },
		{ 1, INT64_MAX, LETTER_MALFORMED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r.created = rows[i].created;
		r.expires = rows[i].expires;
		buf_clear(&letter);
		request_letter_put(&letter, &r);
		assert_int_equal(request_letter_get(buf_slice(&letter), &got), rows[i].wanted);
	}
}

static enum letter_refusal approved(struct request_letter *r, uint8_t key, struct slice signature, struct buf *raw)
{
	uint8_t hash[HASH_SIZE];
	memset(hash, key, sizeof(hash));
	return approval_add(r, &(struct letter_approval){ SLICE_OF(hash), signature }, raw);
}

static void approvals_change_no_request(void **state)
{
	struct request_letter r = request(slice_text("ask")), got;
	struct buf raw[3] = { { .max = 32768 }, { .max = 32768 }, { .max = 32768 } };
	struct letter_approval a;
	uint8_t before[HASH_SIZE], after[HASH_SIZE];
	(void)state;
	assert_int_equal(request_letter_hash(&r, before), 0);
	assert_int_equal(approved(&r, 7, slice_text("seven"), &raw[0]), LETTER_OK);
	assert_int_equal(approved(&r, 3, slice_text("three"), &raw[1]), LETTER_OK);
	assert_int_equal(approved(&r, 7, slice_text("again"), &raw[2]), LETTER_MALFORMED);
	request_letter_put(&letter, &r);
	assert_int_equal(request_letter_get(buf_slice(&letter), &got), LETTER_OK);
	assert_int_equal(got.approvals.count, 2);
	assert_int_equal(request_letter_hash(&got, after), 0);
	assert_memory_equal(before, after, HASH_SIZE);
	assert_true(approval_next(&got.approvals, &a) && slice_equal(a.signature, slice_text("three")));
	assert_true(approval_next(&got.approvals, &a) && slice_equal(a.signature, slice_text("seven")));
	assert_false(approval_next(&got.approvals, &a));
	for (size_t i = 0; i < 3; i++)
		buf_free(&raw[i]);
}

static void approvals_have_one_form(void **state)
{
	struct request_letter r = request(slice_text("ask")), got;
	uint8_t item[HASH_SIZE + MAX_LETTER_SIGNATURE + 1] = { 5 };
	const struct {
		uint8_t tag;
		size_t len;
		enum letter_refusal wanted;
	} rows[] = {
		{ 0, HASH_SIZE + 1, LETTER_OK },
		{ 0, HASH_SIZE + MAX_LETTER_SIGNATURE, LETTER_OK },
		{ 0, HASH_SIZE, LETTER_MALFORMED },
		{ 0, 0, LETTER_MALFORMED },
		{ 1, HASH_SIZE + 1, LETTER_MALFORMED },
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		scoped_buf raw = { .max = 1024 };
		uint16_t count = 0;
		list_put(&raw, &count, rows[i].tag, (struct slice){ item, rows[i].len });
		r.approvals = list_of(&raw, count);
		buf_clear(&letter);
		request_letter_put(&letter, &r);
		assert_int_equal(request_letter_get(buf_slice(&letter), &got), rows[i].wanted);
	}
	scoped_buf raw = { .max = 2048 };
	uint16_t count = 0;
	list_put(&raw, &count, 0, (struct slice){ item, HASH_SIZE + 1 });
	list_put(&raw, &count, 0, (struct slice){ item, HASH_SIZE + 2 });
	r.approvals = list_of(&raw, count);
	buf_clear(&letter);
	request_letter_put(&letter, &r);
	assert_int_equal(request_letter_get(buf_slice(&letter), &got), LETTER_MALFORMED);
}

static void sixteen_may_approve(void **state)
{
	struct request_letter r = request(slice_text("ask"));
	struct buf raw[MAX_LETTER_APPROVALS + 1];
	(void)state;
	for (uint8_t i = 0; i <= MAX_LETTER_APPROVALS; i++) {
		buf_init(&raw[i], 32768);
		assert_int_equal(approved(&r, i, slice_text("s"), &raw[i]),
				 i < MAX_LETTER_APPROVALS ? LETTER_OK : LETTER_MALFORMED);
	}
	for (size_t i = 0; i <= MAX_LETTER_APPROVALS; i++)
		buf_free(&raw[i]);
}

static enum letter_refusal crl_of(const struct revoked_entry *entries, size_t n, int64_t seconds)
{
	scoped_buf raw = { .max = 65536 }, ask = { .max = 65536 };
	struct crl_letter c = { .number = 1, .seconds = seconds }, got;
	uint16_t count = 0;
	for (size_t i = 0; i < n; i++)
		revoked_put(&raw, &count, &entries[i]);
	c.revoked = list_of(&raw, count);
	crl_letter_put(&ask, &c);
	return buf_ok(&ask) ? crl_letter_get(buf_slice(&ask), &got) : LETTER_MALFORMED;
}

static void revoked_entries_have_one_form(void **state)
{
	struct revoked_entry two[2] = { { 1, 5, slice_text("ab") }, { 4, 6, slice_text("ac") } };
	(void)state;
	assert_int_equal(crl_of(two, 2, 1), LETTER_OK);
	assert_int_equal(crl_of(two, 2, 0), LETTER_MALFORMED);
	assert_int_equal(crl_of(two, 2, MAX_LETTER_SECONDS), LETTER_OK);
	assert_int_equal(crl_of(two, 2, MAX_LETTER_SECONDS + 1), LETTER_MALFORMED);
	two[1].serial = slice_text("ab");
	assert_int_equal(crl_of(two, 2, 1), LETTER_MALFORMED);
	two[1].serial = slice_text("b"); /* shorter, so a smaller number */
	assert_int_equal(crl_of(two, 2, 1), LETTER_MALFORMED);
	two[1].serial = (struct slice){ (const uint8_t *)"\0ac", 3 };
	assert_int_equal(crl_of(two, 2, 1), LETTER_MALFORMED);
	two[1].serial = slice_text("12345678901234567890");
	assert_int_equal(crl_of(two, 2, 1), LETTER_OK);
	two[1].serial = slice_text("123456789012345678901");
	assert_int_equal(crl_of(two, 2, 1), LETTER_MALFORMED);
	two[1].serial = slice_text("ac");
	two[1].reason = 6;
	assert_int_equal(crl_of(two, 2, 1), LETTER_MALFORMED);
	two[1].reason = 10;
	two[1].when = 0;
	assert_int_equal(crl_of(two, 2, 1), LETTER_MALFORMED);
}

static void words_differ(void **state)
{
	static const char *const all[] = {
#define WORD(text) text,
#include "letter/words.def"
#undef WORD
	};
	char before[MAX_WORDS_TEXT], now[MAX_WORDS_TEXT];
	uint8_t hash[HASH_SIZE] = { 0 };
	(void)state;
	assert_int_equal(sizeof(all) / sizeof(all[0]), 1024);
	for (size_t i = 1; i < 1024; i++)
		assert_true(strcmp(all[i - 1], all[i]) < 0);
	words_of(hash, before);
	for (int bit = 0; bit < 80; bit++) {
		hash[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
		words_of(hash, now);
		assert_string_not_equal(now, before);
		hash[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
	}
	hash[10] = 0xff;
	words_of(hash, now);
	assert_string_equal(now, before);
	memset(hash, 0, sizeof(hash));
	hash[1] = 0x40; /* the first ten bits are 1 */
	words_of(hash, now);
	assert_int_equal(strncmp(now, all[1], strlen(all[1])), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, room_make, room_free)
	const struct CMUnitTest tests[] = {
		TEST(whole_requests_come_back),
		TEST(each_altered_byte_is_found),
		TEST(other_ends_of_lines_are_taken),
		TEST(odd_fields_are_refused),
		TEST(a_request_is_open_for_a_while),
		TEST(approvals_change_no_request),
		TEST(approvals_have_one_form),
		TEST(sixteen_may_approve),
		TEST(revoked_entries_have_one_form),
		TEST(words_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
