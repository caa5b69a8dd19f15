#include "policy/key_uri.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define PKCS11_SCHEME "pkcs11:"
#define FILE_SCHEME "file:"

/* The attributes that are taken, the longest value of each in bytes, decoded. */
static const struct attribute {
	const char *name;
	size_t offset; /* of its slice; type has none: it is checked and forgotten */
	size_t longest;
} attributes[] = {
	{ "token", offsetof(struct key_uri, token), 64 }, /* the label, or signd.conf's name */
	{ "serial", offsetof(struct key_uri, serial), 64 },
	{ "manufacturer", offsetof(struct key_uri, manufacturer), 64 },
	{ "model", offsetof(struct key_uri, model), 64 },
	{ "object", offsetof(struct key_uri, object), 128 },
	{ "id", offsetof(struct key_uri, id), MAX_KEY_URI_ID },
	{ "type", 0, 16 },
};
#define ATTRIBUTES (sizeof(attributes) / sizeof(attributes[0]))

/* RFC 7512's others: who uses one hears its name; of what is in no standard nothing is repeated. */
static const char *const refused[] = {
	"module-path",	       "module-name",	  "pin-source",
	"pin-value",	       "slot-id",	  "slot-description",
	"slot-manufacturer",   "library-version", "library-manufacturer",
	"library-description",
};
#define REFUSED (sizeof(refused) / sizeof(refused[0]))

struct parse {
	struct key_uri *out;
	size_t used; /* of out->bytes */
	unsigned seen;
	char *why;
};

/* Never with a piece of the text but a name from one of the tables above. */
static bool wrong(struct parse *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool wrong(struct parse *p, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(p->why, KEY_URI_WHY, format, arguments);
	va_end(arguments);
	return false;
}

static bool named(struct slice name, const char *text)
{
	return slice_equal(name, slice_text(text));
}

static bool name_refuse(struct parse *p, struct slice name)
{
	for (size_t i = 0; i < REFUSED; i++)
		if (named(name, refused[i]))
			return wrong(
				p, "must not have %s; it takes token, serial, manufacturer, model, id, object and type",
				refused[i]);
	return wrong(p, "has an attribute that is not token, serial, manufacturer, model, id, object or type");
}

/* pk11-pchar of RFC 7512 2.3, without the percent sign. */
static bool is_plain(uint8_t b)
{
	return (b >= '0' && b <= '9') || (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
	       (b && strchr("-._~:[]@!$'()*+,=&", b));
}

/* Appends the value to the bytes; it is never longer than the text. */
static bool value_decode(struct parse *p, struct slice text, struct slice *out)
{
	uint8_t *at = p->out->bytes + p->used;
	*out = (struct slice){ at, 0 };
	for (size_t i = 0; i < text.len; i++) {
		uint8_t b = text.at[i];
		if (b == '%') {
			if (text.len - i < 3 || !hex_decode((const char *)text.at + i + 1, 2, &b, 1))
				return wrong(p, "has a %% that two hexadecimal digits do not follow");
			i += 2;
		} else if (!is_plain(b)) {
			return wrong(p, "has a character that RFC 7512 wants percent-encoded");
		}
		at[out->len++] = b;
	}
	p->used += out->len;
	return true;
}

static bool attribute_take(struct parse *p, const struct attribute *a, struct slice text)
{
	struct slice value;
	unsigned bit = 1U << (a - attributes);
	if (p->seen & bit)
		return wrong(p, "has %s twice", a->name);
	p->seen |= bit;
	if (!value_decode(p, text, &value))
		return false;
	if (value.len == 0)
		return wrong(p, "has an empty %s", a->name);
	if (value.len > a->longest)
		return wrong(p, "has a %s that is too long", a->name);
	if (!a->offset)
		return named(value, "private") || wrong(p, "must be of type private if it has a type");
	if (a->offset != offsetof(struct key_uri, id) && !text_visible(value))
		return wrong(p, "has a %s that is not visible UTF-8 text", a->name);
	memcpy((uint8_t *)p->out + a->offset, &value, sizeof(value));
	return true;
}

/* The bytes up to a separator, which is taken off with them. */
static struct slice part_next(struct slice *rest, uint8_t separator)
{
	const uint8_t *end = rest->len ? memchr(rest->at, separator, rest->len) : NULL;
	struct slice part = { rest->at, end ? (size_t)(end - rest->at) : rest->len };
	size_t taken = end ? part.len + 1 : part.len;
	rest->at += taken;
	rest->len -= taken;
	return part;
}

static bool path_take(struct parse *p, struct slice path)
{
	while (path.len) {
		struct slice value = part_next(&path, ';'), name = part_next(&value, '=');
		size_t i = 0;
		while (i < ATTRIBUTES && !named(name, attributes[i].name))
			i++;
		if (i == ATTRIBUTES)
			return name_refuse(p, name);
		if (!attribute_take(p, &attributes[i], value))
			return false;
	}
	return true;
}

/* All that can stand behind the question mark is where a module or a PIN is. */
static bool pkcs11_parse(struct parse *p, struct slice text)
{
	struct slice query = text, path = part_next(&query, '?');
	if (path.len < text.len) {
		struct slice first = part_next(&query, '&');
		return name_refuse(p, part_next(&first, '='));
	}
	p->out->form = KEY_URI_PKCS11;
	if (!path_take(p, path))
		return false;
	return p->out->id.len ? true : wrong(p, "must have an id, the key's CKA_ID, percent-encoded");
}

/* The file driver's own rule for names; what it does not know has no file either. */
static bool file_parse(struct parse *p, struct slice name)
{
	bool good = name.len && name.len <= MAX_KEY_URI_ID && name.at[0] != '.';
	for (size_t i = 0; good && i < name.len; i++)
		good = is_plain(name.at[i]) && !strchr("~:[]@!$'()*+,=&", name.at[i]);
	if (!good)
		return wrong(p, "must name a key in the file driver's folder: up to 64 letters, digits, - . and _, "
				"no dot in front and no path");
	memcpy(p->out->bytes, name.at, name.len);
	p->out->form = KEY_URI_FILE;
	p->out->id = (struct slice){ p->out->bytes, name.len };
	return true;
}

bool key_uri_parse(const char *text, struct key_uri *out, char why[KEY_URI_WHY])
{
	struct parse p = { .out = out, .why = why };
	size_t len = strnlen(text, MAX_KEY_URI + 1), pkcs11 = strlen(PKCS11_SCHEME), file = strlen(FILE_SCHEME);
	*out = (struct key_uri){ .form = KEY_URI_PKCS11 };
	if (len > MAX_KEY_URI)
		return wrong(&p, "is longer than 512 bytes");
	if (strncmp(text, PKCS11_SCHEME, pkcs11) == 0)
		return pkcs11_parse(&p, (struct slice){ (const uint8_t *)text + pkcs11, len - pkcs11 });
	if (strncmp(text, FILE_SCHEME, file) == 0)
		return file_parse(&p, (struct slice){ (const uint8_t *)text + file, len - file });
	return wrong(&p, "must be a pkcs11: URI of RFC 7512, or file:NAME");
}
