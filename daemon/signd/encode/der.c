#include "signd/encode/der.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"

size_t der_begin(struct buf *out, uint8_t tag)
{
	buf_put_u8(out, tag);
	return out->len;
}

/* Length octets, X.690 10.1: short form below 128, else as few as there can be. */
static size_t length_octets(size_t n, uint8_t octets[4])
{
	if (n < 0x80) {
		octets[0] = (uint8_t)n;
		return 1;
	}
	size_t count = n < 0x100 ? 1 : n < 0x10000 ? 2 : 3;
	octets[0] = (uint8_t)(0x80 | count);
	for (size_t i = 0; i < count; i++)
		octets[count - i] = (uint8_t)(n >> (8 * i));
	return count + 1;
}

void der_end(struct buf *out, size_t begun)
{
	if (!buf_ok(out))
		return;
	size_t n = out->len - begun;
	uint8_t octets[4];
	size_t count = length_octets(n, octets);
	if (n >= 1 << 24 || !buf_room(out, count)) {
		out->broken = true;
		return;
	}
	memmove(out->at + begun + count, out->at + begun, n);
	memcpy(out->at + begun, octets, count);
	out->len += count;
}

void der_put(struct buf *out, uint8_t tag, struct slice content)
{
	size_t begun = der_begin(out, tag);
	buf_put_slice(out, content);
	der_end(out, begun);
}

void der_put_boolean_true(struct buf *out)
{
	der_put(out, DER_BOOLEAN, (struct slice){ (const uint8_t *)"\xff", 1 });
}

void der_put_unsigned(struct buf *out, uint8_t tag, struct slice n)
{
	while (n.len > 1 && n.at[0] == 0) {
		n.at++;
		n.len--;
	}
	size_t begun = der_begin(out, tag);
	if (n.len == 0 || n.at[0] & 0x80)
		buf_put_u8(out, 0);
	buf_put_slice(out, n);
	der_end(out, begun);
}

void der_put_small(struct buf *out, uint8_t tag, uint32_t value)
{
	uint8_t n[4] = { (uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value };
	der_put_unsigned(out, tag, SLICE_OF(n));
}

void der_put_oid(struct buf *out, struct slice content)
{
	der_put(out, DER_OID, content);
}

void der_put_bits(struct buf *out, uint8_t tag, struct slice bytes)
{
	size_t begun = der_begin(out, tag);
	buf_put_u8(out, 0);
	buf_put_slice(out, bytes);
	der_end(out, begun);
}

void der_put_named_bits(struct buf *out, uint16_t flags)
{
	uint8_t bits[3] = { 0, 0, 0 }; /* unused bits, then named bit 0 first */
	size_t last = 0;
	for (size_t i = 0; i < 16; i++) {
		if (flags >> i & 1) {
			bits[1 + i / 8] |= (uint8_t)(0x80 >> i % 8);
			last = i + 1;
		}
	}
	bits[0] = (uint8_t)((8 - last % 8) % 8);
	der_put(out, DER_BIT_STRING, (struct slice){ bits, 1 + (last + 7) / 8 });
}

static void put_time(struct buf *out, int64_t seconds, bool utc_allowed)
{
	struct tm tm;
	char text[24];
	if (!time_calendar(seconds, &tm) || tm.tm_year + 1900 < 1950) {
		out->broken = true;
		return;
	}
	bool utc = utc_allowed && tm.tm_year + 1900 < 2050;
	strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	der_put(out, utc ? DER_UTC_TIME : DER_GENERALIZED_TIME, slice_text(text + (utc ? 2 : 0)));
}

void der_put_time(struct buf *out, int64_t seconds)
{
	put_time(out, seconds, true);
}

void der_put_generalized(struct buf *out, int64_t seconds)
{
	put_time(out, seconds, false);
}

struct der_extension der_extension_begin(struct buf *out, struct slice oid, bool critical)
{
	struct der_extension e;
	e.whole = der_begin(out, DER_SEQUENCE);
	der_put_oid(out, oid);
	if (critical)
		der_put_boolean_true(out);
	e.value = der_begin(out, DER_OCTET_STRING);
	return e;
}

void der_extension_end(struct buf *out, struct der_extension e)
{
	der_end(out, e.value);
	der_end(out, e.whole);
}
