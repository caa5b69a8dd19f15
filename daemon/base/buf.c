#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAPACITY 1024

struct slice slice_text(const char *text)
{
	return (struct slice){ (const uint8_t *)text, text ? strlen(text) : 0 };
}

bool slice_equal(struct slice a, struct slice b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}

bool bytes_zero(const uint8_t *at, size_t n)
{
	while (n && !at[n - 1])
		n--;
	return n == 0;
}

int slice_compare(struct slice a, struct slice b)
{
	size_t n = a.len < b.len ? a.len : b.len;
	int order = n ? memcmp(a.at, b.at, n) : 0;
	if (order != 0)
		return order;
	return (a.len > b.len) - (a.len < b.len);
}

bool slice_to_text(struct slice s, char *out, size_t size)
{
	size_t n = s.len < size ? s.len : size - 1;
	if (n)
		memcpy(out, s.at, n);
	out[n] = '\0';
	return n == s.len;
}

bool slice_take_prefix(struct slice *s, struct slice prefix)
{
	if (s->len < prefix.len || !slice_equal((struct slice){ s->at, prefix.len }, prefix))
		return false;
	*s = (struct slice){ s->at + prefix.len, s->len - prefix.len };
	return true;
}

bool slice_take_line(struct slice *s, struct slice *line)
{
	const uint8_t *end = s->len ? memchr(s->at, '\n', s->len) : NULL;
	if (!end)
		return false;
	*line = (struct slice){ s->at, (size_t)(end - s->at) };
	*s = (struct slice){ end + 1, s->len - line->len - 1 };
	return true;
}

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

void buf_free(struct buf *b)
{
	free(b->at);
	*b = (struct buf){ .max = b->max };
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	b->broken = false;
}

static bool buf_grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : FIRST_CAPACITY;
	while (cap < need)
		cap *= 2;
	if (cap > b->max)
		cap = b->max;
	uint8_t *at = realloc(b->at, cap);
	if (!at)
		return false;
	b->at = at;
	b->cap = cap;
	return true;
}

uint8_t *buf_room(struct buf *b, size_t n)
{
	if (b->broken)
		return NULL;
	bool fits = b->at && b->len + n <= b->cap;
	if (n > b->max - b->len || (!fits && !buf_grow(b, b->len + n))) {
		b->broken = true;
		return NULL;
	}
	return b->at + b->len;
}

void buf_drop(struct buf *b, size_t n)
{
	if (n > b->len)
		abort();
	b->len -= n;
	if (b->len)
		memmove(b->at, b->at + n, b->len);
}

struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->at, b->len };
}

void buf_put(struct buf *b, const void *bytes, size_t n)
{
	if (n == 0)
		return;
	uint8_t *at = buf_room(b, n);
	if (!at)
		return;
	memcpy(at, bytes, n);
	b->len += n;
}

void buf_put_slice(struct buf *b, struct slice s)
{
	buf_put(b, s.at, s.len);
}

void buf_put_text(struct buf *b, const char *text)
{
	buf_put_slice(b, slice_text(text));
}

void buf_printf(struct buf *b, const char *format, ...)
{
	char text[256], *longer = NULL; /* most are short */
	va_list args, again;
	va_start(args, format);
	va_copy(again, args);
	int n = vsnprintf(text, sizeof(text), format, args);
	if (n >= (int)sizeof(text))
		n = vasprintf(&longer, format, again);
	va_end(again);
	va_end(args);
	if (n < 0) {
		b->broken = true;
		return;
	}
	buf_put(b, longer ? longer : text, (size_t)n);
	free(longer);
}

void buf_put_u8(struct buf *b, uint8_t v)
{
	buf_put(b, &v, 1);
}

void buf_put_u16(struct buf *b, uint16_t v)
{
	uint8_t at[2] = { (uint8_t)v, (uint8_t)(v >> 8) };
	buf_put(b, at, sizeof(at));
}

void buf_put_u32(struct buf *b, uint32_t v)
{
	uint8_t at[4];
	set_u32(at, v);
	buf_put(b, at, sizeof(at));
}

void buf_put_u64(struct buf *b, uint64_t v)
{
	uint8_t at[8];
	set_u64(at, v);
	buf_put(b, at, sizeof(at));
}

uint16_t get_u16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

uint32_t get_u32(const uint8_t *at)
{
	return (uint32_t)get_u16(at) | (uint32_t)get_u16(at + 2) << 16;
}

uint64_t get_u64(const uint8_t *at)
{
	return (uint64_t)get_u32(at) | (uint64_t)get_u32(at + 4) << 32;
}

void set_u32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}

void set_u64(uint8_t *at, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		at[i] = (uint8_t)(v >> (8 * i));
}
