/* names/dn: what a directory name may hold, how two compare, and the text form there and back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/dn.h"

struct dn {
	struct buf raw;
	uint16_t count;
};

static struct dn dn_from(const char *text)
{
	struct dn d = { .count = 0 };
	const char *why;
	buf_init(&d.raw, 65536);
	assert_true(dn_parse(text, &d.raw, &d.count, &why));
	return d;
}

static bool one_value(uint8_t attribute, const void *value, size_t len)
{
	struct dn d = { .count = 0 };
	const char *why = NULL;
	uint8_t culprit;
	buf_init(&d.raw, 65536);
	list_put(&d.raw, &d.count, attribute, (struct slice){ value, len });
	bool ok = dn_check(list_of(&d.raw, d.count), &culprit, &why);
	assert_int_equal(culprit, attribute);
	assert_true(ok || why);
	buf_free(&d.raw);
	return ok;
}

static bool text_value(uint8_t attribute, const char *value)
{
	return one_value(attribute, value, strlen(value));
}

static bool compare(bool (*how)(struct list, struct list), const char *a, const char *b)
{
	struct dn x = dn_from(a), y = dn_from(b);
	bool r = how(list_of(&x.raw, x.count), list_of(&y.raw, y.count));
	buf_free(&x.raw);
	buf_free(&y.raw);
	return r;
}

static void values_are_checked(void **state)
{
	(void)state;
	char long_text[1100];
	memset(long_text, 'a', sizeof(long_text));
	assert_true(one_value(DN_COMMON_NAME, long_text, 64));
	assert_false(one_value(DN_COMMON_NAME, long_text, 65));
	assert_true(one_value(DN_LOCALITY, long_text, 128));
	assert_false(one_value(DN_LOCALITY, long_text, 129));
	assert_true(one_value(DN_SURNAME, long_text, MAX_DN_VALUE));
	assert_false(one_value(DN_SURNAME, long_text, MAX_DN_VALUE + 1));
	assert_true(text_value(DN_COMMON_NAME, "M\xc3\xbcller & S\xc3\xb6hne"));
	assert_false(text_value(DN_COMMON_NAME, ""));
	assert_false(text_value(DN_COMMON_NAME, "   "));
	assert_false(text_value(DN_COMMON_NAME, "a\nb"));
	assert_false(one_value(DN_COMMON_NAME, "a\0b", 3));
	assert_false(text_value(DN_COMMON_NAME, "a\xe2\x80\xae"
						"b")); /* right-to-left override */
	assert_false(text_value(DN_COMMON_NAME, "a\xff"));
	assert_true(text_value(DN_COUNTRY, "DE"));
	assert_false(text_value(DN_COUNTRY, "de"));
	assert_false(text_value(DN_COUNTRY, "DEU"));
	assert_false(text_value(DN_COUNTRY, "D"));
	assert_true(text_value(DN_SERIAL_NUMBER, "A-1 (x)"));
	assert_false(text_value(DN_SERIAL_NUMBER, "a*1"));
	assert_true(text_value(DN_EMAIL_ADDRESS, "a*1@x"));
	assert_false(text_value(DN_EMAIL_ADDRESS, "m\xc3\xbc@x"));
	assert_false(text_value(0, "x"));
	assert_false(text_value(16, "x"));
}

static void at_most_32_attributes(void **state)
{
	(void)state;
	struct dn d = { .count = 0 };
	uint8_t culprit;
	const char *why;
	buf_init(&d.raw, 65536);
	for (int i = 0; i < MAX_DN_ATTRIBUTES; i++)
		list_put(&d.raw, &d.count, DN_ORGANIZATIONAL_UNIT, slice_text("x"));
	assert_true(dn_check(list_of(&d.raw, d.count), &culprit, &why));
	list_put(&d.raw, &d.count, DN_ORGANIZATIONAL_UNIT, slice_text("x"));
	assert_false(dn_check(list_of(&d.raw, d.count), &culprit, &why));
	/* A count that the bytes do not bear out. */
	assert_false(dn_check((struct list){ 2, { d.raw.at, 4 } }, &culprit, &why));
	assert_false(dn_check((struct list){ 1, { d.raw.at, 8 } }, &culprit, &why));
	assert_true(dn_check((struct list){ 0, { NULL, 0 } }, &culprit, &why));
	buf_free(&d.raw);
}

static void names_compare_folded(void **state)
{
	(void)state;
	assert_true(compare(dn_equal, "CN=Example  Root", "cn=\\ example ROOT\\ "));
	assert_false(compare(dn_equal, "CN=Example Root", "CN=ExampleRoot"));
	assert_false(compare(dn_equal, "CN=a, O=b", "O=b, CN=a"));
	assert_false(compare(dn_equal, "CN=a", "O=a"));
	assert_false(compare(dn_equal, "CN=a", "CN=a, O=b"));
	assert_false(compare(dn_equal, "CN=\xc3\xbc", "CN=\xc3\x9c")); /* non-ASCII is not folded */
	assert_true(compare(dn_within, "C=DE, O=x, CN=y", "C=DE, O=X"));
	assert_true(compare(dn_within, "C=DE", "C=DE"));
	assert_false(compare(dn_within, "C=DE", "C=DE, O=x"));
	assert_false(compare(dn_within, "C=DE, O=xy", "C=DE, O=x"));
	assert_false(compare(dn_within, "O=x, C=DE", "C=DE"));
}

static void text_goes_there_and_back(void **state)
{
	(void)state;
	static const char *const same[] = {
		"CN=Root",
		"CN=Root, O=Example",
		"C=DE, O=A\\, B\\+C \\<x\\>\\;\\\"\\\\\\=\\#",
		"CN=\\ a  b\\ , emailAddress=a@example.com, DC=example",
		"O=M\xc3\xbcller",
	};
	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++) {
		struct dn d = dn_from(same[i]);
		scoped_buf out;
		buf_init(&out, 4096);
		dn_print(list_of(&d.raw, d.count), &out);
		buf_put_u8(&out, 0);
		assert_string_equal((char *)out.at, same[i]);
		buf_free(&d.raw);
	}
	assert_true(compare(dn_equal, "cn = Root ,o= Example ", "CN=Root, O=Example"));
}

static void bad_text_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"",	 "CN",	      "CN=",	"CN=a,",   "CN=a, ,O=b", "XX=a",   "=a",
		"CN=  ", "CN=a+OU=b", "CN=a\\", "CN=a\\x", "CN=\"a\"",	 "CN x=a", "CN=a;O=b"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dn d = { .count = 0 };
		const char *why = NULL;
		buf_init(&d.raw, 4096);
		assert_false(dn_parse(bad[i], &d.raw, &d.count, &why));
		assert_non_null(why);
		buf_free(&d.raw);
	}
}

static void kinds_are_found(void **state)
{
	(void)state;
	for (uint8_t i = DN_COMMON_NAME; i <= DN_GIVEN_NAME; i++) {
		const struct dn_kind *k = dn_kind(i);
		assert_non_null(k);
		assert_ptr_equal(dn_kind_by_oid(k->oid), k);
		assert_ptr_equal(dn_kind_by_name(k->short_name, strlen(k->short_name)), k);
	}
	assert_null(dn_kind(0));
	assert_null(dn_kind(DN_GIVEN_NAME + 1));
	assert_null(dn_kind_by_oid(slice_text("x")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_checked),	cmocka_unit_test(at_most_32_attributes),
		cmocka_unit_test(names_compare_folded), cmocka_unit_test(text_goes_there_and_back),
		cmocka_unit_test(bad_text_is_refused),	cmocka_unit_test(kinds_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
