#include "letter/letter.h"

#include <string.h>

#include "names/constraints.h"
#include "names/dn.h"

#define REQUEST_LINE "chancery-request-v1\n"
#define RESPONSE_LINE "chancery-response-v1\n"
#define REVOKED_HEAD 8 /* of an item: its time */

#include "base/pack_fields.h"
#define LETTER(name, fields)                                                                                           \
	static const struct pack_field *name##_fields(void)                                                            \
	{                                                                                                              \
		typedef struct name##_letter THIS;                                                                     \
		static const struct pack_field table[] = { PACK_UNWRAP fields{ NULL, PACK_END, 0, 0, 0 } };            \
		return table;                                                                                          \
	}
#include "letter/letter.def"
#undef LETTER
#include "base/pack_done.h"

const char *letter_refusal_text(enum letter_refusal r)
{
	switch (r) {
	case LETTER_OK:
		return "is whole";
	case LETTER_NOT_ONE:
		return "is no file of that kind: it begins and ends otherwise";
	case LETTER_ALTERED:
		return "was altered: its checksum is that of another content";
	case LETTER_VERSION:
		return "is of a version or kind that this program does not know";
	case LETTER_MALFORMED:
		break;
	}
	return "has fields that do not fit its form";
}

static enum letter_refusal fields_get(struct slice in, const struct pack_field *fields, void *to)
{
	const char *where;
	return pack_get(in, fields, to, &where) == PACK_OK ? LETTER_OK : LETTER_MALFORMED;
}

static bool kind_known(uint8_t kind)
{
	return kind == LETTER_INTERMEDIATE || kind == LETTER_CRL;
}

static bool seconds_fit(int64_t seconds)
{
	return seconds > 0 && seconds <= MAX_LETTER_SECONDS;
}

void request_letter_put(struct buf *out, const struct request_letter *r)
{
	buf_put_text(out, REQUEST_LINE);
	pack_put(out, request_fields(), r);
}

bool approval_next(struct list *l, struct letter_approval *a)
{
	uint8_t tag;
	struct slice item;
	if (!list_next(l, &tag, &item))
		return false;
	a->key = (struct slice){ item.at, HASH_SIZE };
	a->signature = (struct slice){ item.at + HASH_SIZE, item.len - HASH_SIZE };
	return true;
}

/* One way to write them: each key once, in order. */
static bool approvals_fit(struct list l)
{
	uint8_t tag;
	struct slice item, before = { NULL, 0 };
	while (list_next(&l, &tag, &item)) {
		if (tag != 0 || item.len <= HASH_SIZE)
			return false;
		const struct slice key = { item.at, HASH_SIZE };
		if (before.len && slice_compare(before, key) >= 0)
			return false;
		before = key;
	}
	return true;
}

static void approval_put(struct buf *raw, uint16_t *count, const struct letter_approval *a)
{
	scoped_buf item = { .max = HASH_SIZE + MAX_LETTER_SIGNATURE };
	buf_put_slice(&item, a->key);
	buf_put_slice(&item, a->signature);
	if (!buf_ok(&item))
		raw->broken = true;
	list_put(raw, count, 0, buf_slice(&item));
}

enum letter_refusal approval_add(struct request_letter *r, const struct letter_approval *a, struct buf *raw)
{
	struct list l = r->approvals;
	struct letter_approval there;
	uint16_t count = 0;
	bool put = false;
	while (approval_next(&l, &there)) {
		if (!put && slice_compare(a->key, there.key) <= 0) {
			approval_put(raw, &count, a);
			put = true;
		}
		approval_put(raw, &count, &there);
	}
	if (!put)
		approval_put(raw, &count, a);
	struct list all = list_of(raw, count);
	if (!buf_ok(raw) || a->key.len != HASH_SIZE || count > MAX_LETTER_APPROVALS || !approvals_fit(all))
		return LETTER_MALFORMED;
	r->approvals = all;
	return LETTER_OK;
}

void request_letter_bare(struct buf *out, const struct request_letter *r)
{
	struct request_letter bare = *r;
	bare.approvals = (struct list){ 0 };
	request_letter_put(out, &bare);
}

int request_letter_hash(const struct request_letter *r, uint8_t hash[HASH_SIZE])
{
	scoped_buf bare = { .max = MAX_LETTER };
	request_letter_bare(&bare, r);
	hash_of(buf_slice(&bare), hash);
	return buf_ok(&bare) ? 0 : -1;
}

/* It is open for a while, and not for ever. */
static bool times_fit(const struct request_letter *r)
{
	return r->created > 0 && r->expires > r->created && r->expires - r->created <= MAX_LETTER_OPEN;
}

enum letter_refusal request_letter_get(struct slice letter, struct request_letter *r)
{
	if (!slice_take_prefix(&letter, slice_text(REQUEST_LINE)))
		return LETTER_VERSION;
	if (fields_get(letter, request_fields(), r))
		return LETTER_MALFORMED;
	if (!kind_known(r->kind))
		return LETTER_VERSION;
	return r->parent.len && times_fit(r) && approvals_fit(r->approvals) ? LETTER_OK : LETTER_MALFORMED;
}

void response_letter_put(struct buf *out, const struct response_letter *r)
{
	buf_put_text(out, RESPONSE_LINE);
	pack_put(out, response_fields(), r);
}

enum letter_refusal response_letter_get(struct slice letter, struct response_letter *r)
{
	if (!slice_take_prefix(&letter, slice_text(RESPONSE_LINE)))
		return LETTER_VERSION;
	if (fields_get(letter, response_fields(), r))
		return LETTER_MALFORMED;
	if (!kind_known(r->kind))
		return LETTER_VERSION;
	return r->made.len && r->created > 0 ? LETTER_OK : LETTER_MALFORMED;
}

void intermediate_letter_put(struct buf *out, const struct intermediate_letter *i)
{
	pack_put(out, intermediate_fields(), i);
}

enum letter_refusal intermediate_letter_get(struct slice ask, struct intermediate_letter *i)
{
	if (fields_get(ask, intermediate_fields(), i))
		return LETTER_MALFORMED;
	const struct constraints c = { i->permitted, i->excluded };
	uint8_t attribute;
	const char *why;
	bool named = i->subject.count && dn_check(i->subject, &attribute, &why) && constraints_check(&c);
	return i->csr.len && named && seconds_fit(i->seconds) ? LETTER_OK : LETTER_MALFORMED;
}

void revoked_put(struct buf *raw, uint16_t *count, const struct revoked_entry *e)
{
	scoped_buf item = { .max = REVOKED_HEAD + MAX_REVOKED_SERIAL };
	buf_put_u64(&item, (uint64_t)e->when);
	buf_put_slice(&item, e->serial);
	if (!buf_ok(&item))
		raw->broken = true;
	list_put(raw, count, e->reason, buf_slice(&item));
}

bool revoked_next(struct list *l, struct revoked_entry *e)
{
	struct slice item;
	if (!list_next(l, &e->reason, &item))
		return false;
	e->when = (int64_t)get_u64(item.at);
	e->serial = (struct slice){ item.at + REVOKED_HEAD, item.len - REVOKED_HEAD };
	return true;
}

static int serial_compare(struct slice a, struct slice b)
{
	return a.len != b.len ? (a.len < b.len ? -1 : 1) : slice_compare(a, b);
}

/* A CA is not put on hold; 7 is no reason, 8 takes an entry away. */
static bool reason_fits(uint8_t reason)
{
	return reason <= 10 && reason != 6 && reason != 7 && reason != 8;
}

static bool revoked_fit(struct list l)
{
	struct list sizes = l;
	struct slice item, before = { NULL, 0 };
	struct revoked_entry e;
	uint8_t tag;
	while (list_next(&sizes, &tag, &item))
		if (item.len <= REVOKED_HEAD)
			return false;
	while (revoked_next(&l, &e)) {
		if (!reason_fits(e.reason) || e.when <= 0 || e.serial.at[0] == 0 ||
		    serial_compare(before, e.serial) >= 0)
			return false;
		before = e.serial;
	}
	return true;
}

void crl_letter_put(struct buf *out, const struct crl_letter *c)
{
	pack_put(out, crl_fields(), c);
}

enum letter_refusal crl_letter_get(struct slice ask, struct crl_letter *c)
{
	if (fields_get(ask, crl_fields(), c))
		return LETTER_MALFORMED;
	return c->number && c->number <= INT64_MAX && seconds_fit(c->seconds) && revoked_fit(c->revoked)
		       ? LETTER_OK
		       : LETTER_MALFORMED;
}
