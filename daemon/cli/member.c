#include "cli/member.h"

#include <string.h>

const char *member_text(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));
	return text ? text : "";
}

bool member_is(const json_t *o, const char *name, const char *value)
{
	return strcmp(member_text(o, name), value) == 0;
}

const json_t *member_list(const json_t *o, const char *name)
{
	const json_t *value = json_object_get(o, name);
	return json_is_array(value) ? value : NULL;
}

static void list_put(struct buf *out, const json_t *list)
{
	size_t i;
	const json_t *value;
	json_array_foreach((json_t *)list, i, value)
	{
		if (i)
			buf_put_text(out, ", ");
		if (json_is_array(value) || json_is_object(value))
			buf_put_text(out, "...");
		else
			value_put(out, value);
	}
}

void value_put(struct buf *out, const json_t *value)
{
	if (json_is_string(value))
		buf_put(out, json_string_value(value), json_string_length(value));
	else if (json_is_integer(value))
		buf_printf(out, "%lld", (long long)json_integer_value(value));
	else if (json_is_real(value))
		buf_printf(out, "%g", json_real_value(value));
	else if (json_is_boolean(value))
		buf_put_text(out, json_is_true(value) ? "yes" : "no");
	else if (json_is_array(value))
		list_put(out, value);
}

void member_set(json_t **body, const char *name, json_t *value)
{
	if (*body && value && json_object_set_new(*body, name, value) == 0)
		return;
	if (!*body)
		json_decref(value);
	json_decref(*body);
	*body = NULL;
}

const char *buf_text(struct buf *b)
{
	buf_put_u8(b, 0);
	return buf_ok(b) ? (const char *)b->at : "";
}

const char *member_shown(struct buf *scratch, const json_t *o, const char *name)
{
	buf_clear(scratch);
	value_put(scratch, json_object_get(o, name));
	return buf_text(scratch);
}
