#include "frontd/audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frontd/front.h"
#include "frontd/signer.h"
#include "frontd/view.h"
#include "ledger/record_json.h"
#include "wire/inner.h"

#define DEFAULT_RECORDS 100
#define MAX_RECORDS 1000      /* in one answer */
#define MAX_READ (512 * 1024) /* bytes asked of the signer at a time */
#define MAX_ROUNDS 64	      /* reads for one answer: a filter that finds nothing ends, and says where */

/* A refusal's number has a name, which the ledger's room doesn't know. */
static json_t *record_said(const struct record *r)
{
	struct refused_record refused;
	json_t *out = record_json(r);
	if (r->type == RECORD_REFUSED && record_refused_get(r->body, &refused) == 0)
		json_object_set_new(out, "reason", json_string(inner_refusal_name(refused.code)));
	return out;
}

/* What a caller wants to see, and how far the answer has come. */
struct walk {
	uint64_t from, next, head;
	uint64_t limit;
	uint8_t type; /* 0: all */
	json_t *data;
};

static int number_read(struct call *c, const char *name, uint64_t least, uint64_t most, uint64_t *out)
{
	const char *text = c->query(c, name);
	if (!text)
		return 0;
	char *end;
	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || v < least || v > most)
		return call_refuse(c, 400, "bad_parameter", name, "%s must be a whole number from %llu to %llu.", name,
				   (unsigned long long)least, (unsigned long long)most);
	*out = v;
	return 0;
}

static int type_read(struct call *c, uint8_t *type)
{
	const char *text = c->query(c, "type");
	if (!text)
		return 0;
	for (unsigned i = 1; i < 256; i++)
		if (record_fields((uint8_t)i) && strcmp(record_type_name((uint8_t)i), text) == 0)
			*type = (uint8_t)i;
	return *type ? 0
		     : call_refuse(c, 400, "bad_parameter", "type",
				   "type must be the name of a record's type, such as CERT_INTENT.");
}

static int signer_failed(struct call *c, enum signer_result result, const struct signer_answer *a)
{
	struct slice why = slice_text("the signer is away or did not answer in time.");
	if (result == SIGNER_REFUSED && a->refusal.code == REFUSE_ARCHIVED)
		return call_refuse(c, 404, "archived", "from",
				   "These records are kept in an archive; see --archive in chancery-signd(8).");
	if (result == SIGNER_REFUSED)
		why = a->refusal.sentence;
	int refused = call_refuse(c, 503, "signer_unavailable", NULL, "The ledger can't be read now: %.*s",
				  (int)why.len, why.len ? (const char *)why.at : "");
	c->error.retry_after = 5;
	return refused;
}

static void records_take(struct walk *w, struct slice bytes)
{
	struct record r;
	uint8_t hash[HASH_SIZE];
	size_t size;
	while (bytes.len && json_array_size(w->data) < w->limit &&
	       record_peek(bytes, &r, &size, hash) == RECORD_WHOLE) {
		if (!w->type || r.type == w->type)
			json_array_append_new(w->data, record_said(&r));
		w->next = r.seq + 1;
		bytes.at += size;
		bytes.len -= size;
	}
}

static int records_read(struct front *f, struct call *c, struct walk *w)
{
	for (int i = 0; i < MAX_ROUNDS && w->next < w->head && json_array_size(w->data) < w->limit; i++) {
		struct ledger_read_request request = { .from = w->next, .most = MAX_READ };
		struct ledger_read_reply reply;
		scoped_answer answer = { .body = { NULL, 0 } };
		enum signer_result result = signer_ledger_read(f->signer, &request, &reply, &answer);
		if (result != SIGNER_DONE)
			return signer_failed(c, result, &answer);
		uint64_t before = w->next;
		records_take(w, reply.records);
		if (w->next == before)
			break;
	}
	return 0;
}

static int head_read(struct front *f, struct call *c, uint64_t *head)
{
	struct status_request request;
	struct status_reply reply;
	memset(&request, 0, sizeof(request));
	scoped_answer answer = { .body = { NULL, 0 } };
	enum signer_result result = signer_status(f->signer, &request, &reply, &answer);
	if (result != SIGNER_DONE)
		return signer_failed(c, result, &answer);
	*head = reply.head;
	return 0;
}

int audit_list(struct front *f, struct call *c)
{
	struct walk w = { .limit = DEFAULT_RECORDS };
	uint64_t last = 0;
	if (number_read(c, "from", 0, INT64_MAX, &w.from) || number_read(c, "limit", 1, MAX_RECORDS, &w.limit) ||
	    number_read(c, "last", 1, MAX_RECORDS, &last) || type_read(c, &w.type))
		return 1;
	if (last && (c->query(c, "from") || c->query(c, "limit")))
		return call_refuse(c, 400, "bad_parameter", "last", "last can't be combined with from or limit.");
	if (head_read(f, c, &w.head) != 0)
		return 1;
	if (last) {
		w.limit = last;
		w.from = w.head > last ? w.head - last : 0;
	}
	w.next = w.from;
	w.data = json_array();
	int result = w.data ? records_read(f, c, &w) : -1;
	if (result != 0) {
		json_decref(w.data);
		return result;
	}
	json_t *next = w.next < w.head ? json_integer((json_int_t)w.next) : json_null();
	return call_reply(c, 200,
			  json_pack("{s:o, s:I, s:o}", "data", w.data, "head", (json_int_t)w.head, "next", next));
}

int audit_checkpoint(struct front *f, struct call *c)
{
	struct checkpoint_request request;
	struct checkpoint_reply reply;
	memset(&request, 0, sizeof(request));
	scoped_answer answer = { .body = { NULL, 0 } };
	enum signer_result result = signer_checkpoint(f->signer, &request, &reply, &answer);
	if (result != SIGNER_DONE)
		return signer_failed(c, result, &answer);
	return call_reply(c, 200,
			  json_pack("{s:I, s:o, s:s%}", "size", (json_int_t)reply.size, "root",
				    view_hex(reply.root, sizeof(reply.root)), "note",
				    reply.note.len ? (const char *)reply.note.at : "", reply.note.len));
}
