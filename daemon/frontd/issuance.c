#include "frontd/issuance.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/check.h"
#include "frontd/front.h"
#include "frontd/json_text.h"
#include "frontd/metrics.h"
#include "frontd/outcome.h"
#include "frontd/shard.h"

#define MAX_REPLY (1024 * 1024) /* a leaf of 32 KiB and its chain, escaped, many times over */

struct issuance *issuance_new(struct front *f, struct call *c)
{
	struct issuance *i = calloc(1, sizeof(*i));
	if (!i)
		return NULL;
	i->front = f;
	i->call = c;
	items_init(&i->urls);
	buf_init(&i->context, MAX_CONTEXT);
	return i;
}

void issuance_free(struct issuance **issuance)
{
	struct issuance *i = *issuance;
	*issuance = NULL;
	if (!i)
		return;
	signer_release(&i->hold);
	signer_answer_free(&i->ask.answer);
	made_free(&i->made);
	facts_free(&i->got);
	issuing_release(&i->ca);
	csr_free(&i->csr);
	leaf_fields_free(&i->leaf);
	rules_release(&i->rules);
	items_free(&i->urls);
	buf_free(&i->context);
	free(i);
}

const char *issuance_ca_id(const struct issuance *i)
{
	return row_text(i->ca->chain.ca[0].id);
}

void issuance_fields(struct issuance *i)
{
	i->fields = (struct cert_sign_request){ .kind = KIND_LEAF,
						.not_before = i->not_before,
						.not_after = i->not_after,
						.key_form = KEY_FOREIGN,
						.subject_key = i->csr.public_key,
						.subject = i->leaf.subject,
						.alt_names = i->leaf.alt_names,
						.key_usage = i->leaf.key_usage,
						.ext_key_usage = i->leaf.ext_key_usage,
						.path_len = PATH_LEN_NONE,
						.urls = items_list(&i->urls),
						.policies = i->leaf.policies,
						.flags = i->leaf.flags,
						.opaque = i->profile->extensions,
						.context = buf_slice(&i->context) };
	memcpy(i->fields.request_id, i->request_id, sizeof(i->fields.request_id));
	memcpy(i->fields.ca_key, i->ca->chain.ca[0].key_id, sizeof(i->fields.ca_key));
}

static void hex_member_put(struct buf *out, const char *name, const uint8_t *bytes, size_t n)
{
	char text[2 * 64 + 1];
	hex_encode(bytes, n < 64 ? n : 64, text);
	json_member_put(out, name, slice_text(text));
}

static void time_member_put(struct buf *out, const char *name, int64_t t)
{
	char text[TIME_TEXT_SIZE];
	time_text(t, text);
	json_member_put(out, name, slice_text(text));
}

int issuance_reply(struct call *c, const struct issuing *ca, const struct certificate_row *row)
{
	scoped_buf out = { .max = MAX_REPLY };
	scoped_buf pem = { .max = MAX_REPLY };
	buf_room(&out, 2 * row->der.len + ca->members.len + 1024);
	if (pem_put(&pem, row->der))
		return -1;
	buf_put_u8(&out, '{');
	json_member_put(&out, "certificate_pem", buf_slice(&pem));
	buf_put_slice(&out, buf_slice(&ca->members));
	hex_member_put(&out, "serial", row->serial.at, row->serial.len);
	hex_member_put(&out, "fingerprint", row->fingerprint, sizeof(row->fingerprint));
	time_member_put(&out, "not_before", row->not_before);
	time_member_put(&out, "not_after", row->not_after);
	buf_printf(&out, ",\"ledger_seq\":%llu}", (unsigned long long)row->ledger_seq);
	return call_reply_bytes(c, 201, &out, CALL_JSON);
}

static void issuance_end(struct issuance *i)
{
	struct call *c = i->call;
	issuance_free(&i);
	c->finished(c);
}

/* Its certificate is remembered for good, or it isn't served. */
static void on_committed(struct store_job *job)
{
	struct issuance *i = job->with;
	struct call *c = i->call;
	if (job->answer) {
		answer_store(c);
	} else {
		signer_settle(&i->hold, i->reply.ledger_seq);
		if (i->made.why[0]) {
			outcome_note(i->front, c, &i->made);
			answer_withheld(c);
		} else {
			metrics_issued(i->front->metrics, issuance_ca_id(i), i->profile->name,
				       time_boot_ms() - i->begun);
			if (issuance_reply(c, i->ca, &i->made.row))
				answer_store(c);
		}
	}
	issuance_end(i);
}

/* What differs from what was asked for, or can't be read, is withheld. */
static void certificate_check(struct issuance *i)
{
	char *why = i->made.why;
	if (facts_read(i->reply.certificate, &i->got, why))
		return;
	memcpy(why, i->ca->why, sizeof(i->ca->why));
	if (why[0])
		return;
	struct check_asked asked = { .fields = i->fields,
				     .public_key = i->csr.public_key,
				     .issuer_name = i->ca->facts.subject_name,
				     .issuer_key_id = i->ca->facts.subject_key_id };
	if (shard_judge(&i->ca->chain.ca[0], &i->got, why) == 0 && check_certificate(&i->got, &asked, why) == 0)
		check_rules(i->reply.certificate, why);
}

static int commit_work(struct store_session *s, void *with)
{
	struct issuance *i = with;
	return made_commit(s, &i->made);
}

static void answer_refused(struct issuance *i, enum signer_result asked)
{
	const struct signer_answer *answer = &i->ask.answer;
	if (asked == SIGNER_REFUSED && answer->refusal.code == REFUSE_VALIDITY_LENGTH)
		call_refuse(i->call, 400, "validity_too_long", "ttl_seconds",
			    "The profile allows ttl_seconds of %lld, but the signer's ceiling for this CA is lower: "
			    "ceilings.kinds.leaf.days in its charter (GET /api/v1/intermediates/%s/charter).",
			    (long long)i->not_after - i->not_before + 1, issuance_ca_id(i));
	else
		answer_signer(i->call, asked, answer);
}

static void on_answered(struct signer_ask *ask)
{
	struct issuance *i = ask->with;
	enum signer_result asked = signer_get_cert_sign(i->front->signer, ask, &i->reply);
	if (asked) {
		signer_settle_failed(&i->hold, asked, &i->ask.answer);
		answer_refused(i, asked);
		issuance_end(i);
		return;
	}
	struct made *m = &i->made;
	m->now = time_now();
	m->issuing_ca_id = issuance_ca_id(i);
	certificate_check(i);
	made_fill(m, &i->got, i->reply.certificate, m->issuing_ca_id, KIND_LEAF);
	m->row.profile = slice_text(i->profile->name);
	m->row.actor = slice_text(i->call->who->actor);
	m->row.ledger_seq = i->reply.ledger_seq;
	memcpy(m->row.request_id, i->request_id, sizeof(m->row.request_id));
	i->job = (struct store_job){
		.work = commit_work, .with = i, .finished = on_committed, .sure = true, .repeatable = !m->why[0]
	};
	store_queue(i->front->store, &i->job); /* the link wakes it when it has handed out all that came together */
}

static void issuance_start(struct call *c)
{
	struct issuance *i = c->handling;
	i->begun = time_boot_ms();
	signer_hold(i->front->signer, &i->hold);
	i->ask.answered = on_answered;
	i->ask.with = i;
	signer_post_cert_sign(i->front->signer, &i->fields, &i->ask);
}

int issuance_hand_over(struct issuance **i)
{
	struct call *c = (*i)->call;
	c->handling = *i;
	c->start = issuance_start;
	*i = NULL;
	return CALL_WAITS;
}
