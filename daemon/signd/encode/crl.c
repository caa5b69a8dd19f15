#include "signd/encode/crl.h"

#include <string.h>

#include "signd/encode/der.h"
#include "signd/encode/oid.h"
#include "wire/inner.h"

#define YEAR_2050 INT64_C(2524608000) /* the first second of GeneralizedTime: RFC 5280 5.1.2.4 */
#define REASON_BYTES 14

/* Octets of the INTEGER: leading zeros dropped, one put back before a high bit. */
static size_t serial_octets(const uint8_t serial[ROW_SERIAL_SIZE], size_t *first)
{
	size_t i = 0;
	while (i < ROW_SERIAL_SIZE - 1 && serial[i] == 0)
		i++;
	*first = i;
	return ROW_SERIAL_SIZE - i + (serial[i] >> 7);
}

size_t crl_entry_size(const uint8_t serial[ROW_SERIAL_SIZE], int64_t revoked, uint8_t reason)
{
	size_t first;
	return 4 + serial_octets(serial, &first) + (revoked < YEAR_2050 ? 15 : 17) +
	       (reason == REASON_UNSPECIFIED ? 0 : REASON_BYTES);
}

static uint8_t *put_pair(uint8_t *at, int value)
{
	*at++ = (uint8_t)('0' + value / 10);
	*at++ = (uint8_t)('0' + value % 10);
	return at;
}

/* The Gregorian date of a day since 1970, counted from a March so that a leap day ends its year. */
static void date_of(int64_t day, int *year, int *month, int *of_month)
{
	int64_t d = day + 719468, cycle = d / 146097, of_cycle = d % 146097; /* days since March of the year 0 */
	int64_t y = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
	int64_t of_year = of_cycle - (365 * y + y / 4 - y / 100), m = (5 * of_year + 2) / 153;
	*of_month = (int)(of_year - (153 * m + 2) / 5) + 1;
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(y + 400 * cycle) + (*month <= 2);
}

/* As der_put_time(), for times from 1970 on, and without its detours: there are a million. */
static uint8_t *put_time(uint8_t *at, int64_t seconds)
{
	int year, month, day, second = (int)(seconds % 86400);
	bool utc = seconds < YEAR_2050;
	date_of(seconds / 86400, &year, &month, &day);
	*at++ = utc ? DER_UTC_TIME : DER_GENERALIZED_TIME;
	*at++ = utc ? 13 : 15;
	if (!utc)
		at = put_pair(at, year / 100);
	at = put_pair(at, year % 100);
	at = put_pair(at, month);
	at = put_pair(at, day);
	at = put_pair(at, second / 3600);
	at = put_pair(at, second / 60 % 60);
	at = put_pair(at, second % 60);
	*at++ = 'Z';
	return at;
}

size_t crl_write_entry(uint8_t at[MAX_CRL_ENTRY], const uint8_t serial[ROW_SERIAL_SIZE], int64_t revoked,
		       uint8_t reason)
{
	/* crlEntryExtensions with reasonCode alone; unspecified is told by leaving it out (5.3.1). */
	static const uint8_t reason_code[REASON_BYTES - 1] = {
		DER_SEQUENCE, 12, DER_SEQUENCE, 10, DER_OID, 3, 0x55, 0x1d, 0x15, DER_OCTET_STRING, 3, DER_ENUMERATED, 1
	};
	size_t first, octets = serial_octets(serial, &first), digits = ROW_SERIAL_SIZE - first;
	uint8_t *end = at + 2;
	*end++ = DER_INTEGER;
	*end++ = (uint8_t)octets;
	if (octets > digits)
		*end++ = 0;
	memcpy(end, serial + first, digits);
	end = put_time(end + digits, revoked);
	if (reason != REASON_UNSPECIFIED) {
		memcpy(end, reason_code, sizeof(reason_code));
		end += sizeof(reason_code);
		*end++ = reason;
	}
	at[0] = DER_SEQUENCE;
	at[1] = (uint8_t)(end - at - 2);
	return (size_t)(end - at);
}

/* Tag and length of a value whose bytes stand elsewhere. */
static void put_head(struct buf *out, uint8_t tag, uint64_t n)
{
	size_t octets = n < 0x80 ? 0 : n < 0x100 ? 1 : n < 0x10000 ? 2 : n < 0x1000000 ? 3 : 4;
	buf_put_u8(out, tag);
	buf_put_u8(out, (uint8_t)(octets ? 0x80 | octets : n));
	while (octets--)
		buf_put_u8(out, (uint8_t)(n >> (8 * octets)));
	if (n > MAX_CRL_SIZE)
		out->broken = true;
}

static void put_number(struct buf *out, struct slice oid, bool critical, uint64_t n)
{
	uint8_t octets[8];
	for (int i = 0; i < 8; i++)
		octets[i] = (uint8_t)(n >> (56 - 8 * i));
	struct der_extension e = der_extension_begin(out, oid, critical);
	der_put_unsigned(out, DER_INTEGER, SLICE_OF(octets));
	der_extension_end(out, e);
}

/* DistributionPointName with one URL as its fullName, in the [0] that both its users have it in: 4.2.1.13, 5.2.5. */
static void put_point(struct buf *out, struct slice url)
{
	size_t name = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
	size_t full = der_begin(out, DER_CONTEXT_CONSTRUCTED(0));
	der_put(out, DER_CONTEXT(6), url);
	der_end(out, full);
	der_end(out, name);
}

static void put_extensions(struct buf *out, const struct crl_fields *f)
{
	struct der_extension e = der_extension_begin(out, OID_SLICE(OID_AUTHORITY_KEY_ID), false);
	size_t sequence = der_begin(out, DER_SEQUENCE);
	der_put(out, DER_CONTEXT(0), f->authority_key_id);
	der_end(out, sequence);
	der_extension_end(out, e);
	put_number(out, OID_SLICE(OID_CRL_NUMBER), false, f->number);
	if (f->base)
		put_number(out, OID_SLICE(OID_DELTA_CRL), true, f->base);
	if (f->point.len) {
		e = der_extension_begin(out, OID_SLICE(OID_ISSUING_POINT), true);
		sequence = der_begin(out, DER_SEQUENCE);
		put_point(out, f->point);
		der_end(out, sequence);
		der_extension_end(out, e);
	}
	if (f->delta.len && !f->base) {
		e = der_extension_begin(out, OID_SLICE(OID_FRESHEST_CRL), false);
		sequence = der_begin(out, DER_SEQUENCE);
		size_t point = der_begin(out, DER_SEQUENCE);
		put_point(out, f->delta);
		der_end(out, point);
		der_end(out, sequence);
		der_extension_end(out, e);
	}
}

void crl_put_frame(struct buf *head, struct buf *tail, const struct crl_fields *f, uint64_t entries)
{
	scoped_buf fixed = { .max = MAX_CRL_HEAD }, list = { .max = 16 };
	der_put_small(&fixed, DER_INTEGER, 1); /* v2 */
	buf_put_slice(&fixed, oid_signature_algorithm(f->algorithm));
	buf_put_slice(&fixed, f->issuer);
	der_put_time(&fixed, f->this_update);
	der_put_time(&fixed, f->next_update);
	if (entries) /* 5.1.2.6: absent if there is none */
		put_head(&list, DER_SEQUENCE, entries);
	size_t extensions = der_begin(tail, DER_CONTEXT_CONSTRUCTED(0));
	size_t sequence = der_begin(tail, DER_SEQUENCE);
	put_extensions(tail, f);
	der_end(tail, sequence);
	der_end(tail, extensions);
	put_head(head, DER_SEQUENCE, fixed.len + list.len + entries + tail->len);
	buf_put_slice(head, buf_slice(&fixed));
	buf_put_slice(head, buf_slice(&list));
	head->broken = head->broken || !buf_ok(&fixed) || !buf_ok(&list) || !buf_ok(tail);
}

void crl_put_signed(struct buf *head, struct buf *tail, uint64_t tbs, uint8_t algorithm, struct slice signature)
{
	buf_put_slice(tail, oid_signature_algorithm(algorithm));
	der_put_bits(tail, DER_BIT_STRING, signature);
	put_head(head, DER_SEQUENCE, tbs + tail->len);
}
