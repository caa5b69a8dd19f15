#include "names/dn.h"

#include <string.h>
#include <strings.h>

#include "base/text.h"

#define OID(bytes)                                                                                                     \
	{                                                                                                              \
		(const uint8_t *)(bytes), sizeof(bytes) - 1                                                            \
	}

/* Bounds: RFC 5280 appendix A; where it has none or X.520's general 32768, a value's own limit. */
static const struct dn_kind kinds[] = {
	{ DN_COMMON_NAME, "CN", OID("\x55\x04\x03"), DN_UTF8, 64 },
	{ DN_ORGANIZATION, "O", OID("\x55\x04\x0a"), DN_UTF8, 64 },
	{ DN_ORGANIZATIONAL_UNIT, "OU", OID("\x55\x04\x0b"), DN_UTF8, 64 },
	{ DN_COUNTRY, "C", OID("\x55\x04\x06"), DN_PRINTABLE, 2 },
	{ DN_LOCALITY, "L", OID("\x55\x04\x07"), DN_UTF8, 128 },
	{ DN_PROVINCE, "ST", OID("\x55\x04\x08"), DN_UTF8, 128 },
	{ DN_SERIAL_NUMBER, "serialNumber", OID("\x55\x04\x05"), DN_PRINTABLE, 64 },
	{ DN_DOMAIN_COMPONENT, "DC", OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19"), DN_IA5, 63 },
	{ DN_EMAIL_ADDRESS, "emailAddress", OID("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), DN_IA5, 255 },
	{ DN_USER_ID, "UID", OID("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01"), DN_UTF8, 256 },
	{ DN_STREET, "street", OID("\x55\x04\x09"), DN_UTF8, 128 },
	{ DN_POSTAL_CODE, "postalCode", OID("\x55\x04\x11"), DN_UTF8, 40 },
	{ DN_TITLE, "title", OID("\x55\x04\x0c"), DN_UTF8, 64 },
	{ DN_SURNAME, "SN", OID("\x55\x04\x04"), DN_UTF8, MAX_DN_VALUE },
	{ DN_GIVEN_NAME, "GN", OID("\x55\x04\x2a"), DN_UTF8, MAX_DN_VALUE },
};
#define KIND_COUNT (sizeof(kinds) / sizeof(kinds[0]))

const struct dn_kind *dn_kind(uint8_t attribute)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (kinds[i].attribute == attribute)
			return &kinds[i];
	return NULL;
}

const struct dn_kind *dn_kind_by_name(const char *short_name, size_t len)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (strlen(kinds[i].short_name) == len && strncasecmp(kinds[i].short_name, short_name, len) == 0)
			return &kinds[i];
	return NULL;
}

const struct dn_kind *dn_kind_by_oid(struct slice oid)
{
	for (size_t i = 0; i < KIND_COUNT; i++)
		if (slice_equal(kinds[i].oid, oid))
			return &kinds[i];
	return NULL;
}

static bool is_printable(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr(" '()+,-./:=?", c));
}

/* NULL, or what is wrong. */
static const char *value_fault(const struct dn_kind *kind, struct slice v)
{
	if (v.len > MAX_DN_VALUE || !text_visible(v))
		return "must be UTF-8 text without control or invisible characters, at most 1024 bytes";
	size_t blanks = 0;
	while (blanks < v.len && v.at[blanks] == ' ')
		blanks++;
	if (blanks == v.len)
		return "must not be empty";
	if (kind->string != DN_UTF8 && !text_is_ascii(v))
		return "must be ASCII";
	for (size_t i = 0; kind->string == DN_PRINTABLE && i < v.len; i++)
		if (!is_printable(v.at[i]))
			return "must be letters, digits, spaces and ' ( ) + , - . / : = ? only";
	if (kind->attribute == DN_COUNTRY &&
	    (v.len != 2 || v.at[0] < 'A' || v.at[0] > 'Z' || v.at[1] < 'A' || v.at[1] > 'Z'))
		return "must be two capital letters (ISO 3166)";
	if (text_length(v) > kind->longest)
		return "is longer than RFC 5280 allows for this attribute";
	return NULL;
}

bool dn_check(struct list dn, uint8_t *attribute, const char **why)
{
	struct slice value;
	*attribute = 0;
	*why = "must be at most 32 attributes";
	if (dn.count > MAX_DN_ATTRIBUTES || !list_valid(dn, UINT16_MAX))
		return false;
	while (list_next(&dn, attribute, &value)) {
		const struct dn_kind *kind = dn_kind(*attribute);
		*why = kind ? value_fault(kind, value) : "is not a known attribute";
		if (*why)
			return false;
	}
	return true;
}

/* The next character after folding: lower case, runs of spaces as one, none at the end; -1 when there is no more. */
static int fold_next(struct slice *s)
{
	if (s->len == 0)
		return -1;
	uint8_t c = *s->at;
	do {
		s->at++;
		s->len--;
	} while (c == ' ' && s->len && *s->at == ' ');
	if (c == ' ' && s->len == 0)
		return -1;
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

static int fold_first(struct slice *s)
{
	int c = fold_next(s);
	return c == ' ' ? fold_next(s) : c;
}

static bool value_equal(struct slice a, struct slice b)
{
	int x = fold_first(&a), y = fold_first(&b);
	while (x == y && x >= 0) {
		x = fold_next(&a);
		y = fold_next(&b);
	}
	return x == y;
}

bool dn_within(struct list name, struct list base)
{
	uint8_t base_tag, name_tag;
	struct slice base_value, name_value;
	while (list_next(&base, &base_tag, &base_value))
		if (!list_next(&name, &name_tag, &name_value) || name_tag != base_tag ||
		    !value_equal(name_value, base_value))
			return false;
	return true;
}

bool dn_equal(struct list a, struct list b)
{
	return a.count == b.count && dn_within(a, b);
}

/* What a backslash goes before; a space only at either end of a value. */
static const char specials[] = ",+=\"\\<>;#";

static void value_print(struct slice v, struct buf *out)
{
	for (size_t i = 0; i < v.len; i++) {
		bool edge_blank = v.at[i] == ' ' && (i == 0 || i == v.len - 1);
		if (edge_blank || (v.at[i] && strchr(specials, v.at[i])))
			buf_put_u8(out, '\\');
		buf_put_u8(out, v.at[i]);
	}
}

void dn_print(struct list dn, struct buf *out)
{
	uint8_t tag;
	struct slice value;
	for (bool first = true; list_next(&dn, &tag, &value); first = false) {
		const struct dn_kind *kind = dn_kind(tag);
		buf_printf(out, "%s%s=", first ? "" : ", ", kind ? kind->short_name : "?");
		value_print(value, out);
	}
}

/* Takes one value, up to an unescaped comma or the end. NULL, or what is wrong. */
static const char *value_parse(const char **text, uint8_t *value, size_t *len)
{
	const char *at = *text;
	size_t n = 0, kept = 0; /* kept: without unescaped spaces at the end */
	for (; *at && *at != ','; at++) {
		bool escaped = *at == '\\';
		if (escaped && (*++at == '\0' || (*at != ' ' && !strchr(specials, *at))))
			return "has a backslash before something else than , + = \" \\ < > ; # or a space";
		if (!escaped && strchr("+\"<>;", *at))
			return "needs a backslash before each of , + \" < > ; (and takes one attribute an RDN)";
		if (n == MAX_DN_VALUE)
			return "has a value of more than 1024 bytes";
		value[n++] = (uint8_t)*at;
		if (escaped || *at != ' ')
			kept = n;
	}
	*text = at;
	*len = kept;
	return kept ? NULL : "has an empty value";
}

bool dn_parse(const char *text, struct buf *raw, uint16_t *count, const char **why)
{
	uint8_t value[MAX_DN_VALUE];
	for (;;) {
		size_t len;
		text += strspn(text, " ");
		size_t name = strcspn(text, "=, ");
		const struct dn_kind *kind = dn_kind_by_name(text, name);
		*why = "must be attributes such as \"CN=Example Root, O=Example, C=DE\"";
		if (!kind || text[name + strspn(text + name, " ")] != '=')
			return false;
		text += name + strspn(text + name, " ") + 1;
		text += strspn(text, " ");
		*why = value_parse(&text, value, &len);
		if (*why)
			return false;
		if (*count == MAX_DN_ATTRIBUTES) {
			*why = "must be at most 32 attributes";
			return false;
		}
		list_put(raw, count, kind->attribute, (struct slice){ value, len });
		if (*text++ == '\0')
			return buf_ok(raw);
	}
}
