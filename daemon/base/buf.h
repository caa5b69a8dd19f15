/*
 * Bytes: a slice that somebody else owns, and a buffer that grows up to a
 * stated limit. Used on both sides of every wall; knows nothing of what the
 * bytes mean.
 *
 * A buffer that ran into its limit, or out of memory, is broken and stays
 * so: every later put is ignored, and buf_ok() says false. Writers can put a
 * whole object and look once at the end.
 */
#ifndef CHANCERY_BASE_BUF_H
#define CHANCERY_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct slice {
	const uint8_t *at;
	size_t len;
};

struct buf {
	uint8_t *at;
	size_t len; /* bytes in use */
	size_t cap; /* bytes allocated */
	size_t max; /* bytes it may ever hold */
	bool broken;
};

#define SLICE_OF(array) ((struct slice){ (const uint8_t *)(array), sizeof(array) })

/* The bytes of a C string without its NUL; of NULL, the empty slice. */
struct slice slice_text(const char *text);
bool slice_equal(struct slice a, struct slice b);
/* As an id that stands for none has them; also of no bytes. */
bool bytes_zero(const uint8_t *at, size_t n);
/* Orders bytewise, a prefix before what it begins: <0, 0, >0. */
int slice_compare(struct slice a, struct slice b);
/* Copies at most size-1 bytes and ends them with NUL; false if cut. */
bool slice_to_text(struct slice s, char *out, size_t size);
/* Takes these bytes off the front; false, and nothing taken, if it begins otherwise. */
bool slice_take_prefix(struct slice *s, struct slice prefix);
/* Takes a line off the front, its line feed as well, which *line is without; false if there is no line feed. */
bool slice_take_line(struct slice *s, struct slice *line);

/* An empty buffer that may grow to max bytes. buf_free() wipes nothing. */
void buf_init(struct buf *b, size_t max);
void buf_free(struct buf *b);
static inline bool buf_ok(const struct buf *b)
{
	return !b->broken;
}
/* Forgets the content and a broken state, keeps the memory. */
void buf_clear(struct buf *b);
/* Room for n more bytes at the end, not yet counted; NULL if broken. */
uint8_t *buf_room(struct buf *b, size_t n);
/* Takes n bytes away from the front. */
void buf_drop(struct buf *b, size_t n);
struct slice buf_slice(const struct buf *b);

void buf_put(struct buf *b, const void *bytes, size_t n);
void buf_put_slice(struct buf *b, struct slice s);
void buf_put_text(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_put_u8(struct buf *b, uint8_t v);
/* Little-endian, as everywhere on our wires and in our files. */
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_u64(struct buf *b, uint64_t v);

uint16_t get_u16(const uint8_t *at);
uint32_t get_u32(const uint8_t *at);
uint64_t get_u64(const uint8_t *at);
void set_u32(uint8_t *at, uint32_t v);
void set_u64(uint8_t *at, uint64_t v);

/* Frees a buffer when its scope ends. */
#define scoped_buf __attribute__((cleanup(buf_free))) struct buf

#endif
