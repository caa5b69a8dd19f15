#include "frontd/succession.h"

#include <string.h>
#include <time.h>

#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/ceiling.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/generation.h"
#include "frontd/lineage.h"
#include "frontd/plan.h"
#include "frontd/proposal.h"
#include "frontd/retire.h"
#include "frontd/shard.h"
#include "frontd/subject.h"
#include "frontd/urls.h"
#include "frontd/view.h"
#include "wire/inner.h"

#define MAX_CA_NAME 64	/* characters, as of any CA */
#define MAX_TAKEN 1000	/* generations whose names others have */
#define WAIT_STEP_MS 50 /* how often one looks whether the successor that another makes is there */
#define MAX_PATH_LEN 255

/* A successor under way. */
struct succession {
	struct plan plan;
	struct ca_row ca; /* whom it follows */
	struct facts facts;
	struct buf name;
	enum succession_reason reason;
	int64_t ttl;
	char signer[64]; /* the id of the CA that signs it; "": none, it is a root */
};

static void succession_free(struct succession *n)
{
	plan_free(&n->plan);
	ca_row_free(&n->ca);
	facts_free(&n->facts);
	buf_free(&n->name);
}
#define scoped_succession __attribute__((cleanup(succession_free))) struct succession

static int refuse_state(struct call *c, const struct ca_row *ca)
{
	if (!ca_is(ca, "active"))
		return call_refuse(c, 409, "ca_not_active", NULL, "The CA is %s; only an active CA gets a successor.",
				   row_text(ca->state));
	if (ca->held.len)
		return call_refuse(c, 409, "ca_held", NULL,
				   "The CA issues nothing until an administrator lifts what holds it; nor is a "
				   "successor made of it.");
	if (ca->outsider)
		return answer_key_elsewhere(c, ca, NULL);
	if (ca_offline(ca))
		return call_refuse(c, 409, "ca_key_offline", NULL,
				   "The CA was registered as a certificate only: the token for its successor's key is "
				   "not known. Make the successor with its own create request.");
	return 0;
}

/* Who signs it, and whether that is of any use. */
static int choose_signer(struct front *f, struct store_session *s, struct call *c, struct succession *n)
{
	scoped_lineage l = { 0 };
	const struct lineage_ca *ca =
		lineage_read(f, s, &n->plan.issuer, &l) ? NULL : lineage_find(&l, row_text(n->ca.id));
	if (!ca)
		return -1;
	if (lineage_is(ca, "active") && !lineage_in_use(ca))
		return call_refuse(c, 409, "not_in_use", NULL,
				   "The CA is itself a successor that has not taken over yet; rotate %s.",
				   row_text(ca->predecessor->row.id));
	n->ttl = lineage_ttl(ca);
	const struct lineage_ca *signer =
		lineage_signer(ca, request_time(n->plan.request_id) - f->backdate + n->ttl - 1);
	if (!signer)
		return 0;
	if (n->reason == BY_RULE && signer->end <= ca->end)
		return call_refuse(
			c, 409, "parent_ends_first", "parent_ca_id",
			"A successor would end no later than the CA itself, with %s above it: rotate or renew "
			"that one first.",
			row_text(signer->row.name));
	slice_to_text(signer->row.id, n->signer, sizeof(n->signer));
	return 0;
}

/* The next generation whose name and subject nobody has. */
static int choose_name(struct store_session *s, struct call *c, struct succession *n)
{
	struct plan *p = &n->plan;
	struct list subject = view_list(n->ca.subject);
	unsigned generation = generation_of_subject(subject), named = generation_of(n->ca.name);
	generation = generation > named ? generation : named;
	for (unsigned tried = 0; tried < MAX_TAKEN && generation < MAX_GENERATION; tried++) {
		scoped_row(ca) other = { 0 };
		items_free(&p->subject);
		items_init(&p->subject);
		buf_clear(&p->fold);
		buf_clear(&n->name);
		generation_put(&n->name, n->ca.name, ++generation, MAX_CA_NAME);
		buf_put_u8(&n->name, 0);
		generation_put_subject(&p->subject, subject, generation);
		subject_fold(items_list(&p->subject), &p->fold);
		if (!buf_ok(&n->name) || !buf_ok(&p->fold))
			return -1;
		p->name = (const char *)n->name.at;
		int r = store_ca_find_name(s, row_text(p->issuer.id), p->name, &other);
		if (r == STORE_NONE)
			r = store_ca_find_subject(s, buf_slice(&p->fold), &other);
		if (r == STORE_NONE || r < 0)
			return r < 0 ? r : 0;
	}
	return call_refuse(c, 409, "subject_taken", "subject", "No generation of this CA's subject is free.");
}

static int read_rows(struct front *f, struct call *c, const char *ca_id, struct succession *n)
{
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_ca_find(s, ca_id, &n->ca);
	if (r || ca_reserved(&n->ca))
		return r < 0 ? answer_store(c) : answer_no_ca(c);
	r = refuse_state(c, &n->ca);
	if (!r)
		r = store_issuer_find(s, row_text(n->ca.issuer_id), &n->plan.issuer);
	if (!r)
		r = choose_signer(f, s, c, n);
	if (!r)
		r = choose_name(s, c, n);
	if (!r && *n->signer)
		r = chain_load(s, n->signer, &n->plan.above);
	return r < 0 ? answer_store(c) : r;
}

static void put_list(struct list l, struct buf *raw, uint16_t *count)
{
	buf_put_slice(raw, l.raw);
	*count = l.count;
}

/* Same path length, same constraints, and no wider than its parent's now. */
static int take_limits(struct call *c, struct succession *n)
{
	struct plan *p = &n->plan;
	struct constraints stated;
	uint16_t above = p->above.count ? p->above.ca[0].path_len : PATH_LEN_NONE;
	if (constraints_unpack(n->ca.constraints, &stated))
		return -1;
	p->path_len = n->ca.path_len;
	if (above != PATH_LEN_NONE && (p->path_len == PATH_LEN_NONE || p->path_len >= above))
		return call_refuse(c, 409, "path_len_exceeded", "path_len_constraint",
				   "The CA's path length is not less than that of %s, which would sign its successor.",
				   row_text(p->above.ca[0].name));
	p->asked_path_len = p->path_len <= MAX_PATH_LEN ? (int)p->path_len : PATH_LEN_UNASKED;
	put_list(stated.permitted, &p->asked.permitted, &p->asked.permitted_count);
	put_list(stated.excluded, &p->asked.excluded, &p->asked.excluded_count);
	return plan_constraints(c, p);
}

/* A responder that was stated for the predecessor is the successor's, too; all else is made anew. */
static int take_urls(struct front *f, struct call *c, struct succession *n)
{
	char why[FACTS_WHY];
	struct plan *p = &n->plan;
	if (facts_read_foreign(n->ca.certificate, &n->facts, why))
		return call_refuse(c, 409, "ca_unreadable", NULL, "The CA's own certificate can't be read: %s.", why);
	const struct ca_row *issuer = p->above.count ? &p->above.ca[0] : NULL;
	if (issuer)
		urls_put(f, issuer, &p->urls);
	urls_put_following(f, issuer, items_list(&n->facts.urls), n->ca.parent_id, &p->urls);
	return 0;
}

/* As long as its predecessor was meant to live, unless that is above the ceiling by now. */
static int64_t usual_ttl(struct front *f, const struct succession *n)
{
	return ceiling_within(f, n->plan.above.count ? &n->plan.above.ca[0] : &n->ca, KIND_CA, n->ttl);
}

static int succession_plan(struct front *f, struct call *c, const char *ca_id, struct succession *n)
{
	struct plan *p = &n->plan;
	plan_init(c, p);
	buf_init(&n->name, MAX_CA_NAME * 4 + 1);
	int r = read_rows(f, c, ca_id, n);
	if (r)
		return r;
	p->predecessor_id = row_text(n->ca.id);
	p->crl_shards = shard_count(&n->ca);
	p->crl_url = row_text(n->ca.crl_url);
	p->token = row_text(n->ca.token);
	p->algorithm = algorithm_by_number(n->ca.algorithm);
	slice_to_text(n->ca.rotation, p->rule, sizeof(p->rule));
	buf_put_slice(&p->metadata, n->ca.metadata);
	r = p->algorithm ? take_limits(c, n) : -1;
	if (!r)
		r = plan_set_validity(f, c, p, usual_ttl(f, n));
	if (!r)
		r = take_urls(f, c, n);
	return r ? r : plan_end(f, c, p);
}

/* The CA's successor as it is now: STORE_NONE, or in *out. */
static int successor_find(struct front *f, const char *ca_id, struct ca_row *out)
{
	scoped_session *s = NULL;
	return store_read(f->store, &s) ? -1 : store_ca_find_successor(s, ca_id, out);
}

/* Whether another's try came to something, which this waits for; STORE_NONE: it came to nothing. */
static int successor_wait(struct front *f, const char *ca_id, struct ca_row *out)
{
	const struct timespec step = { 0, WAIT_STEP_MS * 1000000L };
	int64_t end = time_boot_ms() + (int64_t)f->ask_timeout * 1000;
	for (;;) {
		int r = successor_find(f, ca_id, out);
		if (r || ca_is(out, "active") || ca_waits(out))
			return r;
		bool under_way = ca_reserved(out);
		ca_row_free(out);
		if (!under_way || time_boot_ms() >= end)
			return STORE_NONE;
		nanosleep(&step, NULL);
	}
}

/* A successor that waits for approvals is no further than that, however long one waits. */
static int successor_proposed(struct front *f, struct call *c, const char *ca_id, bool *proposed)
{
	scoped_session *s = NULL;
	scoped_row(ca) there = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_ca_find_successor(s, ca_id, &there);
	if (r || !ca_reserved(&there))
		return r < 0 ? answer_store(c) : 0;
	return proposal_again(c, s, row_text(there.id), proposed);
}

/* Another's successor: a check that goes from one row to the next may have seen its name or its subject alone. */
static bool refused_by_other(const struct call *c)
{
	static const char *const codes[] = { "successor_exists", "duplicate_name", "subject_taken" };
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (strcmp(c->error.code, codes[i]) == 0)
			return true;
	return false;
}

int succession_prepare(struct front *f, struct call *c, const char *ca_id, enum succession_reason reason)
{
	scoped_row(ca) there = { 0 };
	bool proposed = false;
	int r = successor_proposed(f, c, ca_id, &proposed);
	if (r || proposed)
		return r;
	r = successor_wait(f, ca_id, &there);
	if (r != STORE_NONE)
		return r ? answer_store(c) : call_reply(c, 200, view_ca(&there));
	scoped_succession n = { .reason = reason };
	r = succession_plan(f, c, ca_id, &n);
	if (!r && c->dry_run)
		return plan_reply(c, &n.plan);
	if (!r)
		r = plan_carry_out(f, c, &n.plan);
	if (r < 0)
		return answer_store(c);
	int found = r > 0 && refused_by_other(c) ? successor_wait(f, ca_id, &there) : STORE_NONE;
	if (found == STORE_NONE)
		return r;
	if (found)
		return answer_store(c);
	call_clear(c);
	return call_reply(c, 200, view_ca(&there));
}

static int refuse_like(struct call *c, const struct call *other)
{
	c->error = other->error;
	return 1;
}

int succession_activate(struct front *f, struct call *c, const char *ca_id)
{
	scoped_row(ca) successor = { 0 };
	int r = successor_find(f, ca_id, &successor);
	if (r || !ca_is(&successor, "active"))
		return r < 0 ? answer_store(c)
			     : call_refuse(c, 409, "no_successor", NULL, "The CA has no successor that is active.");
	/* A request of its own: the one that made the successor may have come under the same key. */
	struct call step = { .who = c->who };
	memcpy(step.request_id, c->request_id, sizeof(step.request_id));
	const struct retirement retirement = { .successor_id = row_text(successor.id) };
	r = retire_take(f, &step, ca_id, &retirement);
	/* By somebody else, just now: */
	bool done = r > 0 && (strcmp(step.error.code, "confirm_required") == 0 ||
			      strcmp(step.error.code, "already_retired") == 0);
	if (r > 0 && !done)
		r = refuse_like(c, &step);
	else if (r >= 0)
		r = call_reply(c, c->status == 201 ? 201 : 200, view_ca(&successor));
	call_clear(&step);
	return r;
}

int succession_take(struct store_session *s, const struct ca_row *ca, int64_t now)
{
	scoped_row(issuer) issuer = { 0 };
	scoped_row(ca) successor = { 0 };
	int r = store_issuer_find(s, row_text(ca->issuer_id), &issuer);
	if (r || !slice_equal(issuer.issuing_ca_id, ca->id))
		return r < 0 ? r : 0;
	r = store_ca_find_successor(s, row_text(ca->id), &successor);
	if (r || !ca_is(&successor, "active"))
		return r < 0 ? r : 0;
	issuer.issuing_ca_id = successor.id;
	if (issuer.updated_at < now)
		issuer.updated_at = now; /* an older note of the issuer, read once more, doesn't undo it */
	return store_issuer_update(s, &issuer);
}
