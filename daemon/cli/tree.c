#include "cli/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/member.h"
#include "cli/when.h"

#define MAX_INDENT (MAX_TREE_DEPTH * 16) /* bytes: three box characters and a blank a level */
#define MAX_CELL (1 << 20)		 /* bytes: what a certificate can hold in names, and more */
#define NEAR_EXPIRY (90 * 86400)	 /* seconds: time enough to make a successor and hand it out */
#define NEXT_EXPIRY (30 * 86400)	 /* seconds: leaves are cut short by now */

const char *const tree_heads[TREE_COLUMNS] = { "CA", "STATE", "EXPIRES", "PATH LEN", "KEY", "CONSTRAINTS", "ROTATION" };

struct tree {
	struct table *table;
	const json_t *list;
	json_t *ids;	  /* of the CAs there are: their rows */
	json_t *children; /* by the parent's id: their rows, as integers */
	bool *drawn;	  /* per row */
	int64_t now;
	const char *branch, *last, *pass, *blank;
};

/* Not in use any more; what is left of it is of interest to auditors. */
static bool is_past(const json_t *ca)
{
	return member_is(ca, "state", "retired") || member_is(ca, "state", "revoked");
}

bool tree_outside(const json_t *ca)
{
	return json_is_true(json_object_get(ca, "outside_ledger"));
}

bool tree_cut_off(const json_t *ca)
{
	return json_is_true(json_object_get(ca, "broken")) && !is_past(ca);
}

/* The buffer's text as the row's next cell; what is past has no colour but its own. */
static void cell_put(struct tree *t, const json_t *ca, enum table_style style, struct buf *text)
{
	table_put(t->table, is_past(ca) ? STYLE_DIM : style, buf_text(text));
	buf_clear(text);
}

static void state_cell(struct tree *t, const json_t *ca, struct buf *text)
{
	const char *state = member_text(ca, "state");
	enum table_style style = style_of_state(state);
	buf_put_text(text, state);
	if (*member_text(ca, "held")) {
		buf_put_text(text, ", held");
		style = STYLE_BAD;
	}
	if (tree_cut_off(ca)) {
		buf_put_text(text, ", cut off");
		style = STYLE_BAD;
	}
	if (tree_outside(ca))
		buf_put_text(text, ", outside");
	if (member_is(ca, "state", "retired"))
		style = STYLE_DIM;
	table_put(t->table, style, buf_text(text));
	buf_clear(text);
}

static void expiry_cell(struct tree *t, const json_t *ca, struct buf *text)
{
	const char *not_after = member_text(ca, "not_after");
	int64_t end;
	enum table_style style = STYLE_PLAIN;
	if (member_is(ca, "state", "created")) {
		buf_put_text(text, "no certificate yet");
		cell_put(t, ca, STYLE_WARN, text);
		return;
	}
	if (when_parse(not_after, &end) && end - t->now < NEAR_EXPIRY)
		style = end - t->now < NEXT_EXPIRY ? STYLE_BAD : STYLE_WARN;
	when_put(text, not_after, t->now);
	cell_put(t, ca, style, text);
}

static const json_t *ca_find(const struct tree *t, const char *id)
{
	const json_t *row = *id ? json_object_get(t->ids, id) : NULL;
	return row ? json_array_get(t->list, (size_t)json_integer_value(row)) : NULL;
}

/* When a successor is to be made, or takes over; or whose successor this is. */
static void rotation_cell(struct tree *t, const json_t *ca, struct buf *text)
{
	const json_t *next = json_object_get(ca, "next_rotation");
	const json_t *successor = ca_find(t, member_text(ca, "successor_ca_id"));
	const json_t *before = ca_find(t, member_text(ca, "predecessor_ca_id"));
	bool ready = successor && member_is(successor, "state", "active"), active = member_is(ca, "state", "active");
	if (!active)
		buf_put_text(text, successor ? "followed" : "");
	else if (before && member_is(before, "state", "active"))
		buf_put_text(text, "waits to take over");
	else if (json_is_null(next))
		buf_put_text(text, ready ? "by hand" : "off");
	else if (next) {
		buf_put_text(text, ready ? "hands over " : "");
		when_put(text, member_text(next, ready ? "activate_at" : "prepare_at"), t->now);
	}
	cell_put(t, ca, STYLE_PLAIN, text);
}

static void path_len_cell(struct tree *t, const json_t *ca, struct buf *text)
{
	const json_t *value = json_object_get(ca, "path_len_constraint");
	if (json_is_integer(value))
		value_put(text, value);
	else
		buf_put_text(text, "none");
	cell_put(t, ca, STYLE_PLAIN, text);
}

static void key_cell(struct tree *t, const json_t *ca, struct buf *text)
{
	bool offline = json_is_null(json_object_get(ca, "key_driver_id")), gone = member_is(ca, "key_state", "gone");
	buf_put_text(text, member_text(ca, "algorithm"));
	bool outside = tree_outside(ca);
	if (offline || gone)
		buf_printf(text, "%s%s", text->len ? ", " : "",
			   gone	     ? "gone"
			   : outside ? "outside this ledger"
				     : "offline");
	cell_put(t, ca, gone ? STYLE_BAD : outside ? STYLE_WARN : offline ? STYLE_DIM : STYLE_PLAIN, text);
}

/* "only dns:example.com, dns:example.org; not dns:test.example.com" */
static void subtrees_put(struct buf *text, const json_t *ca, const char *word, const char *member)
{
	size_t i, at, count = 0;
	const json_t *set, *subtree;
	json_array_foreach((json_t *)member_list(ca, "effective_name_constraints"), i, set)
	{
		json_array_foreach((json_t *)member_list(set, member), at, subtree)
		{
			buf_printf(text, "%s%s", count ? ", " : text->len ? "; " : "", count ? "" : word);
			value_put(text, subtree);
			count++;
		}
	}
}

static void tree_row(struct tree *t, const char *indent, const char *joint, const json_t *ca)
{
	scoped_buf text;
	buf_init(&text, MAX_CELL);
	const char *name = member_text(ca, "name");
	buf_printf(&text, "%s%s%s", indent, joint, *name ? name : member_text(ca, "id"));
	cell_put(t, ca, STYLE_PLAIN, &text);
	state_cell(t, ca, &text);
	expiry_cell(t, ca, &text);
	path_len_cell(t, ca, &text);
	key_cell(t, ca, &text);
	subtrees_put(&text, ca, "only ", "permitted");
	subtrees_put(&text, ca, "not ", "excluded");
	cell_put(t, ca, STYLE_PLAIN, &text);
	rotation_cell(t, ca, &text);
}

/* From place `*at` of the children on, the row of the first that isn't drawn yet; false if there is none. */
static bool child_next(const struct tree *t, const json_t *children, size_t *at, size_t *row)
{
	for (; *at < json_array_size(children); (*at)++) {
		*row = (size_t)json_integer_value(json_array_get(children, *at));
		if (!t->drawn[*row])
			return true;
	}
	return false;
}

static void tree_children(struct tree *t, const json_t *ca, const char *indent, int depth)
{
	const char *id = member_text(ca, "id");
	const json_t *children = *id ? json_object_get(t->children, id) : NULL;
	size_t at = 0, row, next;
	/* Looked for anew each time: a hostile list may have let the sibling be drawn further down. */
	while (depth < MAX_TREE_DEPTH && child_next(t, children, &at, &row)) {
		const json_t *child = json_array_get(t->list, row);
		t->drawn[row] = true;
		bool more = child_next(t, children, &at, &next);
		tree_row(t, indent, more ? t->branch : t->last, child);
		char deeper[MAX_INDENT];
		snprintf(deeper, sizeof(deeper), "%s%s", indent, more ? t->pass : t->blank);
		tree_children(t, child, deeper, depth + 1);
	}
}

/* Who is there, and who is whose. */
static bool tree_index(struct tree *t)
{
	size_t i;
	const json_t *ca;
	bool ok = t->ids && t->children;
	json_array_foreach((json_t *)t->list, i, ca)
	{
		const char *id = member_text(ca, "id"), *parent = member_text(ca, "parent_ca_id");
		if (!*parent || !ok) {
			ok = ok && json_object_set_new(t->ids, id, json_integer((json_int_t)i)) == 0;
			continue;
		}
		json_t *rows = json_object_get(t->children, parent);
		if (!rows && json_object_set_new(t->children, parent, rows = json_array()))
			rows = NULL;
		ok = json_object_set_new(t->ids, id, json_integer((json_int_t)i)) == 0 &&
		     json_array_append_new(rows, json_integer((json_int_t)i)) == 0;
	}
	return ok;
}

static bool begins_tree(const struct tree *t, const json_t *ca)
{
	const char *parent = member_text(ca, "parent_ca_id");
	return !*parent || !json_object_get(t->ids, parent);
}

static void tree_draw(struct tree *t)
{
	size_t n = json_array_size(t->list);
	/* First what begins a tree; then what is left, in a cycle or too deep, so that nothing is hidden. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < n; i++) {
			const json_t *ca = json_array_get(t->list, i);
			if (t->drawn[i] || (pass == 0 && !begins_tree(t, ca)))
				continue;
			t->drawn[i] = true;
			tree_row(t, "", "", ca);
			tree_children(t, ca, "", 0);
		}
}

void tree_fill(struct table *table, const json_t *list, bool lines)
{
	struct tree t = { .table = table, .list = list, .now = time_now() };
	t.ids = json_object();
	t.children = json_object();
	t.drawn = calloc(json_array_size(list) + 1, sizeof(bool));
	t.branch = lines ? "├─ " : "|- ";
	t.last = lines ? "└─ " : "`- ";
	t.pass = lines ? "│  " : "|  ";
	t.blank = "   ";
	if (t.drawn && tree_index(&t))
		tree_draw(&t);
	else
		table->text.broken = true;
	free(t.drawn);
	json_decref(t.ids);
	json_decref(t.children);
}

/* As deep as the JSON parser lets a list be. */
static bool flat_append(json_t *flat, const json_t *nested)
{
	size_t i;
	const json_t *ca;
	json_array_foreach((json_t *)nested, i, ca)
	{
		json_t *alone = json_copy((json_t *)ca);
		json_object_del(alone, "children");
		if (json_array_append_new(flat, alone) || !flat_append(flat, member_list(ca, "children")))
			return false;
	}
	return true;
}

json_t *tree_flatten(const json_t *nested)
{
	json_t *flat = json_array();
	if (flat && flat_append(flat, nested))
		return flat;
	json_decref(flat);
	return NULL;
}
