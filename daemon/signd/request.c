#include "signd/request.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "ledger/hash.h"
#include "signd/approve.h"
#include "signd/encode/csr.h"
#include "signd/guard.h"
#include "signd/signer.h"
#include "wire/inner_answer.h"

#define RETRY_SOON 2 /* seconds */

/* What the ledger says of a request: its id and hash from where they stand, and its outcome. */
struct outcome {
	uint8_t type;
	uint8_t id[REQUEST_ID_SIZE], hash[32];
	uint64_t intent;
	struct buf bytes[2];	  /* the intent's record and the outcome's */
	struct slice first, last; /* their bodies */
};

static bool outcome_record(struct signer *s, uint64_t seq, struct buf *bytes, struct slice *body, uint8_t *type)
{
	struct record r;
	if (ledger_read(s->reader, seq, bytes, &r) != 0)
		return false;
	*body = r.body;
	*type = r.type;
	return true;
}

/* A result and a `lost` begin with the number of their intent; every other record with id and hash of its request. */
static bool outcome_read(struct signer *s, uint64_t seq, struct outcome *o)
{
	uint8_t intent_type;
	o->intent = seq;
	if (!outcome_record(s, seq, &o->bytes[1], &o->last, &o->type))
		return false;
	bool second = o->type == RECORD_CERT_RESULT || o->type == RECORD_KEY_RESULT || o->type == RECORD_CSR_RESULT ||
		      o->type == RECORD_CRL_RESULT || o->type == RECORD_LOST;
	if (second && o->last.len >= 8)
		o->intent = get_u64(o->last.at);
	if (!outcome_record(s, o->intent, &o->bytes[0], &o->first, &intent_type) ||
	    o->first.len < sizeof(o->id) + sizeof(o->hash))
		return false;
	memcpy(o->id, o->first.at, sizeof(o->id));
	memcpy(o->hash, o->first.at + sizeof(o->id), sizeof(o->hash));
	return true;
}

static void reply_csr_again(struct signer *s, uint64_t peer, uint64_t tag, const struct outcome *o)
{
	struct csr_intent_record intent;
	struct csr_result_record result;
	const struct key *k = NULL;
	if (record_csr_intent_get(o->first, &intent) == PACK_OK && record_csr_result_get(o->last, &result) == PACK_OK)
		k = keys_find(&s->keys, intent.key_id);
	if (k)
		reply_csr(s, peer, tag, o->intent, k->algorithm, intent.info, result.signature);
	else
		guard_refuse(s->guard, peer, INNER_KEY_CSR, tag, REFUSE_LEDGER_FAILED, NULL, 0);
}

static void outcome_reply(struct signer *s, uint64_t peer, const struct frame *f, struct outcome *o)
{
	struct cert_intent_record cert;
	struct cert_result_record result;
	struct key_result_record key;
	struct imported_record imported;
	struct proposed_record proposed;
	struct approved_record approved;
	if (o->type == RECORD_CERT_RESULT && record_cert_intent_get(o->first, &cert) == PACK_OK &&
	    record_cert_result_get(o->last, &result) == PACK_OK)
		reply_cert(s, peer, f->tag, f->verb, o->intent, cert.tbs, result.signature);
	else if (o->type == RECORD_KEY_RESULT && record_key_result_get(o->last, &key) == PACK_OK)
		reply_key(s, peer, f->tag, o->intent, key.key_id, key.public_key);
	else if (o->type == RECORD_CSR_RESULT)
		reply_csr_again(s, peer, f->tag, o);
	else if (o->type == RECORD_IMPORTED && record_imported_get(o->last, &imported) == PACK_OK)
		reply_imported(s, peer, f->tag, o->intent, imported.key_id);
	else if (o->type == RECORD_PROPOSED && record_proposed_get(o->last, &proposed) == PACK_OK)
		reply_proposed(s, peer, f->tag, o->intent, proposed.bytes);
	else if (o->type == RECORD_APPROVED && record_approved_get(o->last, &approved) == PACK_OK)
		reply_approved(s, peer, f->tag, o->intent, approved.proposal);
	else if (o->type == RECORD_CRL_RESULT)
		guard_refuse(s->guard, peer, f->verb, f->tag, REFUSE_CRL_REPEATED, "request_id", 0);
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
	buf_init(&o.bytes[0], MAX_RECORD + 4096);
	buf_init(&o.bytes[1], MAX_RECORD + 4096);
	if (!outcome_read(s, seq, &o))
		guard_refuse(s->guard, peer, f->verb, f->tag, REFUSE_LEDGER_FAILED, NULL, 0);
	else if (memcmp(o.id, id, REQUEST_ID_SIZE) != 0 || (o.type != RECORD_LOST && memcmp(o.hash, hash, 32) != 0))
		guard_refuse(s->guard, peer, f->verb, f->tag, REFUSE_REQUEST_REUSED, "request_id", 0);
	else
		outcome_reply(s, peer, f, &o);
	buf_free(&o.bytes[0]);
	buf_free(&o.bytes[1]);
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

/* What signs nothing goes on while nothing is signed. */
static bool verb_signs(uint16_t verb)
{
	return verb != INNER_NOTE && verb != INNER_CA_CLOSE && verb != INNER_PROPOSE && verb != INNER_APPROVE &&
	       verb != INNER_WITHDRAW;
}

struct op *request_begin(struct signer *s, uint64_t peer, const struct frame *f, const uint8_t id[REQUEST_ID_SIZE])
{
	/* The verb is hashed with the body: one id for two verbs is two bodies. */
	uint8_t hash[HASH_SIZE], verb[2] = { (uint8_t)f->verb, (uint8_t)(f->verb >> 8) };
	hash_parts((struct slice[]){ SLICE_OF(verb), f->body }, 2, hash);
	uint16_t code = id_verdict(s, id, hash);
	if (!code && answer_again(s, peer, f, id, hash))
		return NULL;
	if (!code)
		code = signer_stopped(s, verb_signs(f->verb));
	if (!code && disk_stops(s, f->verb))
		code = REFUSE_DISK_LOW;
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
	bool passes = code == REFUSE_TOKEN_AWAY || code == REFUSE_SIGNATURE_WRONG || code == REFUSE_TOO_MANY_UNBOUND ||
		      code == REFUSE_CRL_BUSY || code == REFUSE_OCSP_BUSY;
	uint32_t retry_after = op->retry_after ? op->retry_after : passes ? RETRY_SOON : 0;
	guard_refuse(s->guard, op->peer, op->verb, op->tag, code, field, retry_after);
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

void request_single_done(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		request_refuse(s, op, REFUSE_LEDGER_FAILED, NULL);
		return;
	}
	request_concluded(s, op, op->records[0].seq);
	reply_seq(s, op->peer, op->tag, op->verb, op->records[0].seq);
	signer_op_done(s, op);
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

void reply_csr(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq, uint8_t algorithm, struct slice info,
	       struct slice signature)
{
	scoped_buf csr = { .max = 32768 };
	struct buf *out = guard_out(s->guard, peer);
	csr_put(&csr, info, algorithm, signature);
	if (!out || !buf_ok(&csr))
		return;
	struct key_csr_reply r = { seq, buf_slice(&csr) };
	answer_key_csr_put(out, tag, &r);
	guard_send(s->guard, peer);
}

void reply_imported(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq, const uint8_t key_id[KEY_ID_SIZE])
{
	struct buf *out = guard_out(s->guard, peer);
	if (!out)
		return;
	struct ca_import_reply r = { .ledger_seq = seq };
	memcpy(r.key_id, key_id, KEY_ID_SIZE);
	answer_ca_import_put(out, tag, &r);
	guard_send(s->guard, peer);
}

void reply_proposed(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq, struct slice bytes)
{
	struct buf *out = guard_out(s->guard, peer);
	struct proposal p;
	if (!out || proposal_get(bytes, &p) != 0)
		return;
	struct propose_reply r = {
		.ledger_seq = seq, .expires = p.expires, .needed = p.needed, .requester = p.requester, .bytes = bytes
	};
	memcpy(r.proposal, p.id, PROPOSAL_ID_SIZE);
	answer_propose_put(out, tag, &r);
	guard_send(s->guard, peer);
}

void reply_seq(struct signer *s, uint64_t peer, uint64_t tag, uint16_t verb, uint64_t seq)
{
	struct buf *out = guard_out(s->guard, peer);
	if (!out)
		return;
	struct note_reply note = { seq };
	struct ca_close_reply close = { seq };
	struct cert_admit_reply admit = { seq };
	struct key_gone_reply gone = { seq };
	struct withdraw_reply withdraw = { seq };
	if (verb == INNER_NOTE)
		answer_note_put(out, tag, &note);
	else if (verb == INNER_WITHDRAW)
		answer_withdraw_put(out, tag, &withdraw);
	else if (verb == INNER_CERT_ADMIT)
		answer_cert_admit_put(out, tag, &admit);
	else if (verb == INNER_KEY_GONE)
		answer_key_gone_put(out, tag, &gone);
	else
		answer_ca_close_put(out, tag, &close);
	guard_send(s->guard, peer);
}
