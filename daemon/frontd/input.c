#include "frontd/input.h"

#include <string.h>

#include "base/text.h"

int input_members(struct call *c, const char *const *known)
{
	const char *member;
	json_t *value;
	json_object_foreach(c->body, member, value)
	{
		const char *const *k = known;
		while (*k && strcmp(*k, member) != 0)
			k++;
		if (*k)
			continue;
		bool shown = text_visible(slice_text(member)) && strlen(member) < 64;
		return call_refuse(c, 400, "unknown_field", shown ? member : NULL,
				   "This request knows no member of that name; see the API's description.");
	}
	return 0;
}

static json_t *member_of(struct call *c, const char *field)
{
	json_t *value = json_object_get(c->body, field);
	return json_is_null(value) ? NULL : value;
}

static int text_of(struct call *c, const char *field, bool required, const char **out)
{
	json_t *value = member_of(c, field);
	*out = json_string_value(value);
	if (value && !*out)
		return call_refuse(c, 400, "bad_field", field, "%s must be a text.", field);
	if (required && (!value || !**out))
		return call_refuse(c, 400, "missing_field", field, "%s is required.", field);
	if (value && strlen(*out) != json_string_length(value))
		return call_refuse(c, 400, "bad_field", field, "%s must not hold a NUL character.", field);
	return 0;
}

int input_text(struct call *c, const char *field, bool required, size_t longest, const char **out)
{
	int r = text_of(c, field, required, out);
	if (r || !*out)
		return r;
	if (!text_visible(slice_text(*out)))
		return call_refuse(c, 400, "bad_field", field,
				   "%s must be text without control or invisible characters.", field);
	if (text_length(slice_text(*out)) > longest)
		return call_refuse(c, 400, "bad_field", field, "%s must have at most %zu characters.", field, longest);
	return 0;
}

int input_block(struct call *c, const char *field, size_t longest, const char **out)
{
	int r = text_of(c, field, true, out);
	if (r || !*out)
		return r;
	if (strlen(*out) > longest)
		return call_refuse(c, 400, "bad_field", field, "%s must have at most %zu bytes.", field, longest);
	return 0;
}

int input_integer(struct call *c, const char *field, int64_t least, int64_t most, bool *there, int64_t *out)
{
	json_t *value = member_of(c, field);
	*there = value != NULL;
	if (!value)
		return 0;
	*out = json_integer_value(value);
	if (!json_is_integer(value) || *out < least || *out > most)
		return call_refuse(c, 400, "bad_field", field, "%s must be a whole number from %lld to %lld.", field,
				   (long long)least, (long long)most);
	return 0;
}

int input_bool(struct call *c, const char *field, bool *out)
{
	json_t *value = member_of(c, field);
	if (value && !json_is_boolean(value))
		return call_refuse(c, 400, "bad_field", field, "%s must be true or false.", field);
	*out = json_is_true(value);
	return 0;
}
