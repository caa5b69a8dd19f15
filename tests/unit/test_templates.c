/* policy/templates: files with and without faults, and what a request makes of a template. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "policy/templates.h"

static char folder[64];
static struct templates *all;

static int folder_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ch.XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int folder_remove(void **state)
{
	(void)state;
	char path[128];
	snprintf(path, sizeof(path), "%s/" TEMPLATES_FILE, folder);
	unlink(path);
	return rmdir(folder);
}

static int file_load(const char *text)
{
	char path[128];
	snprintf(path, sizeof(path), "%s/" TEMPLATES_FILE, folder);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
	templates_free(all);
	all = NULL;
	return templates_load(folder, &all);
}

static void absent_file(void **state)
{
	(void)state;
	assert_int_equal(templates_load(folder, &all), 0);
	assert_null(template_at(all, 0));
	assert_null(template_find(all, "shop"));
}

static void faults(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"templates: {",
		"templats: { shop: { permitted = ( \"dns:example.com\" ); }; };",
		"templates: { shop: { permitted = ( \"dns:example.com\" ); permited = ( ); }; };",
		"templates: { shop: { }; };",
		"templates: { shop: { permitted = ( ); excluded = ( ); }; };",
		"templates: { Shop: { permitted = ( \"dns:example.com\" ); }; };",
		"templates: { shop: { permitted = ( \"dns:example.com.\" ); }; };",
		"templates: { shop: { permitted = ( \"ip:10.0.0.0/33\" ); }; };",
		"templates: { shop: { permitted = ( 1 ); }; };",
		"templates: { shop: { permitted = ( \"\" ); }; };",
		"templates: { shop: { permitted = ( \"dns:example.com\" ); excluded = ( \"dns:com\" ); }; };",
		"templates: { shop: { excluded = ( \"dn:O=B\303\274cher\" ); }; };",
		"templates: { shop: { permitted = ( \"dns:example.com\" ); description = 1; }; };",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (file_load(bad[i]) != -1)
			fail_msg("was taken: %s", bad[i]);
}

static void many(unsigned count, int wanted)
{
	scoped_buf text = { .max = 1 << 20 };
	buf_put_text(&text, "templates: { shop: { permitted = ( ");
	for (unsigned i = 0; i < count; i++)
		buf_printf(&text, "%s\"dns:h%u.example.com\"", i ? ", " : "", i);
	buf_put_text(&text, " ); }; };");
	buf_put_u8(&text, 0);
	assert_int_equal(file_load((const char *)text.at), wanted);
}

static void limits(void **state)
{
	(void)state;
	many(MAX_SUBTREES, 0);
	assert_int_equal(template_at(all, 0)->constraints.permitted.count, MAX_SUBTREES);
	many(MAX_SUBTREES + 1, -1);
}

static void put(const char *text, struct buf *raw, uint16_t *count)
{
	char copy[512];
	const char *why;
	snprintf(copy, sizeof(copy), "%s", text);
	for (char *at = strtok(copy, " "); at; at = strtok(NULL, " ")) {
		uint8_t type;
		scoped_buf value = { .max = MAX_NAME };
		assert_true(name_parse(AS_SUBTREE, at, &type, &value, &why));
		list_put(raw, count, type, buf_slice(&value));
	}
}

static void show(struct list l, const char *between, char *out, size_t size)
{
	uint8_t type;
	struct slice item;
	while (list_next(&l, &type, &item)) {
		scoped_buf text = { .max = 1024 };
		name_print(AS_SUBTREE, type, item, &text);
		snprintf(out + strlen(out), size - strlen(out), "%s%.*s ", between, (int)text.len,
			 (const char *)text.at);
	}
}

/* What comes of it: "permitted -excluded ", or the refusal's number. */
static const char *tighten(const char *permitted, const char *excluded)
{
	static char said[1024];
	struct constraints_buf own, out;
	uint8_t type = 0;
	struct slice culprit = { 0 };
	constraints_buf_init(&own);
	constraints_buf_init(&out);
	put(permitted, &own.permitted, &own.permitted_count);
	put(excluded, &own.excluded, &own.excluded_count);
	struct constraints asked = constraints_of(&own);
	enum constraints_answer r = template_tighten(template_find(all, "shop"), &asked, &type, &culprit, &out);
	struct constraints got = constraints_of(&out);
	said[0] = '\0';
	if (r) {
		snprintf(said, sizeof(said), "%d", r);
	} else {
		show(got.permitted, "", said, sizeof(said));
		show(got.excluded, "-", said, sizeof(said));
	}
	constraints_buf_free(&own);
	constraints_buf_free(&out);
	return said;
}

static void tightening(void **state)
{
	(void)state;
	char wider[8], nothing[8];
	snprintf(wider, sizeof(wider), "%d", CONSTRAINTS_WIDER);
	snprintf(nothing, sizeof(nothing), "%d", CONSTRAINTS_NOTHING_LEFT);
	assert_int_equal(file_load("templates: { other: { excluded = ( \"dns:a.example\" ); };\n"
				   " shop: { description = \"The shop\"; permitted = ( \"dns:Shop.example.com\", "
				   "\"ip:10.0.0.0/8\" );"
				   " excluded = ( \"dns:pay.shop.example.com\" ); }; };"),
			 0);
	assert_string_equal(template_at(all, 0)->name, "other");
	assert_string_equal(template_find(all, "shop")->description, "The shop");
	assert_null(template_find(all, "sho"));
	assert_null(template_at(all, 2));
	assert_string_equal(tighten("", ""), "dns:shop.example.com ip:10.0.0.0/8 -dns:pay.shop.example.com ");
	assert_string_equal(tighten("dns:a.shop.example.com", ""),
			    "dns:a.shop.example.com ip:10.0.0.0/8 -dns:pay.shop.example.com ");
	assert_string_equal(tighten("", "dns:x.shop.example.com"),
			    "dns:shop.example.com ip:10.0.0.0/8 -dns:pay.shop.example.com -dns:x.shop.example.com ");
	assert_string_equal(tighten("email:example.com", ""),
			    "dns:shop.example.com email:example.com ip:10.0.0.0/8 -dns:pay.shop.example.com ");
	assert_string_equal(tighten("dns:example.com", ""), wider);
	assert_string_equal(tighten("ip:11.0.0.0/8", ""), wider);
	assert_string_equal(tighten("dns:pay.shop.example.com", ""), nothing);
	assert_string_equal(tighten("", "dns:example.com"), nothing);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(absent_file),
		cmocka_unit_test(faults),
		cmocka_unit_test(limits),
		cmocka_unit_test(tightening),
	};
	int r = cmocka_run_group_tests(tests, folder_make, folder_remove);
	templates_free(all);
	return r;
}
