/*
 * names: what people and certificates write, in one canonical form; and the
 * laws that the algebra of name constraints must keep. An input is a text
 * of lines. The first character of a line says what it is: P, X: permitted,
 * excluded by a parent; p, x: by its child; D: a directory name; B: bytes of
 * the type that the next character gives; any other: a name, with that character.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "names/constraints.h"
#include "names/dn.h"

#define MAX_LINE 2048
#define MAX_NAMES 32

struct scene {
	struct constraints_buf parent, child;
	struct buf names;
	uint16_t name_count;
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

/* A canonical value stays what it is, and its text leads back to it. */
static void value_holds(enum name_use use, uint8_t type, struct slice value)
{
	scoped_buf text = { .max = 8 * MAX_NAME }, again = { .max = MAX_NAME };
	uint8_t type_again = 0;
	const char *why = NULL;
	REQUIRE(name_is_canonical(use, type, value));
	name_print(use, type, value, &text);
	buf_put_u8(&text, 0);
	REQUIRE(buf_ok(&text) && name_parse(use, (const char *)text.at, &type_again, &again, &why));
	REQUIRE(type_again == type && slice_equal(buf_slice(&again), value));
}

static void subtree_holds(uint8_t type, struct slice value)
{
	value_holds(AS_SUBTREE, type, value);
	REQUIRE(subtree_within(type, value, value));
}

static void subtree_take(const char *text, struct buf *raw, uint16_t *count)
{
	scoped_buf value = { .max = MAX_NAME };
	uint8_t type = 0;
	const char *why = NULL;
	if (*count == MAX_SUBTREES || !name_parse(AS_SUBTREE, text, &type, &value, &why)) {
		REQUIRE(*count == MAX_SUBTREES || why);
		return;
	}
	subtree_holds(type, buf_slice(&value));
	list_put(raw, count, type, buf_slice(&value));
}

static void name_take(const char *text, struct scene *s)
{
	scoped_buf value = { .max = MAX_NAME };
	uint8_t type = 0;
	const char *why = NULL;
	if (s->name_count == MAX_NAMES || !name_parse(AS_NAME, text, &type, &value, &why)) {
		REQUIRE(s->name_count == MAX_NAMES || why);
		return;
	}
	value_holds(AS_NAME, type, buf_slice(&value));
	list_put(&s->names, &s->name_count, type, buf_slice(&value));
}

/* Bytes of a known type, as a certificate has them. */
static void bytes_take(const char *line, size_t len)
{
	scoped_buf name = { .max = MAX_NAME }, subtree = { .max = MAX_NAME };
	const char *why = NULL;
	uint8_t type = (uint8_t)(len ? line[0] - '0' : 0);
	struct slice raw = { (const uint8_t *)line + 1, len ? len - 1 : 0 };
	bool named = name_canonize(AS_NAME, type, raw, &name, &why);
	REQUIRE(named || why);
	if (named)
		value_holds(AS_NAME, type, buf_slice(&name));
	if (name_canonize(AS_SUBTREE, type, raw, &subtree, &why)) {
		subtree_holds(type, buf_slice(&subtree));
		/* A name within a subtree touches it. */
		if (named && name_within(type, buf_slice(&name), buf_slice(&subtree)))
			REQUIRE(name_touches(type, buf_slice(&name), buf_slice(&subtree)));
	}
}

static void directory_take(const char *text)
{
	scoped_buf raw = { .max = 65536 }, print = { .max = 8 * 65536 }, again = { .max = 65536 };
	uint16_t count = 0, count_again = 0;
	uint8_t attribute;
	const char *why = NULL;
	if (!dn_parse(text, &raw, &count, &why)) {
		REQUIRE(why);
		return;
	}
	struct list dn = list_of(&raw, count);
	REQUIRE(list_valid(dn, MAX_DN_VALUE) || !dn_check(dn, &attribute, &why));
	REQUIRE(dn_equal(dn, dn) && dn_within(dn, dn));
	dn_print(dn, &print);
	buf_put_u8(&print, 0);
	if (!dn_check(dn, &attribute, &why))
		return;
	REQUIRE(dn_parse((const char *)print.at, &again, &count_again, &why));
	REQUIRE(count == count_again && slice_equal(buf_slice(&raw), buf_slice(&again)));
}

static void line_take(const char *line, size_t len, struct scene *s)
{
	switch (line[0]) {
	case 'P':
		subtree_take(line + 1, &s->parent.permitted, &s->parent.permitted_count);
		break;
	case 'X':
		subtree_take(line + 1, &s->parent.excluded, &s->parent.excluded_count);
		break;
	case 'p':
		subtree_take(line + 1, &s->child.permitted, &s->child.permitted_count);
		break;
	case 'x':
		subtree_take(line + 1, &s->child.excluded, &s->child.excluded_count);
		break;
	case 'B':
		bytes_take(line + 1, len - 1);
		break;
	case 'D':
		directory_take(line + 1);
		break;
	default:
		name_take(line, s);
	}
}

static bool has_nothing_permitted(struct list permitted)
{
	uint8_t type;
	struct slice item;
	while (list_next(&permitted, &type, &item))
		if (item.len == 0)
			return true;
	return false;
}

static bool admits(const struct constraints *c, uint8_t type, struct slice name)
{
	return constraints_admit(c, type, name) == CONSTRAINTS_OK;
}

/* What both admit, and nothing else, is what the combination admits. */
static void combination_holds(const struct constraints *a, const struct constraints *b, struct list names)
{
	struct constraints_buf out;
	constraints_buf_init(&out);
	uint8_t type;
	struct slice name;
	enum constraints_answer r = constraints_combine(a, b, &out);
	REQUIRE(r == CONSTRAINTS_OK || r == CONSTRAINTS_TOO_MANY);
	const struct constraints both = constraints_of(&out);
	while (r == CONSTRAINTS_OK && list_next(&names, &type, &name))
		REQUIRE(admits(&both, type, name) == (admits(a, type, name) && admits(b, type, name)));
	constraints_buf_free(&out);
}

/* A child that may state what it asks for admits nothing that its parent does not. */
static void inheritance_holds(const struct constraints *asked, const struct constraints *parent, struct list names)
{
	struct constraints_buf out;
	uint8_t type, culprit_type = 0;
	struct slice name, culprit = { NULL, 0 };
	enum constraints_answer narrower = constraints_narrower(asked, parent, &culprit_type, &culprit);
	REQUIRE(narrower == CONSTRAINTS_OK || (culprit_type >= NAME_DNS && culprit_type <= MAX_NAME_TYPE));
	constraints_buf_init(&out);
	enum constraints_answer r = constraints_inherit(asked, parent, &out);
	REQUIRE(r == CONSTRAINTS_OK || r == CONSTRAINTS_TOO_MANY);
	const struct constraints stated = constraints_of(&out);
	if (narrower == CONSTRAINTS_OK && r == CONSTRAINTS_OK && !has_nothing_permitted(parent->permitted))
		while (list_next(&names, &type, &name))
			REQUIRE(!admits(&stated, type, name) || admits(parent, type, name));
	constraints_buf_free(&out);
}

static void laws_hold(const struct scene *s)
{
	const struct constraints parent = constraints_of(&s->parent), child = constraints_of(&s->child);
	const struct list names = list_of(&s->names, s->name_count);
	struct constraints_buf effective;
	constraints_check(&parent);
	combination_holds(&parent, &child, names);
	combination_holds(&child, &parent, names);
	inheritance_holds(&child, &parent, names);
	/* ... and so on down the chain, where a set may permit nothing. */
	constraints_buf_init(&effective);
	if (constraints_combine(&parent, &child, &effective) == CONSTRAINTS_OK) {
		const struct constraints both = constraints_of(&effective);
		combination_holds(&both, &child, names);
		inheritance_holds(&child, &both, names);
	}
	constraints_buf_free(&effective);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct scene s = { .names = { .max = (size_t)MAX_NAMES * (MAX_NAME + 3) } };
	struct slice rest = { data, size };
	constraints_buf_init(&s.parent);
	constraints_buf_init(&s.child);
	while (rest.len) {
		const uint8_t *end = memchr(rest.at, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.at) : rest.len;
		char line[MAX_LINE + 1];
		if (slice_to_text((struct slice){ rest.at, len }, line, sizeof(line)) && len)
			line_take(line, len, &s);
		size_t taken = len + (end != NULL);
		rest = (struct slice){ rest.at + taken, rest.len - taken };
	}
	laws_hold(&s);
	constraints_buf_free(&s.parent);
	constraints_buf_free(&s.child);
	buf_free(&s.names);
	return 0;
}
