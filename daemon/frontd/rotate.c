/* The handlers of rotation: a CA's rule, and its successor by hand. */
#include <string.h>

#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/front.h"
#include "frontd/hierarchy.h"
#include "frontd/input.h"
#include "frontd/note.h"
#include "frontd/plan.h"
#include "frontd/rule.h"
#include "frontd/succession.h"
#include "frontd/view.h"

struct rule_change {
	const char *ca_id, *rule;
	int64_t now;
};

static int rule_work(struct store_session *s, void *with)
{
	const struct rule_change *r = with;
	return store_ca_rule(s, r->ca_id, r->rule, r->now);
}

/* One after the other, so that ledger and database agree. */
static int rule_change(struct front *f, struct call *c, const struct rule_change *change)
{
	uint64_t noted;
	scoped_hold hold = { 0 };
	struct context_words words = { .op = "rule", .ca = change->ca_id, .rotation = change->rule };
	pthread_mutex_lock(&f->transitions);
	int r = note_take(f, c, NULL, &words, &hold, &noted);
	if (!r) {
		struct rule_change copy = *change;
		r = store_change(f->store, rule_work, &copy) ? answer_store(c) : 0;
	}
	if (!r)
		signer_settle(&hold, noted);
	pthread_mutex_unlock(&f->transitions);
	return r < 0 ? answer_store(c) : r;
}

static int ca_read(struct front *f, struct call *c, struct ca_row *ca)
{
	scoped_session *s = NULL;
	return answer_ca(f, c, &s, ca);
}

int intermediate_patch(struct front *f, struct call *c)
{
	static const char *const known[] = { RULE_FIELD, NULL };
	scoped_row(ca) ca = { 0 };
	char rule[RULE_TEXT];
	bool there;
	int r = ca_read(f, c, &ca);
	if (!r)
		r = input_members(c, known);
	if (!r)
		r = rule_read(c, &there, rule);
	if (!r && there && !slice_equal(ca.rotation, slice_text(rule))) {
		const struct rule_change change = { c->param[0], rule, time_now() };
		r = c->dry_run ? 0 : rule_change(f, c, &change);
		ca.rotation = slice_text(rule);
		ca.updated_at = change.now;
	}
	return r ? r : call_reply(c, 200, view_ca(&ca));
}

int intermediate_rotate(struct front *f, struct call *c)
{
	static const char *const known[] = { "now", NULL };
	bool now = false, answered = false;
	int r = input_members(c, known);
	if (!r)
		r = input_bool(c, "now", &now);
	if (!r && c->signing_id_given && !c->dry_run)
		r = plan_again(f, c, &answered);
	if (!r && !answered)
		r = succession_prepare(f, c, c->param[0], BY_HAND);
	if (!r && now && !c->dry_run && c->status != 202)
		r = succession_activate(f, c, c->param[0]);
	return r;
}
