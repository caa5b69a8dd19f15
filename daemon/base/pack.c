#include "base/pack.h"

#include <string.h>

#include "base/text.h"

#define ITEM_HEAD 3 /* tag, length */

static void put_counted(struct buf *out, const struct pack_field *f, struct slice s)
{
	if (s.len > f->limit) {
		out->broken = true;
		return;
	}
	if (f->kind == PACK_BLOB)
		buf_put_u32(out, (uint32_t)s.len);
	else
		buf_put_u16(out, (uint16_t)s.len);
	buf_put_slice(out, s);
}

static void put_list(struct buf *out, const struct pack_field *f, const struct list *l)
{
	if (l->count > f->limit || !list_valid(*l, f->item_limit)) {
		out->broken = true;
		return;
	}
	buf_put_u16(out, l->count);
	buf_put_slice(out, l->raw);
}

static void put_field(struct buf *out, const struct pack_field *f, const uint8_t *at)
{
	switch (f->kind) {
	case PACK_U8:
		buf_put_u8(out, *at);
		return;
	case PACK_U16:
		buf_put_u16(out, *(const uint16_t *)(const void *)at);
		return;
	case PACK_U32:
		buf_put_u32(out, *(const uint32_t *)(const void *)at);
		return;
	case PACK_U64:
		buf_put_u64(out, *(const uint64_t *)(const void *)at);
		return;
	case PACK_FIXED:
		buf_put(out, at, f->limit);
		return;
	case PACK_BYTES:
	case PACK_BLOB:
	case PACK_TEXT:
		put_counted(out, f, *(const struct slice *)(const void *)at);
		return;
	case PACK_LIST:
		put_list(out, f, (const struct list *)(const void *)at);
		return;
	case PACK_END:
		return;
	}
}

void pack_put(struct buf *out, const struct pack_field *fields, const void *from)
{
	for (const struct pack_field *f = fields; f->kind != PACK_END; f++)
		put_field(out, f, (const uint8_t *)from + f->offset);
}

/* Takes n bytes off the front of the message; false if it is shorter. */
static bool take(struct slice *message, size_t n, struct slice *out)
{
	if (message->len < n)
		return false;
	*out = (struct slice){ message->at, n };
	message->at += n;
	message->len -= n;
	return true;
}

static enum pack_refusal get_integer(struct slice *message, const struct pack_field *f, uint8_t *at)
{
	struct slice s;
	if (!take(message, f->limit, &s))
		return PACK_SHORT;
	if (f->kind == PACK_U8)
		*at = s.at[0];
	else if (f->kind == PACK_U16)
		*(uint16_t *)(void *)at = get_u16(s.at);
	else if (f->kind == PACK_U32)
		*(uint32_t *)(void *)at = get_u32(s.at);
	else
		*(uint64_t *)(void *)at = get_u64(s.at);
	return PACK_OK;
}

static enum pack_refusal get_counted(struct slice *message, const struct pack_field *f, struct slice *to)
{
	struct slice head;
	if (!take(message, f->kind == PACK_BLOB ? 4 : 2, &head))
		return PACK_SHORT;
	size_t n = f->kind == PACK_BLOB ? get_u32(head.at) : get_u16(head.at);
	if (n > f->limit)
		return PACK_TOO_LONG;
	if (!take(message, n, to))
		return PACK_SHORT;
	if (f->kind == PACK_TEXT && !text_valid(*to))
		return PACK_BAD_TEXT;
	return PACK_OK;
}

static enum pack_refusal get_item(struct slice *message, uint32_t item_limit)
{
	struct slice head, item;
	if (!take(message, ITEM_HEAD, &head))
		return PACK_SHORT;
	size_t n = get_u16(head.at + 1);
	if (n > item_limit)
		return PACK_TOO_LONG;
	return take(message, n, &item) ? PACK_OK : PACK_SHORT;
}

static enum pack_refusal get_list(struct slice *message, const struct pack_field *f, struct list *to)
{
	struct slice head;
	if (!take(message, 2, &head))
		return PACK_SHORT;
	to->count = get_u16(head.at);
	if (to->count > f->limit)
		return PACK_TOO_LONG;
	const uint8_t *start = message->at;
	for (uint16_t i = 0; i < to->count; i++) {
		enum pack_refusal r = get_item(message, f->item_limit);
		if (r != PACK_OK)
			return r;
	}
	to->raw = (struct slice){ start, (size_t)(message->at - start) };
	return PACK_OK;
}

static enum pack_refusal get_field(struct slice *message, const struct pack_field *f, uint8_t *at)
{
	struct slice s;
	switch (f->kind) {
	case PACK_FIXED:
		if (!take(message, f->limit, &s))
			return PACK_SHORT;
		memcpy(at, s.at, f->limit);
		return PACK_OK;
	case PACK_BYTES:
	case PACK_BLOB:
	case PACK_TEXT:
		return get_counted(message, f, (struct slice *)(void *)at);
	case PACK_LIST:
		return get_list(message, f, (struct list *)(void *)at);
	default:
		return get_integer(message, f, at);
	}
}

enum pack_refusal pack_get(struct slice message, const struct pack_field *fields, void *to, const char **where)
{
	for (const struct pack_field *f = fields; f->kind != PACK_END; f++) {
		enum pack_refusal r = get_field(&message, f, (uint8_t *)to + f->offset);
		*where = f->name;
		if (r != PACK_OK)
			return r;
	}
	*where = NULL;
	return message.len ? PACK_LEFT_OVER : PACK_OK;
}

const char *pack_refusal_text(enum pack_refusal r)
{
	switch (r) {
	case PACK_OK:
		return "well formed";
	case PACK_SHORT:
		return "the message ends inside this field";
	case PACK_TOO_LONG:
		return "the field is longer than its limit";
	case PACK_BAD_TEXT:
		return "the field is not UTF-8 text without control characters";
	case PACK_LEFT_OVER:
		return "bytes follow the last field";
	}
	return "unknown";
}

bool list_next(struct list *l, uint8_t *tag, struct slice *item)
{
	struct slice head;
	if (l->count == 0 || !take(&l->raw, ITEM_HEAD, &head) || !take(&l->raw, get_u16(head.at + 1), item))
		return false;
	*tag = head.at[0];
	l->count--;
	return true;
}

bool list_holds(struct list l, uint8_t tag, struct slice item)
{
	uint8_t t;
	struct slice i;
	while (list_next(&l, &t, &i))
		if (t == tag && slice_equal(i, item))
			return true;
	return false;
}

bool list_equal(struct list a, struct list b)
{
	return a.count == b.count && slice_equal(a.raw, b.raw);
}

void list_put(struct buf *raw, uint16_t *count, uint8_t tag, struct slice item)
{
	if (item.len > UINT16_MAX || *count == UINT16_MAX) {
		raw->broken = true;
		return;
	}
	buf_put_u8(raw, tag);
	buf_put_u16(raw, (uint16_t)item.len);
	buf_put_slice(raw, item);
	(*count)++;
}

bool list_valid(struct list l, uint32_t item_limit)
{
	struct slice rest = l.raw;
	for (uint16_t i = 0; i < l.count; i++)
		if (get_item(&rest, item_limit) != PACK_OK)
			return false;
	return rest.len == 0;
}
