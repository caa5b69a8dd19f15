#include "signd/request.h"

#include <openssl/evp.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "signd/guard.h"
#include "signd/signer.h"
#include "wire/inner_answer.h"

#define RETRY_SOON 2 /* seconds */

/* What the ledger says of a request: its id and hash from where they stand, and its outcome. */
struct outcome {
	uint8_t type;
	uint8_t id[REQUEST_ID_SIZE], hash[32];
	uint64_t intent;
	struct buf first, last; /* the intent's record and the outcome's; structs point into them */
	struct cert_intent_record cert;
	struct cert_result_record result;
	struct key_result_record key;
};

static bool outcome_intent(struct signer *s, uint64_t seq, struct outcome *o)
{
	struct record r;
	struct key_intent_record key;
	if (ledger_read(s->reader, seq, &o->first, &r) != 0)
		return false;
	o->intent = seq;
	if (r.type == RECORD_CERT_INTENT && record_cert_intent_get(r.body, &o->cert) == PACK_OK) {
		memcpy(o->id, o->cert.request_id, sizeof(o->id));
		memcpy(o->hash, o->cert.request_hash, sizeof(o->hash));
		return true;
	}
	if (r.type != RECORD_KEY_INTENT || record_key_intent_get(r.body, &key) != PACK_OK)
		return false;
	memcpy(o->id, key.request_id, sizeof(o->id));
	memcpy(o->hash, key.request_hash, sizeof(o->hash));
	return true;
}

static bool outcome_single(const struct record *r, struct outcome *o)
{
	struct note_record note;
	struct ca_closed_record closed;
	o->intent = r->seq;
	if (r->type == RECORD_NOTE && record_note_get(r->body, &note) == PACK_OK) {
		memcpy(o->id, note.request_id, sizeof(o->id));
		memcpy(o->hash, note.request_hash, sizeof(o->hash));
		return true;
	}
	if (r->type != RECORD_CA_CLOSED || record_ca_closed_get(r->body, &closed) != PACK_OK)
		return false;
	memcpy(o->id, closed.request_id, sizeof(o->id));
	memcpy(o->hash, closed.request_hash, sizeof(o->hash));
	return true;
}

static bool outcome_read(struct signer *s, uint64_t seq, struct outcome *o)
{
	struct record r;
	struct lost_record lost;
	if (ledger_read(s->reader, seq, &o->last, &r) != 0)
		return false;
	o->type = r.type;
	if (r.type == RECORD_CERT_RESULT)
		return record_cert_result_get(r.body, &o->result) == PACK_OK && outcome_intent(s, o->result.intent, o);
	if (r.type == RECORD_KEY_RESULT)
		return record_key_result_get(r.body, &o->key) == PACK_OK && outcome_intent(s, o->key.intent, o);
	if (r.type == RECORD_LOST)
		return record_lost_get(r.body, &lost) == PACK_OK && outcome_intent(s, lost.intent, o);
	return outcome_single(&r, o);
}

static void outcome_reply(struct signer *s, uint64_t peer, const struct frame *f, struct outcome *o)
{
	if (o->type == RECORD_CERT_RESULT)
		reply_cert(s, peer, f->tag, f->verb, o->intent, o->cert.tbs, o->result.signature);
	else if (o->type == RECORD_KEY_RESULT)
		reply_key(s, peer, f->tag, o->intent, o->key.key_id, o->key.public_key);
	else if (o->type == RECORD_LOST)
		guard_refuse(s->guard, peer, f->verb, f->tag, REFUSE_REQUEST_LOST, "request_id", 0);
	else
		reply_seq(s, peer, f->tag, f->verb, o->intent);
}

/* Whether the id was used before; then it was answered here. */
static bool answer_again(struct signer *s, uint64_t peer, const struct frame *f, const uint8_t *id, const uint8_t *hash)
{
	uint64_t seq;
	if (!recent_find(s->recent, id, &seq))
		return false;
	struct outcome o = { 0 };
	buf_init(&o.first, MAX_RECORD + 4096);
	buf_init(&o.last, MAX_RECORD + 4096);
	if (!outcome_read(s, seq, &o))
		guard_refuse(s->guard, peer, f->verb, f->tag, REFUSE_LEDGER_FAILED, NULL, 0);
	else if (memcmp(o.id, id, REQUEST_ID_SIZE) != 0 || memcmp(o.hash, hash, 32) != 0)
		guard_refuse(s->guard, peer, f->verb, f->tag, REFUSE_REQUEST_REUSED, "request_id", 0);
	else
		outcome_reply(s, peer, f, &o);
	buf_free(&o.first);
	buf_free(&o.last);
	return true;
}

static uint16_t id_verdict(const struct signer *s, const uint8_t *id, const uint8_t *hash)
{
	int64_t skew = request_time(id) - time_now_ms();
	if (skew > REQUEST_WINDOW_MS || skew < -REQUEST_WINDOW_MS)
		return REFUSE_REQUEST_STALE;
	for (const struct op *op = s->running; op; op = op->running)
		if (op->has_id && memcmp(op->request_id, id, REQUEST_ID_SIZE) == 0)
			return memcmp(op->request_hash, hash, 32) == 0 ? REFUSE_REQUEST_RUNNING : REFUSE_REQUEST_REUSED;
	return 0;
}

struct op *request_begin(struct signer *s, uint64_t peer, const struct frame *f, const uint8_t id[REQUEST_ID_SIZE])
{
	/* The verb is hashed with the body: one id for two verbs is two bodies. */
	uint8_t hash[EVP_MAX_MD_SIZE], verb[2] = { (uint8_t)f->verb, (uint8_t)(f->verb >> 8) };
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool hashed = ctx && EVP_DigestInit_ex2(ctx, EVP_sha256(), NULL) && EVP_DigestUpdate(ctx, verb, 2) &&
		      EVP_DigestUpdate(ctx, f->body.at, f->body.len) && EVP_DigestFinal_ex(ctx, hash, NULL);
	EVP_MD_CTX_free(ctx);
	uint16_t code = hashed ? id_verdict(s, id, hash) : REFUSE_BUSY;
	if (!code && answer_again(s, peer, f, id, hash))
		return NULL;
	if (!code)
		code = signer_stopped(s, f->verb != INNER_NOTE && f->verb != INNER_CA_CLOSE);
	struct op *op = code || recent_full(s->recent) ? NULL : signer_op(s, peer, f->tag, f->verb);
	if (!op) {
		code = code ? code : REFUSE_BUSY;
		guard_refuse(s->guard, peer, f->verb, f->tag, code, NULL, RETRY_SOON);
		return NULL;
	}
	op->has_id = true;
	memcpy(op->request_id, id, REQUEST_ID_SIZE);
	memcpy(op->request_hash, hash, 32);
	return op;
}

void request_refuse(struct signer *s, struct op *op, uint16_t code, const char *field)
{
	bool passes = code == REFUSE_TOKEN_AWAY || code == REFUSE_SIGNATURE_WRONG || code == REFUSE_TOO_MANY_UNBOUND;
	log_warning("request_refused", "verb=%u code=%u reason=%s field=%s", op->verb, code, inner_refusal_name(code),
		    field ? field : "-");
	guard_refuse(s->guard, op->peer, op->verb, op->tag, code, field, passes ? RETRY_SOON : 0);
	signer_op_done(s, op);
}

uint16_t request_trouble(const struct op *op)
{
	switch (op->trouble) {
	case OP_SIGNATURE_WRONG:
		return REFUSE_SIGNATURE_WRONG;
	case OP_TOKEN_REFUSED:
		return op->driver_code >= DRIVER_REFUSE_TOKEN_AWAY ? REFUSE_TOKEN_AWAY : REFUSE_TOKEN_REFUSED;
	case OP_TOKEN_AWAY:
		return REFUSE_TOKEN_AWAY;
	default:
		return REFUSE_LEDGER_FAILED;
	}
}

void request_concluded(struct signer *s, const struct op *op, uint64_t seq)
{
	if (op->has_id && recent_put(s->recent, op->request_id, seq, time_now_ms()) != 0)
		log_error("recent_failed", "why=\"an outcome could not be remembered\"");
}

void request_stamp(const struct op *op, uint8_t id[REQUEST_ID_SIZE], uint8_t hash[32])
{
	memcpy(id, op->request_id, REQUEST_ID_SIZE);
	memcpy(hash, op->request_hash, 32);
}

void reply_cert(struct signer *s, uint64_t peer, uint64_t tag, uint16_t verb, uint64_t seq, struct slice tbs,
		struct slice signature)
{
	scoped_buf certificate = { .max = 2 * MAX_RECORD_BODY };
	struct buf *out = guard_out(s->guard, peer);
	if (!out || record_certificate(tbs, signature, &certificate) != 0)
		return;
	struct cert_sign_reply signed_reply = { seq, buf_slice(&certificate) };
	struct ca_self_reply self_reply = { seq, buf_slice(&certificate) };
	if (verb == INNER_CA_SELF)
		answer_ca_self_put(out, tag, &self_reply);
	else
		answer_cert_sign_put(out, tag, &signed_reply);
	guard_send(s->guard, peer);
}

void reply_key(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq, const uint8_t key_id[KEY_ID_SIZE],
	       struct slice public_key)
{
	struct buf *out = guard_out(s->guard, peer);
	if (!out)
		return;
	struct key_create_reply r = { .ledger_seq = seq, .public_key = public_key };
	memcpy(r.key_id, key_id, KEY_ID_SIZE);
	answer_key_create_put(out, tag, &r);
	guard_send(s->guard, peer);
}

void reply_seq(struct signer *s, uint64_t peer, uint64_t tag, uint16_t verb, uint64_t seq)
{
	struct buf *out = guard_out(s->guard, peer);
	if (!out)
		return;
	struct note_reply note = { seq };
	struct ca_close_reply close = { seq };
	if (verb == INNER_NOTE)
		answer_note_put(out, tag, &note);
	else
		answer_ca_close_put(out, tag, &close);
	guard_send(s->guard, peer);
}
