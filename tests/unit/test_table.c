/* The command line's text: tables, safe text, times, spans, trees, the page, and options. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/member.h"
#include "cli/options.h"
#include "cli/plain.h"
#include "cli/table.h"
#include "cli/page.h"
#include "cli/tree.h"
#include "cli/when.h"

static void plain_is(const char *text, size_t points, const char *expected)
{
	scoped_buf out;
	buf_init(&out, 4096);
	plain_put(&out, slice_text(text), points);
	assert_true(text_visible(buf_slice(&out)));
	assert_string_equal(buf_text(&out), expected);
}

static void what_others_wrote_is_made_visible(void **state)
{
	(void)state;
	plain_is("M\xc3\xbcller", 100, "M\xc3\xbcller");
	plain_is("a\x1b[31mb", 100, "a\\x1b[31mb");
	plain_is("\xc2\x9b"
		 "31m",
		 100, "\\xc2\\x9b31m"); /* C1 CSI */
	plain_is("a\xe2\x80\xae"
		 "b",
		 100, "a\\xe2\\x80\\xaeb"); /* right-to-left override */
	plain_is("a\nb\r\t\x7f", 100, "a\\x0ab\\x0d\\x09\\x7f");
	plain_is("\xff\xc3", 100, "\\xff\\xc3");
	plain_is("\xed\xa0\x80", 100, "\\xed\\xa0\\x80"); /* surrogate */
	plain_is("\xc3\xbc\xc3\xbc\xc3\xbc", 3, "\xc3\xbc\xc3\xbc\xc3\xbc");
	plain_is("\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", 3, "\xc3\xbc\xc3\xbc\xc3\xbc…");
	plain_is("", 3, "");
}

static void table_is(const struct table *t, const char *expected)
{
	scoped_buf out;
	buf_init(&out, 1 << 20);
	table_render(t, &out);
	assert_true(buf_ok(&out));
	assert_string_equal(buf_text(&out), expected);
}

static const char *const heads[] = { "NAME", "STATE", "ID" };

static void columns_are_as_wide_as_their_widest_cell_in_code_points(void **state)
{
	(void)state;
	scoped_table t;
	table_init(&t, heads, 3, false);
	table_is(&t, "NAME  STATE  ID\n");
	const char *cells[] = { "M\xc3\xbcller", "active", "1", "x", "retiring", NULL, "y", "", "3" };
	for (size_t i = 0; i < sizeof(cells) / sizeof(cells[0]); i++)
		table_put(&t, STYLE_GOOD, cells[i]);
	assert_int_equal(table_rows(&t), 3);
	table_is(&t, "NAME    STATE     ID\n"
		     "M\xc3\xbcller  active    1\n"
		     "x       retiring\n"
		     "y                 3\n");
}

static void colours_come_only_when_asked_for_and_never_from_a_cell(void **state)
{
	(void)state;
	scoped_table t;
	table_init(&t, heads + 1, 1, true);
	table_put(&t, style_of_state("active"), "\033[31mactive");
	table_put(&t, style_of_state("\033[31m"), "");
	table_is(&t, "\033[1mSTATE\033[0m\n\033[32m\\x1b[31mactive\033[0m\n\n");
	t.colour = false;
	table_is(&t, "STATE\n\\x1b[31mactive\n\n");
}

static void a_half_row_and_a_broken_table(void **state)
{
	(void)state;
	scoped_table t;
	table_init(&t, NULL, 3, false);
	table_put(&t, STYLE_PLAIN, "a");
	table_put(&t, STYLE_PLAIN, "b");
	assert_int_equal(table_rows(&t), 1);
	table_is(&t, "a  b\n");
	t.text.broken = true;
	scoped_buf out;
	buf_init(&out, 100);
	table_render(&t, &out);
	assert_false(buf_ok(&out));
}

static void when_is(const char *text, int64_t from_now, const char *expected)
{
	int64_t t;
	assert_true(time_parse("2027-01-03T12:30:00Z", &t));
	scoped_buf out;
	buf_init(&out, 100);
	when_put(&out, text, t - from_now);
	assert_string_equal(buf_text(&out), expected);
}

static void a_table_keeps_to_its_width(void **state)
{
	(void)state;
	static const struct {
		size_t width;
		const char *text;
	} cases[] = {
		{ 0, "NAME  STATE   ID\na     active  0123456789012345\n" },
		{ 30, "NAME  STATE   ID\na     active  0123456789012345\n" },
		{ 29, "NAME  STATE   ID\na     active  01234567890123…\n" },
		{ 26, "NAME  STATE   ID\na     active  01234567890…\n" },
		{ 25, "NAME  STATE\na     active\n" }, /* less than MIN_LAST_COLUMN would be left */
		{ 12, "NAME  STATE\na     active\n" },
		{ 11, "NAME\na\n" },
		{ 1, "NAME\na\n" },
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scoped_table t;
		table_init(&t, heads, 3, false);
		t.width = cases[i].width;
		table_put(&t, STYLE_PLAIN, "a");
		table_put(&t, STYLE_GOOD, "active");
		table_put(&t, STYLE_PLAIN, "0123456789012345");
		table_is(&t, cases[i].text);
	}
}

/* One in the middle may be cut as well, and is the last one then. */
static void a_column_that_may_be_cut(void **state)
{
	(void)state;
	static const struct {
		size_t width;
		const char *text;
	} cases[] = {
		{ 26, "NAME  STATE             ID\na     0123456789012345  7\n" },
		{ 25, "NAME  STATE\na     0123456789012345\n" },
		{ 21, "NAME  STATE\na     01234567890123…\n" },
		{ 18, "NAME  STATE\na     01234567890…\n" },
		{ 17, "NAME\na\n" }, /* less than MIN_LAST_COLUMN would be left */
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		scoped_table t;
		table_init(&t, heads, 3, false);
		t.width = cases[i].width;
		t.cut = 2;
		table_put(&t, STYLE_PLAIN, "a");
		table_put(&t, STYLE_GOOD, "0123456789012345");
		table_put(&t, STYLE_PLAIN, "7");
		table_is(&t, cases[i].text);
	}
}

static void times_say_how_long_is_left(void **state)
{
	(void)state;
	const char *t = "2027-01-03T12:30:00Z";
	when_is(t, 42 * 86400 + 5, "2027-01-03 (in 42 days)");
	when_is(t, 2 * 86400, "2027-01-03 (in 2 days)");
	when_is(t, 2 * 86400 - 1, "2027-01-03 12:30 (in 47 hours)");
	when_is(t, 2 * 3600 - 1, "2027-01-03 12:30 (in 119 minutes)");
	when_is(t, 1, "2027-01-03 12:30 (in 1 second)");
	when_is(t, 0, "2027-01-03 12:30 (now)");
	when_is(t, -3 * 86400, "2027-01-03 (3 days ago)");
	when_is(t, 365 * 86400 * 2LL, "2027-01-03 (in 2 years)");
	when_is(t, 365 * 86400 * 2LL - 1, "2027-01-03 (in 729 days)");
	when_is("2027-01-03T12:30:00.123Z", 86400 * 5, "2027-01-03 (in 5 days)");
	when_is("2027-01-03T12:30:00.1x3Z", 0, "2027-01-03T12:30:00.1x3Z");
	when_is("2027-02-30T12:30:00Z", 0, "2027-02-30T12:30:00Z");
	when_is("", 0, "");
	when_is("Z", 0, "Z");
}

static void spans_are_read_strictly(void **state)
{
	(void)state;
	int64_t s;
	assert_true(span_parse("90d", &s) && s == 90 * 86400);
	assert_true(span_parse("12h", &s) && s == 12 * 3600);
	assert_true(span_parse("3600", &s) && s == 3600);
	assert_true(span_parse("5m", &s) && s == 300);
	assert_true(span_parse("106751991167300d", &s)); /* the last that fits 63 bits */
	const char *bad[] = {
		"", "d", "90x", "90dd", "-1", "+1", " 1", "1.5h", "0", "0d", "106751991167301d", "99999999999999999999"
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(span_parse(bad[i], &s));
}

static void tree_is(const char *json, bool lines, const char *expected)
{
	json_t *list = json_loads(json, 0, NULL);
	assert_non_null(list);
	scoped_table t;
	table_init(&t, NULL, TREE_COLUMNS, false);
	tree_fill(&t, list, lines);
	table_is(&t, expected);
	json_decref(list);
}

static void trees_show_every_ca_once(void **state)
{
	(void)state;
	const char *plain = "[{\"id\":\"3\",\"name\":\"c\",\"parent_ca_id\":\"2\",\"path_len_constraint\":0},"
			    "{\"id\":\"1\",\"name\":\"a\",\"parent_ca_id\":null,\"state\":\"active\"},"
			    "{\"id\":\"2\",\"name\":\"b\",\"parent_ca_id\":\"1\",\"path_len_constraint\":1},"
			    "{\"id\":\"4\",\"name\":\"d\",\"parent_ca_id\":\"1\"}]";
	tree_is(plain, false,
		"a        active    none\n|- b               1\n|  `- c            0\n`- d               none\n");
	tree_is(plain, true,
		"a        active    none\n├─ b               1\n│  └─ c            0\n└─ d               none\n");
	/* a cycle, an absent parent, one that is its own parent, and things that are no CAs */
	tree_is("[{\"id\":\"1\",\"parent_ca_id\":\"2\"},{\"id\":\"2\",\"parent_ca_id\":\"1\"}]", false,
		"1         none\n`- 2      none\n");
	tree_is("[{\"id\":\"1\",\"parent_ca_id\":\"9\"},{\"id\":\"2\",\"parent_ca_id\":\"2\"}]", false,
		"1      none\n2      none\n");
	tree_is("[null,3,{\"id\":4,\"name\":[],\"parent_ca_id\":{}}]", false, "      none\n      none\n      none\n");
	tree_is("[]", false, "");
}

static void trees_say_what_a_ca_is(void **state)
{
	(void)state;
	tree_is("[{\"name\":\"a\",\"state\":\"active\",\"held\":\"its key is "
		"gone\",\"algorithm\":\"Ed25519\",\"key_driver_id\":\"x\","
		"\"key_state\":\"gone\",\"effective_name_constraints\":[{\"permitted\":[\"dns:a\",\"ip:b\"],"
		"\"excluded\":[\"dns:c\"]}]},"
		"{\"name\":\"b\",\"state\":\"retired\",\"algorithm\":\"RSA-2048\",\"key_driver_id\":null,"
		"\"effective_name_constraints\":[]}]",
		false,
		"a  active, held    none  Ed25519, gone      only dns:a, ip:b; not dns:c\n"
		"b  retired         none  RSA-2048, offline\n");
}

static void trees_are_made_flat(void **state)
{
	(void)state;
	json_t *nested =
		json_loads("[{\"id\":\"1\",\"children\":[{\"id\":\"2\",\"children\":[]},3]},{\"id\":\"4\"}]", 0, NULL);
	json_t *wanted = json_loads("[{\"id\":\"1\"},{\"id\":\"2\"},3,{\"id\":\"4\"}]", 0, NULL);
	json_t *flat = tree_flatten(nested);
	assert_true(json_equal(flat, wanted));
	json_decref(nested);
	json_decref(wanted);
	json_decref(flat);
}

static void a_page_holds_its_cas_as_data(void **state)
{
	(void)state;
	json_t *list = json_pack("[{s:s,s:{s:s}}]", "name", "</script><!--<script>&\xe2\x80\xa8", "metadata", "<b>",
				 "{{data}}]]>");
	scoped_buf page;
	buf_init(&page, MAX_PAGE);
	page_put(&page, list, 0);
	char *text = strdup(buf_text(&page)), *data = strstr(text, "id=\"data\">"), *end;
	assert_true(buf_ok(&page) && data);
	data += strlen("id=\"data\">");
	end = strstr(data, "</script>");
	assert_non_null(end);
	*end = '\0';
	assert_null(strpbrk(data, "<>&"));
	for (const char *at = data; *at; at++)
		assert_true(*at >= ' ' && *at <= '~');
	json_t *read = json_loads(data, 0, NULL);
	assert_true(json_equal(json_object_get(read, "data"), list));
	assert_string_equal(json_string_value(json_object_get(read, "drawn_at")), "1970-01-01T00:00:00Z");
	assert_null(strstr(end + 1, "</script><!--"));
	json_decref(read);
	json_decref(list);
	free(text);
}

static void a_deep_tree_ends(void **state)
{
	(void)state;
	json_t *list = json_array();
	for (int i = 0; i < 3 * MAX_TREE_DEPTH; i++) {
		char id[16], parent[16];
		snprintf(id, sizeof(id), "n%d", i);
		snprintf(parent, sizeof(parent), "n%d", i - 1);
		json_array_append_new(list, json_pack("{s:s,s:s}", "id", id, "parent_ca_id", parent));
	}
	scoped_table t;
	table_init(&t, NULL, TREE_COLUMNS, false);
	tree_fill(&t, list, true);
	assert_int_equal(table_rows(&t), 3 * MAX_TREE_DEPTH);
	json_decref(list);
}

static const struct option_spec some_options[] = {
	{ "text", OPTION_TEXT, "T", "" }, { "many", OPTION_MANY, "M", "" },  { "number", OPTION_NUMBER, "N", "" },
	{ "ttl", OPTION_SPAN, "S", "" },  { "flag", OPTION_FLAG, NULL, "" }, { .name = NULL },
};
static const struct command some_commands[] = {
	{ "g", "v", 1, 2, "A [B]", "", "", some_options, NULL },
	{ .group = NULL },
};
static const struct command *const some_groups[] = { some_commands, NULL };

/* Words up to a NULL. What is told goes nowhere. */
static int parse(struct options *o, struct cli *c, char **words)
{
	int n = 0;
	while (words[n])
		n++;
	*c = (struct cli){ .wait = DEFAULT_WAIT };
	scoped_fd int saved = dup(STDERR_FILENO);
	assert_non_null(freopen("/dev/null", "w", stderr));
	int r = options_parse(c, some_groups, n, words, o);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	return r;
}

#define PARSE(...) parse(&o, &c, (char *[]){ "chancery", __VA_ARGS__, NULL })

static void options_are_read_in_any_order(void **state)
{
	(void)state;
	struct cli c;
	struct options o;
	int64_t n;
	assert_int_equal(PARSE("--json", "g", "--socket=/s", "v", "a", "--many", "1", "--number", "-1", "--many=2",
			       "--", "--flag"),
			 CLI_DONE);
	assert_true(c.json);
	assert_string_equal(c.socket, "/s");
	assert_string_equal(o.arguments[0], "a");
	assert_string_equal(o.arguments[1], "--flag");
	assert_false(option_flag(&o, "flag"));
	assert_true(option_number(&o, "number", &n) && n == -1);
	assert_string_equal(option_many(&o, "many", 0), "1");
	assert_string_equal(option_many(&o, "many", 1), "2");
	assert_null(option_many(&o, "many", 2));
	options_free(&o);
}

#define REFUSED(...)                                                                                                   \
	do {                                                                                                           \
		assert_int_equal(PARSE(__VA_ARGS__), CLI_USAGE);                                                       \
		options_free(&o);                                                                                      \
	} while (0)

static void command_lines_that_are_wrong(void **state)
{
	(void)state;
	struct cli c;
	struct options o;
	REFUSED("x");
	REFUSED("g");
	REFUSED("g", "x");
	REFUSED("g", "v");
	REFUSED("g", "v", "");
	REFUSED("g", "v", "a", "b", "c");
	REFUSED("g", "v", "a", "--nothing");
	REFUSED("g", "v", "a", "-x");
	REFUSED("g", "v", "a", "--text");
	REFUSED("g", "v", "a", "--text", "");
	REFUSED("g", "v", "a", "--text=1", "--text=2");
	REFUSED("g", "v", "a", "--flag=1");
	REFUSED("g", "v", "a", "--number", "1.5");
	REFUSED("g", "v", "a", "--number", "9223372036854775808");
	REFUSED("g", "v", "a", "--ttl", "1w");
	REFUSED("g", "v", "a", "--wait", "3601");
	REFUSED("--text=1", "g", "v", "a"); /* a command's option before the command */
	assert_int_equal(PARSE("g", "v", "a", "--wait", "3600"), CLI_DONE);
	assert_int_equal(c.wait, MAX_WAIT);
	options_free(&o);
	assert_int_equal(PARSE("g", "v", "a", "--wait", "0"), CLI_DONE);
	assert_int_equal(c.wait, 0);
	options_free(&o);
}

static void as_many_options_as_the_limit(void **state)
{
	(void)state;
	struct cli c;
	struct options o;
	char *words[MAX_GIVEN + 6] = { "chancery", "g", "v", "a" };
	for (int i = 0; i < MAX_GIVEN; i++)
		words[4 + i] = "--many=x";
	assert_int_equal(parse(&o, &c, words), CLI_DONE);
	options_free(&o);
	words[4 + MAX_GIVEN] = "--many=x";
	assert_int_equal(parse(&o, &c, words), CLI_USAGE);
	options_free(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_others_wrote_is_made_visible),
		cmocka_unit_test(columns_are_as_wide_as_their_widest_cell_in_code_points),
		cmocka_unit_test(colours_come_only_when_asked_for_and_never_from_a_cell),
		cmocka_unit_test(a_half_row_and_a_broken_table),
		cmocka_unit_test(a_table_keeps_to_its_width),
		cmocka_unit_test(a_column_that_may_be_cut),
		cmocka_unit_test(times_say_how_long_is_left),
		cmocka_unit_test(spans_are_read_strictly),
		cmocka_unit_test(trees_show_every_ca_once),
		cmocka_unit_test(trees_say_what_a_ca_is),
		cmocka_unit_test(trees_are_made_flat),
		cmocka_unit_test(a_page_holds_its_cas_as_data),
		cmocka_unit_test(a_deep_tree_ends),
		cmocka_unit_test(options_are_read_in_any_order),
		cmocka_unit_test(command_lines_that_are_wrong),
		cmocka_unit_test(as_many_options_as_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
