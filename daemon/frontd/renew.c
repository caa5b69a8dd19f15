/*
 * Further certificates over a CA's key: its own made anew with the same key, from its issuer, for longer; and one from
 * another CA beside it. Both are held against what the key may do before the signer does so once more.
 */
#include <string.h>

#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/ceiling.h"
#include "frontd/check.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/hierarchy.h"
#include "frontd/input.h"
#include "frontd/made.h"
#include "frontd/plan.h"
#include "frontd/shard.h"
#include "frontd/signed_ca.h"
#include "frontd/urls.h"
#include "frontd/view.h"
#include "wire/inner.h"

#define DAY 86400
#define MAX_TTL_DAYS 36500
#define SIGNER_FIELD "issuer_ca_id"
#define MAX_PATH_LEN 255

/* A certificate over a bound key, on its way. */
struct again {
	const char *op;		 /* "renew", "cross" */
	struct chain own, above; /* the CA with its chain; its signer with the signer's, empty for a root by itself */
	struct facts facts;	 /* of the CA's certificate */
	struct constraints_buf asked, stated;
	struct items urls;
	struct buf context;
	int64_t ttl; /* seconds; 0: not stated */
	struct cert_sign_request fields;
};

static void again_init(struct again *a, const char *op)
{
	*a = (struct again){ .op = op };
	constraints_buf_init(&a->asked);
	constraints_buf_init(&a->stated);
	items_init(&a->urls);
	buf_init(&a->context, MAX_CONTEXT);
}

static void again_free(struct again *a)
{
	chain_free(&a->own);
	chain_free(&a->above);
	facts_free(&a->facts);
	constraints_buf_free(&a->asked);
	constraints_buf_free(&a->stated);
	items_free(&a->urls);
	buf_free(&a->context);
}
#define scoped_again __attribute__((cleanup(again_free))) struct again

static const struct ca_row *ca_of(const struct again *a)
{
	return &a->own.ca[0];
}

static bool is_renewal(const struct again *a)
{
	return strcmp(a->op, "renew") == 0;
}

static int usable(struct call *c, const struct ca_row *ca, const char *field)
{
	const char *who = field ? "The CA that would sign" : "The CA";
	if (!slice_equal(ca->state, slice_text("active")))
		return call_refuse(c, 409, field ? "parent_not_active" : "ca_not_active", field,
				   "%s is %s; it must be active.", who, row_text(ca->state));
	if (ca->held.len)
		return call_refuse(c, 409, "ca_held", field,
				   "%s issues nothing until an administrator lifts what holds it.", who);
	if (ca_offline(ca))
		return answer_key_elsewhere(c, ca, field);
	return 0;
}

/* signer: the id of the CA that is asked for; NULL: the CA's own parent, or itself. */
static int read_chains(struct front *f, struct call *c, const char *signer, struct again *a)
{
	char why[FACTS_WHY];
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = chain_load(s, c->param[0], &a->own);
	if (r || ca_reserved(ca_of(a)))
		return r < 0 ? answer_store(c) : answer_no_ca(c);
	if (!signer)
		signer = row_text(ca_of(a)->parent_id);
	r = *signer ? chain_load(s, signer, &a->above) : 0;
	if (r < 0)
		return answer_store(c);
	if (r)
		return call_refuse(c, 404, "ca_not_found", SIGNER_FIELD, "There is no CA with this id.");
	r = usable(c, ca_of(a), NULL);
	if (!r && a->above.count)
		r = usable(c, &a->above.ca[0], SIGNER_FIELD);
	if (!r && facts_read_foreign(ca_of(a)->certificate, &a->facts, why))
		r = call_refuse(c, 409, "ca_unreadable", NULL, "The CA's own certificate can't be read: %s.", why);
	return r;
}

static int read_ttl(struct call *c, struct again *a)
{
	bool there;
	int64_t days = 0;
	int r = input_integer(c, "ttl_days", 1, MAX_TTL_DAYS, &there, &days);
	a->ttl = days * DAY;
	return r;
}

static void set_common(struct call *c, struct again *a)
{
	struct cert_sign_request *r = &a->fields;
	*r = (struct cert_sign_request){ .kind = KIND_CA,
					 .key_form = KEY_LOCAL,
					 .subject_key = { ca_of(a)->key_id, sizeof(ca_of(a)->key_id) },
					 .subject = items_list(&a->facts.subject) };
	context_request_id(c, r->request_id);
	if (a->above.count)
		memcpy(r->ca_key, a->above.ca[0].key_id, sizeof(r->ca_key));
}

static const struct ca_row *signer_of(const struct again *a)
{
	return a->above.count ? &a->above.ca[0] : ca_of(a);
}

/* From now on, within the signer's chain and not after `latest`; for as long as is stated, or usual and possible. */
static int set_validity(struct front *f, struct call *c, struct again *a, int64_t usual, int64_t latest)
{
	int64_t ttl = a->ttl ? a->ttl : ceiling_within(f, signer_of(a), KIND_CA, usual);
	int64_t now = request_time(a->fields.request_id), begin = now - f->backdate, end = begin + ttl - 1;
	int64_t first = a->above.count ? chain_not_before(&a->above) : INT64_MIN;
	int64_t last = a->above.count ? chain_not_after(&a->above) : INT64_MAX;
	if (now < first || now > last)
		return call_refuse(c, 400, "issuer_expired", SIGNER_FIELD,
				   "The chain of the CA that would sign is not valid now.");
	last = last < latest ? last : latest;
	a->fields.not_before = begin < first ? first : begin;
	a->fields.not_after = end < last ? end : last;
	if (a->fields.not_after <= a->fields.not_before)
		return call_refuse(c, 400, "issuer_expired", NULL, "The CA's own chain is not valid any more.");
	const struct validity v = { KIND_CA, a->fields.not_before, a->fields.not_after, !a->above.count };
	return ceiling_check(f, c, signer_of(a), &v);
}

static void set_urls(const struct front *f, struct again *a)
{
	const struct ca_row *issuer = a->above.count ? &a->above.ca[0] : NULL;
	if (issuer)
		urls_put(f, issuer, &a->urls);
	if (is_renewal(a))
		urls_put_following(f, issuer, items_list(&a->facts.urls), ca_of(a)->parent_id, &a->urls);
	else if (issuer)
		urls_put_responder(f, issuer, &a->urls);
	a->fields.urls = items_list(&a->urls);
}

static int set_context(struct call *c, struct again *a)
{
	struct context_words words = { .op = a->op, .ca = row_text(ca_of(a)->id) };
	if (context_put(&a->context, c, &words))
		return -1;
	a->fields.context = buf_slice(&a->context);
	return 0;
}

static int renewal_plan(struct front *f, struct call *c, struct again *a)
{
	struct constraints stated;
	const struct ca_row *ca = ca_of(a);
	char end[TIME_TEXT_SIZE], now[TIME_TEXT_SIZE];
	if (constraints_unpack(ca->constraints, &stated))
		return -1;
	a->fields.path_len = ca->path_len;
	a->fields.permitted = stated.permitted;
	a->fields.excluded = stated.excluded;
	a->fields.policies = items_list(&a->facts.policies);
	int64_t usual = ca->ttl ? ca->ttl : ca->not_after - ca->not_before + 1;
	int r = set_validity(f, c, a, usual, INT64_MAX);
	if (r || a->fields.not_after > ca->not_after)
		return r;
	time_text(a->fields.not_after, end);
	time_text(ca->not_after, now);
	return call_refuse(
		c, 400, "renewal_not_longer", "ttl_days",
		"The renewed certificate would end on %s, and the CA has one until %s: state more ttl_days, or "
		"renew the CA above it first.",
		end, now);
}

static int refuse_wider(struct call *c, const char *field)
{
	return call_refuse(c, 400, "cross_wider", field,
			   "%s: a cross-certificate says no more than the CA's own chain allows.", field);
}

/* What is stated must leave no more than the CA's own chain does, under the other one. */
static int cross_constraints(struct call *c, struct again *a)
{
	struct constraints own, above, asked, said;
	struct constraints_buf room;
	uint8_t type = 0;
	struct slice culprit;
	int r = plan_read_constraints(c, &a->asked);
	if (r)
		return r;
	if (constraints_unpack(ca_of(a)->effective, &own) || constraints_unpack(a->above.ca[0].effective, &above))
		return -1;
	asked = constraints_of(&a->asked);
	bool stated = !constraints_empty(&asked);
	if (stated ? constraints_inherit(&asked, &above, &a->stated) : constraints_combine(&own, &above, &a->stated))
		return refuse_wider(c, "name_constraints");
	asked = constraints_of(&a->stated);
	constraints_buf_init(&room);
	bool fits = constraints_check(&asked) &&
		    constraints_narrower(&asked, &above, &type, &culprit) == CONSTRAINTS_OK &&
		    constraints_combine(&above, &asked, &room) == CONSTRAINTS_OK;
	said = constraints_of(&room);
	fits = fits && constraints_within(&said, &own);
	constraints_buf_free(&room);
	a->fields.permitted = asked.permitted;
	a->fields.excluded = asked.excluded;
	return fits ? 0 : refuse_wider(c, "name_constraints");
}

static int cross_path_len(struct call *c, struct again *a)
{
	bool there;
	int64_t asked = 0;
	uint16_t own = ca_of(a)->path_len, above = a->above.ca[0].path_len;
	int r = input_integer(c, "path_len_constraint", 0, MAX_PATH_LEN, &there, &asked);
	if (r)
		return r;
	if (above == 0)
		return call_refuse(c, 400, "path_len_exceeded", SIGNER_FIELD,
				   "The CA that would sign has path_len_constraint 0: it certifies no CA.");
	uint16_t most = above == PATH_LEN_NONE || own < above ? own : (uint16_t)(above - 1);
	if (there && most != PATH_LEN_NONE && asked > most)
		return refuse_wider(c, "path_len_constraint");
	a->fields.path_len = there ? (uint16_t)asked : most;
	return 0;
}

static bool stands_above(const struct again *a)
{
	for (size_t i = 0; i < a->above.count; i++)
		if (slice_equal(a->above.ca[i].id, ca_of(a)->id))
			return true;
	return false;
}

static int cross_plan(struct front *f, struct call *c, struct again *a)
{
	struct constraints above;
	if (stands_above(a))
		return call_refuse(c, 400, "cross_below", SIGNER_FIELD,
				   "A CA is certified by none that stands below it, nor by itself.");
	if (slice_equal(ca_of(a)->parent_id, a->above.ca[0].id))
		return call_refuse(c, 400, "cross_parent", SIGNER_FIELD,
				   "This is the CA's own parent; renew the CA instead.");
	int r = cross_path_len(c, a);
	if (!r)
		r = cross_constraints(c, a);
	if (!r && constraints_unpack(a->above.ca[0].effective, &above))
		return -1;
	if (!r && constraints_admit_subject(&above, a->fields.subject) != CONSTRAINTS_OK)
		return call_refuse(c, 400, "name_not_permitted", SIGNER_FIELD,
				   "The CA's subject is outside the name constraints of the CA that would sign.");
	int64_t end = chain_not_after(&a->own);
	return r ? r : set_validity(f, c, a, end, end);
}

static void again_check(const struct again *a, const struct facts *got, struct slice der, char why[FACTS_WHY])
{
	signed_ca_check(&a->above, &a->fields, a->facts.public_key, got, der, why);
	if (!why[0] && !slice_equal(got->subject_key_id, a->facts.subject_key_id))
		snprintf(why, FACTS_WHY, "the subject key identifier is another than the CA has");
}

static int cross_reply(struct call *c, const struct again *a, const struct made *m)
{
	size_t root = a->above.count - 1;
	char *chain = chain_pem(&a->above, 0, root), *top = chain_pem(&a->above, root, root + 1);
	json_t *view = view_certificate(&m->row, true);
	json_t *more =
		chain && top
			? json_pack("{s:o, s:o, s:s, s:s, s:o, s:o}", "subject_ca_id", view_text(ca_of(a)->id),
				    SIGNER_FIELD, view_text(a->above.ca[0].id), "chain_pem", chain, "root_pem", top,
				    "path_len_constraint", view_path_len(a->fields.path_len), "name_constraints",
				    view_constraints(&(struct constraints){ a->fields.permitted, a->fields.excluded }))
			: NULL;
	if (!view || !more || json_object_update(view, more)) {
		json_decref(view);
		view = NULL;
	}
	json_decref(more);
	free(chain);
	free(top);
	return call_reply(c, 201, view);
}

static int renewal_reply(struct front *f, struct call *c)
{
	scoped_session *s = NULL;
	scoped_row(ca) now = { 0 };
	if (store_read(f->store, &s) || store_ca_find(s, c->param[0], &now))
		return answer_store(c);
	return call_reply(c, 200, view_ca(&now));
}

static int again_commit(struct front *f, struct call *c, const struct again *a, const struct signed_ca *came,
			struct signer_hold *hold)
{
	scoped_made m = { .now = time_now() };
	scoped_facts got = { 0 };
	if (facts_read(came->certificate, &got, m.why) == 0)
		again_check(a, &got, came->certificate, m.why);
	m.issuing_ca_id = row_text(a->above.count ? a->above.ca[0].id : ca_of(a)->id);
	m.renewed_ca_id = is_renewal(a) ? row_text(ca_of(a)->id) : NULL;
	made_fill(&m, &got, came->certificate, m.issuing_ca_id, KIND_CA);
	items_put(&m.names, 0, ca_of(a)->id);
	m.row.actor = slice_text(c->who->actor);
	m.row.ledger_seq = came->ledger_seq;
	memcpy(m.row.request_id, a->fields.request_id, sizeof(m.row.request_id));
	if (store_change(f->store, made_commit, &m))
		return answer_store(c);
	signer_settle(hold, came->ledger_seq);
	if (m.why[0])
		return answer_withheld(c);
	return is_renewal(a) ? renewal_reply(f, c) : cross_reply(c, a, &m);
}

static int again_run(struct front *f, struct call *c, const struct again *a)
{
	struct signed_ca came;
	scoped_answer answer = { 0 };
	scoped_hold hold;
	signer_hold(f->signer, &hold);
	enum signer_result asked = signed_ca_ask(f, &a->above, &a->fields, &came, &answer);
	signer_settle_failed(&hold, asked, &answer);
	if (asked == SIGNER_REFUSED && answer.refusal.code == REFUSE_APPROVAL_NEEDED)
		return call_refuse(
			c, 409, "approval_needed", NULL,
			"A cross-certificate opens another way to a CA: where a new CA needs approvals none is "
			"made. Root may set approvals.new_ca of signd.conf to 0 for as long as it takes.");
	return asked ? answer_signer(c, asked, &answer) : again_commit(f, c, a, &came, &hold);
}

static int again_dry(struct call *c, const struct again *a)
{
	const struct constraints stated = { a->fields.permitted, a->fields.excluded };
	return call_reply(c, 200,
			  json_pack("{s:b, s:o, s:o, s:o, s:o, s:o}", "dry_run", 1, "id", view_text(ca_of(a)->id),
				    "not_before", view_time(a->fields.not_before), "not_after",
				    view_time(a->fields.not_after), "path_len_constraint",
				    view_path_len(a->fields.path_len), "name_constraints", view_constraints(&stated)));
}

/* A repeated request whose certificate is there already. */
static int again_made(struct front *f, struct call *c, const struct again *a, bool *answered)
{
	scoped_session *s = NULL;
	struct made m = { .now = 0 };
	*answered = false;
	if (!c->signing_id_given)
		return 0;
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_certificate_find_request(s, c->signing_id, &m.row);
	*answered = r == STORE_DONE;
	store_read_end(&s);
	s = NULL;
	if (*answered)
		r = slice_equal(m.row.state, slice_text("withheld")) ? answer_withheld(c)
		    : is_renewal(a)				     ? renewal_reply(f, c)
								     : cross_reply(c, a, &m);
	certificate_row_free(&m.row);
	return r == STORE_NONE && !*answered ? 0 : r < 0 ? answer_store(c) : r;
}

typedef int again_plan(struct front *f, struct call *c, struct again *a);

/* signer: the id of the CA that is asked for; NULL: the CA's own issuer. */
static int again_answer(struct front *f, struct call *c, struct again *a, const char *signer, again_plan *plan)
{
	bool answered = false;
	struct lint_report report;
	int r = read_ttl(c, a);
	if (!r)
		r = read_chains(f, c, signer, a);
	if (!r)
		r = again_made(f, c, a, &answered);
	if (!r && !answered && a->above.count)
		r = shard_check(f, c, &a->above.ca[0]);
	if (r || answered)
		return r;
	set_common(c, a);
	set_urls(f, a);
	r = plan(f, c, a);
	if (!r && check_request(&a->fields, LINT_ERROR, &report))
		r = answer_lint(c, &report, NULL);
	if (!r)
		r = set_context(c, a);
	if (r)
		return r < 0 ? answer_store(c) : r;
	return c->dry_run ? again_dry(c, a) : again_run(f, c, a);
}

int intermediate_renew(struct front *f, struct call *c)
{
	static const char *const known[] = { "ttl_days", NULL };
	scoped_again a;
	again_init(&a, "renew");
	int r = input_members(c, known);
	return r ? r : again_answer(f, c, &a, NULL, renewal_plan);
}

int intermediate_cross(struct front *f, struct call *c)
{
	static const char *const known[] = { SIGNER_FIELD, "ttl_days", "path_len_constraint", "name_constraints",
					     NULL };
	const char *signer = NULL;
	scoped_again a;
	again_init(&a, "cross");
	int r = input_members(c, known);
	if (!r)
		r = input_text(c, SIGNER_FIELD, true, 64, &signer);
	return r ? r : again_answer(f, c, &a, signer, cross_plan);
}
