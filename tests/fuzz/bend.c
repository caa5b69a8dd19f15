#include "fuzz/bend.h"

#include <stdlib.h>
#include <string.h>

#include "signd/encode/der.h"

#define MAX_NODES 400
#define MAX_STRUCT 1024 /* bytes of any message's struct */
#define MAX_BENT (1024 * 1024)

uint32_t dice_roll(struct dice *d, uint32_t sides)
{
	d->state += 0x9e3779b97f4a7c15; /* splitmix64 */
	uint64_t z = d->state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (uint32_t)((z ^ z >> 31) % sides);
}

void bytes_bend(struct slice bytes, size_t max, struct buf *out)
{
	size_t n = bytes.len < max ? bytes.len : max;
	uint8_t *copy = malloc(max ? max : 1);
	if (copy && n)
		memcpy(copy, bytes.at, n);
	if (copy && max)
		buf_put(out, copy, LLVMFuzzerMutate(copy, n, max));
	free(copy);
}

size_t bent(const struct buf *out, uint8_t *data, size_t max_size)
{
	if (!buf_ok(out) || out->len == 0 || out->len > max_size)
		return 0;
	memcpy(data, out->at, out->len);
	return out->len;
}

/* One value of a tree of DER. */
struct node {
	size_t at, content, end; /* offsets */
	int above;
};

struct tree {
	struct slice whole;
	int count;
	struct node nodes[MAX_NODES];
};

/* Head of the value at an offset; false if there is none that ends before `end`. */
static bool node_read(struct slice whole, size_t at, size_t end, struct node *n)
{
	if (end - at < 2 || (whole.at[at] & 0x1f) == 0x1f)
		return false;
	size_t len = whole.at[at + 1], count = len & 0x7f;
	n->at = at;
	n->content = at + 2;
	if (len & 0x80) {
		if (count == 0 || count > 3 || end - at < 2 + count)
			return false;
		for (len = 0; n->content < at + 2 + count; n->content++)
			len = len << 8 | whole.at[n->content];
	}
	n->end = n->content + len;
	return len <= end - n->content;
}

/* All values between two offsets; false, and none of them, if it isn't DER up to the end. */
static bool tree_read(struct tree *t, size_t at, size_t end, int above)
{
	int before = t->count;
	while (at < end) {
		struct node n = { .above = above };
		if (t->count == MAX_NODES || !node_read(t->whole, at, end, &n)) {
			t->count = before;
			return false;
		}
		int own = t->count;
		uint8_t tag = t->whole.at[at];
		t->nodes[t->count++] = n;
		/* Strings of bytes or bits may hold DER as well. */
		size_t inner = n.content + (tag == DER_BIT_STRING);
		if ((tag & 0x20 || tag == DER_OCTET_STRING || tag == DER_BIT_STRING) && inner < n.end)
			tree_read(t, inner, n.end, own);
		at = n.end;
	}
	return true;
}

static void part_put(const struct tree *t, size_t from, size_t to, struct buf *out)
{
	buf_put_slice(out, (struct slice){ t->whole.at + from, to - from });
}

/* The whole with a value replaced, and the lengths of all around it made right. */
static void tree_replace(const struct tree *t, int i, struct slice by, struct buf *out)
{
	scoped_buf now = { .max = MAX_BENT };
	size_t from = t->nodes[i].at, to = t->nodes[i].end;
	buf_put_slice(&now, by);
	for (int above = t->nodes[i].above; above >= 0; above = t->nodes[above].above) {
		scoped_buf outer = { .max = MAX_BENT };
		const struct node *n = &t->nodes[above];
		size_t begun = der_begin(&outer, t->whole.at[n->at]);
		part_put(t, n->content, from, &outer);
		buf_put_slice(&outer, buf_slice(&now));
		part_put(t, to, n->end, &outer);
		der_end(&outer, begun);
		buf_clear(&now);
		buf_put_slice(&now, buf_slice(&outer));
		from = n->at;
		to = n->end;
	}
	part_put(t, 0, from, out);
	buf_put_slice(out, buf_slice(&now));
	part_put(t, to, t->whole.len, out);
}

static void node_put(const struct tree *t, int i, struct buf *out)
{
	part_put(t, t->nodes[i].at, t->nodes[i].end, out);
}

/* What a value becomes: mostly its content bent; or gone, doubled, another's, another tag. */
static void node_bend(struct dice *d, const struct tree *t, int i, size_t max, struct buf *out)
{
	const struct node *n = &t->nodes[i];
	int other = (int)dice_roll(d, (uint32_t)t->count);
	size_t begun;
	switch (dice_roll(d, 9)) {
	case 0:
		return;
	case 1:
		node_put(t, i, out);
		node_put(t, i, out);
		return;
	case 2:
		node_put(t, other, out);
		return;
	case 3:
		node_put(t, other, out);
		node_put(t, i, out);
		return;
	case 4:
		begun = der_begin(out, (uint8_t)dice_roll(d, 256));
		part_put(t, n->content, n->end, out);
		break;
	default:
		begun = der_begin(out, t->whole.at[n->at]);
		bytes_bend((struct slice){ t->whole.at + n->content, n->end - n->content }, max, out);
	}
	der_end(out, begun);
}

void der_bend(struct dice *d, struct slice der, size_t max, struct buf *out)
{
	struct tree *t = malloc(sizeof(*t));
	if (t)
		*t = (struct tree){ .whole = der };
	if (!t || !tree_read(t, 0, der.len, -1) || t->count == 0 || dice_roll(d, 16) == 0) {
		bytes_bend(der, max, out);
	} else {
		scoped_buf by = { .max = MAX_BENT };
		int i = (int)dice_roll(d, (uint32_t)t->count);
		size_t own = t->nodes[i].end - t->nodes[i].content;
		node_bend(d, t, i, max > der.len ? own + (max - der.len) / 2 : own, &by);
		tree_replace(t, i, buf_slice(&by), out);
	}
	free(t);
}

size_t der_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct dice d = { seed };
	scoped_buf out = { .max = max_size };
	if (dice_roll(&d, 4))
		der_bend(&d, (struct slice){ data, size }, max_size, &out);
	size_t n = bent(&out, data, max_size);
	return n ? n : LLVMFuzzerMutate(data, size, max_size);
}

static void value_bend(struct dice *d, struct slice value, size_t max, struct buf *out)
{
	if (value.len > 8 && value.at[0] == DER_SEQUENCE)
		der_bend(d, value, max, out);
	else
		bytes_bend(value, max, out);
}

/* One item bent, gone, doubled, of another tag; or a new one at the end. */
static struct list list_bend(struct dice *d, const struct pack_field *field, struct list l, struct buf *raw)
{
	uint16_t count = 0;
	uint8_t tag;
	struct slice item;
	uint32_t at = dice_roll(d, l.count + 1U), what = dice_roll(d, 8);
	for (uint32_t i = 0; list_next(&l, &tag, &item); i++) {
		scoped_buf other = { .max = MAX_BENT };
		if (i == at && what == 0)
			continue;
		if (i == at && what == 1)
			list_put(raw, &count, tag, item);
		if (i == at && what == 2)
			tag = (uint8_t)dice_roll(d, 8);
		if (i == at && what > 2) {
			size_t most = item.len + 256 < field->item_limit ? item.len + 256 : field->item_limit;
			value_bend(d, item, most, &other);
			item = buf_slice(&other);
		}
		list_put(raw, &count, tag, item);
	}
	if (at == count) {
		scoped_buf more = { .max = MAX_BENT };
		bytes_bend((struct slice){ 0 }, field->item_limit < 64 ? field->item_limit : 64, &more);
		list_put(raw, &count, (uint8_t)dice_roll(d, 8), buf_slice(&more));
	}
	return list_of(raw, count);
}

static void field_bend(struct dice *d, const struct pack_field *field, void *at, struct buf *room)
{
	struct slice *value = at;
	size_t most;
	switch (field->kind) {
	case PACK_U8:
	case PACK_U16:
	case PACK_U32:
	case PACK_U64:
	case PACK_FIXED:
		LLVMFuzzerMutate(at, field->limit, field->limit);
		break;
	case PACK_BYTES:
	case PACK_BLOB:
	case PACK_TEXT:
		most = value->len + 256 < field->limit ? value->len + 256 : field->limit;
		value_bend(d, *value, most, room);
		*value = buf_slice(room);
		break;
	case PACK_LIST:
		*(struct list *)at = list_bend(d, field, *(struct list *)at, room);
		break;
	default:
		break;
	}
}

bool fields_bend(struct dice *d, const struct pack_field *fields, struct slice message, struct buf *out)
{
	_Alignas(max_align_t) uint8_t to[MAX_STRUCT];
	scoped_buf room = { .max = MAX_BENT };
	const char *where;
	uint32_t count = 0;
	while (fields[count].kind != PACK_END)
		count++;
	if (count == 0 || pack_get(message, fields, to, &where) != PACK_OK)
		return false;
	const struct pack_field *field = &fields[dice_roll(d, count)];
	field_bend(d, field, to + field->offset, &room);
	size_t before = out->len;
	pack_put(out, fields, to);
	if (!buf_ok(out))
		out->len = before;
	return buf_ok(out);
}
