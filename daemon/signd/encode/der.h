/*
 * A small writer of DER (X.690): what the signer signs is put together here,
 * byte by byte, front to back. Constructed values are opened and closed; the
 * length moves in when they close. It writes only what its callers name and
 * reads nothing.
 */
#ifndef CHANCERY_SIGND_ENCODE_DER_H
#define CHANCERY_SIGND_ENCODE_DER_H

#include "base/buf.h"

enum der_tag {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_PRINTABLE_STRING = 0x13,
	DER_IA5_STRING = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_ENUMERATED = 0x0a,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};
#define DER_CONTEXT(n) (uint8_t)(0x80 | (n)) /* IMPLICIT, primitive */
#define DER_CONTEXT_CONSTRUCTED(n) (uint8_t)(0xa0 | (n))

/* Opens a value; the answer goes to der_end(), which writes its length (below 2^24). */
size_t der_begin(struct buf *out, uint8_t tag);
void der_end(struct buf *out, size_t begun);

void der_put(struct buf *out, uint8_t tag, struct slice content);
void der_put_boolean_true(struct buf *out);
/* A non-negative INTEGER from big-endian bytes: leading zeros dropped, a sign byte added where it must be. */
void der_put_unsigned(struct buf *out, uint8_t tag, struct slice big_endian);
void der_put_small(struct buf *out, uint8_t tag, uint32_t value);
void der_put_oid(struct buf *out, struct slice content);
/* A BIT STRING of whole bytes. */
void der_put_bits(struct buf *out, uint8_t tag, struct slice bytes);
/* A BIT STRING of named bits (X.690 11.2.2): bit i of flags is named bit i; trailing zeros left out. */
void der_put_named_bits(struct buf *out, uint16_t flags);
/* Unix seconds as RFC 5280 4.1.2.5 wants: UTCTime up to 2049, GeneralizedTime from 2050. Breaks out past the year 9999.
 */
void der_put_time(struct buf *out, int64_t seconds);

/* Always GeneralizedTime, as OCSP wants (RFC 6960 4.2.2.1). */
void der_put_generalized(struct buf *out, int64_t seconds);

/* An Extension (RFC 5280 4.1) open up to its extnValue; der_extension_end() closes it. */
struct der_extension {
	size_t whole, value;
};
struct der_extension der_extension_begin(struct buf *out, struct slice oid, bool critical);
void der_extension_end(struct buf *out, struct der_extension e);

#endif
