#include "policy/tlv.h"

#define MAX_DEPTH 32 /* of values in values: a certificate has about a dozen */

static bool length_take(struct slice *rest, size_t *length)
{
	if (!rest->len)
		return false;
	size_t first = rest->at[0], octets = first & 0x7f;
	*rest = (struct slice){ rest->at + 1, rest->len - 1 };
	if (first < 0x80) {
		*length = first;
		return true;
	}
	if (octets == 0 || octets > 4 || octets > rest->len)
		return false;
	*length = 0;
	for (size_t i = 0; i < octets; i++)
		*length = *length << 8 | rest->at[i];
	*rest = (struct slice){ rest->at + octets, rest->len - octets };
	return true;
}

bool tlv_next(struct slice *rest, struct tlv *out)
{
	if (rest->len < 2 || (rest->at[0] & 0x1f) == 0x1f)
		return false;
	struct slice at = { rest->at + 1, rest->len - 1 };
	size_t length;
	if (!length_take(&at, &length) || length > at.len)
		return false;
	out->tag = rest->at[0];
	out->value = (struct slice){ at.at, length };
	out->whole = (struct slice){ rest->at, (size_t)(at.at - rest->at) + length };
	*rest = (struct slice){ at.at + length, at.len - length };
	return true;
}

bool tlv_take(struct slice *rest, uint8_t tag, struct slice *value)
{
	struct slice at = *rest;
	struct tlv t;
	if (!tlv_next(&at, &t) || t.tag != tag)
		return false;
	*rest = at;
	*value = t.value;
	return true;
}

bool tlv_only(struct slice whole, uint8_t tag, struct slice *value)
{
	return tlv_take(&whole, tag, value) && whole.len == 0;
}

long tlv_count(struct slice list)
{
	struct tlv t;
	long n = 0;
	while (tlv_next(&list, &t))
		n++;
	return list.len ? -1 : n;
}

static bool integer_canonical(struct slice v)
{
	return v.len == 1 || (v.len > 1 && !(v.at[0] == 0 && v.at[1] < 0x80) && !(v.at[0] == 0xff && v.at[1] >= 0x80));
}

static bool bits_canonical(struct slice v)
{
	if (v.len == 0 || v.at[0] > 7 || (v.len == 1 && v.at[0]))
		return false;
	return (v.at[v.len - 1] & ((1U << v.at[0]) - 1)) == 0 || v.len == 1;
}

/* Each arc in the fewest octets, and the last one complete. */
static bool oid_canonical(struct slice v)
{
	bool begins = true;
	for (size_t i = 0; i < v.len; i++) {
		if (begins && v.at[i] == 0x80)
			return false;
		begins = v.at[i] < 0x80;
	}
	return v.len && begins;
}

static bool primitive_canonical(uint8_t tag, struct slice v)
{
	switch (tag) {
	case TLV_BOOLEAN:
		return v.len == 1 && (v.at[0] == 0 || v.at[0] == 0xff);
	case TLV_INTEGER:
	case TLV_ENUMERATED:
		return integer_canonical(v);
	case TLV_BIT_STRING:
		return bits_canonical(v);
	case TLV_NULL:
		return v.len == 0;
	case TLV_OID:
		return oid_canonical(v);
	default:
		return tag != (TLV_SEQUENCE & 0x1f) && tag != (TLV_SET & 0x1f);
	}
}

static size_t length_octets(size_t length)
{
	return length < 0x80 ? 1 : length < 0x100 ? 2 : length < 0x10000 ? 3 : length < 0x1000000 ? 4 : 5;
}

static bool canonical_at(struct slice values, bool sorted, unsigned depth)
{
	struct tlv t;
	struct slice before = { 0 };
	while (tlv_next(&values, &t)) {
		if (t.whole.len != 1 + length_octets(t.value.len) + t.value.len)
			return false;
		if (sorted && before.at && slice_compare(before, t.whole) > 0)
			return false;
		before = t.whole;
		bool universal = (t.tag & 0xc0) == 0, constructed = t.tag & 0x20;
		if (universal && constructed && t.tag != TLV_SEQUENCE && t.tag != TLV_SET)
			return false;
		if (universal && !constructed && !primitive_canonical(t.tag, t.value))
			return false;
		if (constructed && (depth == MAX_DEPTH || !canonical_at(t.value, t.tag == TLV_SET, depth + 1)))
			return false;
	}
	return values.len == 0;
}

bool tlv_canonical(struct slice values)
{
	return canonical_at(values, false, 0);
}

bool tlv_number(struct slice v, uint32_t *out)
{
	if (v.len == 0 || v.at[0] >= 0x80)
		return false;
	*out = 0;
	for (size_t i = 0; i < v.len; i++) {
		if (*out >> 24)
			return false;
		*out = *out << 8 | v.at[i];
	}
	return true;
}

static int two_digits(const uint8_t *at)
{
	return (at[0] - '0') * 10 + at[1] - '0';
}

/* Days since 1970 in the Gregorian calendar: a year that begins in March has its odd day at the end. */
static int64_t days_of(int64_t year, int month, int day)
{
	int64_t y = month > 2 ? year : year - 1, m = month > 2 ? month - 3 : month + 9;
	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 - 719468;
}

static int days_in(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return days[month - 1] + (month == 2 && leap);
}

bool tlv_time(uint8_t tag, struct slice v, int64_t *seconds)
{
	size_t digits = tag == TLV_UTC_TIME ? 2 : 4;
	if (v.len != digits + 11 || v.at[v.len - 1] != 'Z')
		return false;
	for (size_t i = 0; i + 1 < v.len; i++)
		if (v.at[i] < '0' || v.at[i] > '9')
			return false;
	const uint8_t *at = v.at + digits;
	int year = two_digits(v.at);
	/* RFC 5280 4.1.2.5.1: 50 to 99 are of the last century. */
	year = digits == 2 ? year + (year < 50 ? 2000 : 1900) : year * 100 + two_digits(v.at + 2);
	int month = two_digits(at), day = two_digits(at + 2);
	int hour = two_digits(at + 4), minute = two_digits(at + 6), second = two_digits(at + 8);
	if (!year || month < 1 || month > 12 || day < 1 || day > days_in(year, month) || hour > 23 || minute > 59 ||
	    second > 59)
		return false;
	*seconds = days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}
