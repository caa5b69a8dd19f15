#include "key/pkcs11/uri.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"

#define EXPECTED "pkcs11: and one or more of token=, serial=, manufacturer=, model=, with ; between them"

/* Attributes of RFC 7512 that have no place here, and why. */
static const struct {
	const char *name, *expected;
} refused[] = {
	{ "slot-id", "token= and serial=, never a slot: slots are numbered anew at each start" },
	{ "slot-description", "token= and serial=, never a slot: a token may be put into another one" },
	{ "slot-manufacturer", "token= and serial=, never a slot: a token may be put into another one" },
	{ "id", "a URI of the token alone, without id=, object= and type=" },
	{ "object", "a URI of the token alone, without id=, object= and type=" },
	{ "type", "a URI of the token alone, without id=, object= and type=" },
};

struct part {
	const char *at;
	size_t len;
};

/* Cuts the text up to the mark off its front. */
static struct part part_take(struct part *rest, char mark)
{
	const char *end = memchr(rest->at, mark, rest->len);
	struct part taken = { rest->at, end ? (size_t)(end - rest->at) : rest->len };
	size_t gone = taken.len + (end ? 1 : 0);
	rest->at += gone;
	rest->len -= gone;
	return taken;
}

static bool part_is(struct part p, const char *name)
{
	return p.len == strlen(name) && memcmp(p.at, name, p.len) == 0;
}

static bool value_valid(const char *text)
{
	return *text && text_valid(slice_text(text));
}

/* RFC 3986's percent-encoding undone; false if it isn't that, too long, or no text. */
static bool value_decode(struct part value, char *out)
{
	size_t n = 0;
	for (size_t i = 0; i < value.len; i++) {
		uint8_t byte = (uint8_t)value.at[i];
		if (byte == '%') {
			if (value.len - i < 3 || !hex_decode(value.at + i + 1, 2, &byte, 1) || byte == 0)
				return false;
			i += 2;
		}
		if (n == MAX_URI_VALUE)
			return false;
		out[n++] = (char)byte;
	}
	out[n] = '\0';
	return value_valid(out);
}

static const char *refusal_of(struct part name)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (part_is(name, refused[i].name))
			return refused[i].expected;
	return EXPECTED;
}

static char *room_of(struct token_uri *u, struct part name)
{
	if (part_is(name, "token"))
		return u->token;
	if (part_is(name, "serial"))
		return u->serial;
	if (part_is(name, "manufacturer"))
		return u->manufacturer;
	return part_is(name, "model") ? u->model : NULL;
}

static const char *attribute_read(struct part attribute, struct token_uri *out)
{
	struct part name = part_take(&attribute, '=');
	char *room = room_of(out, name);
	if (!room)
		return refusal_of(name);
	if (*room)
		return "each of token=, serial=, manufacturer=, model= once";
	return value_decode(attribute, room)
		       ? NULL
		       : "values of 1 to 64 bytes of text, % and two hex digits for what isn't plain";
}

const char *uri_read(const char *text, struct token_uri *out)
{
	*out = (struct token_uri){ 0 };
	if (strncmp(text, URI_SCHEME, strlen(URI_SCHEME)) != 0)
		return EXPECTED;
	text += strlen(URI_SCHEME);
	if (strchr(text, '?'))
		return "a URI without pin-value, pin-source, module-path and module-name: these have settings of their "
		       "own";
	struct part rest = { text, strlen(text) };
	do {
		const char *expected = attribute_read(part_take(&rest, ';'), out);
		if (expected)
			return expected;
	} while (rest.len);
	return *out->token || *out->serial ? NULL : "token= or serial= in the URI, or both";
}
