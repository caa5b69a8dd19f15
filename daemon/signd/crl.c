#include "signd/crl.h"

#include <string.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "signd/certify.h"
#include "signd/check.h"
#include "signd/crl_draft.h"
#include "signd/guard.h"
#include "signd/request.h"
#include "signd/scribe.h"
#include "signd/signer.h"
#include "signd/slot.h"
#include "wire/inner_answer.h"

#define MAX_CRLS 4 /* under way: each has a memory file that may be large */

/* What hangs on the op: the draft, and the scope that is busy with it. */
struct crl_work {
	struct signer *signer;
	struct scope *scope;
	struct crl_draft *draft;
	int turn; /* the part that is being signed */
	bool kept;
};

static void work_free(void *of)
{
	struct crl_work *w = of;
	w->scope->busy = false;
	w->signer->crls--;
	crl_draft_free(w->draft, w->kept);
	free(w);
}

static struct verdict refused(uint16_t code, const char *field)
{
	return (struct verdict){ code, field };
}

void crl_latch(struct signer *s, struct scope *scope)
{
	char what[64];
	if (scope->latched)
		return;
	scope->latched = true;
	scope_latch_name(scope, what);
	latch_record(s, what, "The copy of this scope's last CRL is missing or is not what the ledger says.");
}

static void crl_done(struct signer *s, struct op *op)
{
	struct crl_work *w = op->work;
	struct crl_draft *d = w->draft;
	const struct crl_part *full = &d->parts[PART_FULL], *delta = &d->parts[PART_DELTA];
	if (op->trouble != OP_FINE) {
		request_refuse(s, op, request_trouble(op), NULL);
		return;
	}
	w->kept = scopes_conclude(&s->scopes, op->intent) == 0;
	w->scope->sound = true;
	request_concluded(s, op, op->records[0].seq);
	struct buf *out = guard_out(s->guard, op->peer);
	if (out && crl_draft_close(d) == 0 && guard_pass(s->guard, op->peer, fd_take(&d->file))) {
		struct crl_sign_reply r = { op->intent,	     (uint32_t)d->made.full_entries,
					    full->whole_at,  full->whole_size,
					    delta->whole_at, delta->whole_size };
		answer_crl_sign_put(out, op->tag, &r);
		guard_send(s->guard, op->peer);
	} else if (out) {
		guard_refuse(s->guard, op->peer, op->verb, op->tag, REFUSE_CRL_REPEATED, NULL, 0);
	}
	signer_op_done(s, op);
}

static void crl_sign_turn(struct signer *s, struct op *op);

/* The full CRL's signature is there, then the delta's. */
static void crl_verified(struct signer *s, struct op *op)
{
	struct crl_work *w = op->work;
	struct crl_part *parts = w->draft->parts;
	if (op->trouble != OP_FINE) {
		certify_wrong(s, op);
		return;
	}
	buf_put_slice(&parts[w->turn].signature, buf_slice(&op->signature));
	if (++w->turn < PARTS && parts[w->turn].size) {
		crl_sign_turn(s, op);
		return;
	}
	struct crl_result_record r = { op->intent, buf_slice(&parts[PART_FULL].signature),
				       buf_slice(&parts[PART_DELTA].signature) };
	op->record_count = 0;
	record_crl_result_put(op_record(op, RECORD_CRL_RESULT), &r);
	signer_journal(s, op, crl_done);
}

static void crl_signed(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		certify_unsigned(s, op);
		return;
	}
	signer_verify(s, op, crl_verified);
}

static void crl_sign_turn(struct signer *s, struct op *op)
{
	struct crl_work *w = op->work;
	const struct crl_part *part = &w->draft->parts[w->turn];
	buf_clear(&op->message);
	buf_clear(&op->signature);
	op->digested = part->digest_len != 0;
	op->digest_len = part->digest_len;
	memcpy(op->digest, part->digest, part->digest_len);
	if (!op->digested && crl_draft_tbs(w->draft, part, &op->message) != 0) {
		op->trouble = OP_LEDGER_FAILED;
		certify_lost(s, op);
		return;
	}
	op->then = crl_signed;
	slot_sign(op->key->slot, op);
}

static void put_intent(struct op *op, const struct crl_draft *d, struct crl_intent_record *r)
{
	const struct merge_plan *p = &d->plan;
	request_stamp(op, r->request_id, r->request_hash);
	memcpy(r->ca_key, p->ref.ca_key, KEY_ID_SIZE);
	r->shard = p->ref.shard;
	r->shards = p->shards;
	r->url = d->fields.point;
	r->number = p->ref.number;
	r->base = p->base;
	r->this_update = d->fields.this_update;
	r->next_update = d->fields.next_update;
	r->entries = (uint32_t)d->made.full_entries;
	memcpy(r->last_hash, d->made.ref.hash, HASH_SIZE);
	memcpy(r->tbs_hash, d->parts[PART_FULL].hash, HASH_SIZE);
	memcpy(r->delta_hash, d->parts[PART_DELTA].hash, HASH_SIZE);
}

static void crl_intended(struct signer *s, struct op *op)
{
	const struct crl_work *w = op->work;
	struct crl_intent_record r = { 0 };
	if (op->trouble != OP_FINE) {
		request_refuse(s, op, request_trouble(op), NULL);
		return;
	}
	op->intent = op->records[0].seq;
	put_intent(op, w->draft, &r);
	if (scopes_intend(&s->scopes, &r, op->intent) != 0)
		log_error("crl_scope_failed", "intent=%llu", (unsigned long long)op->intent);
	crl_sign_turn(s, op);
}

/* A CA that its issuer's CRL lists is closed; one that has another issuer's certificate stays as it is. */
static void close_listed(struct signer *s, const struct crl_draft *d, struct buf *raw, uint16_t *count)
{
	uint8_t tag;
	struct slice item;
	struct list all = list_of(&d->made.closes, d->made.close_count);
	while (list_next(&all, &tag, &item)) {
		struct key *k = tag == 1 ? keys_find(&s->keys, item.at) : keys_by_public(&s->keys, item);
		if (!k || !k->charter_bytes.len || memcmp(k->charter.parent, d->plan.ref.ca_key, KEY_ID_SIZE) != 0)
			continue;
		key_close(k);
		list_put(raw, count, 0, SLICE_OF(k->id));
	}
}

/* A scribe has written it, or refused. */
static void crl_written(struct signer *s, struct op *op)
{
	struct crl_work *w = op->work;
	struct crl_draft *d = w->draft;
	if (d->code == REFUSE_CRL_LAST)
		crl_latch(s, w->scope);
	uint16_t code = d->code ? d->code : key_silent(op->key);
	if (code) {
		log_warning("crl_refused", "number=%llu row=%u reason=%s", (unsigned long long)d->plan.ref.number,
			    d->made.row, inner_refusal_name(code));
		request_refuse(s, op, code, d->code ? d->made.field : "ca_key");
		return;
	}
	scoped_buf closes = { .max = 65536 };
	struct crl_intent_record r = { .context = buf_slice(&d->context) };
	put_intent(op, d, &r);
	close_listed(s, d, &closes, &r.closes.count);
	r.closes.raw = buf_slice(&closes);
	record_crl_intent_put(op_record(op, RECORD_CRL_INTENT), &r);
	signer_intend(s, op, crl_intended);
}

/* Whether this shard, of so many, under this URL, is one that the CA has, or may have as its first. */
static struct verdict check_scope(const struct signer *s, const struct crl_sign_request *r, struct scope **out)
{
	const struct scope *kin = scopes_of(&s->scopes, r->ca_key);
	struct scope *own = *out = scopes_find(&s->scopes, r->ca_key, r->shard);
	if (r->shards < 1 || r->shards > MAX_SHARDS || r->shard >= r->shards || (kin && kin->shards != r->shards))
		return refused(REFUSE_CRL_SCOPE, "shards");
	if (r->shards == 1 ? r->url.len != 0 : !charter_url(URL_CRL, r->url))
		return refused(REFUSE_CRL_SCOPE, "url");
	if (own && scope_fixed(own) && !slice_equal(buf_slice(&own->url), r->url))
		return refused(REFUSE_CRL_SCOPE, "url");
	if (r->delta_url.len && !charter_url(URL_CRL, r->delta_url))
		return refused(REFUSE_URL, "delta_url");
	return refused(0, NULL);
}

static struct verdict check_number(const struct signer *s, const struct scope *own, const struct crl_sign_request *r)
{
	bool goes_on = own && own->any && !own->anew;
	if (r->number == 0 || r->number <= s->crl_floor || (own && r->number <= own->burnt))
		return refused(REFUSE_CRL_NUMBER, "number");
	if (r->form != CRL_WHOLE && (r->form != CRL_CHANGES || !goes_on))
		return refused(REFUSE_CRL_FORM, "form");
	if (r->base && (!goes_on || r->base > own->last.number))
		return refused(REFUSE_CRL_BASE, "base");
	return refused(r->count > MAX_CRL_ENTRIES ? REFUSE_CRL_TOO_LARGE : 0, "count");
}

static struct verdict check_times(const struct signer *s, const struct key *k, const struct scope *own,
				  const struct crl_sign_request *r, int64_t now)
{
	const struct issuer issuer = key_issuer(k, s->config.classes);
	if (own && own->any && r->this_update < own->this_update)
		return refused(REFUSE_CRL_TIME, "this_update");
	return charter_check_crl(issuer.ceilings, r->this_update, r->next_update, now);
}

/* A CA that is closed goes on signing CRLs, until its key is gone. */
static struct verdict check_request(struct signer *s, const struct crl_sign_request *r, struct key **key,
				    struct scope **own)
{
	struct key *k = *key = keys_find(&s->keys, r->ca_key);
	if (!k || !k->charter_bytes.len)
		return refused(k ? REFUSE_KEY_UNBOUND : REFUSE_KEY_UNKNOWN, "ca_key");
	if (key_silent(k))
		return refused(key_silent(k), "ca_key");
	struct verdict v = check_scope(s, r, own);
	if (!v.code && *own && (*own)->latched)
		v = refused(REFUSE_CRL_LAST, NULL);
	if (!v.code && (s->crls == MAX_CRLS || (*own && (*own)->busy)))
		v = refused(REFUSE_CRL_BUSY, NULL);
	if (!v.code)
		v = check_number(s, *own, r);
	if (!v.code)
		v = check_times(s, k, *own, r, time_now());
	if (!v.code && !(k->slot && slot_expected(k->slot)))
		v = refused(REFUSE_TOKEN_AWAY, "ca_key");
	return v;
}

/* All that a scribe is to know, copied: what the loop has may change meanwhile. */
static void draft_fill(const struct signer *s, const struct scope *scope, const struct charter *c,
		       const struct crl_sign_request *r, struct crl_draft *d)
{
	struct journal_head head;
	struct buf *b = &d->bytes;
	journal_head(s->journal, &head);
	d->head = head.size;
	buf_put_slice(b, c->subject);
	buf_put_slice(b, c->key_hash);
	buf_put_slice(b, r->url);
	buf_put_slice(b, r->delta_url);
	buf_put_slice(&d->context, r->context);
	const uint8_t *at = b->at;
	d->fields = (struct crl_fields){ .algorithm = c->algorithm,
					 .this_update = r->this_update,
					 .next_update = r->next_update,
					 .number = r->number };
	d->fields.issuer = (struct slice){ at, c->subject.len };
	d->fields.authority_key_id = (struct slice){ at += c->subject.len, c->key_hash.len };
	d->fields.point = (struct slice){ at += c->key_hash.len, r->url.len };
	d->fields.delta = (struct slice){ at + r->url.len, r->delta_url.len };
	d->plan = (struct merge_plan){ .folder = s->crl_folder,
				       .ref = { .shard = r->shard, .number = r->number },
				       .shards = r->shards,
				       .form = r->form,
				       .base = r->base,
				       .this_update = r->this_update,
				       .count = r->count,
				       .has_before = scope->any && !scope->anew,
				       .before = scope->last,
				       .before_update = scope->this_update };
	memcpy(d->plan.ref.ca_key, r->ca_key, KEY_ID_SIZE);
}

static void crl_task(struct op *op, struct ledger_reader *ledger)
{
	const struct crl_work *w = op->work;
	crl_draft_write(w->draft, ledger);
}

/* Hands it to a scribe. Positive: refused. */
static uint16_t crl_begin(struct signer *s, struct op *op, struct scope *scope, const struct crl_sign_request *r,
			  int *entries)
{
	if (!scope || !scope_fixed(scope))
		scope = scopes_add(&s->scopes, r->ca_key, r->shard, r->shards, r->url);
	struct crl_work *w = scope ? calloc(1, sizeof(*w)) : NULL;
	struct crl_draft *d = w ? crl_draft_new() : NULL;
	if (!d) {
		free(w);
		return REFUSE_BUSY;
	}
	*w = (struct crl_work){ .signer = s, .scope = scope, .draft = d };
	op->work = w;
	op->work_free = work_free;
	scope->busy = true;
	s->crls++;
	draft_fill(s, scope, &op->key->charter, r, d);
	if (!buf_ok(&d->bytes))
		return REFUSE_BUSY;
	d->entries = fd_take(entries);
	op->task = crl_task;
	op->then = crl_written;
	scribes_submit(s->scribes, op);
	return 0;
}

int answer_crl_sign(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct crl_sign_request r;
	const char *where;
	if (answer_crl_sign_get(f->body, &r, &where) != PACK_OK)
		return -1;
	scoped_fd int entries = guard_passed(s->guard, peer);
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct scope *scope = NULL;
	struct verdict v = check_request(s, &r, &op->key, &scope);
	if (!v.code && entries < 0)
		v = refused(REFUSE_CRL_FILE, "entries");
	if (!v.code)
		v = refused(crl_begin(s, op, scope, &r, &entries), NULL);
	if (v.code)
		request_refuse(s, op, v.code, v.field);
	return 0;
}
