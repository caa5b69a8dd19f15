#include "cli/detail.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/client.h"
#include "cli/member.h"
#include "cli/when.h"

#define MAX_DETAIL_DEPTH 8		  /* objects in objects: deeper ones are not ours */
#define MAX_LABEL 256			  /* bytes of "database size" and its like */
#define MAX_DETAIL_VALUE (2 * MAX_ANSWER) /* what came in is shown, cut when it is a cell */

/* "not_after" reads better as "not after". */
static void label_put(struct buf *out, const char *prefix, const char *key)
{
	if (*prefix)
		buf_printf(out, "%s ", prefix);
	size_t start = out->len;
	buf_put_text(out, key);
	for (size_t i = start; i < out->len; i++)
		if (out->at[i] == '_')
			out->at[i] = ' ';
}

static void value_row(struct table *t, const char *label, const json_t *value)
{
	scoped_buf text;
	buf_init(&text, MAX_DETAIL_VALUE);
	const char *string = json_string_value(value);
	if (string)
		when_put(&text, string, time_now());
	else
		value_put(&text, value);
	table_detail(t, label, string ? style_of_state(string) : STYLE_PLAIN, buf_text(&text));
}

static bool name_listed(const char *const *names, const char *name)
{
	for (; names && *names; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

static void member_rows(struct table *t, const char *label, const json_t *value, const char *const *left_out,
			int depth);

static void object_rows(struct table *t, const char *prefix, const json_t *object, const char *const *left_out,
			int depth)
{
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)object, key, value)
	{
		if (name_listed(left_out, key))
			continue;
		scoped_buf label;
		buf_init(&label, MAX_LABEL);
		label_put(&label, prefix, key);
		member_rows(t, buf_text(&label), value, left_out, depth);
	}
}

static bool holds_objects(const json_t *list)
{
	return json_is_object(json_array_get(list, 0));
}

static void member_rows(struct table *t, const char *label, const json_t *value, const char *const *left_out, int depth)
{
	if (depth == MAX_DETAIL_DEPTH) {
		table_detail(t, label, STYLE_PLAIN, "...");
	} else if (json_is_object(value) && json_object_size(value)) {
		object_rows(t, label, value, left_out, depth + 1);
	} else if (json_is_array(value) && holds_objects(value)) {
		size_t i;
		const json_t *row;
		json_array_foreach((json_t *)value, i, row)
		{
			member_rows(t, label, row, left_out, depth + 1);
		}
	} else {
		value_row(t, label, value);
	}
}

void detail_fill(struct table *t, const json_t *object, const char *const *left_out)
{
	object_rows(t, "", object, left_out, 0);
}

static int table_print(const struct cli *c, const struct table *t)
{
	scoped_buf out;
	buf_init(&out, 4 * MAX_TABLE_TEXT);
	table_render(t, &out);
	return output_print(c, &out);
}

int detail_print(const struct cli *c, const json_t *object, const char *const *left_out)
{
	if (c->json)
		return json_print(c, object);
	scoped_table t;
	table_init_detail(&t, c->colour);
	detail_fill(&t, object, left_out);
	return table_print(c, &t);
}

static void cell_fill(struct table *t, const json_t *row, const struct column *column)
{
	scoped_buf text;
	buf_init(&text, MAX_DETAIL_VALUE);
	const json_t *value = json_object_get(row, column->member);
	if (column->as == SHOW_TIME && json_is_string(value))
		when_put(&text, json_string_value(value), time_now());
	else
		value_put(&text, value);
	const char *shown = buf_text(&text);
	table_put(t, column->as == SHOW_STATE ? style_of_state(shown) : STYLE_PLAIN, *shown ? shown : "-");
}

int list_print(const struct cli *c, const json_t *answer, const struct column *columns, size_t count,
	       const char *nothing)
{
	if (c->json)
		return json_print(c, answer);
	const char *heads[MAX_TABLE_COLUMNS];
	for (size_t i = 0; i < count; i++)
		heads[i] = columns[i].head;
	scoped_table t;
	table_init(&t, heads, count, c->colour);
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(answer, "data"), i, row) for (size_t at = 0; at < count; at++)
		cell_fill(&t, row, &columns[at]);
	if (i)
		return table_print(c, &t);
	scoped_buf out;
	buf_init(&out, 1024);
	buf_printf(&out, "%s\n", nothing);
	return output_print(c, &out);
}

int json_print(const struct cli *c, const json_t *answer)
{
	size_t flags = JSON_INDENT(2) | (isatty(STDOUT_FILENO) ? JSON_ENSURE_ASCII : 0);
	char *text = json_dumps(answer, flags);
	scoped_buf out;
	buf_init(&out, 4 * MAX_ANSWER);
	if (text)
		buf_printf(&out, "%s\n", text);
	else
		out.broken = true;
	free(text);
	return output_print(c, &out);
}

int list_show(struct cli *c, const char *path, const struct column *columns, size_t count, const char *nothing)
{
	scoped_buf url;
	scoped_json *answer = NULL;
	path_init(&url, path);
	int r = client_list(c, &url, 0, &answer);
	return r ? r : list_print(c, answer, columns, count, nothing);
}
