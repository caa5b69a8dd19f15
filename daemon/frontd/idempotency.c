#include "frontd/idempotency.h"

#include <string.h>

#include <openssl/sha.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/signer.h"
#include "store/store.h"

#define MAX_KEY	     128
#define KEPT_SECONDS (INT64_C(48) * 3600)
#define RUN_SECONDS  240 /* no handler takes longer: a key in use since before is one that a crash left */
#define ID_SECONDS   540 /* the signer knows request ids for ten minutes */

enum { KEY_ANSWERED = STORE_WORK, KEY_OTHER_BODY, KEY_RUNNING };

struct keyed {
	struct reply_row row;
	struct reply_row found;
	int64_t started; /* what was begun before is no longer being worked on */
};

/* Method and parameters belong to what is repeated, not the pattern alone. */
static void route_put(const struct call *c, struct buf *out)
{
	buf_put_text(out, c->route ? c->route : "");
	for (size_t i = 0; i < MAX_PATH_PARAMETERS && c->param[i]; i++)
		buf_printf(out, " %s", c->param[i]);
	buf_put_u8(out, 0);
}

static int key_check(struct call *c)
{
	struct slice key = slice_text(c->idempotency_key);
	if (key.len && key.len <= MAX_KEY && text_is_ascii(key) && text_visible(key))
		return 0;
	return call_refuse(c, 400, "bad_idempotency_key", NULL,
			   "Idempotency-Key must be 1 to %d visible ASCII characters.", MAX_KEY);
}

/* A request id that the signer has forgotten can't be used again: nothing with it is on the ledger, or it was found. */
static int key_resume(struct store_session *s, struct keyed *k)
{
	memcpy(k->row.request_id, k->found.request_id, sizeof(k->row.request_id));
	if (request_time(k->found.request_id) + ID_SECONDS < k->row.created_at) {
		scoped_row(certificate) made = { 0 };
		int r = store_certificate_find_request(s, k->found.request_id, &made);
		if (r < 0)
			return r;
		if (r == STORE_NONE)
			signer_request_id(k->row.request_id);
	}
	return store_reply_update(s, &k->row);
}

static int key_work(struct store_session *s, void *with)
{
	struct keyed *k = with;
	int r = store_reply_expire(s, k->row.created_at - KEPT_SECONDS);
	if (!r)
		r = store_reply_find(s, row_text(k->row.actor), row_text(k->row.idempotency_key), row_text(k->row.route),
				     &k->found);
	if (r == STORE_NONE)
		return store_reply_insert(s, &k->row);
	if (r)
		return r;
	if (memcmp(k->found.body_hash, k->row.body_hash, sizeof(k->row.body_hash)) != 0)
		return KEY_OTHER_BODY;
	if (k->found.status)
		return KEY_ANSWERED;
	bool running = k->found.created_at >= k->started && k->found.created_at + RUN_SECONDS > k->row.created_at;
	return running ? KEY_RUNNING : key_resume(s, k);
}

static int key_answer(struct call *c, const struct reply_row *found)
{
	json_t *reply = json_loadb((const char *)found->reply.at, found->reply.len, JSON_DECODE_ANY, NULL);
	if (!reply || call_reply(c, found->status, reply))
		return answer_store(c);
	return 1;
}

static void keyed_fill(const struct call *c, const char *route, struct keyed *k)
{
	k->row = (struct reply_row){ .actor = slice_text(c->who->actor),
				     .idempotency_key = slice_text(c->idempotency_key),
				     .route = slice_text(route),
				     .created_at = time_now() };
	SHA256(c->body_bytes.at, c->body_bytes.len, k->row.body_hash);
}

int idempotency_begin(struct front *f, struct call *c)
{
	c->signing_id_given = false;
	if (!c->idempotency_key || c->dry_run)
		return 0;
	if (key_check(c))
		return 1;
	scoped_buf route = { .max = 4096 };
	route_put(c, &route);
	if (!buf_ok(&route))
		return answer_store(c);
	struct keyed k = { .started = f->started };
	keyed_fill(c, (const char *)route.at, &k);
	signer_request_id(k.row.request_id);
	int r = store_change(f->store, key_work, &k);
	if (r == KEY_ANSWERED)
		r = key_answer(c, &k.found);
	else if (r == KEY_OTHER_BODY)
		r = call_refuse(c, 409, "idempotency_key_reused", NULL,
				"This Idempotency-Key was used with another body; use a new key for a new request.");
	else if (r == KEY_RUNNING)
		r = call_refuse(c, 409, "request_running", NULL,
				"The first request with this Idempotency-Key is still being worked on.");
	else if (r)
		r = answer_store(c);
	if (!r) {
		memcpy(c->signing_id, k.row.request_id, sizeof(c->signing_id));
		c->signing_id_given = true;
	}
	reply_row_free(&k.found);
	return r;
}

static int end_work(struct store_session *s, void *with)
{
	struct reply_row *row = with;
	return row->created_at ? store_reply_update(s, row) : store_reply_delete(s, row);
}

void idempotency_end(struct front *f, struct call *c)
{
	if (!c->signing_id_given)
		return;
	scoped_buf route = { .max = 4096 };
	route_put(c, &route);
	struct keyed k = { 0 };
	keyed_fill(c, (const char *)route.at, &k);
	memcpy(k.row.request_id, c->signing_id, sizeof(k.row.request_id));
	char *text = NULL;
	bool written = c->text && c->content_type && strcmp(c->content_type, CALL_JSON) == 0;
	if (c->error.status >= 400 && c->error.status < 500) {
		k.row.created_at = 0; /* refused before anything was made: the key is free */
	} else if (!c->error.status && (written || (c->reply && (text = json_dumps(c->reply, JSON_COMPACT))))) {
		k.row.status = (uint16_t)c->status;
		k.row.reply = written ? (struct slice){ (const uint8_t *)c->text, c->text_len } : slice_text(text);
	} else {
		k.row.created_at = 1; /* its fate is unknown: whoever repeats it takes it up where it was left */
	}
	if (store_change(f->store, end_work, &k.row) < 0)
		log_warning("idempotency_end", "why=\"the answer could not be kept\"");
	free(text);
}
