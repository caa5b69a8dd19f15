#include "signd/ocsp.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "signd/certify.h"
#include "signd/check.h"
#include "signd/crl.h"
#include "signd/guard.h"
#include "signd/merge.h"
#include "signd/ocsp_draft.h"
#include "signd/request.h"
#include "signd/scribe.h"
#include "signd/signer.h"
#include "signd/slot.h"
#include "wire/inner_answer.h"

#define MAX_ANSWERS 256	      /* under way; a record's list has as much room */
#define MOST_GATHERING_MS 250 /* for one record, while those of the last one wait for their tokens */

static struct verdict refused(uint16_t code, const char *field)
{
	return (struct verdict){ code, field };
}

struct ocsp_work {
	struct signer *signer;
	struct ocsp_draft *draft;
};

static void work_free(void *of)
{
	struct ocsp_work *w = of;
	w->signer->answers--;
	ocsp_draft_free(w->draft);
	free(w);
}

static void ocsp_reply(struct signer *s, struct op *op)
{
	const struct ocsp_work *w = op->work;
	scoped_buf response = { .max = 32768 };
	ocsp_put_response(&response, buf_slice(&op->message), op->key->algorithm, buf_slice(&op->signature),
			  buf_slice(&w->draft->certificate));
	struct buf *out = guard_out(s->guard, op->peer);
	if (out && buf_ok(&response)) {
		struct ocsp_sign_reply r = { op->intent, w->draft->fields.produced_at, buf_slice(&response) };
		answer_ocsp_sign_put(out, op->tag, &r);
		guard_send(s->guard, op->peer);
	}
	signer_op_done(s, op);
}

static void ocsp_verified(struct signer *s, struct op *op)
{
	if (op->trouble == OP_FINE) {
		ocsp_reply(s, op);
		return;
	}
	certify_count_wrong(s, op->key);
	request_refuse(s, op, request_trouble(op), NULL);
}

static void ocsp_signed(struct signer *s, struct op *op)
{
	feed_back(&s->feed, op->key->slot);
	if (op->trouble == OP_FINE) {
		signer_verify(s, op, ocsp_verified);
		return;
	}
	if (op->trouble == OP_TOKEN_REFUSED)
		check_refused(s, op->key, op->driver_code);
	request_refuse(s, op, request_trouble(op), NULL);
}

/* The answers that share a record. */
struct batch {
	struct op_chain ops;
};

static void batch_free(void *of)
{
	free(of);
}

static void batch_written(struct signer *s, struct op *op)
{
	struct batch *b = op->work;
	for (struct op *one; (one = chain_take(&b->ops));) {
		one->trouble = op->trouble;
		one->intent = op->records[0].seq;
		if (one->trouble != OP_FINE) {
			request_refuse(s, one, request_trouble(one), NULL);
			continue;
		}
		one->then = ocsp_signed;
		feed_put(&s->feed, one, time_boot_ms());
	}
	signer_op_done(s, op);
}

static void put_batch(struct op *op, const struct op_chain *ops)
{
	scoped_buf raw = { .max = 65536 };
	struct ocsp_batch_record r = { 0 };
	for (const struct op *one = ops->first; one; one = one->next) {
		uint8_t item[KEY_ID_SIZE + HASH_SIZE];
		memcpy(item, one->key->id, KEY_ID_SIZE);
		hash_of(buf_slice(&one->message), item + KEY_ID_SIZE);
		list_put(&raw, &r.responses.count, 0, SLICE_OF(item));
	}
	r.responses.raw = buf_slice(&raw);
	record_ocsp_batch_put(op_record(op, RECORD_OCSP_BATCH), &r);
}

static void batch_begin(struct signer *s)
{
	struct op *op = signer_op(s, 0, 0, 0);
	struct batch *b = op ? malloc(sizeof(*b)) : NULL;
	if (!b) {
		if (op)
			signer_op_done(s, op);
		return; /* the next tick tries again */
	}
	b->ops = s->ocsp;
	s->ocsp = (struct op_chain){ NULL, NULL };
	op->work = b;
	op->work_free = batch_free;
	put_batch(op, &b->ops);
	signer_journal(s, op, batch_written);
}

/* Answers come together by themselves, while those before them wait. */
void ocsp_tick(struct signer *s)
{
	int64_t now = time_boot_ms();
	const struct op *first = s->ocsp.first;
	if (first && (!feed_waits(&s->feed, first->key->slot) || now >= s->ocsp_since + MOST_GATHERING_MS))
		batch_begin(s);
	for (struct op *op; (op = feed_take(&s->feed, now));)
		slot_sign(op->key->slot, op);
}

/* What a scribe found out about the CRLs that it looked at. */
static void take_findings(struct signer *s, const struct ocsp_draft *d)
{
	for (size_t i = 0; i < d->fields.count; i++) {
		const struct ocsp_against *a = &d->against[i];
		struct scope *scope = a->any ? scopes_find(&s->scopes, d->ca_key, a->last.shard) : NULL;
		bool same = scope && scope->any && scope->last.number == a->last.number;
		if (same && a->sound)
			scope->sound = true;
		else if (same && !a->latched && d->code == REFUSE_OCSP_STATE && i + 1 == d->at)
			crl_latch(s, scope);
	}
}

/* A scribe has written it, or refused. */
static void ocsp_written(struct signer *s, struct op *op)
{
	struct ocsp_draft *d = ((struct ocsp_work *)op->work)->draft;
	struct key *k = op->key;
	take_findings(s, d);
	uint16_t code = d->code ? d->code : key_silent(k);
	/* Renewed meanwhile: another time the new certificate goes along. */
	if (!code && k->responder_seq != d->responder_seq)
		code = REFUSE_OCSP_BUSY;
	if (code) {
		request_refuse(s, op, code, d->code ? "responses" : "responder");
		return;
	}
	if (!k->certificate.len)
		buf_put_slice(&k->certificate, buf_slice(&d->certificate));
	else if (!d->certificate.len) /* a copy: a renewal while this is signed takes the key's away */
		buf_put_slice(&d->certificate, buf_slice(&k->certificate));
	if (!s->ocsp.first)
		s->ocsp_since = time_boot_ms();
	chain_put(&s->ocsp, op);
}

static void ocsp_task(struct op *op, struct ledger_reader *ledger)
{
	const struct ocsp_work *w = op->work;
	ocsp_draft_write(w->draft, ledger, &op->message);
}

static struct verdict read_rows(const struct signer *s, const struct ocsp_sign_request *r,
				const struct ceilings *ceilings, struct ocsp_draft *d)
{
	struct list rows = r->responses;
	struct slice item;
	int64_t now = time_now();
	const struct scope *kin = scopes_of(&s->scopes, r->ca_key);
	for (size_t i = 0; i < MAX_SINGLES && list_next(&rows, &d->singles[i].status, &item); i++) {
		struct ocsp_single *one = &d->singles[i];
		if (item.len != OCSP_ROW_SIZE)
			return refused(REFUSE_OCSP_ROW, "responses");
		ocsp_row_get(item.at, &one->row);
		uint16_t code = ocsp_row_check(one, now);
		if (code)
			return refused(code, "responses");
		struct verdict v = charter_check_ocsp(ceilings, one->row.this_update, one->row.next_update, now);
		if (v.code)
			return v;
		const struct scope *scope =
			kin ? scopes_find(&s->scopes, r->ca_key, merge_shard(one->row.serial, kin->shards)) : NULL;
		if (scope)
			d->against[i] = (struct ocsp_against){ scope->any, scope->sound, scope->latched || scope->anew,
							       scope->last };
		d->fields.count++;
	}
	return refused(d->fields.count ? 0 : REFUSE_OCSP_COUNT, "responses");
}

/* The CA itself signs nothing here: whether it is closed or gone is all the same. */
static struct verdict check_keys(struct signer *s, const struct ocsp_sign_request *r, const struct key **ca,
				 struct key **out)
{
	const struct key *k = *ca = keys_find(&s->keys, r->ca_key);
	struct key *responder = *out = keys_find(&s->keys, r->responder);
	int64_t now = time_now();
	if (!k || !k->charter_bytes.len)
		return refused(k ? REFUSE_KEY_UNBOUND : REFUSE_KEY_UNKNOWN, "ca_key");
	if (!responder || responder->state != KEY_STATE_RESPONDER ||
	    memcmp(responder->responder_of, r->ca_key, KEY_ID_SIZE) != 0 || now < responder->not_before ||
	    now > responder->not_after)
		return refused(REFUSE_OCSP_RESPONDER, "responder");
	if (key_silent(responder))
		return refused(key_silent(responder), "responder");
	bool there = responder->slot && slot_expected(responder->slot);
	return refused(there ? 0 : REFUSE_TOKEN_AWAY, "responder");
}

static void draft_fill(const struct signer *s, const struct key *ca, const struct key *responder,
		       const struct ocsp_sign_request *r, struct ocsp_draft *d)
{
	struct journal_head head;
	struct buf *b = &d->bytes;
	struct slice parts[] = { ca->charter.subject, buf_slice(&ca->public_key), buf_slice(&responder->public_key),
				 r->nonce };
	struct slice *fields[] = { &d->fields.issuer_name, &d->fields.issuer_key, &d->fields.responder_key,
				   &d->fields.nonce };
	for (size_t i = 0; i < 4; i++)
		buf_put_slice(b, parts[i]);
	const uint8_t *at = b->at;
	for (size_t i = 0; i < 4; at += parts[i++].len)
		*fields[i] = (struct slice){ at, parts[i].len };
	d->fields.singles = d->singles;
	journal_head(s->journal, &head);
	d->head = head.size;
	d->crl_folder = s->crl_folder;
	d->responder_seq = responder->responder_seq;
	d->wants_certificate = responder->certificate.len == 0;
	memcpy(d->ca_key, r->ca_key, KEY_ID_SIZE);
}

static struct verdict ocsp_begin(struct signer *s, struct op *op, const struct ocsp_sign_request *r)
{
	const struct key *ca;
	struct verdict v = check_keys(s, r, &ca, &op->key);
	if (v.code)
		return v;
	struct ocsp_work *w = s->answers < MAX_ANSWERS ? malloc(sizeof(*w)) : NULL;
	struct ocsp_draft *d = w ? ocsp_draft_new() : NULL;
	if (!d) {
		free(w);
		return refused(REFUSE_OCSP_BUSY, NULL);
	}
	*w = (struct ocsp_work){ s, d };
	op->work = w;
	op->work_free = work_free;
	s->answers++;
	const struct issuer issuer = key_issuer(ca, s->config.classes);
	v = read_rows(s, r, issuer.ceilings, d);
	draft_fill(s, ca, op->key, r, d);
	if (!v.code && !buf_ok(&d->bytes))
		v = refused(REFUSE_OCSP_BUSY, NULL);
	return v;
}

static uint16_t rate_take(struct signer *s, uint32_t *retry_after)
{
	int64_t now = time_boot_ms();
	if (meter_ask(&s->ocsp_rate, &s->config.ocsp, now, retry_after))
		return REFUSE_OCSP_BUSY;
	meter_draw(&s->ocsp_rate, &s->config.ocsp, now);
	return 0;
}

int answer_ocsp_sign(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct ocsp_sign_request r;
	const char *where;
	if (answer_ocsp_sign_get(f->body, &r, &where) != PACK_OK)
		return -1;
	uint32_t retry_after = 2;
	uint16_t code = signer_stopped(s, true);
	if (!code)
		code = rate_take(s, &retry_after);
	struct op *op = code ? NULL : signer_op(s, peer, f->tag, f->verb);
	if (!op) {
		guard_refuse(s->guard, peer, f->verb, f->tag, code ? code : REFUSE_BUSY, NULL, retry_after);
		return 0;
	}
	struct verdict v = ocsp_begin(s, op, &r);
	if (v.code) {
		request_refuse(s, op, v.code, v.field);
		return 0;
	}
	op->task = ocsp_task;
	op->then = ocsp_written;
	scribes_submit(s->scribes, op);
	return 0;
}
