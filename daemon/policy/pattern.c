#include "policy/pattern.h"

#include <string.h>

bool name_pattern_parse(const char *text, struct name_pattern *out, const char **why)
{
	*out = (struct name_pattern){ .kind = PATTERN_ANY };
	buf_init(&out->value, MAX_NAME);
	if (strcmp(text, "*") == 0)
		return true;
	size_t n = strlen(text);
	if (strncmp(text, "dns:*.", 6) == 0) {
		out->kind = PATTERN_BELOW;
		return name_parse(AS_SUBTREE, text + 6, &out->type, &out->value, why);
	}
	if (strncmp(text, "uri:", 4) == 0 && strstr(text, "://")) {
		bool prefix = n > 2 && strcmp(text + n - 2, "/*") == 0;
		char plain[MAX_NAME + 8];
		*why = "the name is too long";
		if (n >= sizeof(plain))
			return false;
		memcpy(plain, text, n + 1);
		plain[n - (prefix ? 1 : 0)] = '\0';
		out->kind = prefix ? PATTERN_PREFIX : PATTERN_EXACT;
		return name_parse(AS_NAME, plain, &out->type, &out->value, why);
	}
	if (!name_parse(AS_SUBTREE, text, &out->type, &out->value, why))
		return false;
	out->kind = out->type == NAME_DNS ? PATTERN_EXACT : PATTERN_SUBTREE;
	return true;
}

/* A part of a path that a server could read as going up, or as another path, is not below a prefix. */
static bool path_is_plain(struct slice path)
{
	for (size_t i = 0; i < path.len; i++) {
		if (strchr("%?#\\", path.at[i]))
			return false;
		bool starts = i == 0 || path.at[i - 1] == '/';
		if (starts && path.at[i] == '.')
			return false;
	}
	return true;
}

static bool has_prefix(struct slice name, struct slice prefix)
{
	if (name.len <= prefix.len || memcmp(name.at, prefix.at, prefix.len) != 0)
		return false;
	return path_is_plain((struct slice){ name.at + prefix.len, name.len - prefix.len });
}

static bool is_below(struct slice name, struct slice domain)
{
	if (name.len <= domain.len + 1)
		return false;
	size_t at = name.len - domain.len;
	return name.at[at - 1] == '.' && memcmp(name.at + at, domain.at, domain.len) == 0;
}

bool name_pattern_matches(const struct name_pattern *p, uint8_t type, struct slice name)
{
	struct slice value = buf_slice(&p->value);
	if (p->kind == PATTERN_ANY)
		return true;
	if (type != p->type)
		return false;
	switch (p->kind) {
	case PATTERN_EXACT:
		return slice_equal(name, value);
	case PATTERN_BELOW:
		return is_below(name, value);
	case PATTERN_PREFIX:
		return has_prefix(name, value);
	default:
		return name_within(type, name, value);
	}
}

void name_pattern_print(const struct name_pattern *p, struct buf *out)
{
	enum name_use use = p->kind == PATTERN_BELOW || p->kind == PATTERN_SUBTREE ||
					    (p->kind == PATTERN_EXACT && p->type == NAME_DNS)
				    ? AS_SUBTREE
				    : AS_NAME;
	if (p->kind == PATTERN_ANY)
		buf_put_text(out, "*");
	else if (p->kind == PATTERN_BELOW)
		buf_printf(out, "dns:*.%.*s", (int)p->value.len, (const char *)p->value.at);
	else
		name_print(use, p->type, buf_slice(&p->value), out);
	if (p->kind == PATTERN_PREFIX)
		buf_put_text(out, "*");
}
