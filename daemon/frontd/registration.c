#include "frontd/registration.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/input.h"
#include "frontd/made.h"
#include "frontd/metrics.h"
#include "frontd/plan.h"
#include "frontd/proposal.h"
#include "frontd/root.h"
#include "frontd/subject.h"
#include "frontd/key_token.h"
#include "frontd/view.h"
#include "wire/inner_ask.h"

#define ROOT_FIELD "root_cert_pem"
#define KEY_FIELD "key_driver_id"

struct registration {
	struct plan plan;
	struct root root;
	struct key_uri uri;
	bool offline; /* a certificate only */
	char token[MAX_TOKEN_NAME + 1];
};

static void registration_free(struct registration *g)
{
	plan_free(&g->plan);
	root_free(&g->root);
}
#define scoped_registration __attribute__((cleanup(registration_free))) struct registration

static bool is_given(const struct call *c, const char *field)
{
	json_t *value = json_object_get(c->body, field);
	return value && !json_is_null(value);
}

bool registration_wanted(const struct call *c)
{
	return is_given(c, ROOT_FIELD) || is_given(c, KEY_FIELD);
}

/* What a new CA is asked for with and a registered one has in its certificate. */
static int check_members(struct call *c)
{
	static const char *const taken[] = { "subject",		  "algorithm",
					     "ttl_days",	  "path_len_constraint",
					     "name_constraints",  "constraint_template",
					     "ocsp_responder_url" };
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (is_given(c, taken[i]))
			return call_refuse(
				c, 400, "conflicting_fields", taken[i],
				"%s can't be stated of a registered root: what it is stands in root_cert_pem.",
				taken[i]);
	if (is_given(c, "parent_ca_id"))
		return call_refuse(c, 400, "conflicting_fields", "parent_ca_id",
				   "parent_ca_id and root_cert_pem don't go together: a root has no parent.");
	if (!is_given(c, ROOT_FIELD))
		return call_refuse(
			c, 400, "missing_field", ROOT_FIELD,
			"key_driver_id names the key of a root that is registered: root_cert_pem is required.");
	return 0;
}

static int read_key(struct call *c, struct registration *g)
{
	const char *text;
	char why[KEY_URI_WHY] = "";
	int r = input_text(c, KEY_FIELD, false, MAX_KEY_URI, &text);
	g->offline = !text;
	if (r || g->offline)
		return r;
	if (!key_uri_parse(text, &g->uri, why))
		return call_refuse(c, 400, "bad_key_driver_id", KEY_FIELD, "key_driver_id %s.", why);
	g->plan.key_uri = text;
	return 0;
}

static int read_root(struct call *c, struct registration *g)
{
	const char *pem;
	int r = input_block(c, ROOT_FIELD, MAX_ROOT_PEM, &pem);
	return r ? r : root_read(c, ROOT_FIELD, pem, time_now(), &g->root);
}

/* The plan says what the certificate says. */
static int fill_plan(struct call *c, struct registration *g)
{
	struct plan *p = &g->plan;
	const struct facts *facts = &g->root.facts;
	struct constraints stated = facts_constraints(facts);
	buf_put_slice(&p->subject.raw, buf_slice(&facts->subject.raw));
	p->subject.count = facts->subject.count;
	subject_fold(items_list(&p->subject), &p->fold);
	p->algorithm = algorithm_by_number(g->root.algorithm);
	p->not_before = facts->not_before;
	p->not_after = facts->not_after;
	p->path_len = facts->path_len;
	buf_put_slice(&p->asked.permitted, stated.permitted.raw);
	buf_put_slice(&p->asked.excluded, stated.excluded.raw);
	p->asked.permitted_count = stated.permitted.count;
	p->asked.excluded_count = stated.excluded.count;
	if (slice_equal(p->issuer.hierarchy_mode, slice_text("single")) && p->path_len != 0)
		return call_refuse(
			c, 400, "path_len_exceeded", ROOT_FIELD,
			"The one CA of an issuer in single mode has path length 0, and this root's is another; "
			"register it in an issuer of mode tree.");
	return plan_constraints(c, p);
}

/* With all rules that need no signature. */
static int registration_plan(struct front *f, struct call *c, struct registration *g)
{
	static const char *const known[] = { "name", ROOT_FIELD, KEY_FIELD, "metadata", RULE_FIELD, NULL };
	int r = check_members(c);
	if (!r)
		r = plan_begin(f, c, known, &g->plan);
	if (!r)
		r = read_key(c, g);
	if (!r)
		r = read_root(c, g);
	if (!r)
		r = fill_plan(c, g);
	return r ? r : plan_end(f, c, &g->plan);
}

static int registration_token(struct front *f, struct call *c, struct registration *g)
{
	char why[160];
	if (g->offline)
		return 0;
	/* A dry run is good for as much as can be told without the signer. */
	if (c->dry_run && (!f->signer || !signer_ready(f->signer, why)))
		return 0;
	g->plan.token = g->token;
	return key_token_find(f, c, &g->uri, g->token);
}

static int dry_reply(struct call *c, const struct registration *g)
{
	int r = plan_reply(c, &g->plan);
	json_t *key = g->offline ? json_null() : json_string(g->plan.key_uri);
	return r || json_object_set_new(c->reply, KEY_FIELD, key) ? -1 : 0;
}

struct reservation {
	const struct plan *plan;
	struct ca_row row;
};

static int reserve_work(struct store_session *s, void *with)
{
	const struct reservation *r = with;
	bool again;
	return plan_reserve(s, r->plan, &r->row, &again);
}

static int release_work(struct store_session *s, void *with)
{
	int r = store_ca_delete(s, with);
	return r < 0 ? r : 0;
}

static int root_commit(struct front *f, struct call *c, struct registration *g, const struct ca_import_reply *reply,
		       uint64_t *noted)
{
	const struct plan *p = &g->plan;
	const struct facts *facts = &g->root.facts;
	scoped_made m = { .now = time_now(), .issuing_ca_id = p->id };
	m.ca = plan_row(p, c, "active");
	if (!g->offline) {
		memcpy(m.key.key_id, reply->key_id, sizeof(m.key.key_id));
		m.key.token = m.ca.token;
		m.key.algorithm = p->algorithm->number;
		m.key.public_key = facts->public_key;
		m.key.ledger_seq = reply->ledger_seq;
		m.key.created_at = m.now;
		m.single = slice_equal(p->issuer.hierarchy_mode, slice_text("single"));
	}
	made_fill_ca(&m, facts, buf_slice(&g->root.der), reply->ledger_seq);
	if (store_change(f->store, made_commit, &m))
		return answer_store(c);
	scoped_buf limits = { .max = MAX_CONTEXT };
	*noted = transition_made(f, c, &m.ca, plan_asked(p, &limits));
	metrics_hierarchy(f->metrics, CREATE_ROOT, row_text(p->issuer.id));
	return call_reply(c, 201, view_ca(&m.ca));
}

static void release(struct front *f, const struct plan *p)
{
	if (store_change(f->store, release_work, (void *)(uintptr_t)p->id) < 0)
		log_warning("ca_release", "ca=%s why=\"the reservation stays until the next catch-up\"", p->id);
}

/* People have to approve it first: its name and subject wait meanwhile. */
static int root_propose(struct front *f, struct call *c, const struct plan *p, const struct ca_import_request *request,
			struct signer_hold *hold)
{
	bool open = false;
	scoped_buf frame = { .max = MAX_FRAME_BODY };
	ask_ca_import_put(&frame, 0, request);
	struct proposing asked = proposing_of(p);
	asked.verb = INNER_CA_IMPORT;
	asked.body = (struct slice){ frame.at + FRAME_HEAD, frame.len - FRAME_HEAD };
	int r = buf_ok(&frame) ? proposal_open(f, c, &asked, hold, &open) : answer_store(c);
	if (!open) {
		release(f, p);
		signer_settle(hold, 0);
	}
	return r;
}

static int root_import(struct front *f, struct call *c, struct registration *g)
{
	struct plan *p = &g->plan;
	struct ca_import_request request = { .certificate = buf_slice(&g->root.der),
					     .context = buf_slice(&p->context) };
	memcpy(request.request_id, p->request_id, sizeof(request.request_id));
	if (!g->offline) {
		request.token = slice_text(p->token);
		request.driver_key = g->uri.id;
	}
	struct ca_import_reply reply = { 0 };
	scoped_answer answer = { 0 };
	scoped_hold hold;
	signer_hold(f->signer, &hold);
	enum signer_result asked = signer_ca_import(f->signer, &request, &reply, &answer);
	if (asked == SIGNER_REFUSED && answer.refusal.code == REFUSE_APPROVAL_NEEDED)
		return root_propose(f, c, p, &request, &hold);
	signer_settle_failed(&hold, asked, &answer);
	if (asked == SIGNER_REFUSED) {
		release(f, p);
		return answer_import(c, &answer, ROOT_FIELD, KEY_FIELD, "root_invalid");
	}
	if (asked)
		return answer_signer(c, asked, &answer); /* its fate is unknown: the catch-up will tell */
	uint64_t noted = 0;
	int r = root_commit(f, c, g, &reply, &noted);
	if (c->status == 201)
		signer_settle(&hold, noted ? noted : reply.ledger_seq);
	return r;
}

int registration_run(struct front *f, struct call *c)
{
	char why[160];
	scoped_registration g = { .offline = false };
	int r = registration_plan(f, c, &g);
	if (!r)
		r = registration_token(f, c, &g);
	if (r)
		return r < 0 ? answer_store(c) : r;
	if (c->dry_run)
		return dry_reply(c, &g);
	if (!signer_ready(f->signer, why))
		return answer_signer(c, SIGNER_AWAY, NULL);
	struct reservation reservation = { &g.plan, plan_row(&g.plan, c, "created") };
	r = store_change(f->store, reserve_work, &reservation);
	return r ? plan_refuse(c, r) : root_import(f, c, &g);
}
