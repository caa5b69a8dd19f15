/* A CA's life after active: retiring, retired; or retired at once, if its certificate never came. */
#include "frontd/retire.h"

#include <string.h>

#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/hierarchy.h"
#include "frontd/idempotency.h"
#include "frontd/input.h"
#include "frontd/metrics.h"
#include "frontd/responder.h"
#include "frontd/succession.h"
#include "frontd/transition.h"
#include "frontd/view.h"

#define MAX_NOTE_CHARACTERS 128 /* it must fit the ledger's context with all around it */

enum { RETIRE_DESCENDANTS = STORE_WORK, RETIRE_SUCCESSOR };

struct step {
	struct ca_row *ca;
	const char *from, *to;
	const struct retirement *wanted;
	int64_t now;
	uint64_t ledger_seq;	/* the note's */
	uint8_t request_id[16]; /* of the closing; context_note_id() makes the note's of it */
};

static int successor_check(struct store_session *s, const char *id)
{
	scoped_row(ca) successor = { 0 };
	int r = id ? store_ca_find(s, id, &successor) : STORE_DONE;
	bool good = !id || (slice_equal(successor.state, slice_text("active")) && !successor.held.len);
	return r < 0 ? r : good ? 0 : RETIRE_SUCCESSOR;
}

/* retired: nothing below, at any depth, may still be made, active or retiring. */
static int step_check(struct store_session *s, const struct step *step)
{
	if (strcmp(step->to, "retired") != 0)
		return successor_check(s, step->wanted->successor_id);
	int64_t live = 0;
	int r = store_ca_live_descendants(s, row_text(step->ca->id), &live);
	return r ? r : live ? RETIRE_DESCENDANTS : 0;
}

static int step_work(struct store_session *s, void *with)
{
	const struct step *step = with;
	struct step_row row = { .ca_id = step->ca->id,
				.state = slice_text(step->to),
				.ledger_seq = step->ledger_seq,
				.created_at = step->now };
	memcpy(row.request_id, step->request_id, sizeof(row.request_id));
	int r = step_check(s, step);
	if (!r)
		r = store_step_insert(s, &row, step->now - IDEMPOTENCY_SECONDS);
	if (!r)
		r = store_ca_move(s, row_text(step->ca->id), step->from, step->to, step->now);
	if (!r && strcmp(step->to, "retiring") == 0)
		r = succession_take(s, step->ca, step->now);
	if (r != STORE_STATE)
		return r;
	/* A catch-up may have read our note already; steps come one at a time, so it was ours. */
	scoped_row(ca) now = { 0 };
	r = store_ca_find(s, row_text(step->ca->id), &now);
	return !r && slice_equal(now.state, slice_text(step->to)) ? 0 : r < 0 ? r : STORE_STATE;
}

static int step_refuse(struct call *c, int r)
{
	if (r == RETIRE_DESCENDANTS)
		return call_refuse(c, 409, "active_descendants", NULL,
				   "CAs below this one are still being made, active or retiring; retire them first.");
	if (r == RETIRE_SUCCESSOR)
		return call_refuse(c, 409, "no_successor", NULL,
				   "The CA's successor is not active, or is held; it can't take over.");
	if (r == STORE_STATE)
		return call_refuse(c, 409, "state_changed", NULL,
				   "The CA's state has changed meanwhile; look at it again.");
	return answer_store(c);
}

static int note_put(struct call *c, const struct step *step, struct buf *out)
{
	struct transition t = { .op = "move", .ca = step->ca, .from = step->from, .to = step->to };
	t.note = step->wanted->note;
	t.successor = step->wanted->successor_id;
	if (transition_put(c, &t, out))
		return call_refuse(c, 400, "bad_field", "note", "note is too long for the ledger's record.");
	return 0;
}

/* What the CA has signed names a responder, and a closed CA gets none any more. */
static int responder_check(struct front *f, struct call *c, const struct ca_row *ca)
{
	if (responder_prepare(f, ca) != RESPONDER_LATER)
		return 0;
	c->error.retry_after = RETRY_SECONDS;
	return call_refuse(
		c, 503, "no_responder", NULL,
		"The CA has no OCSP responder yet and would get none afterwards; the log says why it can't be "
		"made now. Retire the CA when its token is there.");
}

/* The key stops signing certificates for good before anybody is told so. */
static int key_close(struct front *f, struct call *c, const struct step *step, struct slice context)
{
	struct ca_close_request request = { .context = context };
	memcpy(request.request_id, step->request_id, sizeof(request.request_id));
	memcpy(request.ca_key, step->ca->key_id, sizeof(request.ca_key));
	struct ca_close_reply reply;
	scoped_answer answer;
	enum signer_result r = signer_ca_close(f->signer, &request, &reply, &answer);
	bool closed = r == SIGNER_REFUSED && answer.refusal.code == REFUSE_KEY_CLOSED;
	return r && !closed ? answer_signer(c, r, &answer) : 0;
}

static int step_note(struct front *f, struct call *c, struct step *step, struct slice context)
{
	struct note_request request = { .kind = NOTE_TRANSITION, .context = context };
	context_note_id(step->request_id, request.request_id);
	struct note_reply reply;
	scoped_answer answer;
	enum signer_result r = signer_note(f->signer, &request, &reply, &answer);
	step->ledger_seq = r ? 0 : reply.ledger_seq;
	return r ? answer_signer(c, r, &answer) : 0;
}

static int step_take(struct front *f, struct call *c, struct step *step)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	int r = note_put(c, step, &context);
	if (r)
		return r;
	scoped_hold hold;
	signer_hold(f->signer, &hold);
	if (strcmp(step->to, "retiring") == 0 && !ca_offline(step->ca)) {
		r = responder_check(f, c, step->ca);
		if (!r)
			r = key_close(f, c, step, buf_slice(&context));
	}
	if (!r)
		r = step_note(f, c, step, buf_slice(&context));
	if (r)
		return r;
	step->now = time_now();
	r = store_change(f->store, step_work, step);
	if (r)
		return step_refuse(c, r);
	signer_settle(&hold, step->ledger_seq);
	step->ca->state = slice_text(step->to);
	step->ca->updated_at = step->now;
	metrics_hierarchy(f->metrics, strcmp(step->to, "retired") == 0 ? RETIRE_RETIRED : RETIRE_RETIRING,
			  row_text(step->ca->issuer_id));
	return call_reply(c, 200, view_ca(step->ca));
}

/* Which step the CA's state and the caller's confirm lead to. */
static int step_choose(struct call *c, bool confirm, struct step *step)
{
	const char *state = row_text(step->ca->state);
	if (strcmp(state, "created") == 0 && !confirm)
		return call_refuse(c, 409, "confirm_required", "confirm",
				   "The CA waits for its certificate; send confirm true to give it up for good.");
	if (strcmp(state, "active") == 0 && confirm)
		return call_refuse(c, 409, "not_retiring", "confirm",
				   "The CA is active: retire it without confirm first, then confirm.");
	if (strcmp(state, "retiring") == 0 && !confirm)
		return call_refuse(c, 409, "confirm_required", "confirm",
				   "The CA is retiring already; send confirm true to retire it for good.");
	if (strcmp(state, "retired") == 0)
		return call_refuse(c, 409, "already_retired", NULL, "The CA is retired already.");
	if (strcmp(state, "active") != 0 && strcmp(state, "retiring") != 0 && strcmp(state, "created") != 0)
		return call_refuse(c, 409, "ca_not_active", NULL, "The CA is %s and can't be retired.", state);
	step->from = strcmp(state, "created") == 0 ? "created" : confirm ? "retiring" : "active";
	step->to = confirm ? "retired" : "retiring";
	return 0;
}

/* A repeated request whose step was taken: the CA as it was then. */
static int step_again(struct call *c, struct ca_row *ca, const struct step_row *done)
{
	ca->state = done->state;
	ca->updated_at = done->created_at;
	return call_reply(c, 200, view_ca(ca));
}

static int retire(struct front *f, struct call *c, const char *ca_id, const struct retirement *wanted)
{
	scoped_row(ca) row = { 0 };
	struct step step = { .ca = &row, .from = "", .to = "", .wanted = wanted };
	context_request_id(c, step.request_id);
	if (wanted->confirm && !c->dry_run)
		signer_refresh(f->signer); /* a child of unknown fate may be on the ledger */
	{
		scoped_session *s = NULL;
		if (store_read(f->store, &s))
			return answer_store(c);
		int r = store_ca_find(s, ca_id, &row);
		if (r < 0)
			return answer_store(c);
		if (r || ca_reserved(&row))
			return answer_no_ca(c);
		scoped_row(step) done = { 0 };
		r = store_step_find(s, step.request_id, &done);
		if (r != STORE_NONE)
			return r ? answer_store(c) : step_again(c, &row, &done);
		r = step_choose(c, wanted->confirm, &step);
		if (r)
			return r;
		r = step_check(s, &step);
		if (r)
			return step_refuse(c, r);
	}
	if (c->dry_run)
		return call_reply(c, 200,
				  json_pack("{s:b, s:s, s:s, s:s}", "dry_run", 1, "id", row_text(row.id), "from",
					    step.from, "to", step.to));
	return step_take(f, c, &step);
}

int retire_take(struct front *f, struct call *c, const char *ca_id, const struct retirement *wanted)
{
	pthread_mutex_lock(&f->transitions);
	int r = retire(f, c, ca_id, wanted);
	pthread_mutex_unlock(&f->transitions);
	return r;
}

int intermediate_retire(struct front *f, struct call *c)
{
	static const char *const known[] = { "confirm", "note", NULL };
	struct retirement wanted = { .confirm = false };
	int r = input_members(c, known);
	if (!r)
		r = input_bool(c, "confirm", &wanted.confirm);
	if (!r)
		r = input_text(c, "note", false, MAX_NOTE_CHARACTERS, &wanted.note);
	return r ? r : retire_take(f, c, c->param[0], &wanted);
}
