#include "frontd/subject.h"

#include <stdio.h>
#include <string.h>

#include "frontd/input.h"
#include "names/dn.h"

static const struct part {
	const char *member;
	uint8_t attribute;
	bool many;
} parts[] = {
	{ "country", DN_COUNTRY, true },
	{ "province", DN_PROVINCE, true },
	{ "locality", DN_LOCALITY, true },
	{ "organization", DN_ORGANIZATION, true },
	{ "organizational_unit", DN_ORGANIZATIONAL_UNIT, true },
	{ "common_name", DN_COMMON_NAME, false },
};
#define PARTS (sizeof(parts) / sizeof(parts[0]))

static int subject_refuse(struct call *c, const char *member, const char *why)
{
	char field[64];
	snprintf(field, sizeof(field), "subject.%s", member);
	return call_refuse(c, 400, "subject_invalid", field, "subject.%s %s.", member, why);
}

static bool put_value(struct items *out, const struct part *p, json_t *value)
{
	if (!json_is_string(value))
		return false;
	items_put(out, p->attribute,
		  (struct slice){ (const uint8_t *)json_string_value(value), json_string_length(value) });
	return true;
}

static int part_read(struct call *c, const struct part *p, json_t *value, struct items *out)
{
	if (!value || json_is_null(value))
		return 0;
	if (!p->many)
		return put_value(out, p, value) ? 0 : subject_refuse(c, p->member, "must be a text");
	if (!json_is_array(value) || json_array_size(value) > MAX_DN_ATTRIBUTES)
		return subject_refuse(c, p->member, "must be a list of at most 32 texts");
	for (size_t i = 0; i < json_array_size(value); i++)
		if (!put_value(out, p, json_array_get(value, i)))
			return subject_refuse(c, p->member, "must be a list of texts");
	return 0;
}

static int members_check(struct call *c, json_t *subject)
{
	const char *member;
	json_t *value;
	json_object_foreach(subject, member, value)
	{
		size_t i = 0;
		while (i < PARTS && strcmp(parts[i].member, member) != 0)
			i++;
		if (i == PARTS)
			return call_refuse(c, 400, "unknown_field", "subject",
					   "subject takes common_name, organization, organizational_unit, country, "
					   "locality and province.");
	}
	return 0;
}

int subject_read(struct call *c, struct items *out)
{
	json_t *subject = json_object_get(c->body, "subject");
	if (!json_is_object(subject))
		return call_refuse(c, 400, subject ? "bad_field" : "missing_field", "subject",
				   "subject is required: an object such as {\"common_name\":\"Example Root\"}.");
	int r = members_check(c, subject);
	for (size_t i = 0; !r && i < PARTS; i++)
		r = part_read(c, &parts[i], json_object_get(subject, parts[i].member), out);
	if (r)
		return r;
	if (out->count == 0)
		return call_refuse(c, 400, "subject_empty", "subject", "subject must have at least one attribute.");
	uint8_t attribute = 0;
	const char *why = "";
	if (buf_ok(&out->raw) && dn_check(items_list(out), &attribute, &why))
		return 0;
	const char *member = "attributes";
	for (size_t i = 0; i < PARTS; i++)
		if (parts[i].attribute == attribute)
			member = parts[i].member;
	return subject_refuse(c, member, why);
}

static bool is_space(uint8_t b)
{
	return b == ' ' || (b >= 9 && b <= 13);
}

static void value_fold(struct slice value, struct buf *out)
{
	bool begun = false, gap = false;
	for (size_t i = 0; i < value.len; i++) {
		uint8_t b = value.at[i];
		if (is_space(b)) {
			gap = begun;
			continue;
		}
		if (gap)
			buf_put_u8(out, ' ');
		begun = true;
		gap = false;
		buf_put_u8(out, b >= 'A' && b <= 'Z' ? (uint8_t)(b - 'A' + 'a') : b);
	}
}

void subject_fold(struct list subject, struct buf *out)
{
	uint8_t attribute;
	struct slice value;
	while (list_next(&subject, &attribute, &value)) {
		scoped_buf folded = { .max = MAX_DN_VALUE };
		value_fold(value, &folded);
		buf_put_u8(out, attribute);
		buf_put_u16(out, (uint16_t)folded.len);
		buf_put_slice(out, buf_slice(&folded));
	}
}
