#include "frontd/lookup.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "frontd/answer.h"
#include "frontd/front.h"
#include "frontd/signer.h"
#include "frontd/view.h"
#include "names/name.h"

#define DEFAULT_PAGE 100
#define MAX_SERIAL 20 /* RFC 5280 4.1.2.2 */

static int no_certificate(struct call *c)
{
	return call_refuse(c, 404, "certificate_not_found", NULL, "There is no such certificate.");
}

/* Hex of any even length up to 20 bytes; colons and leading zeros are for people and left out. */
static bool serial_parse(const char *text, uint8_t serial[MAX_SERIAL], struct slice *out)
{
	char digits[2 * MAX_SERIAL + 2];
	size_t n = 0;
	bool leading = true;
	for (; *text; text++) {
		leading = leading && (*text == '0' || *text == ':');
		if (*text == ':' || leading)
			continue;
		if (n == 2 * MAX_SERIAL)
			return false;
		digits[n++] = *text;
	}
	if (n % 2) {
		memmove(digits + 1, digits, n++);
		digits[0] = '0';
	}
	if (n == 0 || !hex_decode(digits, n, serial, n / 2))
		return false;
	*out = (struct slice){ serial, n / 2 };
	return true;
}

static bool number_parse(const char *text, int64_t least, int64_t most, int64_t *out)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	*out = n;
	return *text >= '0' && *text <= '9' && !*end && errno == 0 && n >= least && n <= most;
}

static int query_numbers(struct call *c, struct certificate_query *q)
{
	const char *cursor = c->query(c, "cursor"), *limit = c->query(c, "limit");
	int64_t n = DEFAULT_PAGE;
	if (cursor && !number_parse(cursor, 0, INT64_MAX, &q->after))
		return call_refuse(c, 400, "bad_field", "cursor",
				   "cursor must be what next_cursor of the last page was.");
	if (limit && !number_parse(limit, 1, MAX_STORE_PAGE, &n))
		return call_refuse(c, 400, "bad_field", "limit", "limit must be a whole number from 1 to %d.",
				   MAX_STORE_PAGE);
	q->limit = (int)n;
	return 0;
}

static int query_name(struct call *c, struct certificate_query *q, struct buf *name)
{
	const char *text = c->query(c, "name"), *why = "";
	q->name = c->query(c, "subject_ca");
	if (text && q->name)
		return call_refuse(c, 400, "bad_parameter", "subject_ca", "name and subject_ca don't go together.");
	if (!text)
		return 0;
	scoped_buf value = { .max = MAX_NAME };
	uint8_t type;
	if (!name_parse(AS_NAME, text, &type, &value, &why))
		return call_refuse(c, 400, "bad_field", "name", "name %s.", why);
	name_print(AS_NAME, type, buf_slice(&value), name);
	buf_put_u8(name, 0);
	q->name = (const char *)name->at;
	return buf_ok(name) ? 0 : -1;
}

static int query_read(struct call *c, struct certificate_query *q, uint8_t serial[MAX_SERIAL], struct buf *name)
{
	const char *text = c->query(c, "serial");
	q->ca_id = c->query(c, "ca");
	q->state = c->query(c, "state");
	if (text && !serial_parse(text, serial, &q->serial))
		return call_refuse(c, 400, "bad_field", "serial",
				   "serial must be a serial number in hex, at most 20 bytes.");
	if (q->state && strcmp(q->state, "active") != 0 && strcmp(q->state, "revoked") != 0 &&
	    strcmp(q->state, "withheld") != 0 && strcmp(q->state, "lost") != 0)
		return call_refuse(c, 400, "bad_field", "state", "state must be active, revoked, withheld or lost.");
	int r = query_numbers(c, q);
	return r ? r : query_name(c, q, name);
}

struct page {
	json_t *data;
	int64_t last;
	int count;
};

static int page_append(void *with, const struct certificate_row *row, int64_t cursor)
{
	struct page *p = with;
	p->last = cursor;
	p->count++;
	return json_array_append_new(p->data, view_certificate(row, false));
}

int certificate_list(struct front *f, struct call *c)
{
	struct certificate_query q = { 0 };
	uint8_t serial[MAX_SERIAL];
	scoped_buf name = { .max = 8192 };
	int r = query_read(c, &q, serial, &name);
	if (r)
		return r;
	scoped_session *s = NULL;
	struct page page = { .data = json_array() };
	if (store_read(f->store, &s) || store_certificate_list(s, &q, page_append, &page)) {
		json_decref(page.data);
		return answer_store(c);
	}
	char cursor[24];
	snprintf(cursor, sizeof(cursor), "%lld", (long long)page.last);
	json_t *next = page.count == q.limit ? json_string(cursor) : json_null();
	return call_reply(c, 200, json_pack("{s:o, s:o}", "data", page.data, "next_cursor", next));
}

static int named_find(struct store_session *s, const struct call *c, struct certificate_row *out)
{
	uint8_t fingerprint[32], bytes[MAX_SERIAL];
	struct slice serial;
	const char *first = c->param[0];
	if (c->param[1])
		return serial_parse(c->param[1], bytes, &serial) ? store_certificate_find_serial(s, first, serial, out)
								 : STORE_NONE;
	return hex_decode(first, strlen(first), fingerprint, sizeof(fingerprint))
		       ? store_certificate_find(s, fingerprint, out)
		       : STORE_NONE;
}

int certificate_named(struct front *f, struct call *c, struct certificate_row *out)
{
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return answer_store(c);
	bool met = signer_met(f->signer);
	int r = named_find(s, c, out);
	if (r > 0)
		return met ? no_certificate(c) : answer_signer(c, SIGNER_AWAY, NULL);
	return r ? answer_store(c) : 0;
}

int certificate_get(struct front *f, struct call *c)
{
	scoped_row(certificate) row = { 0 };
	int r = certificate_named(f, c, &row);
	return r ? r : call_reply(c, 200, view_certificate(&row, true));
}
