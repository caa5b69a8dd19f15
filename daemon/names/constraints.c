#include "names/constraints.h"

#include "base/text.h"
#include "names/dn.h"

/* Room for MAX_SUBTREES items with their heads. */
#define MAX_SUBTREES_BYTES ((size_t)MAX_SUBTREES * (MAX_NAME + 3))

void constraints_buf_init(struct constraints_buf *b)
{
	*b = (struct constraints_buf){ 0 };
	buf_init(&b->permitted, MAX_SUBTREES_BYTES);
	buf_init(&b->excluded, MAX_SUBTREES_BYTES);
}

void constraints_buf_free(struct constraints_buf *b)
{
	buf_free(&b->permitted);
	buf_free(&b->excluded);
}

struct constraints constraints_of(const struct constraints_buf *b)
{
	return (struct constraints){ list_of(&b->permitted, b->permitted_count),
				     list_of(&b->excluded, b->excluded_count) };
}

bool constraints_empty(const struct constraints *c)
{
	return c->permitted.count == 0 && c->excluded.count == 0;
}

/* Takes the next item of one type off a list; false at the end. */
static bool subtree_next(struct list *l, uint8_t type, struct slice *item)
{
	uint8_t tag;
	while (list_next(l, &tag, item))
		if (tag == type)
			return true;
	return false;
}

static bool names_type(struct list l, uint8_t type)
{
	struct slice item;
	return subtree_next(&l, type, &item);
}

/* Whether one subtree of the list covers all of this one. */
static bool covered(struct list l, uint8_t type, struct slice subtree)
{
	struct slice outer;
	while (subtree_next(&l, type, &outer))
		if (subtree_within(type, subtree, outer))
			return true;
	return false;
}

static bool directory_is_ascii(struct slice name)
{
	uint8_t attribute;
	struct slice value;
	struct list dn = { get_u16(name.at), { name.at + 2, name.len - 2 } };
	while (list_next(&dn, &attribute, &value))
		if (!text_is_ascii(value))
			return false;
	return true;
}

static bool subtrees_check(struct list l, bool ascii_directory)
{
	uint8_t type;
	struct slice item;
	if (l.count > MAX_SUBTREES || !list_valid(l, MAX_NAME))
		return false;
	while (list_next(&l, &type, &item)) {
		if (!name_is_canonical(AS_SUBTREE, type, item))
			return false;
		if (ascii_directory && type == NAME_DIRECTORY && !directory_is_ascii(item))
			return false;
	}
	return true;
}

bool constraints_check(const struct constraints *c)
{
	return subtrees_check(c->permitted, false) && subtrees_check(c->excluded, true);
}

enum constraints_answer constraints_admit(const struct constraints *c, uint8_t type, struct slice name)
{
	struct slice subtree;
	struct list excluded = c->excluded, permitted = c->permitted;
	while (subtree_next(&excluded, type, &subtree))
		if (name_touches(type, name, subtree))
			return CONSTRAINTS_EXCLUDED;
	while (subtree_next(&permitted, type, &subtree))
		if (name_within(type, name, subtree))
			return CONSTRAINTS_OK;
	return names_type(c->permitted, type) ? CONSTRAINTS_NOT_PERMITTED : CONSTRAINTS_OK;
}

/* An emailAddress that is no mailbox of the canonical kind can't be compared: refused if mailboxes are constrained. */
static enum constraints_answer admit_email(const struct constraints *c, struct slice value)
{
	const char *why;
	scoped_buf name;
	buf_init(&name, MAX_NAME);
	if (name_canonize(AS_NAME, NAME_EMAIL, value, &name, &why))
		return constraints_admit(c, NAME_EMAIL, buf_slice(&name));
	if (names_type(c->excluded, NAME_EMAIL))
		return CONSTRAINTS_EXCLUDED;
	return names_type(c->permitted, NAME_EMAIL) ? CONSTRAINTS_NOT_PERMITTED : CONSTRAINTS_OK;
}

enum constraints_answer constraints_admit_subject(const struct constraints *c, struct list subject)
{
	uint8_t attribute;
	struct slice value;
	if (subject.count == 0)
		return CONSTRAINTS_OK;
	for (struct list dn = subject; list_next(&dn, &attribute, &value);) {
		enum constraints_answer r = attribute == DN_EMAIL_ADDRESS ? admit_email(c, value) : CONSTRAINTS_OK;
		if (r != CONSTRAINTS_OK)
			return r;
	}
	scoped_buf name;
	buf_init(&name, (size_t)MAX_DN_ATTRIBUTES * (MAX_DN_VALUE + 3) + 2);
	buf_put_u16(&name, subject.count);
	buf_put_slice(&name, subject.raw);
	return buf_ok(&name) ? constraints_admit(c, NAME_DIRECTORY, buf_slice(&name)) : CONSTRAINTS_NOT_PERMITTED;
}

/* Whether all that is permitted of a type lies within excluded subtrees, each within one. */
static bool nothing_left(struct list permitted, struct list excluded, struct list more_excluded, uint8_t type)
{
	struct slice item;
	bool any = false;
	while (subtree_next(&permitted, type, &item)) {
		if (!covered(excluded, type, item) && !covered(more_excluded, type, item))
			return false;
		any = any || item.len; /* an empty set was empty before */
	}
	return any;
}

static enum constraints_answer type_narrower(const struct constraints *child, const struct constraints *parent,
					     uint8_t type, struct slice *culprit)
{
	struct list own = child->permitted, dropped = parent->excluded;
	while (names_type(parent->permitted, type) && subtree_next(&own, type, culprit))
		if (!covered(parent->permitted, type, *culprit))
			return CONSTRAINTS_WIDER;
	struct list permitted = names_type(child->permitted, type) ? child->permitted : parent->permitted;
	if (nothing_left(permitted, child->excluded, parent->excluded, type)) {
		subtree_next(&permitted, type, culprit);
		return CONSTRAINTS_NOTHING_LEFT;
	}
	while (subtree_next(&dropped, type, culprit))
		if (!covered(child->excluded, type, *culprit))
			return CONSTRAINTS_DROPPED;
	return CONSTRAINTS_OK;
}

enum constraints_answer constraints_narrower(const struct constraints *child, const struct constraints *parent,
					     uint8_t *type, struct slice *culprit)
{
	for (*type = 1; *type <= MAX_NAME_TYPE; (*type)++) {
		enum constraints_answer r = type_narrower(child, parent, *type, culprit);
		if (r != CONSTRAINTS_OK)
			return r;
	}
	*type = 0;
	*culprit = (struct slice){ NULL, 0 };
	return CONSTRAINTS_OK;
}

bool constraints_within(const struct constraints *inner, const struct constraints *outer)
{
	for (uint8_t type = 1; type <= MAX_NAME_TYPE; type++) {
		struct slice item;
		struct list own = inner->permitted, dropped = outer->excluded;
		bool limited = names_type(outer->permitted, type);
		if (limited && !names_type(inner->permitted, type))
			return false;
		while (limited && subtree_next(&own, type, &item))
			if (!covered(outer->permitted, type, item))
				return false;
		while (subtree_next(&dropped, type, &item))
			if (!covered(inner->excluded, type, item))
				return false;
	}
	return true;
}

/* Adds a subtree that nothing in the list covers yet. */
static void put_uncovered(struct buf *raw, uint16_t *count, uint8_t type, struct slice item)
{
	if (!covered(list_of(raw, *count), type, item))
		list_put(raw, count, type, item);
}

static void put_all(struct list from, uint8_t type, struct buf *raw, uint16_t *count)
{
	struct slice item;
	while (subtree_next(&from, type, &item))
		put_uncovered(raw, count, type, item);
}

/*
 * Two subtrees of a type are one within the other or have nothing in common,
 * so what they share is the inner one.
 */
static void intersect(struct list a, struct list b, uint8_t type, struct constraints_buf *out)
{
	struct slice x, y;
	uint16_t before = out->permitted_count;
	while (subtree_next(&a, type, &x))
		for (struct list rest = b; subtree_next(&rest, type, &y);) {
			if (subtree_within(type, x, y))
				put_uncovered(&out->permitted, &out->permitted_count, type, x);
			else if (subtree_within(type, y, x))
				put_uncovered(&out->permitted, &out->permitted_count, type, y);
		}
	if (out->permitted_count == before)
		list_put(&out->permitted, &out->permitted_count, type, (struct slice){ NULL, 0 });
}

static enum constraints_answer size_check(const struct constraints_buf *b)
{
	bool fits = buf_ok(&b->permitted) && buf_ok(&b->excluded) && b->permitted_count <= MAX_SUBTREES &&
		    b->excluded_count <= MAX_SUBTREES;
	return fits ? CONSTRAINTS_OK : CONSTRAINTS_TOO_MANY;
}

enum constraints_answer constraints_combine(const struct constraints *a, const struct constraints *b,
					    struct constraints_buf *out)
{
	for (uint8_t type = 1; type <= MAX_NAME_TYPE; type++) {
		if (names_type(a->permitted, type) && names_type(b->permitted, type))
			intersect(a->permitted, b->permitted, type, out);
		else
			put_all(names_type(a->permitted, type) ? a->permitted : b->permitted, type, &out->permitted,
				&out->permitted_count);
		put_all(a->excluded, type, &out->excluded, &out->excluded_count);
		put_all(b->excluded, type, &out->excluded, &out->excluded_count);
	}
	return size_check(out);
}

/* The subtrees of a type, but for the mark of an empty set, which no certificate can state. */
static void put_stated(struct list from, uint8_t type, struct buf *raw, uint16_t *count)
{
	struct slice item;
	while (subtree_next(&from, type, &item))
		if (item.len)
			list_put(raw, count, type, item);
}

enum constraints_answer constraints_inherit(const struct constraints *asked, const struct constraints *parent,
					    struct constraints_buf *out)
{
	struct list excluded = constraints_empty(asked) ? parent->excluded : asked->excluded;
	for (uint8_t type = 1; type <= MAX_NAME_TYPE; type++) {
		struct list permitted = names_type(asked->permitted, type) ? asked->permitted : parent->permitted;
		put_stated(permitted, type, &out->permitted, &out->permitted_count);
		put_stated(excluded, type, &out->excluded, &out->excluded_count);
	}
	return size_check(out);
}
