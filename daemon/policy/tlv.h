/*
 * A reader of DER, for the linter: it looks at bytes that anybody may have
 * written and says also what is wrong with how they are written, which a
 * library that decodes them no longer knows. Slices point into what was
 * given; nothing is allocated and nothing is kept.
 */
#ifndef CHANCERY_POLICY_TLV_H
#define CHANCERY_POLICY_TLV_H

#include "base/buf.h"

/* X.690 8.1.2, with class and form as they stand in the first octet. */
enum tlv_tag {
	TLV_BOOLEAN = 0x01,
	TLV_INTEGER = 0x02,
	TLV_BIT_STRING = 0x03,
	TLV_OCTET_STRING = 0x04,
	TLV_NULL = 0x05,
	TLV_OID = 0x06,
	TLV_ENUMERATED = 0x0a,
	TLV_UTF8 = 0x0c,
	TLV_PRINTABLE = 0x13,
	TLV_TELETEX = 0x14,
	TLV_IA5 = 0x16,
	TLV_UTC_TIME = 0x17,
	TLV_GENERALIZED_TIME = 0x18,
	TLV_UNIVERSAL = 0x1c,
	TLV_BMP = 0x1e,
	TLV_SEQUENCE = 0x30,
	TLV_SET = 0x31,
};
/* [n], IMPLICIT of something primitive, and constructed. */
#define TLV_CONTEXT(n) ((uint8_t)(0x80 | (n)))
#define TLV_INSIDE(n) ((uint8_t)(0xa0 | (n)))

struct tlv {
	uint8_t tag;
	struct slice value, whole; /* its contents; with tag and length */
};

/*
 * Takes the next value off rest. False, and rest as it was, at the end and where no value with a tag of one octet and a
 * definite length that fits stands. Lengths that aren't the shortest are taken: tlv_canonical() tells.
 */
bool tlv_next(struct slice *rest, struct tlv *out);
/* The same, if it has this tag. */
bool tlv_take(struct slice *rest, uint8_t tag, struct slice *value);
/* The contents, if whole is one value of this tag and nothing follows. */
bool tlv_only(struct slice whole, uint8_t tag, struct slice *value);
/* How many values stand there; -1 if something else does. */
long tlv_count(struct slice list);
/* Whether all of it, at every depth, is written as DER has it (X.690 10 and 11, but for defaults and time). */
bool tlv_canonical(struct slice values);
/* A non-negative INTEGER's contents as a number; false if negative, empty or too large. */
bool tlv_number(struct slice contents, uint32_t *out);
/* UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 writes them: with seconds, "Z", no fraction, and a date that exists.
 */
bool tlv_time(uint8_t tag, struct slice contents, int64_t *seconds);

#endif
