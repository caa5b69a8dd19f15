#include "wire/frame.h"

#include <stddef.h>

enum frame_state frame_peek(struct slice bytes, struct frame *out)
{
	if (bytes.len < FRAME_HEAD) {
		*out = (struct frame){ 0 };
		return FRAME_PARTIAL;
	}
	*out = (struct frame){ .length = get_u32(bytes.at),
			       .version = bytes.at[4],
			       .kind = bytes.at[5],
			       .verb = get_u16(bytes.at + 6),
			       .tag = get_u64(bytes.at + 8) };
	if (out->length > MAX_FRAME_BODY)
		return FRAME_TOO_LONG;
	if (out->version != FRAME_VERSION)
		return FRAME_BAD_VERSION;
	if (bytes.len - FRAME_HEAD < out->length)
		return FRAME_PARTIAL;
	out->body = (struct slice){ bytes.at + FRAME_HEAD, out->length };
	return FRAME_WHOLE;
}

size_t frame_begin(struct buf *out, enum frame_kind kind, uint16_t verb, uint64_t tag)
{
	size_t start = out->len;
	buf_put_u32(out, 0);
	buf_put_u8(out, FRAME_VERSION);
	buf_put_u8(out, (uint8_t)kind);
	buf_put_u16(out, verb);
	buf_put_u64(out, tag);
	return start;
}

void frame_end(struct buf *out, size_t start)
{
	if (buf_ok(out))
		set_u32(out->at + start, (uint32_t)(out->len - start - FRAME_HEAD));
}

static const struct pack_field *refusal_fields(void)
{
	typedef struct refusal_message THIS;
#include "base/pack_fields.h"
	static const struct pack_field fields[] = { U16(code) U32(retry_after) TEXT(field, MAX_REFUSAL_FIELD) TEXT(
		sentence, MAX_REFUSAL_SENTENCE){ NULL, PACK_END, 0, 0, 0 } };
#include "base/pack_done.h"
	return fields;
}

void refusal_put(struct buf *out, uint16_t verb, uint64_t tag, const struct refusal_message *r)
{
	size_t start = frame_begin(out, FRAME_REFUSAL, verb, tag);
	pack_put(out, refusal_fields(), r);
	frame_end(out, start);
}

enum pack_refusal refusal_get(struct slice body, struct refusal_message *r)
{
	const char *where;
	return pack_get(body, refusal_fields(), r, &where);
}
