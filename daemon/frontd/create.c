/* Making a CA: the plan, its key, its certificate, the check of what came back, the commit. */
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/ceiling.h"
#include "frontd/context.h"
#include "frontd/crls.h"
#include "frontd/hierarchy.h"
#include "frontd/made.h"
#include "frontd/metrics.h"
#include "frontd/outcome.h"
#include "frontd/outside.h"
#include "frontd/plan.h"
#include "frontd/proposal.h"
#include "frontd/registration.h"
#include "frontd/root.h"
#include "frontd/signed_ca.h"
#include "frontd/view.h"
#include "wire/inner_ask.h"

#define QUEUE_STEP_MS 100 /* how often a create that waits for another's key to be bound asks again */

static const char *parent_of(const struct plan *p)
{
	return p->above.count ? row_text(p->above.ca[0].id) : "";
}

struct reservation {
	const struct plan *plan;
	struct ca_row row;
	struct key_row key; /* one that an earlier create left unused; memory NULL: none */
};

/* Also takes a key that waits, if there is one. */
static int reserve_work(struct store_session *s, void *with)
{
	struct reservation *r = with;
	bool again;
	int answer = plan_reserve(s, r->plan, &r->row, &again);
	if (answer || again || r->plan->foreign)
		return answer;
	answer = store_key_find_unbound(s, row_text(r->row.token), r->row.algorithm, &r->key);
	if (answer)
		return answer == STORE_NONE ? 0 : answer;
	return store_key_bind(s, r->key.key_id, r->plan->id);
}

static int release_work(struct store_session *s, void *with)
{
	const struct made *m = with;
	int r = store_ca_delete(s, row_text(m->ca.id));
	if (r >= 0 && m->key.ledger_seq)
		r = store_key_insert(s, &m->key);
	return r < 0 ? r : store_key_free(s);
}

/* Nothing was signed: name and subject are free again. The key, if there is one, waits unbound. */
static void release(struct front *f, const struct plan *p, struct made *m)
{
	m->ca.id = slice_text(p->id);
	m->key.ca_id = slice_text("");
	if (store_change(f->store, release_work, m) < 0)
		log_warning("ca_release", "ca=%s why=\"the reservation stays until the next catch-up\"", p->id);
}

static enum signer_result key_ask(struct front *f, const struct key_create_request *request,
				  struct key_create_reply *reply, struct signer_answer *answer)
{
	const struct timespec step = { 0, QUEUE_STEP_MS * 1000000L };
	int64_t end = time_boot_ms() + (int64_t)f->ask_timeout * 1000;
	for (;;) {
		enum signer_result r = signer_key_create(f->signer, request, reply, answer);
		bool queue = r == SIGNER_REFUSED && answer->refusal.code == REFUSE_TOO_MANY_UNBOUND;
		if (!queue || time_boot_ms() >= end)
			return r;
		signer_answer_free(answer);
		nanosleep(&step, NULL);
	}
}

static int key_make(struct front *f, struct call *c, const struct plan *p, struct made *m,
		    struct key_create_reply *reply, struct signer_answer *answer)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	struct context_words words = { .op = "key", .ca = p->id };
	if (context_put(&context, c, &words))
		return -1;
	struct key_create_request request = { .token = slice_text(p->token),
					      .algorithm = p->algorithm->number,
					      .context = buf_slice(&context) };
	memcpy(request.request_id, p->key_request_id, sizeof(request.request_id));
	enum signer_result r = key_ask(f, &request, reply, answer);
	if (r)
		return answer_signer(c, r, answer);
	memcpy(m->key.key_id, reply->key_id, sizeof(m->key.key_id));
	m->key.token = slice_text(p->token);
	m->key.algorithm = p->algorithm->number;
	m->key.public_key = reply->public_key;
	m->key.ledger_seq = reply->ledger_seq;
	m->key.created_at = time_now();
	return 0;
}

/* What the certificate shall say; a root is asked for with CA_SELF, which has the same fields. */
static struct cert_sign_request plan_fields(const struct plan *p, const struct made *m)
{
	struct constraints stated = constraints_of(&p->stated);
	struct cert_sign_request r = { .kind = p->foreign ? KIND_SUBCA_FOREIGN : KIND_CA,
				       .not_before = p->not_before,
				       .not_after = p->not_after,
				       .key_form = p->foreign ? KEY_FOREIGN : KEY_LOCAL,
				       .subject_key = { m->key.key_id, sizeof(m->key.key_id) },
				       .subject = items_list(&p->subject),
				       .path_len = p->path_len,
				       .permitted = stated.permitted,
				       .excluded = stated.excluded,
				       .urls = items_list(&p->urls),
				       .context = buf_slice(&p->context) };
	if (p->foreign)
		r.subject_key = p->csr.public_key;
	memcpy(r.request_id, p->request_id, sizeof(r.request_id));
	if (p->above.count)
		memcpy(r.ca_key, p->above.ca[0].key_id, sizeof(r.ca_key));
	return r;
}

static int ca_commit(struct front *f, struct call *c, const struct plan *p, const struct cert_sign_request *fields,
		     const struct signed_ca *came, struct made *m)
{
	scoped_facts got = { 0 };
	if (facts_read(came->certificate, &got, m->why) == 0)
		signed_ca_check(&p->above, fields, m->key.public_key, &got, came->certificate, m->why);
	m->now = time_now();
	m->issuing_ca_id = p->above.count ? parent_of(p) : p->id;
	m->single = slice_equal(p->issuer.hierarchy_mode, slice_text("single"));
	m->ca = plan_row(p, c, m->why[0] ? "withheld" : "active");
	made_fill_ca(m, &got, came->certificate, came->ledger_seq);
	if (store_change(f->store, made_commit, m))
		return answer_store(c);
	scoped_buf limits = { .max = MAX_CONTEXT };
	m->noted = transition_made(f, c, &m->ca, plan_asked(p, &limits));
	if (m->why[0]) {
		outcome_note(f, c, m);
		return answer_withheld(c);
	}
	metrics_hierarchy(f->metrics, p->above.count ? CREATE_CHILD : CREATE_ROOT, row_text(p->issuer.id));
	if (p->crl_shards > 1)
		crls_begin(f->crls, p->id); /* what can't be made now comes later, and it issues then */
	return call_reply(c, 201, view_ca(&m->ca));
}

/* People have to approve it first: all that was reserved waits with it. */
static int ca_propose(struct front *f, struct call *c, const struct plan *p, const struct cert_sign_request *fields,
		      struct made *m, struct signer_hold *hold)
{
	bool open = false;
	scoped_buf frame = { .max = MAX_FRAME_BODY };
	struct ca_self_request self = signed_ca_self(fields);
	if (p->above.count)
		ask_cert_sign_put(&frame, 0, fields);
	else
		ask_ca_self_put(&frame, 0, &self);
	struct proposing asked = proposing_of(p);
	asked.verb = p->above.count ? INNER_CERT_SIGN : INNER_CA_SELF;
	asked.body = (struct slice){ frame.at + FRAME_HEAD, frame.len - FRAME_HEAD };
	asked.key = p->foreign ? NULL : &m->key;
	int r = buf_ok(&frame) ? proposal_open(f, c, &asked, hold, &open) : answer_store(c);
	if (!open) {
		release(f, p, m);
		signer_settle(hold, m->key.ledger_seq);
	}
	return r;
}

static int ca_make(struct front *f, struct call *c, const struct plan *p, const struct key_row *waiting)
{
	scoped_made m = { .key = *waiting };
	struct key_create_reply key = { 0 };
	scoped_answer key_answer = { 0 }, answer = { 0 };
	scoped_hold hold;
	signer_hold(f->signer, &hold);
	int r = waiting->memory || p->foreign ? 0 : key_make(f, c, p, &m, &key, &key_answer);
	if (r) {
		release(f, p, &m);
		return r < 0 ? answer_store(c) : r;
	}
	struct cert_sign_request fields = plan_fields(p, &m);
	struct signed_ca came;
	bool outside = plan_outside(p);
	enum signer_result asked = outside ? outside_ask(f, &fields, &came.ledger_seq, &came.certificate, &answer)
					   : signed_ca_ask(f, &p->above, &fields, &came, &answer);
	if (asked == SIGNER_REFUSED && answer.refusal.code == REFUSE_APPROVAL_NEEDED)
		return ca_propose(f, c, p, &fields, &m, &hold);
	if (asked == SIGNER_REFUSED)
		release(f, p, &m);
	if (signer_left_nothing(asked, &answer))
		signer_settle(&hold, key.ledger_seq);
	if (asked == SIGNER_REFUSED && answer.refusal.code == REFUSE_VALIDITY_LENGTH && !p->above.count)
		return ceiling_refuse_root(c, p->path_len,
					   &(struct validity){ KIND_CA, p->not_before, p->not_after, true });
	if (asked)
		return answer_signer(c, asked,
				     &answer); /* if its fate is unknown, the reservation stays for the catch-up */
	r = outside ? outside_commit(f, c, p, &fields, came.ledger_seq, came.certificate, &m)
		    : ca_commit(f, c, p, &fields, &came, &m);
	if (c->status == 201 || m.why[0])
		signer_settle(&hold, m.noted ? m.noted : came.ledger_seq);
	return r;
}

int plan_carry_out(struct front *f, struct call *c, const struct plan *p)
{
	char why[160];
	if (!signer_ready(f->signer, why))
		return answer_signer(c, SIGNER_AWAY, NULL);
	struct reservation reservation = { .plan = p, .row = plan_row(p, c, "created") };
	int r = store_change(f->store, reserve_work, &reservation);
	r = r ? plan_refuse(c, r) : ca_make(f, c, p, &reservation.key);
	key_row_free(&reservation.key);
	return r;
}

/* A repeated request whose CA is there already. */
int plan_again(struct front *f, struct call *c, bool *answered)
{
	char id[48];
	context_id("ica-", c->signing_id, id);
	scoped_session *s = NULL;
	scoped_row(ca) row = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_ca_find(s, id, &row);
	*answered = r == STORE_DONE && !ca_reserved(&row);
	if (!*answered)
		return r < 0 ? answer_store(c) : proposal_again(c, s, id, answered);
	if (slice_equal(row.state, slice_text("withheld")))
		return answer_withheld(c);
	return call_reply(c, 201, view_ca(&row));
}

int intermediate_create(struct front *f, struct call *c)
{
	bool answered = false;
	int r = root_keyless(c);
	if (!r && c->signing_id_given && !c->dry_run)
		r = plan_again(f, c, &answered);
	if (r || answered)
		return r;
	if (registration_wanted(c))
		return registration_run(f, c);
	scoped_plan p;
	r = plan_make(f, c, &p);
	if (r)
		return r;
	if (c->dry_run)
		return plan_reply(c, &p);
	return plan_carry_out(f, c, &p);
}
