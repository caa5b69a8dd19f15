/* A request for an offline root: letters.h says what becomes of it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/facts.h"
#include "frontd/front.h"
#include "frontd/input.h"
#include "frontd/letters.h"
#include "frontd/plan.h"
#include "frontd/signer.h"
#include "frontd/urls.h"
#include "frontd/view.h"
#include "letter/words.h"
#include "wire/inner.h"

#define DAY 86400
#define DEFAULT_CRL_DAYS 365
#define MAX_CRL_DAYS 366 /* an offline root's: it is asked once a year */
#define DEFAULT_OPEN_DAYS 30
#define MAX_OPEN_DAYS (MAX_LETTER_OPEN / DAY)

struct sending {
	struct ca_row ca;
	struct chain above; /* who is to sign first; the CA itself for its CRL */
	struct facts parent;
	struct request_letter letter;
	struct letter_row row;
	struct buf ask, bytes, text;
	char host[65], name[257];
	int64_t days, open_days;
	uint64_t number; /* of a CRL, the least; 0: not said */
};

static void sending_free(struct sending *o)
{
	ca_row_free(&o->ca);
	chain_free(&o->above);
	facts_free(&o->parent);
	buf_free(&o->ask);
	buf_free(&o->bytes);
	buf_free(&o->text);
}
#define scoped_sending __attribute__((cleanup(sending_free))) struct sending

/* A CA whose certificate is signed elsewhere asks for that; a root whose key is elsewhere for its CRL. */
static int load(struct front *f, struct call *c, struct sending *o)
{
	char why[FACTS_WHY];
	scoped_session *s = NULL;
	int r = answer_ca(f, c, &s, &o->ca);
	if (r)
		return r;
	bool crl = o->ca.certificate.len && ca_offline(&o->ca);
	o->letter.kind = crl ? LETTER_CRL : LETTER_INTERMEDIATE;
	if (!crl && !o->ca.csr.len)
		return call_refuse(
			c, 409, "nothing_to_ask", NULL,
			"The CA has its key and its parent's here: there is nothing to ask an offline root for.");
	if (!crl && !ca_waits(&o->ca) && !slice_equal(o->ca.state, slice_text("active")))
		return call_refuse(c, 409, "ca_given_up", NULL, "The CA is %s: nothing is asked for it any more.",
				   row_text(o->ca.state));
	r = chain_load(s, row_text(crl ? o->ca.id : o->ca.parent_id), &o->above);
	if (!r)
		r = facts_read_foreign(o->above.ca[0].certificate, &o->parent, why);
	return r ? answer_store(c) : 0;
}

static int read_wishes(struct call *c, struct sending *o)
{
	static const char *const of_crl[] = { "open_days", "days", "number", NULL };
	static const char *const of_ca[] = { "open_days", NULL };
	bool there = false;
	int64_t days = 0, number = 0, open_days = 0;
	bool crl = o->letter.kind == LETTER_CRL;
	int r = input_members(c, crl ? of_crl : of_ca);
	if (!r)
		r = input_integer(c, "open_days", 1, MAX_OPEN_DAYS, &there, &open_days);
	o->open_days = there ? open_days : DEFAULT_OPEN_DAYS;
	there = false;
	if (!r && crl)
		r = input_integer(c, "days", 1, MAX_CRL_DAYS, &there, &days);
	o->days = there ? days : DEFAULT_CRL_DAYS;
	there = false;
	if (!r && crl)
		r = input_integer(c, "number", 1, INT64_MAX, &there, &number);
	o->number = there ? (uint64_t)number : 0;
	return r;
}

static int ask_certificate(struct front *f, struct sending *o)
{
	struct constraints stated;
	scoped_items urls;
	items_init(&urls);
	if (constraints_unpack(o->ca.constraints, &stated))
		return -1;
	urls_put(f, &o->above.ca[0], &urls);
	const struct intermediate_letter i = { .csr = o->ca.csr,
					       .subject = view_list(o->ca.subject),
					       .path_len = o->ca.path_len,
					       .permitted = stated.permitted,
					       .excluded = stated.excluded,
					       .urls = items_list(&urls),
					       .seconds = o->ca.not_after - o->ca.not_before };
	intermediate_letter_put(&o->ask, &i);
	return buf_ok(&o->ask) ? 0 : -1;
}

struct revoked_row {
	uint8_t serial[MAX_REVOKED_SERIAL];
	size_t len;
	uint8_t reason;
	int64_t when;
};

struct revoked {
	struct revoked_row all[MAX_REVOKED];
	size_t count;
	bool too_many;
};

static int revoked_add(void *with, const struct crl_entry *e)
{
	struct revoked *r = with;
	struct slice serial = e->serial;
	while (serial.len && !serial.at[0])
		serial = (struct slice){ serial.at + 1, serial.len - 1 };
	if (e->reason == REASON_REMOVE || !serial.len || serial.len > MAX_REVOKED_SERIAL)
		return 0;
	r->too_many = r->too_many || r->count == MAX_REVOKED;
	if (r->too_many)
		return 0;
	struct revoked_row *row = &r->all[r->count++];
	*row = (struct revoked_row){ .len = serial.len, .reason = e->reason, .when = e->revoked };
	memcpy(row->serial, serial.at, serial.len);
	return 0;
}

/* By the numbers that they are: a serial number may be of any length. */
static int revoked_compare(const void *a, const void *b)
{
	const struct revoked_row *x = a, *y = b;
	return x->len != y->len ? (x->len < y->len ? -1 : 1) : memcmp(x->serial, y->serial, x->len);
}

static int crl_put(struct sending *o, struct revoked *all, uint64_t last)
{
	scoped_buf raw = { .max = sizeof(*all) };
	uint16_t count = 0;
	qsort(all->all, all->count, sizeof(all->all[0]), revoked_compare);
	for (size_t i = 0; i < all->count; i++) {
		const struct revoked_row *row = &all->all[i];
		const struct revoked_entry e = { row->reason, row->when, { row->serial, row->len } };
		revoked_put(&raw, &count, &e);
	}
	const struct crl_letter crl = { .number = o->number > last ? o->number : last + 1,
					.seconds = o->days * DAY,
					.revoked = list_of(&raw, count) };
	crl_letter_put(&o->ask, &crl);
	return buf_ok(&raw) && buf_ok(&o->ask) ? 0 : -1;
}

/* All that is revoked; what has expired since the last CRL once more, so that it leaves it in order. */
static int ask_crl(struct front *f, struct call *c, struct sending *o)
{
	scoped_row(lastcrl) last = { 0 };
	struct revoked *all = calloc(1, sizeof(*all));
	scoped_session *s = NULL;
	const struct crl_scope scope = { .ca_id = row_text(o->ca.id) };
	int r = !all || store_read(f->store, &s) ? -1 : store_crl_find(s, scope.ca_id, 0, &last);
	if (r >= 0)
		r = store_crl_whole(s, &scope, last.ledger_seq ? last.this_update : time_now(), revoked_add, all);
	if (!r && all->too_many)
		r = call_refuse(c, 409, "too_many_revoked", NULL,
				"More than %d certificates are revoked: that is more than a request carries.",
				MAX_REVOKED);
	else if (!r)
		r = crl_put(o, all, last.number);
	free(all);
	return r;
}

/* The ledger as it is signed now: whoever sees the request later knows what it grew from. */
static int head_put(struct front *f, struct call *c, struct sending *o)
{
	struct checkpoint_request request;
	struct checkpoint_reply reply;
	struct store_ledger ledger;
	scoped_answer answer = { .body = { NULL, 0 } };
	scoped_session *s = NULL;
	memset(&request, 0, sizeof(request));
	enum signer_result result = signer_checkpoint(f->signer, &request, &reply, &answer);
	if (result)
		return answer_signer(c, result, &answer);
	if (store_read(f->store, &s) || store_ledger_find(s, &ledger))
		return -1;
	o->letter.ledger_size = reply.size;
	memcpy(o->letter.ledger_root, reply.root, sizeof(o->letter.ledger_root));
	memcpy(o->letter.ledger_id, ledger.ledger_id, sizeof(o->letter.ledger_id));
	return 0;
}

static int letter_put(struct sending *o)
{
	struct request_letter *l = &o->letter;
	if (gethostname(o->host, sizeof(o->host)) != 0 || o->host[64] || !text_visible(slice_text(o->host)))
		memcpy(o->host, "a host", 7);
	slice_to_text(o->ca.name, o->name, sizeof(o->name));
	random_bytes(l->nonce, sizeof(l->nonce));
	l->created = time_now();
	l->expires = l->created + o->open_days * DAY;
	l->host = slice_text(o->host);
	l->name = slice_text(o->name);
	l->parent = o->parent.subject_name;
	hash_of(o->parent.public_key, l->parent_key);
	l->ask = buf_slice(&o->ask);
	request_letter_put(&o->bytes, l);
	armour_put(&o->text, "REQUEST", buf_slice(&o->bytes));
	o->row = (struct letter_row){ .ca_id = o->ca.id, .kind = l->kind, .created_at = l->created };
	memcpy(o->row.nonce, l->nonce, sizeof(o->row.nonce));
	return buf_ok(&o->text) ? request_letter_hash(l, o->row.hash) : -1;
}

static int insert_work(struct store_session *s, void *with)
{
	return store_letter_insert(s, with);
}

static int reply(struct call *c, const struct sending *o)
{
	char words[MAX_WORDS_TEXT];
	words_of(o->row.hash, words);
	return call_reply(c, 201,
			  json_pack("{s:s#, s:o, s:s, s:o, s:s, s:o, s:o, s:o}", "request", (const char *)o->text.at,
				    (int)o->text.len, "ca_id", view_text(o->ca.id), "kind",
				    o->letter.kind == LETTER_CRL ? "crl" : "certificate", "sha256",
				    view_hex(o->row.hash, sizeof(o->row.hash)), "words", words, "nonce",
				    view_hex(o->row.nonce, sizeof(o->row.nonce)), "parent",
				    view_name(buf_slice(&o->parent.subject.raw)), "expires_at",
				    view_time(o->letter.expires)));
}

/* On the ledger first, so that a response is known even if this database is lost meanwhile. */
static int send_out(struct front *f, struct call *c, struct sending *o)
{
	uint64_t noted;
	scoped_hold hold = { 0 };
	int r = head_put(f, c, o);
	if (!r)
		r = letter_put(o);
	if (!r)
		r = letter_note(f, c, "asked", &o->row, NULL, &hold, &noted);
	if (r)
		return r;
	if (store_change(f->store, insert_work, &o->row))
		return -1;
	signer_settle(&hold, noted);
	return reply(c, o);
}

int intermediate_request(struct front *f, struct call *c)
{
	scoped_sending o = { .days = 0 };
	buf_init(&o.ask, MAX_LETTER);
	buf_init(&o.bytes, MAX_LETTER);
	buf_init(&o.text, MAX_LETTER_TEXT);
	int r = load(f, c, &o);
	if (!r && !ca_offline(&o.above.ca[0]))
		r = call_refuse(c, 409, "nothing_to_ask", NULL,
				"The CA's parent has its key here: there is nothing to ask an offline root for.");
	if (!r)
		r = read_wishes(c, &o);
	if (!r)
		r = o.letter.kind == LETTER_CRL ? ask_crl(f, c, &o) : ask_certificate(f, &o);
	if (!r)
		r = send_out(f, c, &o);
	return r < 0 ? answer_store(c) : r;
}
