/* names/constraints: the algebra by cases; test_constraints_properties.c has its laws. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "names/constraints.h"
#include "names/dn.h"

static void put(struct buf *raw, uint16_t *count, enum name_use use, const char *text)
{
	uint8_t type;
	const char *why = "";
	scoped_buf value;
	buf_init(&value, MAX_NAME);
	if (!name_parse(use, text, &type, &value, &why))
		fail_msg("%s: %s", text, why);
	list_put(raw, count, type, buf_slice(&value));
}

/* "permitted ... | excluded ...", separated by ';'. */
static void set_from(struct constraints_buf *b, const char *text)
{
	char copy[512];
	snprintf(copy, sizeof(copy), "%s", text);
	constraints_buf_init(b);
	char *bar = strchr(copy, '|'), *save;
	*bar = '\0';
	for (char *at = strtok_r(copy, ";", &save); at; at = strtok_r(NULL, ";", &save))
		put(&b->permitted, &b->permitted_count, AS_SUBTREE, at);
	for (char *at = strtok_r(bar + 1, ";", &save); at; at = strtok_r(NULL, ";", &save))
		put(&b->excluded, &b->excluded_count, AS_SUBTREE, at);
}
#define scoped_set __attribute__((cleanup(constraints_buf_free))) struct constraints_buf

static enum constraints_answer admit(const char *set, const char *text)
{
	scoped_set b;
	scoped_buf raw;
	uint16_t count = 0;
	uint8_t type;
	struct slice name;
	set_from(&b, set);
	buf_init(&raw, 4096);
	put(&raw, &count, AS_NAME, text);
	struct list l = list_of(&raw, count);
	list_next(&l, &type, &name);
	struct constraints c = constraints_of(&b);
	return constraints_admit(&c, type, name);
}

static enum constraints_answer narrower(const char *child, const char *parent)
{
	scoped_set a, b;
	uint8_t type;
	struct slice culprit;
	set_from(&a, child);
	set_from(&b, parent);
	struct constraints x = constraints_of(&a), y = constraints_of(&b);
	return constraints_narrower(&x, &y, &type, &culprit);
}

static void names_are_admitted(void **state)
{
	(void)state;
	assert_int_equal(admit("example.com|", "a.example.com"), CONSTRAINTS_OK);
	assert_int_equal(admit("example.com|", "notexample.com"), CONSTRAINTS_NOT_PERMITTED);
	assert_int_equal(admit("example.com|", "ip:10.0.0.1"), CONSTRAINTS_OK);
	assert_int_equal(admit("example.com|secret.example.com", "*.example.com"), CONSTRAINTS_EXCLUDED);
	assert_int_equal(admit("example.com|secret.example.com", "x.SECRET.example.com"), CONSTRAINTS_EXCLUDED);
	assert_int_equal(admit("ip:10.0.0.0/8|", "ip:::1"), CONSTRAINTS_NOT_PERMITTED);
	assert_int_equal(admit("|uri:example.com", "uri:http://10.0.0.1/"), CONSTRAINTS_EXCLUDED);
	assert_int_equal(admit("uri:example.com|", "uri:urn:x"), CONSTRAINTS_NOT_PERMITTED);
	assert_int_equal(admit("uri:example.com|", "uri:http://example.com:80/x:y"), CONSTRAINTS_OK);
	assert_int_equal(admit("uri:example.com|", "uri:http://example.com/x:y"), CONSTRAINTS_NOT_PERMITTED);
	assert_int_equal(admit("|uri:example.org", "uri:http://example.com?x=/"), CONSTRAINTS_EXCLUDED);
	assert_int_equal(admit("example.com|", "uri:http://example.com#x:y"), CONSTRAINTS_OK);
	assert_int_equal(admit("dn:C=DE|dn:C=DE,O=x", "dn:C=DE, O=X , CN=y"), CONSTRAINTS_EXCLUDED);
}

static void children_only_narrow(void **state)
{
	(void)state;
	assert_int_equal(narrower("internal.example.com|", "example.com|"), CONSTRAINTS_OK);
	assert_int_equal(narrower("EXAMPLE.com|", ".example.com|"), CONSTRAINTS_OK);
	assert_int_equal(narrower("evil.com|", "example.com|"), CONSTRAINTS_WIDER);
	assert_int_equal(narrower("com|", "example.com|"), CONSTRAINTS_WIDER);
	assert_int_equal(narrower("|", "example.com|"), CONSTRAINTS_OK);
	assert_int_equal(narrower("a.b|", "|x.b"), CONSTRAINTS_DROPPED);
	assert_int_equal(narrower("|b", "|x.b"), CONSTRAINTS_OK);
	assert_int_equal(narrower("a.b|", "|a.b"), CONSTRAINTS_NOTHING_LEFT);
	assert_int_equal(narrower("a.b|b", "|"), CONSTRAINTS_NOTHING_LEFT);
	assert_int_equal(narrower("|b", "a.b|"), CONSTRAINTS_NOTHING_LEFT);
	assert_int_equal(narrower("a.b;c.b|a.b", "|"), CONSTRAINTS_OK);
	assert_int_equal(narrower("ip:10.0.0.0/16|", "ip:10.0.0.0/8|"), CONSTRAINTS_OK);
	assert_int_equal(narrower("ip:10.0.0.0/7|", "ip:10.0.0.0/8|"), CONSTRAINTS_WIDER);
}

static void statements_are_checked(void **state)
{
	(void)state;
	scoped_set b;
	set_from(&b, "dn:O=M\xc3\xbcller|");
	struct constraints c = constraints_of(&b);
	assert_true(constraints_check(&c));
	c = (struct constraints){ c.excluded, c.permitted };
	assert_false(constraints_check(&c)); /* excluded and not ASCII */
	scoped_buf raw;
	uint16_t count = 0;
	buf_init(&raw, 4096);
	for (int i = 0; i < MAX_SUBTREES; i++)
		list_put(&raw, &count, NAME_DNS, slice_text("a"));
	c = (struct constraints){ list_of(&raw, count), { 0 } };
	assert_true(constraints_check(&c));
	list_put(&raw, &count, NAME_DNS, slice_text("a"));
	c.permitted = list_of(&raw, count);
	assert_false(constraints_check(&c));
	buf_clear(&raw);
	count = 0;
	list_put(&raw, &count, NAME_DNS, slice_text("")); /* an empty set can't be stated */
	c.permitted = list_of(&raw, count);
	assert_false(constraints_check(&c));
}

static void children_inherit(void **state)
{
	(void)state;
	scoped_set asked, parent, out, expected;
	set_from(&asked, "a.example.com|");
	set_from(&parent, "example.com;ip:10.0.0.0/8|email:x.y");
	set_from(&expected, "a.example.com;ip:10.0.0.0/8|");
	constraints_buf_init(&out);
	struct constraints x = constraints_of(&asked), y = constraints_of(&parent), none = { 0 };
	assert_int_equal(constraints_inherit(&x, &y, &out), CONSTRAINTS_OK);
	assert_true(slice_equal(buf_slice(&out.permitted), buf_slice(&expected.permitted)));
	assert_int_equal(out.excluded_count, 0);
	constraints_buf_free(&out);
	constraints_buf_init(&out);
	assert_int_equal(constraints_inherit(&none, &y, &out), CONSTRAINTS_OK);
	assert_true(slice_equal(buf_slice(&out.permitted), buf_slice(&parent.permitted)));
	assert_true(slice_equal(buf_slice(&out.excluded), buf_slice(&parent.excluded)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_admitted),
		cmocka_unit_test(children_only_narrow),
		cmocka_unit_test(statements_are_checked),
		cmocka_unit_test(children_inherit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
