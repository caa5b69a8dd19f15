#include "frontd/idempotency.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include <openssl/sha.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/signer.h"
#include "store/store.h"

#define MAX_KEY 128
#define MAX_NEW_IDS 3 /* signatures lost one after the other, before the caller is asked to come back */
#define FIRST_PAUSE_MS 20
#define MAX_PAUSE_MS 1000
#define SPENT_SECONDS                                                                                                  \
	1200 /* the signer takes an id for ten minutes, and whatever it took then has ended long since                 \
	      */

enum { KEY_ANSWERED = STORE_WORK, KEY_OTHER_BODY, KEY_RUNNING, KEY_UNSETTLED };

struct keyed {
	struct call *call;
	struct reply_row row;
	struct reply_row found;
};

/* Calls with a key that are being worked on, each with its own request id. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct call *running;

static bool running_enter(struct call *c, const uint8_t id[16])
{
	pthread_mutex_lock(&lock);
	const struct call *other = running;
	while (other && memcmp(other->signing_id, id, sizeof(other->signing_id)) != 0)
		other = other->running;
	if (!other) {
		memcpy(c->signing_id, id, sizeof(c->signing_id));
		c->signing_id_given = true;
		c->running = running;
		running = c;
	}
	pthread_mutex_unlock(&lock);
	return !other;
}

static void running_leave(struct call *c)
{
	if (!c->signing_id_given)
		return;
	c->signing_id_given = false;
	pthread_mutex_lock(&lock);
	struct call **at = &running;
	while (*at && *at != c)
		at = &(*at)->running;
	if (*at)
		*at = c->running;
	pthread_mutex_unlock(&lock);
}

/* All tries with one request id have one name in the log and on the ledger, and so ask the signer with the same bytes.
 */
static void call_rename(struct call *c)
{
	hex_encode(c->signing_id + 8, 8, c->request_id);
}

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

/* Whether something was made with this request id: a certificate, a CA that waits for one, an issuer, a CA's step. */
static int id_find(struct store_session *s, const uint8_t id[16])
{
	scoped_row(certificate) made = { 0 };
	scoped_row(issuer) issuer = { 0 };
	scoped_row(step) step = { 0 };
	scoped_row(ca) ca = { 0 };
	scoped_row(proposal) proposal = { 0 };
	char issuer_id[48], ca_id[48];
	context_id("iss-", id, issuer_id);
	context_id("ica-", id, ca_id);
	int r = store_certificate_find_request(s, id, &made);
	if (r == STORE_NONE)
		r = store_ca_find(s, ca_id, &ca);
	if (r == STORE_DONE && ca.id.len && ca_reserved(&ca))
		r = store_proposal_find_ca(s, ca_id, &proposal);
	if (r == STORE_NONE)
		r = store_step_find(s, id, &step);
	return r == STORE_NONE ? store_issuer_find(s, issuer_id, &issuer) : r;
}

static int key_work(struct store_session *s, void *with)
{
	struct keyed *k = with;
	int r = store_reply_expire(s, k->row.created_at - IDEMPOTENCY_SECONDS);
	if (!r)
		r = store_reply_find(s, row_text(k->row.actor), row_text(k->row.idempotency_key),
				     row_text(k->row.route), &k->found);
	if (r == STORE_NONE) {
		running_enter(k->call, k->row.request_id);
		return store_reply_insert(s, &k->row);
	}
	if (r)
		return r;
	if (memcmp(k->found.body_hash, k->row.body_hash, sizeof(k->row.body_hash)) != 0)
		return KEY_OTHER_BODY;
	if (k->found.status)
		return KEY_ANSWERED;
	if (!running_enter(k->call, k->found.request_id))
		return KEY_RUNNING;
	k->call->resumed = true;
	r = id_find(s, k->found.request_id);
	return r == STORE_NONE ? KEY_UNSETTLED : r;
}

/*
 * From here on the key stands for another request id; nobody else has it
 * meanwhile. What a create reserved under the old one would stand in its way.
 */
static int id_change(struct store_session *s, struct keyed *k)
{
	char id[48];
	context_id("ica-", k->call->signing_id, id);
	int r = store_ca_delete(s, id);
	if (!r)
		r = store_key_free(s);
	signer_request_id(k->row.request_id);
	if (r >= 0)
		r = store_reply_update(s, &k->row);
	if (r)
		return r < 0 ? r : -1;
	pthread_mutex_lock(&lock);
	memcpy(k->call->signing_id, k->row.request_id, sizeof(k->call->signing_id));
	pthread_mutex_unlock(&lock);
	return 0;
}

static int id_change_work(struct store_session *s, void *with)
{
	return id_change(s, with);
}

/* With all of the ledger in the database: an id that is too old to be used again, and that nothing came of, is spent.
 */
static int settle_work(struct store_session *s, void *with)
{
	struct keyed *k = with;
	if (request_time(k->call->signing_id) + SPENT_SECONDS >= k->row.created_at)
		return 0;
	int r = id_find(s, k->call->signing_id);
	return r == STORE_NONE ? id_change(s, k) : r;
}

/* What became of an earlier try is not known yet: the ledger says. */
static int key_settle(struct front *f, struct call *c, struct keyed *k)
{
	if (!signer_refresh(f->signer))
		return answer_signer(c, SIGNER_AWAY, NULL);
	return store_change(f->store, settle_work, k) ? answer_store(c) : 0;
}

static int key_answer(struct call *c, const struct reply_row *found)
{
	json_t *reply = json_loadb((const char *)found->reply.at, found->reply.len, JSON_DECODE_ANY, NULL);
	if (!reply || call_reply(c, found->status, reply))
		return answer_store(c);
	return 1;
}

/* route keeps the row's text. 0, or -1. */
static int keyed_fill(struct call *c, struct buf *route, struct keyed *k)
{
	route_put(c, route);
	if (!buf_ok(route))
		return -1;
	*k = (struct keyed){ .call = c,
			     .row = { .actor = slice_text(c->who->actor),
				      .idempotency_key = slice_text(c->idempotency_key),
				      .route = slice_text((const char *)route->at),
				      .created_at = time_now() } };
	SHA256(c->body_bytes.at, c->body_bytes.len, k->row.body_hash);
	memcpy(k->row.request_id, c->signing_id, sizeof(k->row.request_id));
	return 0;
}

static int key_begun(struct front *f, struct call *c, struct keyed *k, int r)
{
	switch (r) {
	case 0:
		return 0;
	case KEY_UNSETTLED:
		return key_settle(f, c, k);
	case KEY_ANSWERED:
		return key_answer(c, &k->found);
	case KEY_OTHER_BODY:
		return call_refuse(c, 409, "idempotency_key_reused", NULL,
				   "This Idempotency-Key was used with another body; use a new key for a new request.");
	case KEY_RUNNING:
		call_refuse(c, 409, "request_running", NULL,
			    "The first request with this Idempotency-Key is still being worked on; ask again.");
		c->error.retry_after = 1;
		return 1;
	}
	return answer_store(c);
}

int idempotency_begin(struct front *f, struct call *c)
{
	c->signing_id_given = c->resumed = false;
	if (!c->idempotency_key || c->dry_run)
		return 0;
	if (key_check(c))
		return 1;
	scoped_buf route = { .max = 4096 };
	struct keyed k;
	if (keyed_fill(c, &route, &k))
		return answer_store(c);
	signer_request_id(k.row.request_id);
	int r = key_begun(f, c, &k, store_change(f->store, key_work, &k));
	reply_row_free(&k.found);
	if (r)
		running_leave(c);
	else
		call_rename(c);
	return r;
}

static bool one_of(const char *code, const char *const *list)
{
	while (*list && strcmp(*list, code) != 0)
		list++;
	return *list != NULL;
}

/* Nothing will ever come of the id that this call has: it goes on with another. */
static bool id_renew(struct front *f, struct call *c, struct retrial *t)
{
	scoped_buf route = { .max = 4096 };
	struct keyed k;
	if (t->ids++ == MAX_NEW_IDS || keyed_fill(c, &route, &k) || store_change(f->store, id_change_work, &k))
		return false;
	call_rename(c);
	return true;
}

/* The signer still works on it, or has it from an earlier try in other words: what came of it is read from the ledger.
 */
static bool id_wait(struct front *f, struct call *c, struct retrial *t)
{
	t->pause = t->pause ? t->pause * 2 : FIRST_PAUSE_MS;
	t->pause = t->pause < MAX_PAUSE_MS ? t->pause : MAX_PAUSE_MS;
	if (time_boot_ms() + t->pause > t->end)
		return false;
	nanosleep(&(struct timespec){ t->pause / 1000, t->pause % 1000 * 1000000L }, NULL);
	return strcmp(c->error.code, "request_running") == 0 || signer_refresh(f->signer);
}

bool idempotency_again(struct front *f, struct call *c, struct retrial *t)
{
	/* key_bound: the key that this create had made was taken by another one, which had no answer to wait for. */
	static const char *const lost[] = { "request_lost", "key_bound", NULL };
	static const char *const waits[] = { "request_running", "request_reused", NULL };
	if (!c->signing_id_given || !c->error.status)
		return false;
	if (!t->end)
		t->end = time_boot_ms() + (int64_t)f->ask_timeout * 1000;
	bool again = one_of(c->error.code, lost)    ? id_renew(f, c, t)
		     : one_of(c->error.code, waits) ? id_wait(f, c, t)
						    : false;
	if (again)
		call_clear(c);
	return again;
}

static int end_work(struct store_session *s, void *with)
{
	struct reply_row *row = with;
	return row->status ? store_reply_update(s, row) : store_reply_delete(s, row);
}

void idempotency_end(struct front *f, struct call *c)
{
	if (!c->signing_id_given)
		return;
	scoped_buf route = { .max = 4096 };
	struct keyed k;
	char *text = NULL;
	bool forget = c->error.status >= 400 && c->error.status < 500 && !c->resumed; /* the key is free */
	bool written = c->text && c->content_type && strcmp(c->content_type, CALL_JSON) == 0;
	bool keep = !c->error.status && (written || (c->reply && (text = json_dumps(c->reply, JSON_COMPACT))));
	int r = keyed_fill(c, &route, &k);
	k.row.status = keep ? (uint16_t)c->status : 0;
	k.row.reply = written ? (struct slice){ (const uint8_t *)c->text, c->text_len } : slice_text(text);
	/* Else its fate is unknown, or was at an earlier try: whoever repeats it takes it up where it was left. */
	if (!r && (forget || keep))
		r = store_change(f->store, end_work, &k.row);
	if (r < 0)
		log_warning("idempotency_end", "why=\"the answer could not be kept\"");
	running_leave(c);
	free(text);
}
