#include "frontd/proposal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/context.h"
#include "frontd/denial.h"
#include "frontd/execute.h"
#include "frontd/input.h"
#include "frontd/rebuild.h"
#include "ledger/checkpoint.h"
#include "ledger/proposal.h"

#define MAX_APPROVAL 600 /* bytes: RSA with 4096 bits stays below */
#define MAX_NOTE_CHARACTERS 256

int proposal_fill(struct slice bytes, struct slice context, struct proposal_row *out)
{
	struct proposal said;
	if (proposal_get(bytes, &said))
		return 1;
	*out = (struct proposal_row){ .kind = said.kind,
				      .state = slice_text("open"),
				      .needed = said.needed,
				      .requester = said.requester,
				      .bytes = bytes,
				      .context = context,
				      .created_at = said.created,
				      .updated_at = said.created,
				      .expires_at = said.expires };
	memcpy(out->id, said.id, sizeof(out->id));
	return 0;
}

struct proposing proposing_of(const struct plan *p)
{
	return (struct proposing){ .ca_id = p->id,
				   .name = p->name,
				   .issuer_id = p->issuer.id,
				   .context = buf_slice(&p->context),
				   .request_id = p->request_id };
}

struct opening {
	const struct proposing *asked;
	struct proposal_row row;
};

static int opening_work(struct store_session *s, void *with)
{
	const struct opening *o = with;
	struct key_row *key = o->asked->key;
	int r = key ? store_key_insert(s, key) : 0;
	if (!r && key)
		r = store_key_bind(s, key->key_id, o->asked->ca_id);
	return r ? r : store_proposal_insert(s, &o->row);
}

static int opening_commit(struct front *f, struct call *c, const struct proposing *p, const struct propose_reply *reply)
{
	struct opening o = { .asked = p };
	scoped_session *s = NULL;
	if (proposal_fill(reply->bytes, p->context, &o.row))
		return answer_withheld(c);
	o.row.ca_id = slice_text(p->ca_id);
	o.row.issuer_id = p->issuer_id;
	o.row.name = slice_text(p->name);
	o.row.actor = slice_text(c->who->actor);
	o.row.ledger_seq = reply->ledger_seq;
	memcpy(o.row.request_id, p->request_id, sizeof(o.row.request_id));
	if (store_change(f->store, opening_work, &o) || store_read(f->store, &s))
		return answer_store(c);
	return call_reply(c, 202, json_pack("{s:o}", "proposal", proposal_view(s, &o.row, true)));
}

/* A request of its own, which a repeated one has as well. */
static void proposing_id(const uint8_t request_id[16], uint8_t out[16])
{
	memcpy(out, request_id, 16);
	out[14] ^= 0xff;
}

int proposal_open(struct front *f, struct call *c, const struct proposing *p, struct signer_hold *hold, bool *open)
{
	struct propose_request request = { .verb = p->verb, .body = p->body, .context = p->context };
	struct propose_reply reply = { 0 };
	scoped_answer answer = { 0 };
	proposing_id(p->request_id, request.request_id);
	enum signer_result asked = signer_propose(f->signer, &request, &reply, &answer);
	*open = !signer_left_nothing(asked, &answer);
	if (asked)
		return answer_signer(c, asked, &answer);
	int r = opening_commit(f, c, p, &reply);
	if (c->status == 202)
		signer_settle(hold, reply.ledger_seq);
	return r;
}

int proposal_again(struct call *c, struct store_session *s, const char *ca_id, bool *answered)
{
	scoped_row(proposal) row = { 0 };
	int r = store_proposal_find_ca(s, ca_id, &row);
	*answered = r == STORE_DONE && slice_equal(row.state, slice_text("open"));
	if (!*answered)
		return r < 0 ? answer_store(c) : 0;
	return call_reply(c, 202, json_pack("{s:o}", "proposal", proposal_view(s, &row, true)));
}

int proposal_find(struct store_session *s, struct call *c, struct proposal_row *out)
{
	uint8_t id[16];
	const char *text = c->param[0];
	bool good = hex_decode(text, strlen(text), id, sizeof(id));
	int r = good ? store_proposal_find(s, id, out) : STORE_NONE;
	if (r < 0)
		return answer_store(c);
	return r ? call_refuse(c, 404, "proposal_not_found", NULL, "There is no proposal with this id.") : 0;
}

struct listing {
	struct store_session *session;
	json_t *data;
	const char *state;
};

static int listing_add(void *with, struct proposal_row *row)
{
	struct listing *l = with;
	json_t *view = proposal_view(l->session, row, false);
	if (!view)
		return -1;
	const char *state = json_string_value(json_object_get(view, "state"));
	if (l->state && strcmp(state, l->state) != 0) {
		json_decref(view);
		return 0;
	}
	return json_array_append_new(l->data, view) ? -1 : 0;
}

int proposal_list(struct front *f, struct call *c)
{
	static const char *const states[] = { "open", "approved", "executed", "rejected", "expired", "failed" };
	scoped_session *s = NULL;
	const char *state = c->query(c, "state");
	bool known = !state;
	for (size_t i = 0; !known && i < sizeof(states) / sizeof(states[0]); i++)
		known = strcmp(state, states[i]) == 0;
	if (!known)
		return call_refuse(c, 400, "bad_parameter", "state",
				   "state must be open, approved, executed, rejected, expired or failed.");
	if (store_read(f->store, &s))
		return answer_store(c);
	struct listing l = { s, json_array(), state };
	if (store_proposal_list(s, "", listing_add, &l)) {
		json_decref(l.data);
		return answer_store(c);
	}
	return call_reply(c, 200, json_pack("{s:o}", "data", l.data));
}

int proposal_get_one(struct front *f, struct call *c)
{
	scoped_session *s = NULL;
	scoped_row(proposal) row = { 0 };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = proposal_find(s, c, &row);
	return r ? r : call_reply(c, 200, proposal_view(s, &row, true));
}

int proposal_bytes(struct front *f, struct call *c)
{
	scoped_session *s = NULL;
	scoped_row(proposal) row = { 0 };
	scoped_buf bytes = { .max = MAX_PROPOSAL };
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = proposal_find(s, c, &row);
	if (r)
		return r;
	buf_put_slice(&bytes, row.bytes);
	return call_reply_bytes(c, 200, &bytes, "application/octet-stream");
}

static int proposal_load(struct front *f, struct call *c, struct proposal_row *out)
{
	scoped_session *s = NULL;
	return store_read(f->store, &s) ? answer_store(c) : proposal_find(s, c, out);
}

/* "uid:1000(alice)": the number alone, as names change hands. */
static bool is_requester(const struct proposal_row *row, const struct call *c)
{
	char own[16];
	size_t n = (size_t)snprintf(own, sizeof(own), "uid:%u", c->who->peer.uid);
	const char *actor = row_text(row->actor);
	return strncmp(actor, own, n) == 0 && (actor[n] < '0' || actor[n] > '9');
}

struct handed {
	uint8_t role;
	uint8_t key[32];
	struct buf signature;
};

static void handed_free(struct handed *h)
{
	buf_free(&h->signature);
}
#define scoped_handed __attribute__((cleanup(handed_free))) struct handed

static int read_handed(struct call *c, struct handed *h)
{
	static const char *const known[] = { "key", "signature", "role", NULL };
	const char *key, *signature, *role;
	buf_init(&h->signature, MAX_APPROVAL);
	int r = input_members(c, known);
	if (!r)
		r = input_text(c, "key", true, 64, &key);
	if (!r)
		r = input_text(c, "signature", true, 1024, &signature);
	if (!r)
		r = input_text(c, "role", false, 16, &role);
	if (r)
		return r;
	if (!hex_decode(key, strlen(key), h->key, sizeof(h->key)))
		return call_refuse(c, 400, "bad_field", "key",
				   "key must be the SHA-256 of the approver's public key (SubjectPublicKeyInfo, DER) "
				   "in 64 hex digits.");
	if (!base64_get(slice_text(signature), &h->signature) || h->signature.len == 0)
		return call_refuse(c, 400, "bad_field", "signature",
				   "signature must be 1 to %d bytes in base64: a detached signature over the "
				   "proposal's bytes.",
				   MAX_APPROVAL);
	if (role && strcmp(role, "approver") != 0 && strcmp(role, "requester") != 0)
		return call_refuse(c, 400, "bad_field", "role", "role must be approver or requester.");
	h->role = role && strcmp(role, "requester") == 0 ? ROLE_REQUESTER : ROLE_APPROVER;
	return 0;
}

static int approval_work(struct store_session *s, void *with)
{
	return store_approval_insert(s, with);
}

static int words_put(struct call *c, const char *op, const struct proposal_row *row, const char *note, struct buf *out)
{
	struct context_words words = { .op = op, .ca = row_text(row->ca_id), .note = note };
	return context_put(out, c, &words)
		       ? call_refuse(c, 400, "bad_field", "note", "note is too long for the ledger's record.")
		       : 0;
}

static int approval_ask(struct front *f, struct call *c, const struct proposal_row *row, const struct handed *h)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	struct approve_request request = { .role = h->role, .signature = buf_slice(&h->signature) };
	struct approve_reply reply = { 0 };
	scoped_answer answer = { 0 };
	scoped_hold hold;
	int r = words_put(c, "approve", row, NULL, &context);
	if (r)
		return r;
	context_request_id(c, request.request_id);
	memcpy(request.proposal, row->id, sizeof(request.proposal));
	memcpy(request.key, h->key, sizeof(request.key));
	request.context = buf_slice(&context);
	signer_hold(f->signer, &hold);
	enum signer_result asked = signer_approve(f->signer, &request, &reply, &answer);
	signer_settle_failed(&hold, asked, &answer);
	if (asked)
		return answer_signer(c, asked, &answer);
	struct approval_row given = { .role = h->role,
				      .actor = slice_text(c->who->actor),
				      .signature = request.signature,
				      .ledger_seq = reply.ledger_seq,
				      .created_at = time_now() };
	memcpy(given.proposal, row->id, sizeof(given.proposal));
	memcpy(given.key, h->key, sizeof(given.key));
	if (store_change(f->store, approval_work, &given))
		return answer_store(c);
	signer_settle(&hold, reply.ledger_seq);
	return 0;
}

int proposal_approve(struct front *f, struct call *c)
{
	scoped_row(proposal) row = { 0 };
	scoped_handed h = { .role = ROLE_APPROVER };
	int r = proposal_load(f, c, &row);
	if (!r)
		r = read_handed(c, &h);
	if (r)
		return r;
	if (h.role == ROLE_APPROVER && is_requester(&row, c)) {
		denial_note(f, c, "POST");
		return call_refuse(c, 403, "own_request", NULL,
				   "%s asked for this: somebody else must hand in its approvals.", c->who->actor);
	}
	r = approval_ask(f, c, &row, &h);
	return r ? r : execute_if_complete(f, c);
}

struct rejection {
	const uint8_t *id;
	const char *why;
	int64_t now;
};

static int rejection_work(struct store_session *s, void *with)
{
	const struct rejection *r = with;
	int closed = store_proposal_close(s, r->id, "rejected", r->why, 0, r->now);
	return closed == STORE_STATE ? STORE_DONE : closed;
}

static int rejection_ask(struct front *f, struct call *c, const struct proposal_row *row, const char *note)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	struct withdraw_request request = { 0 };
	struct withdraw_reply reply = { 0 };
	scoped_answer answer = { 0 };
	scoped_hold hold;
	int r = words_put(c, "reject", row, note, &context);
	if (r)
		return r;
	context_request_id(c, request.request_id);
	memcpy(request.proposal, row->id, sizeof(request.proposal));
	request.context = buf_slice(&context);
	signer_hold(f->signer, &hold);
	enum signer_result asked = signer_withdraw(f->signer, &request, &reply, &answer);
	signer_settle_failed(&hold, asked, &answer);
	if (asked)
		return answer_signer(c, asked, &answer);
	struct rejection rejection = { row->id, note ? note : "", time_now() };
	if (store_change(f->store, rejection_work, &rejection))
		return answer_store(c);
	signer_settle(&hold, reply.ledger_seq);
	return 0;
}

int proposal_reject(struct front *f, struct call *c)
{
	static const char *const known[] = { "note", NULL };
	scoped_row(proposal) row = { 0 };
	const char *note = NULL;
	int r = input_members(c, known);
	if (!r)
		r = input_text(c, "note", false, MAX_NOTE_CHARACTERS, &note);
	if (!r)
		r = proposal_load(f, c, &row);
	if (!r)
		r = rejection_ask(f, c, &row, note);
	return r ? r : proposal_get_one(f, c);
}

int proposal_execute(struct front *f, struct call *c)
{
	static const char *const known[] = { NULL };
	int r = input_members(c, known);
	return r ? r : execute_answer(f, c);
}
