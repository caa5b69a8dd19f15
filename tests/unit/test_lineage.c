/* Generations' names, rules of rotation, and when which step is due. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "frontd/generation.h"
#include "frontd/lineage.h"
#include "names/dn.h"
#include "wire/inner.h"

#define DAY 86400

static void next_is(const char *text, unsigned generation, const char *wanted)
{
	scoped_buf out = { .max = 512 };
	generation_put(&out, slice_text(text), generation, 64);
	buf_put_u8(&out, 0);
	assert_string_equal((const char *)out.at, wanted);
}

static void generations_have_names(void **state)
{
	char longest[65], cut[65];
	(void)state;
	assert_int_equal(generation_of(slice_text("Issuing A")), 1);
	assert_int_equal(generation_of(slice_text("Issuing A, G2")), 2);
	assert_int_equal(generation_of(slice_text("Issuing A, G9999")), 9999);
	assert_int_equal(generation_of(slice_text("Issuing A, G10000")), 1);
	assert_int_equal(generation_of(slice_text("Issuing A, G02")), 1);
	assert_int_equal(generation_of(slice_text("Issuing A, G")), 1);
	assert_int_equal(generation_of(slice_text("G2")), 1);
	assert_int_equal(generation_of(slice_text("")), 1);
	next_is("Issuing A", 2, "Issuing A, G2");
	next_is("Issuing A, G2", 3, "Issuing A, G3");
	next_is("Issuing A, G9", 10, "Issuing A, G10");
	next_is("Class 3", 2, "Class 3, G2");
	next_is("", 2, ", G2");
	memset(longest, 'a', 64);
	longest[64] = '\0';
	memset(cut, 'a', 60);
	strcpy(cut + 60, ", G2");
	next_is(longest, 2, cut);
	next_is("Größe, G7", 8, "Größe, G8");
}

static void subjects_say_their_generation(void **state)
{
	(void)state;
	scoped_items subject, next, nameless, named;
	uint8_t tag;
	struct slice item;
	items_init(&subject);
	items_init(&next);
	items_init(&nameless);
	items_init(&named);
	items_put(&subject, DN_COUNTRY, slice_text("DE"));
	items_put(&subject, DN_COMMON_NAME, slice_text("Root, G2"));
	items_put(&subject, DN_ORGANIZATION, slice_text("Example"));
	assert_int_equal(generation_of_subject(items_list(&subject)), 2);
	generation_put_subject(&next, items_list(&subject), 3);
	struct list l = items_list(&next);
	assert_int_equal(l.count, 3);
	assert_true(list_next(&l, &tag, &item) && tag == DN_COUNTRY);
	assert_true(list_next(&l, &tag, &item) && slice_equal(item, slice_text("Root, G3")));
	assert_true(list_next(&l, &tag, &item) && slice_equal(item, slice_text("Example")));
	items_put(&nameless, DN_ORGANIZATION, slice_text("Example"));
	generation_put_subject(&named, items_list(&nameless), 2);
	l = items_list(&named);
	assert_int_equal(l.count, 2);
	assert_int_equal(generation_of_subject(l), 2);
}

static void rules_are_inherited(void **state)
{
	(void)state;
	struct rule r = rule_of(slice_text(""), slice_text(""));
	assert_true(!r.off && r.prepare == 30 * DAY && r.activate == 7 * DAY);
	assert_true(rule_of(slice_text(""), slice_text("off")).off);
	r = rule_of(slice_text("default"), slice_text("off"));
	assert_true(!r.off && r.prepare == 30 * DAY);
	r = rule_of(slice_text("90/10"), slice_text("60/5"));
	assert_true(!r.off && r.prepare == 90 * DAY && r.activate == 10 * DAY);
	assert_true(rule_of(slice_text(""), slice_text("60/5")).prepare == 60 * DAY);
}

struct line {
	struct lineage l;
	struct front front;
	struct issuer_row issuer;
};

static void put(struct line *x, const char *id, const char *parent, const char *before, const char *state, int days,
		uint16_t path_len)
{
	struct ca_row row = { .id = slice_text(id),
			      .parent_id = slice_text(parent),
			      .predecessor_id = slice_text(before),
			      .name = slice_text(id),
			      .state = slice_text(state),
			      .path_len = path_len,
			      .not_before = 0,
			      .not_after = (int64_t)days * DAY - 1 };
	assert_int_equal(lineage_put(&x->l, &row), 0);
}

static void steps_are_due_in_time(void **state)
{
	(void)state;
	struct line x = { .front = { .ca_days = 3650 } };
	put(&x, "root", "", "", "active", 3600, PATH_LEN_NONE);
	put(&x, "one", "root", "", "active", 900, 0);
	assert_int_equal(lineage_work_out(&x.front, &x.issuer, &x.l), 0);
	const struct lineage_ca *root = lineage_find(&x.l, "root"), *one = lineage_find(&x.l, "one");
	assert_true(root && one && one->parent == root && !lineage_find(&x.l, "two"));
	assert_int_equal(root->span, 900 * DAY); /* as long as its child; less than a third of its life */
	assert_int_equal(root->prepare_at, (3600 - 900 - 30) * DAY - 1);
	assert_int_equal(root->activate_at, (3600 - 900 - 7) * DAY - 1);
	assert_int_equal(lineage_due(one, one->prepare_at - 1), DUTY_NONE);
	assert_int_equal(lineage_due(one, one->prepare_at), DUTY_PREPARE);
	assert_int_equal(lineage_next(one, 0), one->prepare_at);
	lineage_free(&x.l);

	put(&x, "root", "", "", "active", 600, PATH_LEN_NONE);
	put(&x, "one", "root", "", "active", 900, 0);
	put(&x, "two", "root", "one", "active", 800, 0);
	assert_int_equal(lineage_work_out(&x.front, &x.issuer, &x.l), 0);
	root = lineage_find(&x.l, "root");
	one = lineage_find(&x.l, "one");
	const struct lineage_ca *two = lineage_find(&x.l, "two");
	assert_int_equal(one->end, 600 * DAY - 1); /* its root ends first */
	assert_int_equal(root->span, 200 * DAY);   /* a third of its life */
	assert_true(one->successor == two && two->predecessor == one);
	assert_int_equal(lineage_due(one, one->activate_at - 1), DUTY_NONE);
	assert_int_equal(lineage_due(one, one->activate_at), DUTY_ACTIVATE);
	assert_int_equal(lineage_due(two, 700 * DAY), DUTY_NONE); /* it waits */
	assert_true(lineage_in_use(one) && !lineage_in_use(two));
	assert_ptr_equal(lineage_signer(one, 100 * DAY), root);
	assert_null(lineage_signer(root, 100 * DAY));
	lineage_free(&x.l);
}

static void lives_are_short(void **state)
{
	(void)state;
	struct line x = { .front = { .ca_days = 3650 } };
	put(&x, "root", "", "", "active", 12, PATH_LEN_NONE);
	assert_int_equal(lineage_work_out(&x.front, &x.issuer, &x.l), 0);
	const struct lineage_ca *root = lineage_find(&x.l, "root");
	assert_int_equal(root->span, 4 * DAY);
	assert_int_equal(root->prepare_at, 2 * DAY - 1);  /* half of its life before the last third */
	assert_int_equal(root->activate_at, 6 * DAY - 1); /* a sixth before it */
	lineage_free(&x.l);
}

static void generations_follow_each_other(void **state)
{
	(void)state;
	struct line x = { .front = { .ca_days = 3650 } };
	put(&x, "root", "", "", "retiring", 600, PATH_LEN_NONE);
	put(&x, "one", "root", "", "retired", 300, 0);
	put(&x, "two", "root", "one", "retired", 400, 0);
	put(&x, "three", "root", "two", "active", 500, 0);
	put(&x, "other", "", "root", "retired", 700, PATH_LEN_NONE); /* given up */
	put(&x, "root2", "", "root", "active", 1000, PATH_LEN_NONE);
	assert_int_equal(lineage_work_out(&x.front, &x.issuer, &x.l), 0);
	const struct lineage_ca *one = lineage_find(&x.l, "one"), *three = lineage_find(&x.l, "three");
	assert_ptr_equal(lineage_newest(one), three);
	assert_ptr_equal(lineage_signer(three, 0), lineage_find(&x.l, "root2"));
	assert_int_equal(lineage_due(lineage_find(&x.l, "root"), 0), DUTY_RETIRE);
	assert_int_equal(lineage_due(one, 0), DUTY_NONE);
	assert_true(lineage_in_use(three));
	lineage_free(&x.l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(generations_have_names), cmocka_unit_test(subjects_say_their_generation),
		cmocka_unit_test(rules_are_inherited),	  cmocka_unit_test(steps_are_due_in_time),
		cmocka_unit_test(lives_are_short),	  cmocka_unit_test(generations_follow_each_other),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
