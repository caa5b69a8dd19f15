#include "cli/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "cli/member.h"
#include "cli/when.h"

#define MAX_INDENT (MAX_TREE_DEPTH * 16) /* bytes: three box characters and a blank a level */

struct tree {
	struct table *table;
	const json_t *list;
	bool *drawn; /* per row */
	const char *branch, *last, *pass, *blank;
};

static void path_len_put(struct buf *out, const json_t *ca)
{
	const json_t *value = json_object_get(ca, "path_len_constraint");
	if (json_is_integer(value))
		value_put(out, value);
	else
		buf_put_text(out, "none");
}

static void tree_row(struct tree *t, const char *indent, const char *joint, const json_t *ca)
{
	scoped_buf cell;
	buf_init(&cell, 1 << 20);
	const char *name = member_text(ca, "name"), *state = member_text(ca, "state");
	buf_printf(&cell, "%s%s%s", indent, joint, *name ? name : member_text(ca, "id"));
	table_put(t->table, STYLE_PLAIN, buf_text(&cell));
	table_put(t->table, style_of_state(state), state);
	buf_clear(&cell);
	path_len_put(&cell, ca);
	table_put(t->table, STYLE_PLAIN, buf_text(&cell));
	buf_clear(&cell);
	when_put(&cell, member_text(ca, "not_after"), time_now());
	table_put(t->table, STYLE_PLAIN, buf_text(&cell));
}

/* The next child not yet drawn of the CA with this id, from row `from` on; json_array_size() if there is none. */
static size_t child_next(const struct tree *t, const char *id, size_t from)
{
	size_t n = json_array_size(t->list);
	for (size_t i = from; i < n; i++)
		if (!t->drawn[i] && member_is(json_array_get(t->list, i), "parent_ca_id", id))
			return i;
	return n;
}

static void tree_children(struct tree *t, const json_t *ca, const char *indent, int depth)
{
	const char *id = member_text(ca, "id");
	size_t n = json_array_size(t->list);
	if (!*id || depth == MAX_TREE_DEPTH)
		return;
	for (size_t i = child_next(t, id, 0); i < n;) {
		const json_t *child = json_array_get(t->list, i);
		t->drawn[i] = true;
		size_t next = child_next(t, id, i + 1);
		tree_row(t, indent, next < n ? t->branch : t->last, child);
		char deeper[MAX_INDENT];
		snprintf(deeper, sizeof(deeper), "%s%s", indent, next < n ? t->pass : t->blank);
		tree_children(t, child, deeper, depth + 1);
		/* A hostile list may have let the sibling be drawn further down. */
		i = child_next(t, id, i + 1);
	}
}

static bool parent_is_listed(const json_t *list, const json_t *ca)
{
	const char *parent = member_text(ca, "parent_ca_id");
	size_t i;
	const json_t *row;
	json_array_foreach((json_t *)list, i, row)
	{
		if (*parent && member_is(row, "id", parent))
			return true;
	}
	return false;
}

void tree_fill(struct table *table, const json_t *list, bool lines)
{
	size_t n = json_array_size(list);
	struct tree t = { .table = table, .list = list, .drawn = calloc(n + 1, sizeof(bool)) };
	t.branch = lines ? "├─ " : "|- ";
	t.last = lines ? "└─ " : "`- ";
	t.pass = lines ? "│  " : "|  ";
	t.blank = "   ";
	/* First what begins a tree; then what is left, in a cycle or too deep, so that nothing is hidden. */
	for (int pass = 0; t.drawn && pass < 2; pass++)
		for (size_t i = 0; i < n; i++) {
			const json_t *ca = json_array_get(list, i);
			if (t.drawn[i] || (pass == 0 && parent_is_listed(list, ca)))
				continue;
			t.drawn[i] = true;
			tree_row(&t, "", "", ca);
			tree_children(&t, ca, "", 0);
		}
	if (!t.drawn)
		table->text.broken = true;
	free(t.drawn);
}
