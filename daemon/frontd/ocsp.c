#include "frontd/ocsp.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/chain.h"
#include "frontd/crls.h"
#include "frontd/front.h"
#include "frontd/ocsp_cache.h"
#include "frontd/ocsp_check.h"
#include "frontd/ocsp_request.h"
#include "frontd/responder.h"
#include "frontd/shard.h"
#include "frontd/signer.h"
#include "store/store.h"
#include "wire/inner.h"

#define MAX_CACHED (32 * 1024 * 1024) /* bytes: some ten thousand answers */
#define MAX_ISSUERS 256		      /* CAs whose hashes are kept; of more, some are read anew */
#define MAX_RESPONSE 32768
#define MAX_ENCODED 8192 /* characters of base64: a GET is for short requests (RFC 5019 5) */
#define MAX_TRIES 3	 /* while a certificate is being renewed */
#define MAX_ASKING 64	 /* questions for the signer at a time: half of those that serve pki_socket do something else */
#define HASHES 2
#define ROUTE "/pki/{ca}/ocsp"
#define TYPE_RESPONSE "application/ocsp-response"
#define TYPE_REQUEST "application/ocsp-request"

/* By what a CertID names a CA. */
struct identity {
	char ca_id[64];
	uint8_t key_id[KEY_ID_SIZE];
	bool offline;
	uint16_t shards;     /* of its CRL */
	uint64_t generation; /* of the store's CAs */
	struct ocsp_issuer hashed;
};

struct ocsp {
	struct ocsp_cache *cache;
	pthread_mutex_t lock;
	int64_t tokens, filled; /* thousandths of an answer; time_boot_ms() */
	unsigned asking;
	size_t issuer_count, issuer_next;
	struct identity issuers[MAX_ISSUERS];
};

struct ocsp *ocsp_new(void)
{
	struct ocsp *o = calloc(1, sizeof(*o));
	if (!o)
		return NULL;
	pthread_mutex_init(&o->lock, NULL);
	o->cache = ocsp_cache_new(MAX_CACHED);
	if (o->cache)
		return o;
	ocsp_free(o);
	return NULL;
}

void ocsp_free(struct ocsp *o)
{
	if (!o)
		return;
	ocsp_cache_free(o->cache);
	pthread_mutex_destroy(&o->lock);
	free(o);
}

/* A bucket with room for a second's answers. True: asking_end() gives the place back. */
static bool asking_begin(struct ocsp *o, unsigned per_second)
{
	int64_t now = time_boot_ms(), most = (int64_t)per_second * 1000;
	pthread_mutex_lock(&o->lock);
	int64_t more = o->filled ? (now - o->filled) * per_second : most;
	o->tokens = o->tokens + more < most ? o->tokens + more : most;
	o->filled = now;
	bool taken = o->tokens >= 1000 && o->asking < MAX_ASKING;
	if (taken) {
		o->tokens -= 1000;
		o->asking++;
	}
	pthread_mutex_unlock(&o->lock);
	return taken;
}

static void asking_end(struct ocsp *o)
{
	pthread_mutex_lock(&o->lock);
	o->asking--;
	pthread_mutex_unlock(&o->lock);
}

static bool identity_fill(const struct ca_row *ca, struct identity *out)
{
	const EVP_MD *const hashes[] = { NULL, EVP_sha1(), EVP_sha256() };
	const unsigned char *at = ca->certificate.at;
	X509 *x = d2i_X509(NULL, &at, (long)ca->certificate.len);
	bool good = x != NULL;
	for (int i = 1; i <= HASHES && good; i++)
		good = X509_NAME_digest(X509_get_subject_name(x), hashes[i], out->hashed.by[i].name,
					&out->hashed.by[i].size) &&
		       X509_pubkey_digest(x, hashes[i], out->hashed.by[i].key, &out->hashed.by[i].size);
	X509_free(x);
	slice_to_text(ca->id, out->ca_id, sizeof(out->ca_id));
	memcpy(out->key_id, ca->key_id, sizeof(out->key_id));
	out->offline = ca_offline(ca);
	out->shards = shard_count(ca);
	return good;
}

/* CAs that were never made, or whose certificate is withheld, answer nothing. */
static int identity_read(struct front *f, const char *ca_id, struct identity *out)
{
	static const char *const answering[] = { "active", "retiring", "retired", "revoked" };
	scoped_session *s = NULL;
	scoped_row(ca) ca = { 0 };
	*out = (struct identity){ .generation = store_ca_generation(f->store) };
	if (store_read(f->store, &s))
		return -1;
	int r = store_ca_find(s, ca_id, &ca);
	if (r)
		return r;
	bool answers = false;
	for (size_t i = 0; i < sizeof(answering) / sizeof(answering[0]); i++)
		answers = answers || slice_equal(ca.state, slice_text(answering[i]));
	return answers && identity_fill(&ca, out) ? 0 : STORE_NONE;
}

static bool identity_find(struct ocsp *o, const char *ca_id, uint64_t generation, struct identity *out)
{
	bool found = false;
	pthread_mutex_lock(&o->lock);
	for (size_t i = 0; i < o->issuer_count && !found; i++) {
		found = o->issuers[i].generation == generation && strcmp(o->issuers[i].ca_id, ca_id) == 0;
		if (found)
			*out = o->issuers[i];
	}
	pthread_mutex_unlock(&o->lock);
	return found;
}

static void identity_keep(struct ocsp *o, const struct identity *one)
{
	size_t at = 0;
	pthread_mutex_lock(&o->lock);
	while (at < o->issuer_count && strcmp(o->issuers[at].ca_id, one->ca_id) != 0)
		at++;
	if (at == MAX_ISSUERS)
		at = o->issuer_next++ % MAX_ISSUERS;
	else if (at == o->issuer_count)
		o->issuer_count++;
	o->issuers[at] = *one;
	pthread_mutex_unlock(&o->lock);
}

/* "/pki/ID/ocsp" and what follows; the id as it stands there, for no id of ours has anything to escape. */
static bool path_split(const char *path, struct slice *id, const char **rest)
{
	static const char before[] = "/pki/", after[] = "/ocsp";
	if (strncmp(path, before, sizeof(before) - 1) != 0)
		return false;
	path += sizeof(before) - 1;
	size_t n = strcspn(path, "/");
	*id = (struct slice){ (const uint8_t *)path, n };
	*rest = path + n + sizeof(after) - 1;
	return n && strncmp(path + n, after, sizeof(after) - 1) == 0 && (**rest == '\0' || **rest == '/');
}

bool ocsp_is_for(const struct http_request *r)
{
	struct slice id;
	const char *rest;
	return path_split(r->path, &id, &rest);
}

static int base64_value(char c)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(alphabet, c) : NULL;
	return at ? (int)(at - alphabet) : -1;
}

/* The next character of the path, percent escapes undone; 0: there is no more; -1: a broken escape, or one of NUL. */
static int character_next(const char **at)
{
	char c = **at;
	uint8_t escaped;
	if (!c)
		return 0;
	(*at)++;
	if (c != '%')
		return (unsigned char)c;
	if (!hex_decode(*at, strnlen(*at, 2), &escaped, 1) || !escaped)
		return -1;
	*at += 2;
	return escaped;
}

/* RFC 6960 A.1: base64, which has characters that may be escaped. False: it is none. */
static bool encoded_read(const char *at, struct buf *out)
{
	uint32_t bits = 0;
	unsigned have = 0, padding = 0;
	int c;
	if (strlen(at) > MAX_ENCODED)
		return false;
	while ((c = character_next(&at)) > 0) {
		int value = base64_value((char)c);
		if (c == '=' ? ++padding > 2 : padding || value < 0)
			return false;
		if (c == '=')
			continue;
		bits = bits << 6 | (uint32_t)value;
		have += 6;
		if (have >= 8) {
			have -= 8;
			buf_put_u8(out, (uint8_t)(bits >> have));
		}
	}
	return c == 0 && have < 6 && (bits & ((1U << have) - 1)) == 0 && buf_ok(out);
}

/* A request on its way. */
struct question {
	struct front *front;
	struct http_request *http;
	char ca_id[64];
	struct buf der; /* of a GET */
	struct ocsp_request request;
	struct identity ca;
};

static void question_free(struct question *q)
{
	buf_free(&q->der);
}
#define scoped_question __attribute__((cleanup(question_free))) struct question

static void error_reply(struct call *c, enum ocsp_error error)
{
	uint8_t der[OCSP_ERROR_SIZE];
	scoped_buf out = { .max = OCSP_ERROR_SIZE };
	ocsp_error_put(error, der);
	buf_put(&out, der, sizeof(der));
	call_clear(c);
	call_reply_bytes(c, 200, &out, TYPE_RESPONSE);
	c->fresh.uncached = true;
}

void ocsp_refuse(struct http_request *r)
{
	r->call.route = ROUTE;
	error_reply(&r->call, OCSP_MALFORMED);
}

static bool type_is_request(const char *type)
{
	size_t n = sizeof(TYPE_REQUEST) - 1;
	return type && strncasecmp(type, TYPE_REQUEST, n) == 0 && strchr("; \t", type[n]);
}

/* The request's bytes; false: it was answered. */
static bool bytes_take(struct question *q, const char *rest, struct slice *der)
{
	struct http_request *r = q->http;
	bool get = strcmp(r->method, "GET") == 0 || strcmp(r->method, "HEAD") == 0, post = !strcmp(r->method, "POST");
	if (!get && !post) {
		memcpy(r->allow, "GET, HEAD, POST", sizeof("GET, HEAD, POST"));
		call_refuse(&r->call, 405, "method_not_allowed", NULL, "An OCSP request is a GET or a POST.");
		return false;
	}
	if (post && *rest) {
		call_refuse(&r->call, 404, "not_found", NULL, "A request is posted to %s itself.", ROUTE);
		return false;
	}
	if (post && !type_is_request(r->content_type)) {
		call_refuse(&r->call, 415, "unsupported_media_type", NULL, "Content-Type must be " TYPE_REQUEST ".");
		return false;
	}
	*der = r->call.body_bytes;
	if (get && (!*rest || !encoded_read(rest + 1, &q->der))) {
		error_reply(&r->call, OCSP_MALFORMED);
		return false;
	}
	if (get)
		*der = buf_slice(&q->der);
	return true;
}

/* False: it was answered. */
static bool question_read(struct http_request *r, struct question *q)
{
	struct slice id, der;
	const char *rest;
	*q = (struct question){ .front = r->front, .http = r, .der = { .max = MAX_OCSP_REQUEST } };
	r->call.route = ROUTE;
	if (!path_split(r->path, &id, &rest) || id.len >= sizeof(q->ca_id)) {
		call_refuse(&r->call, 404, "not_found", NULL, "There is no such CA.");
		return false;
	}
	memcpy(q->ca_id, id.at, id.len);
	if (!bytes_take(q, rest, &der))
		return false;
	enum ocsp_error e = ocsp_request_read(der, &q->request);
	if (e)
		error_reply(&r->call, e);
	else if (!r->front->ocsp_nonce)
		q->request.nonce.len = 0;
	return !e;
}

/* Every CertID is of this CA; of others nothing can be said here. */
static bool question_is_ours(const struct question *q)
{
	bool ours = !q->ca.offline;
	for (size_t i = 0; i < q->request.count && ours; i++) {
		const struct ocsp_asked *a = &q->request.asked[i];
		const struct ocsp_issuer *ca = &q->ca.hashed;
		unsigned size = ca->by[a->hash].size;
		ours = a->issuer_name.len == size && memcmp(a->issuer_name.at, ca->by[a->hash].name, size) == 0 &&
		       a->issuer_key.len == size && memcmp(a->issuer_key.at, ca->by[a->hash].key, size) == 0;
	}
	return ours;
}

/* Whether its answer is good for others too. */
static bool question_is_common(const struct question *q)
{
	return q->request.count == 1 && q->request.nonce.len == 0;
}

static struct ocsp_key key_of(const struct question *q)
{
	struct ocsp_key key;
	memset(&key, 0, sizeof(key));
	memcpy(key.ca_id, q->ca_id, sizeof(key.ca_id));
	key.hash = q->request.asked[0].hash;
	memcpy(key.serial, q->request.asked[0].serial, sizeof(key.serial));
	return key;
}

static void answer_reply(struct call *c, struct ocsp_answer *a)
{
	call_reply_bytes(c, 200, &a->response, TYPE_RESPONSE);
	c->fresh = (struct call_freshness){ .made = a->row.this_update, .until = a->row.next_update };
	memcpy(c->fresh.etag, a->etag, sizeof(a->etag));
}

/* Past half of its time an answer is made anew, so that nobody gets one that is about to end. */
static bool is_young(const struct ocsp_answer *a, int64_t now)
{
	return now >= a->row.this_update && now < a->row.this_update + (a->row.next_update - a->row.this_update) / 2;
}

enum http_begun ocsp_begin(struct http_request *r)
{
	struct ocsp *o = r->front->ocsp;
	scoped_question q;
	scoped_ocsp_answer a = { .status = 0 };
	if (!question_read(r, &q))
		return HTTP_ANSWERED;
	if (!identity_find(o, q.ca_id, store_ca_generation(r->front->store), &q.ca))
		return HTTP_BLOCKS;
	if (!question_is_ours(&q)) {
		error_reply(&r->call, OCSP_UNAUTHORIZED);
		return HTTP_ANSWERED;
	}
	struct ocsp_key key = key_of(&q);
	if (!question_is_common(&q) || !ocsp_cache_find(o->cache, &key, &a) || !is_young(&a, time_now()) ||
	    a.generation != store_status_generation(r->front->store))
		return HTTP_BLOCKS;
	answer_reply(&r->call, &a);
	return HTTP_ANSWERED;
}

/* What the database says of a certificate. What was lost or withheld is revoked since it was made, as its CRL says. */
static int row_read_state(struct store_session *s, const char *ca_id, const struct ocsp_asked *asked,
			  struct ocsp_single_answer *out)
{
	struct slice serial = SLICE_OF(asked->serial);
	scoped_row(certificate) found = { 0 };
	while (serial.len > 1 && serial.at[0] == 0) {
		serial.at++;
		serial.len--;
	}
	*out = (struct ocsp_single_answer){ .status = OCSP_IS_UNKNOWN, .row = { .hash = asked->hash } };
	memcpy(out->row.serial, asked->serial, sizeof(out->row.serial));
	int r = store_certificate_find_serial(s, ca_id, serial, &found);
	if (r)
		return r == STORE_NONE ? 0 : r;
	bool active = slice_equal(found.state, slice_text("active"));
	bool revoked = slice_equal(found.state, slice_text("revoked"));
	out->status = active ? OCSP_IS_GOOD : OCSP_IS_REVOKED;
	out->row.seq = active ? found.ledger_seq : 0;
	out->row.reason = revoked ? found.revocation_reason : 0;
	out->row.revoked = active ? 0 : revoked ? found.revoked_at : found.created_at;
	return 0;
}

struct judged {
	struct ocsp_single_answer all[MAX_OCSP_ASKED];
	uint64_t generation;
	bool unknown;
	bool early; /* what isn't in the database may be on the ledger, which wasn't read to its end yet */
};

static int question_judge(const struct question *q, struct judged *out)
{
	scoped_session *s = NULL;
	*out = (struct judged){ .generation = store_status_generation(q->front->store),
				.early = !signer_met(q->front->signer) };
	if (store_read(q->front->store, &s))
		return -1;
	for (size_t i = 0; i < q->request.count; i++) {
		if (row_read_state(s, q->ca_id, &q->request.asked[i], &out->all[i]))
			return -1;
		out->unknown = out->unknown || out->all[i].status == OCSP_IS_UNKNOWN;
	}
	return 0;
}

/* What is kept says what the database says now. */
static bool kept_holds(const struct ocsp_answer *a, const struct ocsp_single_answer *now)
{
	return a->status == now->status && a->row.seq == now->row.seq && a->row.reason == now->row.reason &&
	       a->row.revoked == now->row.revoked;
}

/* Below 400 it passes by itself; a latched scope until somebody resumes it. */
static enum ocsp_error refusal_error(const struct question *q, uint16_t code)
{
	bool passes =
		code < 400 || code == REFUSE_OCSP_BUSY || code == REFUSE_OCSP_STATE || code == REFUSE_OCSP_CONTRADICTS;
	log_event(passes ? LOG_LEVEL_DEBUG : LOG_LEVEL_ERROR, "ocsp_refused", "ca=%s code=%u", q->ca_id, code);
	return passes ? OCSP_TRY_LATER : OCSP_INTERNAL_ERROR;
}

/* What an answer that the signer refused needs before it is asked for once more. */
enum retry { RETRY_NOT, RETRY_RESPONDER, RETRY_CRL };

static enum retry retry_after(enum signer_result asked, const struct refusal_message *r)
{
	if (asked != SIGNER_REFUSED)
		return RETRY_NOT;
	if (r->code == REFUSE_OCSP_BUSY && slice_equal(r->field, slice_text("responder")))
		return RETRY_RESPONDER;
	return r->code == REFUSE_OCSP_CONTRADICTS ? RETRY_CRL : RETRY_NOT;
}

static enum ocsp_error answer_make(const struct question *q, struct judged *j, const struct responder *responder,
				   struct ocsp_answer *out, enum retry *retry)
{
	const struct ocsp_asked_for asked_for = { &q->ca.hashed, responder->key.public_key, j->all, q->request.count,
						  q->request.nonce };
	struct ocsp_sign_request r = { .nonce = q->request.nonce };
	struct ocsp_sign_reply reply = { 0 };
	scoped_answer answer = { 0 };
	scoped_buf rows = { .max = 4096 };
	char why[OCSP_WHY];
	int64_t now = time_now(), next = now + q->front->ocsp_validity;
	next = next < responder->row.not_after ? next : responder->row.not_after;
	for (size_t i = 0; i < q->request.count; i++) {
		uint8_t item[OCSP_ROW_SIZE];
		j->all[i].row.this_update = now;
		j->all[i].row.next_update = next;
		ocsp_row_put(item, &j->all[i].row);
		list_put(&rows, &r.responses.count, j->all[i].status, SLICE_OF(item));
	}
	r.responses.raw = buf_slice(&rows);
	memcpy(r.ca_key, q->ca.key_id, sizeof(r.ca_key));
	memcpy(r.responder, responder->row.key_id, sizeof(r.responder));
	enum signer_result asked = signer_ocsp_sign(q->front->signer, &r, &reply, &answer);
	*retry = retry_after(asked, &answer.refusal);
	if (asked)
		return asked == SIGNER_REFUSED ? refusal_error(q, answer.refusal.code) : OCSP_TRY_LATER;
	if (ocsp_check(reply.response, &asked_for, why)) {
		log_error("ocsp_answer_wrong", "ca=%s why=\"%s\"", q->ca_id, why);
		return OCSP_INTERNAL_ERROR;
	}
	*out = (struct ocsp_answer){ .status = j->all[0].status, .row = j->all[0].row, .generation = j->generation };
	buf_init(&out->response, MAX_RESPONSE);
	buf_put_slice(&out->response, reply.response);
	ocsp_etag(reply.response, out->etag);
	return buf_ok(&out->response) ? OCSP_SUCCESSFUL : OCSP_INTERNAL_ERROR;
}

/* What was released is good from the CRL on that doesn't list it any more: that one is made first. */
static enum ocsp_error crl_follow(const struct question *q, struct judged *j)
{
	for (size_t i = 0; i < q->request.count; i++) {
		uint16_t shard = store_shard(SLICE_OF(j->all[i].row.serial), q->ca.shards);
		int r = crls_lock(q->front->crls, q->ca_id, shard);
		crls_unlock(q->front->crls, q->ca_id);
		if (r)
			return OCSP_TRY_LATER;
	}
	return question_judge(q, j) ? OCSP_INTERNAL_ERROR : OCSP_SUCCESSFUL;
}

static enum ocsp_error answer_try(const struct question *q, struct judged *j, struct ocsp_answer *out)
{
	scoped_responder responder = { 0 };
	enum ocsp_error e = OCSP_TRY_LATER;
	enum retry retry = RETRY_RESPONDER;
	for (int tries = 0; retry && tries < MAX_TRIES; tries++) {
		int r = responder_get(q->front, q->ca_id, &responder);
		if (r)
			return r < 0 ? OCSP_INTERNAL_ERROR : r == RESPONDER_NONE ? OCSP_UNAUTHORIZED : OCSP_TRY_LATER;
		e = answer_make(q, j, &responder, out, &retry);
		enum ocsp_error followed = retry == RETRY_CRL ? crl_follow(q, j) : OCSP_SUCCESSFUL;
		if (followed)
			return followed;
	}
	return e;
}

/* A new answer; one that is kept and not past its time is better than none. */
static enum ocsp_error answer_ask(const struct question *q, struct judged *j, struct ocsp_answer *out)
{
	struct ocsp *o = q->front->ocsp;
	if (!asking_begin(o, q->front->ocsp_per_second))
		return OCSP_TRY_LATER;
	enum ocsp_error e = answer_try(q, j, out);
	asking_end(o);
	return e;
}

static void question_answer(struct question *q)
{
	struct ocsp *o = q->front->ocsp;
	struct call *c = &q->http->call;
	struct judged j;
	scoped_ocsp_answer kept = { .status = 0 }, new = { .status = 0 };
	struct ocsp_key key = key_of(q);
	if (question_judge(q, &j)) {
		error_reply(c, OCSP_INTERNAL_ERROR);
		return;
	}
	if (j.unknown && j.early) {
		error_reply(c, OCSP_TRY_LATER);
		return;
	}
	int64_t now = time_now();
	bool common = question_is_common(q) && !j.unknown;
	bool holds = common && ocsp_cache_find(o->cache, &key, &kept) && kept_holds(&kept, &j.all[0]) &&
		     now >= kept.row.this_update && now < kept.row.next_update;
	enum ocsp_error e = holds && is_young(&kept, now) ? OCSP_SUCCESSFUL : answer_ask(q, &j, &new);
	if (e && !holds) {
		error_reply(c, e);
		return;
	}
	if (new.response.len && common)
		ocsp_cache_keep(o->cache, &key, &new);
	else if (holds)
		ocsp_cache_confirm(o->cache, &key, &kept, j.generation);
	answer_reply(c, new.response.len ? &new : &kept);
	c->fresh.uncached = !common;
}

void ocsp_serve(struct http_request *r)
{
	scoped_question q;
	if (!question_read(r, &q))
		return;
	bool kept = identity_find(r->front->ocsp, q.ca_id, store_ca_generation(r->front->store), &q.ca);
	int found = kept ? 0 : identity_read(r->front, q.ca_id, &q.ca);
	if (found > 0) {
		call_refuse(&r->call, 404, "not_found", NULL, "There is no such CA.");
		return;
	}
	if (found == 0 && !kept)
		identity_keep(r->front->ocsp, &q.ca);
	if (found < 0)
		error_reply(&r->call, OCSP_INTERNAL_ERROR);
	else if (!question_is_ours(&q))
		error_reply(&r->call, OCSP_UNAUTHORIZED);
	else
		question_answer(&q);
}
