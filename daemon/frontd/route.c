#include "frontd/route.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

bool route_decode(char *text, bool plus)
{
	char *out = text;
	for (const char *in = text; *in; in++) {
		uint8_t byte = (uint8_t)*in;
		if (*in == '%') {
			if (!in[1] || !hex_decode(in + 1, 2, &byte, 1) || !byte)
				return false;
			in += 2;
		} else if (*in == '+' && plus) {
			byte = ' ';
		}
		*out++ = (char)byte;
	}
	*out = '\0';
	return text_valid(slice_text(text));
}

static size_t segment_length(const char *path)
{
	return (size_t)(strchrnul(path, '/') - path);
}

/* Whether path is of the pattern's shape; parameters stay as they were sent. */
static bool shape_matches(const char *pattern, const char *path)
{
	while (*pattern == '/' && *path == '/') {
		size_t p = segment_length(++pattern), n = segment_length(++path);
		bool parameter = *pattern == '{';
		if (parameter ? n == 0 : n != p || memcmp(pattern, path, n) != 0)
			return false;
		pattern += p;
		path += n;
	}
	return !*pattern && !*path;
}

static bool params_take(const char *pattern, const char *path, struct route_match *out)
{
	size_t count = 0, used = 0;
	while (*pattern) {
		size_t p = segment_length(++pattern), n = segment_length(++path);
		if (*pattern == '{') {
			char *text = out->text + used;
			memcpy(text, path, n);
			text[n] = '\0';
			used += n + 1;
			if (!route_decode(text, false))
				return false;
			out->param[count++] = text;
		}
		pattern += p;
		path += n;
	}
	return true;
}

static void allow_add(struct route_match *out, const char *method)
{
	size_t n = strlen(out->allow);
	const char *also = strcmp(method, "GET") == 0 ? ", HEAD" : "";
	snprintf(out->allow + n, sizeof(out->allow) - n, "%s%s%s", n ? ", " : "", method, also);
}

enum route_answer route_find(const struct route *table, size_t count, const char *method, const char *path,
			     struct route_match *out)
{
	*out = (struct route_match){ .route = NULL };
	if (strlen(path) > MAX_PATH)
		return ROUTE_UNKNOWN;
	const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
	for (size_t i = 0; i < count && !out->route; i++) {
		const struct route *r = &table[i];
		if (!shape_matches(r->pattern, path))
			continue;
		out->pattern = r->pattern;
		if (strcmp(r->method, wanted) == 0)
			out->route = r;
		else
			allow_add(out, r->method);
	}
	if (!out->pattern)
		return ROUTE_UNKNOWN;
	if (!out->route)
		return ROUTE_WRONG_METHOD;
	/* What can't be text names nothing that exists. */
	if (params_take(out->pattern, path, out))
		return ROUTE_FOUND;
	out->route = NULL;
	return ROUTE_UNKNOWN;
}

bool route_takes(const struct route *route, const char *query)
{
	size_t n = strlen(query);
	for (const char *at = route->queries; *at; at += strcspn(at, ","), at += *at == ',')
		if (strcspn(at, ",") == n && memcmp(at, query, n) == 0)
			return true;
	return false;
}
