#include "frontd/execute.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/draft.h"
#include "frontd/key_token.h"
#include "frontd/made.h"
#include "frontd/metrics.h"
#include "frontd/outside.h"
#include "frontd/proposal.h"
#include "frontd/rebuild.h"
#include "frontd/signed_ca.h"
#include "frontd/transition.h"
#include "frontd/view.h"

/* What is carried out: all of it read anew, from what people signed and from what was reserved. */
struct execution {
	struct proposal_row row;
	struct draft draft;
	struct issuer_row issuer;
	struct ca_row ca;
	struct chain above;
	struct key_row key; /* memory NULL: none of ours */
};

static void execution_free(struct execution *e)
{
	proposal_row_free(&e->row);
	draft_free(&e->draft);
	issuer_row_free(&e->issuer);
	ca_row_free(&e->ca);
	chain_free(&e->above);
	key_row_free(&e->key);
}
#define scoped_execution __attribute__((cleanup(execution_free))) struct execution

static bool in_state(const struct proposal_row *row, const char *state)
{
	return slice_equal(row->state, slice_text(state));
}

static int refuse_closed(struct call *c, const struct proposal_row *row)
{
	if (in_state(row, "rejected"))
		return call_refuse(c, 409, "proposal_rejected", NULL, "The proposal was rejected.");
	if (in_state(row, "failed"))
		return call_refuse(c, 409, "proposal_failed", NULL,
				   "The proposal was used, and came to nothing: %s. Ask for it anew.",
				   row_text(row->why));
	return call_refuse(c, 409, "proposal_expired", NULL, "The proposal has expired; ask for it anew.");
}

static int check_open(struct store_session *s, struct call *c, const struct proposal_row *row)
{
	if (!in_state(row, "open") || row->expires_at < time_now())
		return refuse_closed(c, row);
	if (row->kind == PROPOSAL_RESUME || row->kind == PROPOSAL_EPOCH)
		return call_refuse(c, 409, "proposal_of_root", NULL,
				   "This is carried out by root on the signer's host: chancery-signd --%s.",
				   proposal_kind_name(row->kind));
	int complete = proposal_complete(s, row);
	if (complete < 0)
		return answer_store(c);
	return complete ? 0
			: call_refuse(c, 409, "proposal_unready", NULL,
				      "The proposal needs %u approvals%s, and has not got them yet.", row->needed,
				      row->requester ? " and its requester's signature" : "");
}

static int check_parent(struct call *c, const struct execution *e)
{
	if (!e->above.count)
		return 0;
	if (!slice_equal(e->above.ca[0].state, slice_text("active")))
		return plan_refuse(c, PLAN_PARENT_STATE);
	return e->above.ca[0].held.len ? plan_refuse(c, PLAN_PARENT_HELD) : 0;
}

/* 0 with all of it; the CA that was made is no reservation any more. */
static int execution_load(struct front *f, struct call *c, struct execution *e)
{
	char why[FACTS_WHY] = "";
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = proposal_find(s, c, &e->row);
	if (r || in_state(&e->row, "executed"))
		return r;
	r = check_open(s, c, &e->row);
	if (r)
		return r;
	if (draft_read(e->row.bytes, &e->draft, why)) {
		log_error("proposal_unreadable", "why=\"%s\"", why);
		return -1;
	}
	r = store_ca_find(s, row_text(e->row.ca_id), &e->ca);
	if (r)
		return r < 0 ? r
			     : call_refuse(c, 409, "proposal_void", NULL,
					   "What was reserved for this proposal is not there any more.");
	r = store_issuer_find(s, row_text(e->ca.issuer_id), &e->issuer);
	if (!r && e->ca.parent_id.len)
		r = chain_load(s, row_text(e->ca.parent_id), &e->above);
	if (!r)
		r = store_key_find_public(s, e->draft.facts.public_key, &e->key);
	return r && r != STORE_NONE ? -1 : check_parent(c, e);
}

static int64_t begins(const struct front *f, const struct execution *e, const uint8_t request_id[16])
{
	int64_t begin = request_time(request_id) - f->backdate;
	int64_t first = e->above.count ? chain_not_before(&e->above) : begin;
	return begin < first ? first : begin;
}

static struct cert_sign_request fields_of(const struct front *f, const struct execution *e)
{
	const struct facts *draft = &e->draft.facts;
	bool foreign = e->row.kind == PROPOSAL_SUBCA_FOREIGN;
	struct cert_sign_request r = { .kind = foreign ? KIND_SUBCA_FOREIGN : KIND_CA,
				       .not_after = draft->not_after,
				       .key_form = foreign ? KEY_FOREIGN : KEY_LOCAL,
				       .subject = items_list(&draft->subject),
				       .path_len = draft->path_len,
				       .permitted = items_list(&draft->permitted),
				       .excluded = items_list(&draft->excluded),
				       .urls = items_list(&draft->urls),
				       .policies = items_list(&draft->policies),
				       .context = e->row.context };
	signer_request_id(r.request_id);
	r.not_before = begins(f, e, r.request_id);
	r.subject_key = foreign ? draft->public_key : (struct slice){ e->key.key_id, sizeof(e->key.key_id) };
	if (e->above.count)
		memcpy(r.ca_key, e->above.ca[0].key_id, sizeof(r.ca_key));
	memcpy(r.proposal, e->row.id, sizeof(r.proposal));
	return r;
}

/* The CA's row as it was reserved, with what it is now; its texts stay the execution's. */
static void made_begin(const struct execution *e, struct made *m)
{
	m->now = time_now();
	m->issuing_ca_id = e->above.count ? row_text(e->above.ca[0].id) : row_text(e->ca.id);
	m->single = slice_equal(e->issuer.hierarchy_mode, slice_text("single"));
	m->ca = e->ca;
	m->ca.memory = NULL;
	m->ca.state = slice_text(m->why[0] ? "withheld" : "active");
	m->ca.updated_at = m->now;
}

static int made_end(struct front *f, struct call *c, struct made *m, const struct facts *got, struct slice der,
		    uint64_t ledger_seq)
{
	made_fill_ca(m, got, der, ledger_seq);
	m->ca.not_before = got->not_before;
	m->ca.not_after = got->not_after;
	if (store_change(f->store, made_commit, m))
		return answer_store(c);
	m->noted = transition_made(f, c, &m->ca, NULL);
	metrics_hierarchy(f->metrics, m->ca.parent_id.len ? CREATE_CHILD : CREATE_ROOT, row_text(m->ca.issuer_id));
	return m->why[0] ? answer_withheld(c) : call_reply(c, 201, view_ca(&m->ca));
}

/* What the signer has taken, or knows to be void, the ledger tells of. */
static int refused(struct front *f, struct call *c, const struct signer_answer *answer, struct signer_hold *hold)
{
	uint16_t code = answer->refusal.code;
	if (code < REFUSE_PROPOSAL_EXPIRED || code > REFUSE_PROPOSAL_EPOCH) {
		signer_settle_failed(hold, SIGNER_REFUSED, answer);
		return answer_signer(c, SIGNER_REFUSED, answer);
	}
	signer_release(hold);
	return signer_refresh(f->signer) ? answer_signer(c, SIGNER_REFUSED, answer)
					 : answer_signer(c, SIGNER_AWAY, NULL);
}

static int certificate_make(struct front *f, struct call *c, const struct execution *e)
{
	struct signed_ca came;
	scoped_made m = { .why = "" };
	scoped_facts got = { 0 };
	scoped_answer answer = { 0 };
	scoped_hold hold;
	if (e->row.kind != PROPOSAL_SUBCA_FOREIGN && !e->key.memory)
		return call_refuse(c, 409, "proposal_void", NULL, "The key of this proposal is not there any more.");
	struct cert_sign_request fields = fields_of(f, e);
	signer_hold(f->signer, &hold);
	enum signer_result asked = signed_ca_ask(f, &e->above, &fields, &came, &answer);
	if (asked)
		return asked == SIGNER_REFUSED ? refused(f, c, &answer, &hold) : answer_signer(c, asked, &answer);
	if (facts_read(came.certificate, &got, m.why) == 0)
		signed_ca_check(&e->above, &fields, e->draft.facts.public_key, &got, came.certificate, m.why);
	if (e->key.memory)
		m.key = e->key;
	m.key.memory = NULL;
	made_begin(e, &m);
	int r = made_end(f, c, &m, &got, came.certificate, came.ledger_seq);
	if (c->status == 201)
		signer_settle(&hold, m.noted ? m.noted : came.ledger_seq);
	return r;
}

/* Which token has the key, by how it was named when it was asked for. */
static int import_key(struct front *f, struct call *c, const struct execution *e, struct key_uri *uri,
		      char token[MAX_TOKEN_NAME + 1])
{
	char why[KEY_URI_WHY] = "";
	if (!e->ca.key_uri.len)
		return 0;
	if (!key_uri_parse(row_text(e->ca.key_uri), uri, why))
		return -1;
	return key_token_find(f, c, uri, token);
}

static int import_make(struct front *f, struct call *c, const struct execution *e)
{
	struct key_uri uri = { 0 };
	char token[MAX_TOKEN_NAME + 1] = "";
	struct ca_import_request request = { .certificate = buf_slice(&e->draft.der), .context = e->row.context };
	struct ca_import_reply reply = { 0 };
	scoped_made m = { .why = "" };
	scoped_answer answer = { 0 };
	scoped_hold hold;
	int r = import_key(f, c, e, &uri, token);
	if (r)
		return r;
	request.token = slice_text(token);
	if (*token)
		request.driver_key = uri.id;
	signer_request_id(request.request_id);
	memcpy(request.proposal, e->row.id, sizeof(request.proposal));
	signer_hold(f->signer, &hold);
	enum signer_result asked = signer_ca_import(f->signer, &request, &reply, &answer);
	if (asked)
		return asked == SIGNER_REFUSED ? refused(f, c, &answer, &hold) : answer_signer(c, asked, &answer);
	made_begin(e, &m);
	if (*token) {
		m.key = (struct key_row){ .token = e->ca.token,
					  .algorithm = e->ca.algorithm,
					  .public_key = e->draft.facts.public_key,
					  .ledger_seq = reply.ledger_seq,
					  .created_at = m.now };
		memcpy(m.key.key_id, reply.key_id, sizeof(m.key.key_id));
		m.ca.token = m.key.token = request.token;
	} else
		m.single = false;
	r = made_end(f, c, &m, &e->draft.facts, request.certificate, reply.ledger_seq);
	if (c->status == 201)
		signer_settle(&hold, m.noted ? m.noted : reply.ledger_seq);
	return r;
}

/* Answers the call with the CA alone. */
static int execute(struct front *f, struct call *c)
{
	scoped_execution e = { .row = { .kind = 0 } };
	int r = execution_load(f, c, &e);
	if (r || in_state(&e.row, "executed"))
		return r;
	if (e.row.kind == PROPOSAL_IMPORT && e.ca.csr.len)
		return arrival_approved(f, c, row_text(e.ca.id), buf_slice(&e.draft.der), e.row.id);
	if (!ca_reserved(&e.ca))
		return call_reply(c, 200, view_ca(&e.ca));
	return e.row.kind == PROPOSAL_IMPORT ? import_make(f, c, &e) : certificate_make(f, c, &e);
}

/* The proposal as it is now, with the CA that came of it; failed: what stands against that, or NULL. */
static int tell(struct front *f, struct call *c, unsigned status, const struct call_error *failed)
{
	scoped_session *s = NULL;
	scoped_row(proposal) row = { 0 };
	scoped_row(ca) ca = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = proposal_find(s, c, &row);
	if (r)
		return r;
	r = in_state(&row, "executed") ? store_ca_find(s, row_text(row.ca_id), &ca) : STORE_NONE;
	if (r < 0)
		return answer_store(c);
	json_t *error = failed ? json_pack("{s:s, s:s}", "code", failed->code, "message", failed->message) : NULL;
	return call_reply(c, status,
			  json_pack("{s:o, s:o, s:o}", "proposal", proposal_view(s, &row, false), "ca",
				    r ? json_null() : view_ca(&ca), "execution_error", error ? error : json_null()));
}

static int step_run(struct front *f, struct call *c, struct call *step)
{
	*step = (struct call){ .who = c->who, .param = { c->param[0] } };
	memcpy(step->request_id, c->request_id, sizeof(step->request_id));
	int r = execute(f, step);
	/* Somebody else's request, or one of ours whose answer was lost, has done it: */
	if (r > 0 && strcmp(step->error.code, "proposal_spent") == 0) {
		call_clear(step);
		r = execute(f, step);
	}
	return r;
}

int execute_answer(struct front *f, struct call *c)
{
	struct call step;
	int r = step_run(f, c, &step);
	if (r > 0)
		c->error = step.error;
	else if (r == 0)
		r = tell(f, c, step.status == 201 ? 201 : 200, NULL);
	call_clear(&step);
	return r;
}

int execute_if_complete(struct front *f, struct call *c)
{
	struct call step;
	int r = step_run(f, c, &step);
	if (r < 0)
		r = answer_broken(&step);
	bool quiet = r > 0 && (strcmp(step.error.code, "proposal_unready") == 0 ||
			       strcmp(step.error.code, "proposal_of_root") == 0);
	r = tell(f, c, r == 0 && step.status == 201 ? 201 : 200, r > 0 && !quiet ? &step.error : NULL);
	call_clear(&step);
	return r;
}
