#include "ledger/record.h"

#include <string.h>

#include <time.h>

#include <openssl/asn1.h>
#include <openssl/err.h>

#include "ledger/merkle.h"

/* One table of fields a type, and the two functions that use it. */
#include "base/pack_fields.h"
#define RECORD(number, NAME, name, fields)                                                                             \
	static const struct pack_field *name##_fields(void)                                                            \
	{                                                                                                              \
		typedef struct name##_record THIS;                                                                     \
		static const struct pack_field table[] = { PACK_UNWRAP fields{ 0 } };                                  \
		return table;                                                                                          \
	}                                                                                                              \
	void record_##name##_put(struct buf *out, const struct name##_record *r)                                       \
	{                                                                                                              \
		pack_put(out, name##_fields(), r);                                                                     \
	}                                                                                                              \
	enum pack_refusal record_##name##_get(struct slice body, struct name##_record *r)                              \
	{                                                                                                              \
		const char *where;                                                                                     \
		return pack_get(body, name##_fields(), r, &where);                                                     \
	}
#include "ledger/records.def"
#undef RECORD
#include "base/pack_done.h"

const char *record_type_name(uint8_t type)
{
	switch (type) {
#define RECORD(number, NAME, name, fields)                                                                             \
	case number:                                                                                                   \
		return #NAME;
#include "ledger/records.def"
#undef RECORD
	}
	return "UNKNOWN";
}

static void head_read(const uint8_t *at, size_t body, struct record *out)
{
	*out = (struct record){
		.type = at[4],
		.flags = at[5],
		.seq = get_u64(at + 8),
		.time = (int64_t)get_u64(at + 16),
		.body = { at + RECORD_HEAD, body },
		.leaf = { at, RECORD_HEAD + body },
	};
}

enum record_state record_peek(struct slice bytes, struct record *out, size_t *size, uint8_t hash[HASH_SIZE])
{
	*size = RECORD_HEAD;
	if (bytes.len >= 5 && get_u32(bytes.at) == 0 && bytes.at[4] == 0)
		return RECORD_RESERVED;
	if (bytes.len < RECORD_HEAD)
		return RECORD_PARTIAL;
	size_t body = get_u32(bytes.at);
	head_read(bytes.at, body, out);
	if (body > MAX_RECORD_BODY || out->type == 0 || out->flags & ~(RECORD_BATCH_END | RECORD_BATCH_BEGIN) ||
	    get_u16(bytes.at + 6) != RECORD_VERSION)
		return RECORD_BROKEN;
	*size = RECORD_HEAD + body + RECORD_TAIL;
	if (bytes.len < *size)
		return RECORD_PARTIAL;
	uint8_t own[HASH_SIZE];
	merkle_leaf_hash(out->leaf, own);
	if (memcmp(own, bytes.at + RECORD_HEAD + body, RECORD_TAIL) != 0)
		return RECORD_BROKEN;
	if (hash)
		memcpy(hash, own, HASH_SIZE);
	return RECORD_WHOLE;
}

void record_put_open(struct buf *out, const struct record *r)
{
	static const uint8_t no_check[RECORD_TAIL];
	if (r->body.len > MAX_RECORD_BODY)
		out->broken = true;
	buf_put_u32(out, (uint32_t)r->body.len);
	buf_put_u8(out, r->type);
	buf_put_u8(out, r->flags);
	buf_put_u16(out, RECORD_VERSION);
	buf_put_u64(out, r->seq);
	buf_put_u64(out, (uint64_t)r->time);
	buf_put_slice(out, r->body);
	buf_put(out, no_check, sizeof(no_check));
}

size_t record_close(uint8_t *at, uint8_t flags, uint8_t hash[HASH_SIZE])
{
	size_t leaf = RECORD_HEAD + get_u32(at);
	at[5] = flags;
	merkle_leaf_hash((struct slice){ at, leaf }, hash);
	memcpy(at + leaf, hash, RECORD_TAIL);
	return leaf + RECORD_TAIL;
}

void record_put(struct buf *out, const struct record *r, uint8_t hash[HASH_SIZE])
{
	size_t start = out->len;
	record_put_open(out, r);
	if (buf_ok(out))
		record_close(out->at + start, r->flags, hash);
}

bool record_der_take(struct slice *rest, uint8_t tag, struct slice *whole, struct slice *contents)
{
	if (rest->len == 0 || rest->at[0] != tag)
		return false;
	const unsigned char *at = rest->at;
	long length;
	int number, class;
	int flags = ASN1_get_object(&at, &length, &number, &class, (long)rest->len);
	if (flags & (0x80 | 0x01)) { /* an error, or a length that BER leaves open */
		ERR_clear_error();
		return false;
	}
	*contents = (struct slice){ at, (size_t)length };
	*whole = (struct slice){ rest->at, (size_t)(at - rest->at) + (size_t)length };
	*rest = (struct slice){ at + length, rest->len - whole->len };
	return true;
}

/* The `signature` field of a TBSCertificate: version, serialNumber, signature (RFC 5280 4.1). */
static bool tbs_algorithm(struct slice tbs, struct slice *algorithm)
{
	struct slice skipped, inside, contents;
	if (!record_der_take(&tbs, 0x30, &skipped, &inside) || tbs.len != 0)
		return false;
	record_der_take(&inside, 0xa0, &skipped, &contents); /* a v1 certificate has none */
	return record_der_take(&inside, 0x02, &skipped, &contents) &&
	       record_der_take(&inside, 0x30, algorithm, &contents);
}

bool record_serial(struct slice tbs, struct slice *serial)
{
	struct slice whole, inside, skipped;
	if (!record_der_take(&tbs, 0x30, &whole, &inside))
		return false;
	record_der_take(&inside, 0xa0, &whole, &skipped);
	if (!record_der_take(&inside, 0x02, &whole, serial))
		return false;
	while (serial->len > 1 && serial->at[0] == 0) {
		serial->at++;
		serial->len--;
	}
	return serial->len > 0;
}

void record_der_head(struct buf *out, uint8_t tag, size_t length)
{
	uint8_t head[16], *at = head;
	ASN1_put_object(&at, tag >> 5 & 1, (int)length, tag & 0x1f, V_ASN1_UNIVERSAL);
	buf_put(out, head, (size_t)(at - head));
}

int record_certificate(struct slice tbs, struct slice signature, struct buf *out)
{
	struct slice algorithm;
	if (tbs.len > MAX_RECORD_BODY || signature.len > MAX_RECORD_BODY || !tbs_algorithm(tbs, &algorithm))
		return 1;
	int bits = ASN1_object_size(0, (int)signature.len + 1, V_ASN1_BIT_STRING);
	record_der_head(out, 0x30, tbs.len + algorithm.len + (size_t)bits);
	buf_put_slice(out, tbs);
	buf_put_slice(out, algorithm);
	record_der_head(out, 0x03, signature.len + 1);
	buf_put_u8(out, 0); /* unused bits */
	buf_put_slice(out, signature);
	return buf_ok(out) ? 0 : -1;
}

/* RFC 5280 4.1: version, serialNumber, signature, issuer, validity. */
int record_not_after(struct slice tbs, int64_t *seconds)
{
	struct slice whole, inside, contents, validity, not_before, not_after;
	struct tm tm;
	if (!record_der_take(&tbs, 0x30, &whole, &inside))
		return 1;
	record_der_take(&inside, 0xa0, &whole, &contents);
	if (!record_der_take(&inside, 0x02, &whole, &contents) || !record_der_take(&inside, 0x30, &whole, &contents) ||
	    !record_der_take(&inside, 0x30, &whole, &contents) || !record_der_take(&inside, 0x30, &whole, &validity) ||
	    !(record_der_take(&validity, 0x17, &not_before, &contents) ||
	      record_der_take(&validity, 0x18, &not_before, &contents)) ||
	    !(record_der_take(&validity, 0x17, &not_after, &contents) ||
	      record_der_take(&validity, 0x18, &not_after, &contents)))
		return 1;
	const unsigned char *at = not_after.at;
	ASN1_TIME *when = d2i_ASN1_TIME(NULL, &at, (long)not_after.len);
	bool good = when && ASN1_TIME_to_tm(when, &tm) == 1;
	ASN1_TIME_free(when);
	ERR_clear_error();
	if (good)
		*seconds = (int64_t)timegm(&tm);
	return good ? 0 : 1;
}

uint64_t epoch_crl_floor(int64_t time)
{
	return time > 0 ? (uint64_t)time : 0;
}
