/* base/pack: every field kind there and back, each limit at the limit and one past it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/pack.h"

#include "base/pack_struct.h"
struct sample {
	U8(a) U16(b) U32(c) U64(d) TIME(t) FIXED(f, 4) BYTES(y, 8) BLOB(z, 70000) TEXT(x, 8) LIST(l, 2, 3)
};
static const struct pack_field *sample_fields(void)
{
	typedef struct sample THIS;
#include "base/pack_fields.h"
	static const struct pack_field fields[] = { U8(a) U16(b) U32(c) U64(d) TIME(t) FIXED(f, 4) BYTES(y, 8)
							    BLOB(z, 70000) TEXT(x, 8) LIST(l, 2, 3){ 0 } };
#include "base/pack_done.h"
	return fields;
}

static void sample_pack(struct buf *out, struct buf *items)
{
	struct sample s = {
		1, 2, 3, 4, -5, { 9, 8, 7, 6 }, slice_text("bytes"), slice_text("blob"), slice_text("text"), { 0 }
	};
	list_put(items, &s.l.count, 7, slice_text("one"));
	list_put(items, &s.l.count, 8, slice_text(""));
	s.l.raw = buf_slice(items);
	pack_put(out, sample_fields(), &s);
	assert_true(buf_ok(out));
}

static void comes_back_as_it_went(void **state)
{
	(void)state;
	scoped_buf out = { .max = 4096 }, items = { .max = 64 };
	sample_pack(&out, &items);
	struct sample back;
	const char *where;
	assert_int_equal(pack_get(buf_slice(&out), sample_fields(), &back, &where), PACK_OK);
	assert_int_equal(back.a + back.b + (int)back.c + (int)back.d + (int)back.t, 5);
	assert_memory_equal(back.f, "\x09\x08\x07\x06", 4);
	assert_true(slice_equal(back.x, slice_text("text")));
	uint8_t tag;
	struct slice item;
	assert_true(list_next(&back.l, &tag, &item) && tag == 7 && slice_equal(item, slice_text("one")));
	assert_true(list_next(&back.l, &tag, &item) && tag == 8 && item.len == 0);
	assert_false(list_next(&back.l, &tag, &item));
}

static void every_cut_is_short(void **state)
{
	(void)state;
	scoped_buf out = { .max = 4096 }, items = { .max = 64 };
	sample_pack(&out, &items);
	for (size_t n = 0; n < out.len; n++) {
		struct sample back;
		const char *where;
		assert_int_equal(pack_get((struct slice){ out.at, n }, sample_fields(), &back, &where), PACK_SHORT);
		assert_non_null(where);
	}
	buf_put_u8(&out, 0);
	struct sample back;
	const char *where;
	assert_int_equal(pack_get(buf_slice(&out), sample_fields(), &back, &where), PACK_LEFT_OVER);
	assert_null(where);
}

struct text_only {
	struct slice x;
};
static const struct pack_field text_only_fields[] = { { "x", PACK_TEXT, 0, 8, 0 }, { 0 } };

static enum pack_refusal text_refusal(const char *bytes, size_t n)
{
	scoped_buf b = { .max = 64 };
	buf_put_u16(&b, (uint16_t)n);
	buf_put(&b, bytes, n);
	struct text_only t;
	const char *where;
	return pack_get(buf_slice(&b), text_only_fields, &t, &where);
}

static void texts_are_texts(void **state)
{
	(void)state;
	assert_int_equal(text_refusal("12345678", 8), PACK_OK);
	assert_int_equal(text_refusal("123456789", 9), PACK_TOO_LONG);
	assert_int_equal(text_refusal("a\0b", 3), PACK_BAD_TEXT);
	assert_int_equal(text_refusal("\xc3\xa4", 2), PACK_OK);
	assert_int_equal(text_refusal("\xc0\x80", 2), PACK_BAD_TEXT);
	assert_int_equal(text_refusal("\xed\xa0\x80", 3), PACK_BAD_TEXT);
}

static void lists_hold_their_limits(void **state)
{
	(void)state;
	static const struct pack_field fields[] = { { "l", PACK_LIST, 0, 2, 3 }, { 0 } };
	struct list l = { 0 };
	scoped_buf items = { .max = 64 }, out = { .max = 64 };
	for (int i = 0; i < 3; i++)
		list_put(&items, &l.count, 1, slice_text("abc"));
	l.raw = buf_slice(&items);
	pack_put(&out, fields, &l);
	assert_false(buf_ok(&out));
	buf_clear(&out);
	buf_put(&out, "\x03\0\x01\0\0\x01\0\0\x01\0\0", 11);
	const char *where;
	assert_int_equal(pack_get(buf_slice(&out), fields, &l, &where), PACK_TOO_LONG);
	buf_clear(&out);
	buf_put(&out, "\x01\0\x01\x04\0abcd", 9);
	assert_int_equal(pack_get(buf_slice(&out), fields, &l, &where), PACK_TOO_LONG);
}

static void lists_are_searched_and_compared(void **state)
{
	(void)state;
	scoped_buf one = { .max = 64 }, other = { .max = 64 };
	uint16_t n = 0, m = 0;
	list_put(&one, &n, 1, slice_text("a"));
	list_put(&one, &n, 2, slice_text("b"));
	list_put(&other, &m, 1, slice_text("a"));
	assert_true(list_holds(list_of(&one, n), 2, slice_text("b")));
	assert_false(list_holds(list_of(&one, n), 1, slice_text("b")));
	assert_false(list_holds(list_of(&one, n), 2, slice_text("bb")));
	assert_false(list_holds(list_of(&one, 0), 1, slice_text("a")));
	assert_false(list_equal(list_of(&one, n), list_of(&other, m)));
	list_put(&other, &m, 2, slice_text("b"));
	assert_true(list_equal(list_of(&one, n), list_of(&other, m)));
}

static void a_full_buffer_stays_broken(void **state)
{
	(void)state;
	scoped_buf b = { .max = 4 };
	buf_put_u32(&b, 1);
	assert_true(buf_ok(&b));
	buf_put_u8(&b, 1);
	assert_false(buf_ok(&b));
	buf_put(&b, "", 0);
	assert_false(buf_ok(&b));
	assert_int_equal(b.len, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back_as_it_went),
		cmocka_unit_test(every_cut_is_short),
		cmocka_unit_test(texts_are_texts),
		cmocka_unit_test(lists_hold_their_limits),
		cmocka_unit_test(lists_are_searched_and_compared),
		cmocka_unit_test(a_full_buffer_stays_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
