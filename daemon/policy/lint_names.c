/* Rules on directory names and alternative names. */
#include "policy/lint_view.h"

#include <string.h>

#include "base/text.h"
#include "names/dn.h"
#include "names/name.h"

static void part_print(const struct name_part *p, struct buf *where)
{
	const struct dn_kind *kind = dn_kind_by_oid(p->oid);
	if (kind)
		buf_put_text(where, kind->short_name);
	else
		oid_print(p->oid, where);
}

/* The issuer's name is what the issuer's own certificate has it be, and looked at there; a CRL has no other. */
static bool parts_each(const struct lint_view *v, bool (*good)(const struct name_part *p), struct buf *where)
{
	struct name_walk w = { .rdns = v->issuer };
	if (v->kind != LINT_CRL)
		w = subject_walk(v);
	struct name_part p;
	while (name_part_next(&w, &p))
		if (!good(&p)) {
			part_print(&p, where);
			return false;
		}
	return true;
}

static bool is_text(uint8_t tag)
{
	return tag == TLV_UTF8 || tag == TLV_PRINTABLE || tag == TLV_IA5 || tag == TLV_TELETEX || tag == TLV_BMP ||
	       tag == TLV_UNIVERSAL;
}

HOLDS(issuer_not_empty)
{
	return v->issuer.len;
}

HOLDS(ca_subject_not_empty)
{
	return v->subject.len;
}

HOLDS(empty_subject_san)
{
	return v->subject.len || lint_critical(v, EXT_SAN);
}

static bool type_good(const struct name_part *p)
{
	const struct dn_kind *kind = dn_kind_by_oid(p->oid);
	if (kind && kind->string == DN_IA5)
		return p->tag == TLV_IA5;
	return !is_text(p->tag) || p->tag == TLV_UTF8 || p->tag == TLV_PRINTABLE;
}

HOLDS(name_string_types)
{
	return parts_each(v, type_good, where);
}

/* X.680 41.4 */
static bool printable(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
		if (!letter && (c == 0 || !strchr(" '()+,-./:=?", c)))
			return false;
	}
	return true;
}

static bool ascii(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] >= 0x80)
			return false;
	return true;
}

/* Well-formed, with control characters too: those are name_visible's. */
static bool utf8(struct slice s)
{
	for (size_t begin = 0, i = 0; i <= s.len; i++) {
		if (i < s.len && s.at[i] >= ' ' && s.at[i] != 0x7f && s.at[i] != 0xc2)
			continue;
		if (!text_valid((struct slice){ s.at + begin, i - begin }))
			return false;
		bool control = i + 1 < s.len && s.at[i] == 0xc2 && s.at[i + 1] >= 0x80 && s.at[i + 1] < 0xc0;
		if (i < s.len && s.at[i] == 0xc2 && !control)
			return false;
		i += control;
		begin = i + 1;
	}
	return true;
}

static bool encoding_good(const struct name_part *p)
{
	switch (p->tag) {
	case TLV_UTF8:
		return utf8(p->value);
	case TLV_PRINTABLE:
		return printable(p->value);
	case TLV_IA5:
		return ascii(p->value);
	case TLV_BMP:
		return p->value.len % 2 == 0;
	case TLV_UNIVERSAL:
		return p->value.len % 4 == 0;
	default:
		return true;
	}
}

HOLDS(name_encoding)
{
	return parts_each(v, encoding_good, where);
}

static bool part_not_empty(const struct name_part *p)
{
	return p->value.len;
}

HOLDS(name_not_empty)
{
	return parts_each(v, part_not_empty, where);
}

/* Characters, whatever the string type. */
static size_t characters(const struct name_part *p)
{
	size_t n = 0;
	if (p->tag == TLV_BMP || p->tag == TLV_UNIVERSAL)
		return p->value.len / (p->tag == TLV_BMP ? 2 : 4);
	for (size_t i = 0; i < p->value.len; i++)
		n += p->tag != TLV_UTF8 || (p->value.at[i] & 0xc0) != 0x80;
	return n;
}

static bool length_good(const struct name_part *p)
{
	const struct dn_kind *kind = dn_kind_by_oid(p->oid);
	return !kind || characters(p) <= kind->longest;
}

HOLDS(name_lengths)
{
	return parts_each(v, length_good, where);
}

static bool country_good(const struct name_part *p)
{
	const struct dn_kind *kind = dn_kind_by_oid(p->oid);
	if (!kind || kind->attribute != DN_COUNTRY)
		return true;
	return p->tag == TLV_PRINTABLE && p->value.len == 2 && p->value.at[0] >= 'A' && p->value.at[0] <= 'Z' &&
	       p->value.at[1] >= 'A' && p->value.at[1] <= 'Z';
}

HOLDS(country_code)
{
	return parts_each(v, country_good, where);
}

/* Of older types only what is ASCII can be judged. */
static bool visible(const struct name_part *p)
{
	if (p->tag == TLV_UTF8)
		return !utf8(p->value) || text_visible(p->value);
	for (size_t i = 0; p->tag != TLV_BMP && p->tag != TLV_UNIVERSAL && is_text(p->tag) && i < p->value.len; i++)
		if (p->value.at[i] < ' ' || p->value.at[i] == 0x7f)
			return false;
	return true;
}

HOLDS(name_visible)
{
	return parts_each(v, visible, where);
}

static bool no_blanks(const struct name_part *p)
{
	return !is_text(p->tag) || !p->value.len || (p->value.at[0] != ' ' && p->value.at[p->value.len - 1] != ' ');
}

HOLDS(name_blanks)
{
	return parts_each(v, no_blanks, where);
}

/* The subject's i-th attribute of this kind. */
static bool subject_part(const struct lint_view *v, uint8_t attribute, size_t i, struct name_part *out)
{
	struct name_walk w = subject_walk(v);
	while (name_part_next(&w, out)) {
		const struct dn_kind *kind = dn_kind_by_oid(out->oid);
		if (kind && kind->attribute == attribute && i-- == 0)
			return true;
	}
	return false;
}

HOLDS(common_name_once)
{
	struct name_part p;
	return !subject_part(v, DN_COMMON_NAME, 1, &p);
}

HOLDS(email_in_subject)
{
	struct name_part p;
	return !subject_part(v, DN_EMAIL_ADDRESS, 0, &p);
}

static bool same_ignoring_case(struct slice a, struct slice b)
{
	return a.len == b.len && strncasecmp((const char *)a.at, (const char *)b.at, a.len) == 0;
}

/* An address is a name by its text. */
static bool names_same(uint8_t tag, struct slice alt_name, struct slice common)
{
	if (tag != TLV_CONTEXT(7))
		return same_ignoring_case(alt_name, common);
	scoped_buf text = { .max = 128 };
	if (alt_name.len == 4 || alt_name.len == 16)
		name_print(AS_NAME, NAME_IP, alt_name, &text);
	return text.len > 3 && same_ignoring_case((struct slice){ text.at + 3, text.len - 3 }, common);
}

/* Whether one of the alternative names is this one, by its text. */
static bool alt_has(const struct lint_view *v, bool (*same)(uint8_t tag, struct slice alt_name, struct slice text),
		    struct slice text)
{
	struct item_walk names = alt_walk(v);
	struct tlv t;
	while (alt_next(&names, &t))
		if (same(t.tag, t.value, text))
			return true;
	return false;
}

HOLDS(common_name_in_san)
{
	struct item_walk purposes = purpose_walk(v);
	struct slice purpose;
	struct name_part common;
	bool server = false;
	while (purpose_next(&purposes, &purpose))
		server |= slice_equal(purpose, OID(0x2b, 6, 1, 5, 5, 7, 3, 1));
	bool named = lint_inside(v, EXT_SAN).len || (v->asked && v->asked->alt_names.count);
	if (!server || !named || !subject_part(v, DN_COMMON_NAME, 0, &common) || alt_has(v, names_same, common.value))
		return true;
	where_put(where, common.value);
	return false;
}

static bool mailbox_same(uint8_t tag, struct slice alt_name, struct slice mailbox)
{
	return tag == TLV_CONTEXT(1) && same_ignoring_case(alt_name, mailbox);
}

HOLDS(email_in_san)
{
	struct name_part email;
	if (!subject_part(v, DN_EMAIL_ADDRESS, 0, &email) || alt_has(v, mailbox_same, email.value))
		return true;
	where_put(where, email.value);
	return false;
}

HOLDS(san_not_empty)
{
	return !lint_has(v, EXT_SAN) || v->ext[EXT_SAN]->malformed || lint_inside(v, EXT_SAN).len;
}

HOLDS(san_criticality)
{
	return !v->subject.len || !lint_critical(v, EXT_SAN);
}

enum { ALT_EMAIL = 1, ALT_DNS = 2, ALT_URI = 6, ALT_IP = 7 };

static bool alt_is_text(unsigned tag)
{
	return tag == TLV_CONTEXT(ALT_EMAIL) || tag == TLV_CONTEXT(ALT_DNS) || tag == TLV_CONTEXT(ALT_URI);
}

/* Each alternative name of this number. */
static bool alt_each(const struct lint_view *v, unsigned number, bool (*good)(struct slice value), struct buf *where)
{
	struct item_walk names = alt_walk(v);
	struct tlv t;
	while (alt_next(&names, &t))
		if (t.tag == TLV_CONTEXT(number) && !good(t.value)) {
			where_put(where, t.value);
			return false;
		}
	return true;
}

HOLDS(san_ascii)
{
	struct item_walk names = alt_walk(v);
	struct tlv t;
	while (alt_next(&names, &t))
		if (alt_is_text(t.tag) && (!t.value.len || !ascii(t.value))) {
			where_put(where, t.value);
			return false;
		}
	return true;
}

HOLDS(san_twice)
{
	struct slice which = { 0 };
	bool twice = list_repeats(lint_inside(v, EXT_SAN), &which);
	where_put(where, which);
	return !twice;
}

static bool no_trailing_dot(struct slice s)
{
	return !s.len || s.at[s.len - 1] != '.';
}

HOLDS(dns_trailing_dot)
{
	return alt_each(v, ALT_DNS, no_trailing_dot, where);
}

static bool wildcard_good(struct slice s)
{
	const uint8_t *star = s.len ? memchr(s.at, '*', s.len) : NULL;
	if (!star)
		return true;
	return star == s.at && s.len > 2 && s.at[1] == '.' && !memchr(s.at + 1, '*', s.len - 1);
}

HOLDS(dns_wildcard)
{
	return alt_each(v, ALT_DNS, wildcard_good, where);
}

static bool canonizes(uint8_t type, struct slice s)
{
	uint8_t room[MAX_NAME];
	struct buf canonical = { .at = room, .cap = sizeof(room), .max = sizeof(room) }; /* never grows, never freed */
	const char *why;
	return name_canonize(AS_NAME, type, s, &canonical, &why);
}

/* What other rules speak of is theirs. */
static bool dns_good(struct slice s)
{
	bool others = !s.len || !ascii(s) || !wildcard_good(s) || !no_trailing_dot(s);
	return others || canonizes(NAME_DNS, s);
}

HOLDS(dns_syntax)
{
	return alt_each(v, ALT_DNS, dns_good, where);
}

static bool ip_good(struct slice s)
{
	return s.len == 4 || s.len == 16;
}

HOLDS(ip_size)
{
	bool good = alt_each(v, ALT_IP, ip_good, where);
	buf_clear(where); /* bytes are nothing to look at */
	return good;
}

static bool email_good(struct slice s)
{
	return !s.len || !ascii(s) || canonizes(NAME_EMAIL, s);
}

HOLDS(email_syntax)
{
	return alt_each(v, ALT_EMAIL, email_good, where);
}

/* RFC 3986 3.1: where what follows the scheme begins; 0 if there is no scheme. */
static size_t scheme_end(struct slice s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i] | 0x20;
		bool letter = c >= 'a' && c <= 'z';
		if (s.at[i] == ':')
			return i ? i + 1 : 0;
		if (!letter && (i == 0 || s.at[i] == 0 || !strchr("0123456789+-.", s.at[i])))
			return 0;
	}
	return 0;
}

static bool uri_good(struct slice s)
{
	size_t end = scheme_end(s);
	for (size_t i = 0; i < s.len; i++)
		if (s.at[i] <= ' ' || s.at[i] == 0x7f)
			return false;
	return !s.len || !ascii(s) || (end && end < s.len);
}

HOLDS(uri_absolute)
{
	return alt_each(v, ALT_URI, uri_good, where);
}

static bool host_good(struct slice s)
{
	size_t end = scheme_end(s);
	if (!end || !uri_good(s) || s.len < end + 2 || s.at[end] != '/' || s.at[end + 1] != '/')
		return true;
	return canonizes(NAME_URI, s);
}

HOLDS(uri_host)
{
	return alt_each(v, ALT_URI, host_good, where);
}
