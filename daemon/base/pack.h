/*
 * How a struct becomes bytes and back, described by a table of fields: the
 * messages on both inner wires, the records of the ledger and the charters
 * are all written and read here.
 *
 * Every integer is little-endian and of a stated width; bytes and texts carry
 * a 16-bit length, long ones ("blobs") a 32-bit one; a list is a 16-bit count of items, each a
 * tag byte, a 16-bit length and its bytes. There is no padding, no optional
 * field and no second way to write anything. Decoding copies nothing: slices
 * point into the message.
 *
 * Every byte here may come from an enemy. The decoder checks each length
 * against what is left and against the field's own limit before it looks.
 */
#ifndef CHANCERY_BASE_PACK_H
#define CHANCERY_BASE_PACK_H

#include "base/buf.h"

enum pack_kind {
	PACK_END,
	PACK_U8,
	PACK_U16,
	PACK_U32,
	PACK_U64,   /* times too: Unix seconds, as two's complement */
	PACK_FIXED, /* exactly limit bytes, inside the struct */
	PACK_BYTES, /* at most limit bytes, limit < 65536 */
	PACK_BLOB,  /* at most limit bytes, 32-bit length */
	PACK_TEXT,  /* at most limit bytes of valid text (base/text.h) */
	PACK_LIST,  /* at most limit items of at most item_limit bytes */
};

struct pack_field {
	const char *name;
	enum pack_kind kind;
	uint16_t offset;
	uint32_t limit;
	uint32_t item_limit;
};

/* Tagged items, still packed; walk them with list_next(). */
struct list {
	uint16_t count;
	struct slice raw;
};

/* Why a message does not fit its table. */
enum pack_refusal {
	PACK_OK = 0,
	PACK_SHORT,	/* the message ends inside this field */
	PACK_TOO_LONG,	/* the field is longer than its limit */
	PACK_BAD_TEXT,	/* not valid text */
	PACK_LEFT_OVER, /* bytes follow the last field */
};

/* Appends the fields of the struct at from; a field over its limit breaks the buffer. */
void pack_put(struct buf *out, const struct pack_field *fields, const void *from);
/* Reads all fields from a message of just them. On a refusal *where is the field's name (NULL at the end). */
enum pack_refusal pack_get(struct slice message, const struct pack_field *fields, void *to, const char **where);
const char *pack_refusal_text(enum pack_refusal r);

/* Takes the first item off a list that pack_get() has checked; false at the end. */
bool list_next(struct list *l, uint8_t *tag, struct slice *item);
/* Whether there is such an item. */
bool list_holds(struct list l, uint8_t tag, struct slice item);
/* The same items in the same order. */
bool list_equal(struct list a, struct list b);
/* Appends an item to a list under construction: count goes up, bytes to raw. Items are at most 65535 bytes. */
void list_put(struct buf *raw, uint16_t *count, uint8_t tag, struct slice item);
/* The list of count items in raw. */
static inline struct list list_of(const struct buf *raw, uint16_t count)
{
	return (struct list){ count, buf_slice(raw) };
}
/*
 * Checks that raw holds exactly count items of at most item_limit bytes each:
 * for lists that stand inside another item.
 */
bool list_valid(struct list l, uint32_t item_limit);

/*
 * Tables are written once, with the words U8(name) ... LIST(name, items,
 * item_limit), and read twice: "base/pack_struct.h" turns them into struct
 * members, "base/pack_fields.h" into rows of a table of struct THIS;
 * "base/pack_done.h" takes the words back.
 */
#define PACK_UNWRAP(...) __VA_ARGS__

#endif
