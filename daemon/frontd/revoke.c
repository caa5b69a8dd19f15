#include "frontd/revoke.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/crls.h"
#include "frontd/facts.h"
#include "frontd/front.h"
#include "frontd/gone.h"
#include "frontd/input.h"
#include "frontd/lookup.h"
#include "frontd/outcome.h"
#include "frontd/reason.h"
#include "frontd/responder.h"
#include "frontd/shard.h"
#include "frontd/transition.h"
#include "frontd/view.h"

#define MAX_NOTE_CHARACTERS 128 /* it must fit the ledger's context with all around it */
#define MAX_REASON_CHARACTERS 32
#define MAX_CERTIFICATES_OF_CA 1000 /* renewals and cross-certificates of one CA that are revoked with it */
#define HOLD 6
#define RELEASED 8
#define STRIPES 64

/* Steps of one certificate come one at a time, so that the database goes the ledger's way; others hardly ever meet. */
static pthread_mutex_t stripes[STRIPES] = { [0 ... STRIPES - 1] = PTHREAD_MUTEX_INITIALIZER };

static pthread_mutex_t *stripe_of(const struct certificate_row *row)
{
	return &stripes[row->fingerprint[0] % STRIPES];
}

/* A note on its way from the ledger to the database. */
struct step {
	const char *op; /* "revoke" or "release" */
	uint8_t reason;
	const char *note, *subject_ca;
	const char *when; /* a certificate of an earlier life was revoked there; NULL: now */
	struct slice context;
	uint8_t request_id[16];
	uint64_t seq;
};

static int context_of(struct call *c, const struct certificate_row *row, struct step *step, struct buf *out)
{
	char serial[41], fingerprint[65], reason[4];
	hex_encode(row->serial.at, row->serial.len < 20 ? row->serial.len : 20, serial);
	hex_encode(row->fingerprint, sizeof(row->fingerprint), fingerprint);
	snprintf(reason, sizeof(reason), "%u", step->reason);
	struct context_words words = { .op = step->op, .ca = row_text(row->ca_id), .note = step->note };
	words.serial = serial;
	words.fingerprint = fingerprint;
	words.reason = strcmp(step->op, "revoke") == 0 ? reason : NULL;
	words.subject_ca = step->subject_ca;
	words.when = step->when;
	if (context_put(out, c, &words))
		return call_refuse(c, 400, "bad_field", "note", "note is too long for the ledger's record.");
	step->context = buf_slice(out);
	return 0;
}

static int step_work(struct store_session *s, void *with)
{
	const struct step *step = with;
	json_t *context = context_read(step->context);
	int r = context ? outcome_revoked(s, context, step->request_id, step->seq) : -1;
	json_decref(context);
	return r;
}

/* On the ledger, then in the database. */
static int step_take(struct front *f, struct call *c, const struct certificate_row *row, struct step *step)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	int r = context_of(c, row, step, &context);
	if (r)
		return r;
	struct note_request request = { .kind = NOTE_REVOCATION, .context = step->context };
	struct note_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	scoped_hold hold;
	signer_hold(f->signer, &hold);
	signer_request_id(request.request_id);
	memcpy(step->request_id, request.request_id, sizeof(step->request_id));
	enum signer_result result = signer_note(f->signer, &request, &reply, &answer);
	if (result == SIGNER_LATE)
		signer_refresh(f->signer); /* if it is on the ledger it counts before the next step begins */
	if (result)
		return answer_signer(c, result, &answer);
	step->seq = reply.ledger_seq;
	if (store_change(f->store, step_work, step))
		return answer_store(c);
	signer_settle(&hold, reply.ledger_seq);
	crls_wake(f->crls);
	return 0;
}

static int row_again(struct front *f, struct call *c, struct certificate_row *row)
{
	uint8_t fingerprint[32];
	memcpy(fingerprint, row->fingerprint, sizeof(fingerprint));
	certificate_row_free(row);
	*row = (struct certificate_row){ 0 };
	scoped_session *s = NULL;
	return store_read(f->store, &s) || store_certificate_find(s, fingerprint, row) ? answer_store(c) : 0;
}

/* An issuer may revoke what it issued. */
static int role_check(struct call *c, const struct certificate_row *row)
{
	if ((c->who->roles & ROLE_ADMIN) || slice_equal(row->actor, slice_text(c->who->actor)))
		return 0;
	return call_refuse(c, 403, "forbidden", NULL,
			   "%s did not ask for this certificate: revoking it needs the role admin.", c->who->actor);
}

struct local {
	struct store_session *session;
	struct slice public_key;
	bool found;
};

static int local_compare(void *with, const struct ca_row *row)
{
	struct local *l = with;
	char why[FACTS_WHY];
	scoped_facts facts = { .path_len = 0 };
	l->found = l->found || (row->certificate.len && facts_read_foreign(row->certificate, &facts, why) == 0 &&
				slice_equal(facts.public_key, l->public_key));
	return 0;
}

static int local_walk(void *with, const struct issuer_row *row)
{
	const struct local *l = with;
	return store_ca_list(l->session, row_text(row->id), local_compare, with);
}

/* Whether it is a CA here, or might be: then it is not only its certificate that ends. */
static bool ca_is_local(struct front *f, const struct certificate_row *row)
{
	scoped_session *s = NULL;
	char why[FACTS_WHY];
	scoped_facts facts = { .path_len = 0 };
	if (facts_read_foreign(row->der, &facts, why) || store_read(f->store, &s))
		return true;
	struct local l = { s, facts.public_key, false };
	return store_issuer_list(s, local_walk, &l) != 0 || l.found;
}

static int kind_check(struct front *f, struct call *c, const struct certificate_row *row, const struct step *step)
{
	if (row->kind != KIND_CA || (step->when && !ca_is_local(f, row)))
		return 0;
	return call_refuse(c, 409, "is_ca", NULL,
			   "This is the certificate of a CA: revoke the CA, at /api/v1/intermediates/{id}/revoke.");
}

static const char *const known_of_ca[] = { "reason", "note", NULL };

/* Said of what was revoked before it came here: by an admin, and never of the future. */
static int read_when(struct call *c, const char **when)
{
	int64_t at;
	int r = input_text(c, "revoked_at", false, TIME_TEXT_SIZE, when);
	if (r || !*when)
		return r;
	if (!(c->who->roles & ROLE_ADMIN))
		return call_refuse(c, 403, "forbidden", "revoked_at", "revoked_at needs the role admin.");
	if (!time_parse(*when, &at) || at > time_now() || at < 0)
		return call_refuse(c, 400, "bad_field", "revoked_at",
				   "revoked_at must be a time in UTC that is over, such as 2026-01-31T09:00:00Z.");
	return 0;
}

static int read_reason(struct call *c, uint8_t *reason, const char **note, const char **when)
{
	static const char *const known[] = { "reason", "note", "revoked_at", NULL };
	const char *text = NULL;
	*reason = 0;
	int r = input_members(c, when ? known : known_of_ca);
	if (!r)
		r = input_text(c, "reason", false, MAX_REASON_CHARACTERS, &text);
	if (!r)
		r = input_text(c, "note", false, MAX_NOTE_CHARACTERS, note);
	if (!r && when)
		r = read_when(c, when);
	if (r || !text || reason_parse(text, reason))
		return r;
	return call_refuse(c, 400, "bad_field", "reason",
			   "reason must be unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, "
			   "cessationOfOperation, certificateHold, privilegeWithdrawn or aACompromise.");
}

/* Positive: it was refused; *done: there is nothing to do. */
static int revoke_check(struct call *c, const struct certificate_row *row, uint8_t reason, bool *done)
{
	*done = row->revoked_at && row->revocation_reason == reason;
	if (*done || !row->revoked_at || row->revocation_reason == HOLD)
		return 0;
	return call_refuse(c, 409, "already_revoked", "reason",
			   "The certificate is revoked already, for the reason %s.",
			   reason_text(row->revocation_reason));
}

static int release_check(struct call *c, const struct certificate_row *row, bool *done)
{
	*done = !row->revoked_at && slice_equal(row->state, slice_text("active"));
	if (*done || (slice_equal(row->state, slice_text("revoked")) && row->revocation_reason == HOLD))
		return 0;
	return call_refuse(c, 409, "not_on_hold", NULL,
			   "Only a certificate that is on hold can be released; this is %s.", row_text(row->state));
}

static int row_reply(struct call *c, const struct certificate_row *row, bool dry)
{
	json_t *view = view_certificate(row, true);
	if (view && dry)
		json_object_set_new(view, "dry_run", json_true());
	return call_reply(c, 200, view);
}

/* The shard of its CA's CRL that a certificate is listed on. */
static int shard_of(struct front *f, const struct certificate_row *row, uint16_t *shard)
{
	scoped_row(ca) ca = { 0 };
	scoped_session *s = NULL;
	if (store_read(f->store, &s) || store_ca_find(s, row_text(row->ca_id), &ca))
		return -1;
	*shard = store_shard(row->serial, shard_count(&ca));
	return 0;
}

/* A hold can only be taken off a CRL that has it, and be put there anew once it is off. */
static int listed_take(struct front *f, struct call *c, const struct certificate_row *row, struct step *step)
{
	uint16_t shard;
	int r = shard_of(f, row, &shard);
	if (r)
		return answer_store(c);
	r = crls_lock(f->crls, row_text(row->ca_id), shard);
	if (r == 0)
		r = step_take(f, c, row, step);
	else {
		r = call_refuse(c, 503, "crl_unavailable", NULL,
				"The CRL that has the last step of this certificate can't be signed at the moment.");
		c->error.retry_after = RETRY_SECONDS;
	}
	crls_unlock(f->crls, row_text(row->ca_id));
	return r;
}

/* With the certificate's stripe held. */
static int certificate_step(struct front *f, struct call *c, struct certificate_row *row, struct step *step)
{
	bool done = false, release = strcmp(step->op, "release") == 0;
	int r = row_again(f, c, row);
	if (!r)
		r = release ? release_check(c, row, &done) : revoke_check(c, row, step->reason, &done);
	if (r || done || c->dry_run)
		return r ? r : row_reply(c, row, c->dry_run);
	bool listed = release || row->revocation_reason == RELEASED;
	r = listed ? listed_take(f, c, row, step) : step_take(f, c, row, step);
	if (!r)
		r = row_again(f, c, row);
	return r ? r : row_reply(c, row, false);
}

static int certificate_take(struct front *f, struct call *c, struct step *step)
{
	scoped_row(certificate) row = { 0 };
	int r = certificate_named(f, c, &row);
	if (!r)
		r = role_check(c, &row);
	if (!r)
		r = kind_check(f, c, &row, step);
	if (r)
		return r;
	pthread_mutex_t *stripe = stripe_of(&row);
	pthread_mutex_lock(stripe);
	r = certificate_step(f, c, &row, step);
	pthread_mutex_unlock(stripe);
	return r;
}

int certificate_revoke(struct front *f, struct call *c)
{
	struct step step = { .op = "revoke" };
	int r = read_reason(c, &step.reason, &step.note, &step.when);
	return r ? r : certificate_take(f, c, &step);
}

int certificate_release(struct front *f, struct call *c)
{
	static const char *const known[] = { "note", NULL };
	struct step step = { .op = "release" };
	int r = input_members(c, known);
	if (!r)
		r = input_text(c, "note", false, MAX_NOTE_CHARACTERS, &step.note);
	return r ? r : certificate_take(f, c, &step);
}

/* The certificates of one CA that are to be revoked: fingerprints, since the rows go with their page. */
struct found {
	size_t count;
	uint8_t fingerprint[MAX_CERTIFICATES_OF_CA][32];
};

static int found_add(void *with, const struct certificate_row *row, int64_t cursor)
{
	struct found *found = with;
	(void)cursor;
	if (row->kind == KIND_CA && slice_equal(row->state, slice_text("active")))
		memcpy(found->fingerprint[found->count++], row->fingerprint, 32);
	return 0;
}

static int ca_certificates(struct front *f, struct call *c, const char *ca_id, struct found *found)
{
	struct certificate_query q = { .name = ca_id, .limit = MAX_CERTIFICATES_OF_CA };
	scoped_session *s = NULL;
	found->count = 0;
	return store_read(f->store, &s) || store_certificate_list(s, &q, found_add, found) ? answer_store(c) : 0;
}

/* The key stops signing certificates for good; CRLs and OCSP answers go on. */
static int key_close(struct front *f, struct call *c, const struct ca_row *ca, const char *note)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	struct transition t = { .op = "close", .ca = ca, .from = row_text(ca->state), .to = "revoked", .note = note };
	struct ca_close_request request = { 0 };
	struct ca_close_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	if (ca_offline(ca) || gone_is(ca))
		return 0;
	if (transition_put(c, &t, &context))
		return call_refuse(c, 400, "bad_field", "note", "note is too long for the ledger's record.");
	responder_prepare(f, ca); /* if it can be had: a revocation waits for nothing */
	signer_request_id(request.request_id);
	memcpy(request.ca_key, ca->key_id, sizeof(request.ca_key));
	request.context = buf_slice(&context);
	enum signer_result r = signer_ca_close(f->signer, &request, &reply, &answer);
	bool closed = r == SIGNER_REFUSED && answer.refusal.code == REFUSE_KEY_CLOSED;
	return r && !closed ? answer_signer(c, r, &answer) : 0;
}

static int ca_steps(struct front *f, struct call *c, const struct ca_row *ca, struct step *step)
{
	static struct found found; /* with the lock of transitions held */
	int r = ca_certificates(f, c, row_text(ca->id), &found);
	if (!r && !found.count)
		return call_refuse(c, 409, "no_certificate", NULL, "The CA has no certificate that could be revoked.");
	if (!r)
		r = key_close(f, c, ca, step->note);
	for (size_t i = 0; !r && i < found.count; i++) {
		scoped_row(certificate) row = { 0 };
		memcpy(row.fingerprint, found.fingerprint[i], sizeof(row.fingerprint));
		r = row_again(f, c, &row);
		if (!r)
			r = step_take(f, c, &row, step);
	}
	return r;
}

static int ca_check(struct call *c, const struct ca_row *ca, uint8_t reason)
{
	if (reason == HOLD)
		return call_refuse(c, 400, "bad_field", "reason",
				   "A CA can't be put on hold: its reason must be another.");
	if (slice_equal(ca->state, slice_text("created")) || slice_equal(ca->state, slice_text("withheld")))
		return call_refuse(c, 409, "no_certificate", NULL, "The CA has no certificate that could be revoked.");
	if (!ca->parent_id.len)
		return call_refuse(c, 409, "is_root", NULL,
				   "A root can't be revoked: whoever trusts it has to remove it. Retire it here.");
	return 0;
}

static int ca_find(struct front *f, struct call *c, struct ca_row *ca)
{
	scoped_session *s = NULL;
	ca_row_free(ca);
	*ca = (struct ca_row){ 0 };
	return answer_ca(f, c, &s, ca);
}

static int ca_take(struct front *f, struct call *c, struct step *step)
{
	scoped_row(ca) ca = { 0 };
	int r = ca_find(f, c, &ca);
	if (!r)
		r = ca_check(c, &ca, step->reason);
	if (r)
		return r;
	step->subject_ca = c->param[0];
	bool revoked = slice_equal(ca.state, slice_text("revoked"));
	if (!revoked && !c->dry_run) {
		scoped_hold hold;
		signer_hold(f->signer, &hold); /* the closing leaves a record as well */
		r = ca_steps(f, c, &ca, step);
		if (!r)
			signer_settle(&hold, step->seq);
	}
	if (!r)
		r = ca_find(f, c, &ca);
	json_t *view = r ? NULL : view_ca(&ca);
	if (view && c->dry_run)
		json_object_set_new(view, "dry_run", json_true());
	return r ? r : call_reply(c, 200, view);
}

int intermediate_revoke(struct front *f, struct call *c)
{
	struct step step = { .op = "revoke" };
	int r = read_reason(c, &step.reason, &step.note, NULL);
	if (r)
		return r;
	pthread_mutex_lock(&f->transitions);
	r = ca_take(f, c, &step);
	pthread_mutex_unlock(&f->transitions);
	return r;
}
