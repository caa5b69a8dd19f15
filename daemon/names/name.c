#include "names/name.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "names/dn.h"

#define MAX_HOST 253 /* RFC 1035 2.3.4: 255 octets on the wire */
#define MAX_LABEL 63
#define MAX_LOCAL 64 /* RFC 5321 4.5.3.1.1 */

static const char *const type_texts[] = { "unknown", "dns", "email", "uri", "ip", "dn" };

const char *name_type_text(uint8_t type)
{
	return type_texts[type <= MAX_NAME_TYPE ? type : 0];
}

static bool refuse(const char **why, const char *sentence)
{
	*why = sentence;
	return false;
}

static struct slice slice_from(struct slice s, size_t start)
{
	return (struct slice){ s.at + start, s.len - start };
}

/* Where a byte stands; s.len if it isn't there. */
static size_t slice_find(struct slice s, uint8_t c)
{
	const uint8_t *at = s.len ? memchr(s.at, c, s.len) : NULL;
	return at ? (size_t)(at - s.at) : s.len;
}

static bool ends_with(struct slice s, struct slice end)
{
	return s.len >= end.len && slice_equal(slice_from(s, s.len - end.len), end);
}

static uint8_t lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(uint8_t c)
{
	return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool is_hex(uint8_t c)
{
	return is_digit(c) || (lower(c) >= 'a' && lower(c) <= 'f');
}

/*
 * Whether a host's last label is a number, also "0x7f": what some readers take
 * for an IPv4 address in an unusual spelling. Never so for a host by name.
 */
static bool ends_in_number(struct slice host)
{
	size_t start = host.len;
	while (start > 0 && host.at[start - 1] != '.')
		start--;
	struct slice label = slice_from(host, start);
	bool hex = label.len > 2 && label.at[0] == '0' && lower(label.at[1]) == 'x';
	for (size_t i = hex ? 2 : 0; i < label.len; i++)
		if (hex ? !is_hex(label.at[i]) : !is_digit(label.at[i]))
			return false;
	return label.len > 0;
}

static bool label_valid(struct slice label, bool underscore)
{
	if (label.len == 0 || label.len > MAX_LABEL || label.at[0] == '-' || label.at[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++) {
		uint8_t c = label.at[i];
		if (!is_letter(c) && !is_digit(c) && c != '-' && !(underscore && c == '_'))
			return false;
	}
	return true;
}

static bool host_canonize(struct slice raw, bool underscore, struct buf *value, const char **why)
{
	if (raw.len > MAX_HOST)
		return refuse(why, "a host name has at most 253 characters");
	for (struct slice rest = raw;;) {
		size_t n = slice_find(rest, '.');
		if (!label_valid((struct slice){ rest.at, n }, underscore))
			return refuse(why, "a host name is labels of 1 to 63 letters, digits and inner hyphens, "
					   "with dots between them and none at the end");
		if (n == rest.len)
			break;
		rest = slice_from(rest, n + 1);
	}
	if (ends_in_number(raw))
		return refuse(why, "a host name's last label is not a number; an address is written ip:");
	for (size_t i = 0; i < raw.len; i++)
		buf_put_u8(value, lower(raw.at[i]));
	return true;
}

static bool dns_canonize(enum name_use use, struct slice raw, struct buf *value, const char **why)
{
	if (use == AS_SUBTREE)
		return host_canonize(raw.len && raw.at[0] == '.' ? slice_from(raw, 1) : raw, false, value, why);
	bool wildcard = raw.len > 2 && raw.at[0] == '*' && raw.at[1] == '.';
	if (wildcard && raw.len > MAX_HOST)
		return refuse(why, "a host name has at most 253 characters");
	if (wildcard)
		buf_put_text(value, "*.");
	return host_canonize(wildcard ? slice_from(raw, 2) : raw, false, value, why);
}

/* RFC 5321 Dot-string; quoted local parts are refused. */
static bool local_valid(struct slice local)
{
	if (local.len == 0 || local.len > MAX_LOCAL || local.at[0] == '.' || local.at[local.len - 1] == '.')
		return false;
	for (size_t i = 0; i < local.len; i++) {
		uint8_t c = local.at[i];
		if (c == '.' ? local.at[i - 1] == '.'
			     : !is_letter(c) && !is_digit(c) && (c == 0 || !strchr("!#$%&'*+-/=?^_`{|}~", c)))
			return false;
	}
	return true;
}

/* A host, or with a leading dot the hosts below it. */
static bool domain_canonize(struct slice raw, bool underscore, struct buf *value, const char **why)
{
	bool below = raw.len && raw.at[0] == '.';
	if (below)
		buf_put_u8(value, '.');
	return host_canonize(below ? slice_from(raw, 1) : raw, underscore, value, why);
}

static bool email_canonize(enum name_use use, struct slice raw, struct buf *value, const char **why)
{
	size_t at = slice_find(raw, '@');
	if (at == raw.len && use == AS_SUBTREE)
		return domain_canonize(raw, false, value, why);
	struct slice local = { raw.at, at };
	if (at == raw.len || !local_valid(local))
		return refuse(why, "a mailbox is local@host with an unquoted ASCII local part of 1 to 64 characters");
	buf_put(value, raw.at, at + 1);
	return host_canonize(slice_from(raw, at + 1), false, value, why);
}

/* The characters of RFC 3986 after the host, with whole percent escapes. */
static bool uri_rest_valid(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];
		if (c == '%' && (s.len - i < 3 || !is_hex(s.at[i + 1]) || !is_hex(s.at[i + 2])))
			return false;
		if (!is_letter(c) && !is_digit(c) && (c == 0 || !strchr("%-._~:/?#@!$&'()*+,;=", c)))
			return false;
	}
	return true;
}

static bool port_valid(struct slice port)
{
	unsigned value = 0;
	if (port.len == 0 || port.len > 5 || port.at[0] == '0')
		return false;
	for (size_t i = 0; i < port.len; i++) {
		if (!is_digit(port.at[i]))
			return false;
		value = value * 10 + (port.at[i] - '0');
	}
	return value <= UINT16_MAX;
}

static bool address_host_canonize(struct slice host, struct buf *value)
{
	char text[INET6_ADDRSTRLEN];
	uint8_t address[16];
	bool six = host.at[0] == '[';
	struct slice inner = six ? (struct slice){ host.at + 1, host.len - 2 } : host;
	if (!slice_to_text(inner, text, sizeof(text)) || memchr(inner.at, 0, inner.len) ||
	    inet_pton(six ? AF_INET6 : AF_INET, text, address) != 1)
		return false;
	inet_ntop(six ? AF_INET6 : AF_INET, address, text, sizeof(text));
	buf_printf(value, six ? "[%s]" : "%s", text);
	return true;
}

/* host[:port], without user information. */
static bool authority_canonize(struct slice raw, struct buf *value, const char **why)
{
	size_t bracket = raw.len && raw.at[0] == '[' ? slice_find(raw, ']') + 1 : 0;
	if (bracket > raw.len)
		return refuse(why, "a URI's IPv6 host ends with ]");
	size_t n = bracket ? bracket : slice_find(raw, ':');
	struct slice host = { raw.at, n };
	if (bracket || ends_in_number(host)) {
		if (!address_host_canonize(host, value))
			return refuse(why, "a URI's host is a host name, an IPv4 address or an IPv6 address in [ ]");
	} else if (!host_canonize(host, true, value, why)) {
		return false;
	}
	if (n < raw.len && (raw.at[n] != ':' || !port_valid(slice_from(raw, n + 1))))
		return refuse(why, "a URI's port is a number from 1 to 65535");
	buf_put_slice(value, slice_from(raw, n));
	return true;
}

static bool uri_canonize(struct slice raw, struct buf *value, const char **why)
{
	size_t colon = slice_find(raw, ':');
	if (colon + 1 >= raw.len || !is_letter(raw.at[0]))
		return refuse(why, "a URI begins with a scheme, such as https://");
	for (size_t i = 0; i < colon; i++) {
		if (!is_letter(raw.at[i]) && !is_digit(raw.at[i]) && (raw.at[i] == 0 || !strchr("+-.", raw.at[i])))
			return refuse(why, "a URI's scheme is letters, digits, + - and .");
		buf_put_u8(value, lower(raw.at[i]));
	}
	buf_put_u8(value, ':');
	struct slice rest = slice_from(raw, colon + 1);
	if (rest.len >= 2 && rest.at[0] == '/' && rest.at[1] == '/') {
		size_t end = 2;
		while (end < rest.len && rest.at[end] && !strchr("/?#", rest.at[end]))
			end++;
		buf_put_text(value, "//");
		if (!authority_canonize((struct slice){ rest.at + 2, end - 2 }, value, why))
			return false;
		rest = slice_from(rest, end);
	}
	if (!uri_rest_valid(rest))
		return refuse(why, "a URI is ASCII, with other characters as %XX");
	buf_put_slice(value, rest);
	return true;
}

/* Ones, then zeros. */
static bool mask_is_prefix(struct slice mask)
{
	bool ended = false;
	for (size_t i = 0; i < mask.len; i++)
		for (unsigned bit = 0x80; bit; bit >>= 1) {
			if (ended && (mask.at[i] & bit))
				return false;
			ended = ended || !(mask.at[i] & bit);
		}
	return true;
}

static bool ip_canonize(enum name_use use, struct slice raw, struct buf *value, const char **why)
{
	size_t n = use == AS_NAME ? raw.len : raw.len / 2;
	if ((n != 4 && n != 16) || (use == AS_SUBTREE && raw.len % 2))
		return refuse(why, use == AS_NAME ? "an address has 4 or 16 bytes"
						  : "a network is an address and a mask of 4 or 16 bytes each");
	if (use == AS_NAME) {
		buf_put_slice(value, raw);
		return true;
	}
	struct slice mask = slice_from(raw, n);
	if (!mask_is_prefix(mask))
		return refuse(why, "a network's mask is a prefix: ones, then zeros");
	for (size_t i = 0; i < n; i++)
		buf_put_u8(value, raw.at[i] & mask.at[i]);
	buf_put_slice(value, mask);
	return true;
}

static struct list directory_list(struct slice value)
{
	return (struct list){ get_u16(value.at), slice_from(value, 2) };
}

static bool directory_canonize(struct slice raw, struct buf *value, const char **why)
{
	uint8_t attribute;
	if (raw.len < 2 || get_u16(raw.at) == 0)
		return refuse(why, "a directory name has at least one attribute");
	if (!dn_check(directory_list(raw), &attribute, why))
		return false;
	buf_put_slice(value, raw);
	return true;
}

static bool form_canonize(enum name_use use, uint8_t type, struct slice raw, struct buf *value, const char **why)
{
	switch (type) {
	case NAME_DNS:
		return dns_canonize(use, raw, value, why);
	case NAME_EMAIL:
		return email_canonize(use, raw, value, why);
	case NAME_URI:
		return use == AS_NAME ? uri_canonize(raw, value, why) : domain_canonize(raw, true, value, why);
	case NAME_IP:
		return ip_canonize(use, raw, value, why);
	case NAME_DIRECTORY:
		return directory_canonize(raw, value, why);
	}
	return refuse(why, "a name is of type dns, email, uri, ip or dn");
}

bool name_canonize(enum name_use use, uint8_t type, struct slice raw, struct buf *value, const char **why)
{
	size_t start = value->len;
	if (!form_canonize(use, type, raw, value, why)) {
		value->len = start;
		return false;
	}
	if (value->len - start > MAX_NAME || !buf_ok(value)) {
		value->len = start;
		return refuse(why, "a name has at most 1024 bytes");
	}
	return true;
}

bool name_is_canonical(enum name_use use, uint8_t type, struct slice value)
{
	uint8_t room[MAX_NAME];
	struct buf again = { .at = room, .cap = sizeof(room), .max = sizeof(room) }; /* never grows, never freed */
	const char *why;
	return value.len <= MAX_NAME && name_canonize(use, type, value, &again, &why) &&
	       slice_equal(buf_slice(&again), value);
}

/* "10.0.0.0/8", "2001:db8::1" into bytes: the address, and after it the mask of a subtree. */
static bool ip_parse(enum name_use use, const char *text, uint8_t bytes[32], size_t *len)
{
	char address[INET6_ADDRSTRLEN];
	size_t n = strcspn(text, "/");
	bool six = memchr(text, ':', n) != NULL;
	unsigned prefix = 0, most = six ? 128 : 32;
	if (!slice_to_text((struct slice){ (const uint8_t *)text, n }, address, sizeof(address)) ||
	    inet_pton(six ? AF_INET6 : AF_INET, address, bytes) != 1)
		return false;
	*len = most / 8;
	if (use == AS_NAME)
		return text[n] == '\0';
	const char *digits = text + n + (text[n] == '/');
	size_t count = strspn(digits, "0123456789");
	if (text[n] != '/' || count == 0 || count > 3 || digits[count] || (count > 1 && digits[0] == '0'))
		return false;
	for (size_t i = 0; i < count; i++)
		prefix = prefix * 10 + (unsigned)(digits[i] - '0');
	if (prefix > most)
		return false;
	memset(bytes + *len, 0, *len);
	for (unsigned i = 0; i < prefix; i++)
		bytes[*len + i / 8] |= (uint8_t)(0x80 >> i % 8);
	*len *= 2;
	return true;
}

static bool directory_parse(enum name_use use, const char *text, struct buf *value, const char **why)
{
	uint16_t count = 0;
	scoped_buf items, raw;
	buf_init(&items, MAX_NAME);
	buf_init(&raw, MAX_NAME);
	*why = "a name has at most 1024 bytes";
	if (!dn_parse(text, &items, &count, why))
		return false;
	buf_put_u16(&raw, count);
	buf_put_slice(&raw, buf_slice(&items));
	if (!buf_ok(&raw))
		return refuse(why, "a name has at most 1024 bytes");
	return name_canonize(use, NAME_DIRECTORY, buf_slice(&raw), value, why);
}

/* Takes the prefix off; a text without one is a DNS name. */
static uint8_t prefix_parse(const char **text)
{
	for (uint8_t type = 1; type <= MAX_NAME_TYPE; type++) {
		size_t n = strlen(type_texts[type]);
		if (strncasecmp(*text, type_texts[type], n) == 0 && (*text)[n] == ':') {
			*text += n + 1;
			return type;
		}
	}
	return NAME_DNS;
}

bool name_parse(enum name_use use, const char *text, uint8_t *type, struct buf *value, const char **why)
{
	uint8_t bytes[32];
	struct slice raw = { bytes, 0 };
	*type = prefix_parse(&text);
	if (*type == NAME_DIRECTORY)
		return directory_parse(use, text, value, why);
	if (*type != NAME_IP)
		raw = slice_text(text);
	else if (!ip_parse(use, text, bytes, &raw.len))
		return refuse(why, use == AS_NAME ? "an address is written ip:192.0.2.1 or ip:2001:db8::1"
						  : "a network is written ip:10.0.0.0/8 or ip:2001:db8::/32");
	return name_canonize(use, *type, raw, value, why);
}

static void ip_print(enum name_use use, struct slice value, struct buf *out)
{
	char text[INET6_ADDRSTRLEN];
	size_t n = use == AS_NAME ? value.len : value.len / 2;
	unsigned prefix = 0;
	if ((n != 4 && n != 16) || !inet_ntop(n == 4 ? AF_INET : AF_INET6, value.at, text, sizeof(text)))
		return;
	buf_put_text(out, text);
	for (size_t i = n; i < value.len; i++)
		prefix += (unsigned)__builtin_popcount(value.at[i]);
	if (use == AS_SUBTREE)
		buf_printf(out, "/%u", prefix);
}

void name_print(enum name_use use, uint8_t type, struct slice value, struct buf *out)
{
	buf_printf(out, "%s:", name_type_text(type));
	if (type == NAME_IP)
		ip_print(use, value, out);
	else if (type == NAME_DIRECTORY && value.len >= 2)
		dn_print(directory_list(value), out);
	else if (type != NAME_DIRECTORY)
		buf_put_slice(out, value);
}

/* DNS: the domain itself and what has more labels to the left of it. */
static bool domain_covers(struct slice domain, struct slice name)
{
	return ends_with(name, domain) && (name.len == domain.len || name.at[name.len - domain.len - 1] == '.');
}

/* Email and URI: "host" is that host alone, ".domain" what has more labels to its left; name may be ".domain" too. */
static bool hosts_cover(struct slice hosts, struct slice name)
{
	return slice_equal(hosts, name) || (hosts.at[0] == '.' && ends_with(name, hosts));
}

/* OpenSSL ends a URI's host at the first colon, or else slash, that comes after it, wherever that is. */
static bool host_end_agreed(struct slice rest)
{
	return rest.len == 0 || rest.at[0] == ':' || (rest.at[0] == '/' && slice_find(rest, ':') == rest.len);
}

/* The host of a canonical URI, if it is a name and all readers take it for the same one; else empty. */
static struct slice uri_host(struct slice uri)
{
	size_t start = slice_find(uri, ':') + 3;
	if (start >= uri.len || uri.at[start - 2] != '/' || uri.at[start - 1] != '/' || uri.at[start] == '[')
		return (struct slice){ NULL, 0 };
	struct slice host = slice_from(uri, start);
	size_t n = 0;
	while (n < host.len && !strchr(":/?#", host.at[n]))
		n++;
	bool agreed = host_end_agreed(slice_from(host, n));
	host.len = n;
	return !agreed || ends_in_number(host) ? (struct slice){ NULL, 0 } : host;
}

static bool email_within(struct slice name, struct slice subtree)
{
	size_t at = slice_find(name, '@');
	if (at == name.len) /* itself a subtree: host or .domain */
		return hosts_cover(subtree, name);
	return slice_equal(name, subtree) || hosts_cover(subtree, slice_from(name, at + 1));
}

/* The address of a name, or of a network whose mask is as long or longer, lies in the network. */
static bool ip_within(struct slice name, struct slice network)
{
	size_t n = network.len / 2;
	for (size_t i = 0; i < n; i++) {
		bool mask_longer = name.len == n || (name.at[n + i] & network.at[n + i]) == network.at[n + i];
		if (!mask_longer || (name.at[i] & network.at[n + i]) != network.at[i])
			return false;
	}
	return true;
}

bool name_within(uint8_t type, struct slice name, struct slice subtree)
{
	if (name.len == 0 || subtree.len == 0)
		return false;
	switch (type) {
	case NAME_DNS:
		return domain_covers(subtree, name);
	case NAME_EMAIL:
		return email_within(name, subtree);
	case NAME_URI:
		return hosts_cover(subtree, uri_host(name));
	case NAME_IP:
		return name.len == subtree.len / 2 && ip_within(name, subtree);
	case NAME_DIRECTORY:
		return dn_within(directory_list(name), directory_list(subtree));
	}
	return false;
}

bool subtree_within(uint8_t type, struct slice inner, struct slice outer)
{
	if (inner.len == 0 || outer.len == 0)
		return inner.len == 0;
	if (type == NAME_URI)
		return hosts_cover(outer, inner);
	if (type == NAME_IP)
		return inner.len == outer.len && ip_within(inner, outer);
	return name_within(type, inner, outer);
}

/* A wildcard stands for one label (RFC 9525 6.3): whether the subtree begins exactly one label below "*."'s domain. */
static bool wildcard_touches(struct slice name, struct slice subtree)
{
	if (name.at[0] != '*')
		return false;
	struct slice dotted = slice_from(name, 1);
	return ends_with(subtree, dotted) && slice_find(subtree, '.') == subtree.len - dotted.len;
}

bool name_touches(uint8_t type, struct slice name, struct slice subtree)
{
	if (name.len == 0 || subtree.len == 0)
		return false;
	if (type == NAME_URI && uri_host(name).len == 0)
		return true;
	return name_within(type, name, subtree) || (type == NAME_DNS && wildcard_touches(name, subtree));
}
