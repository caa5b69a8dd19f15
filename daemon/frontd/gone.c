#include "frontd/gone.h"

#include <string.h>

#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/hierarchy.h"
#include "frontd/input.h"
#include "frontd/view.h"

#define MAX_NOTE_CHARACTERS 128 /* it must fit the ledger's context with all around it */
#define HELD "Its key was destroyed; the token's word for that is on the ledger."

bool gone_is(const struct ca_row *ca)
{
	return slice_equal(ca->held, slice_text(HELD));
}

int gone_hold(struct store_session *s, const uint8_t key_id[16], int64_t when)
{
	scoped_row(ca) ca = { 0 };
	int r = store_ca_find_key(s, key_id, &ca);
	return r ? r : store_ca_hold(s, row_text(ca.id), HELD, when);
}

struct gone {
	const uint8_t *key_id;
	int64_t now;
};

static int gone_work(struct store_session *s, void *with)
{
	const struct gone *g = with;
	return gone_hold(s, g->key_id, g->now);
}

/* Already recorded is as good: only this database had missed it. */
static int gone_ask(struct front *f, struct call *c, const struct ca_row *ca, const char *note)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	struct context_words words = { .op = "gone", .ca = row_text(ca->id), .note = note };
	if (context_put(&context, c, &words))
		return call_refuse(c, 400, "bad_field", "note", "note is too long for the ledger's record.");
	struct key_gone_request request = { .context = buf_slice(&context) };
	struct key_gone_reply reply;
	scoped_answer answer;
	signer_request_id(request.request_id);
	memcpy(request.key_id, ca->key_id, sizeof(request.key_id));
	enum signer_result r = signer_key_gone(f->signer, &request, &reply, &answer);
	bool known = r == SIGNER_REFUSED && answer.refusal.code == REFUSE_KEY_GONE;
	return r && !known ? answer_signer(c, r, &answer) : 0;
}

static int ca_read(struct front *f, struct call *c, struct ca_row *ca)
{
	scoped_session *s = NULL;
	int r = answer_ca(f, c, &s, ca);
	if (r)
		return r;
	if (ca_waits(ca))
		return call_refuse(c, 409, "ca_waits", NULL,
				   "The CA waits for its certificate; give it up first (retire with confirm true).");
	if (ca_offline(ca))
		return call_refuse(c, 409, "no_key", NULL, "This CA's key is not one of this signer.");
	return 0;
}

int intermediate_key_gone(struct front *f, struct call *c)
{
	static const char *const known[] = { "note", NULL };
	const char *note;
	scoped_row(ca) ca = { 0 };
	int r = input_members(c, known);
	if (!r)
		r = input_text(c, "note", false, MAX_NOTE_CHARACTERS, &note);
	if (!r)
		r = ca_read(f, c, &ca);
	if (!r && gone_is(&ca))
		return call_reply(c, 200, view_ca(&ca));
	if (r)
		return r;
	scoped_hold hold;
	signer_hold(f->signer, &hold);
	r = gone_ask(f, c, &ca, note);
	if (r)
		return r;
	struct gone gone = { ca.key_id, time_now() };
	if (store_change(f->store, gone_work, &gone))
		return answer_store(c);
	signer_settle(&hold, 0);
	ca.held = slice_text(HELD);
	ca.updated_at = gone.now;
	return call_reply(c, 200, view_ca(&ca));
}
