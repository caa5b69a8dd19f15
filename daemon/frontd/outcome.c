#include "frontd/outcome.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/signer.h"
#include "frontd/succession.h"

#define MAX_CERTIFICATE (160 * 1024)
#define MAX_WHY 160   /* bytes of the reason: a record's context is a kilobyte */
#define MAX_SERIAL 20 /* RFC 5280 4.1.2.2 */
#define MAX_REASON 10 /* RFC 5280 5.3.1 */
#define LOST_ID_BYTE 14

/* The row must not pass for the answer to a repeated request, which is asked anew under another id. */
static void lost_id(const uint8_t request_id[16], uint8_t out[16])
{
	memcpy(out, request_id, 16);
	out[LOST_ID_BYTE] ^= 0xff;
}

static int lost_commit(struct store_session *s, const struct cert_intent_record *intent, uint64_t seq, struct slice der,
		       struct made *m)
{
	scoped_facts facts = { 0 };
	scoped_row(ca) ca = { 0 };
	char why[FACTS_WHY] = "";
	int r = store_ca_find_key(s, intent->ca_key, &ca);
	if (r || facts_read(der, &facts, why))
		return r < 0 ? r : 1;
	json_t *context = context_read(intent->context);
	made_fill(m, &facts, der, row_text(ca.id), intent->kind);
	m->row.state = slice_text("lost");
	m->row.profile = slice_text(context ? context_text(context, "profile") : "");
	m->row.actor = slice_text(context ? context_text(context, "actor") : "");
	m->row.ledger_seq = seq;
	lost_id(intent->request_id, m->row.request_id);
	r = store_certificate_insert(s, &m->row, items_list(&m->names));
	json_decref(context);
	return r;
}

int outcome_lost(struct store_session *s, const struct cert_intent_record *intent, uint64_t seq, int64_t when)
{
	static const uint8_t nothing[1] = { 0 };
	scoped_made m = { .now = when };
	scoped_buf der = { .max = MAX_CERTIFICATE };
	/* A root that was lost has no CA in whose list it could stand. */
	if (memcmp(intent->ca_key, intent->subject_key_id, sizeof(intent->ca_key)) == 0)
		return 0;
	if (record_certificate(intent->tbs, SLICE_OF(nothing), &der))
		return 1;
	return lost_commit(s, intent, seq, buf_slice(&der), &m);
}

/* The CA that the certificate was to be of, if it was one. */
static int ca_withhold(struct store_session *s, const uint8_t request_id[16], const char *why, int64_t when)
{
	scoped_row(ca) ca = { 0 };
	int r = store_ca_find_request(s, request_id, &ca);
	if (r || slice_equal(ca.state, slice_text("withheld")))
		return r < 0 ? r : 0;
	ca.state = slice_text("withheld");
	ca.held = slice_text(why);
	ca.updated_at = when;
	r = store_ca_update(s, &ca);
	return r < 0 ? r : 0;
}

int outcome_withheld(struct store_session *s, json_t *context, int64_t when)
{
	static const struct list none;
	const char *of = context_text(context, "of"), *why = context_text(context, "note");
	uint8_t request_id[16];
	scoped_row(certificate) row = { 0 };
	if (!hex_decode(of, strlen(of), request_id, sizeof(request_id)))
		return 1;
	int r = store_certificate_find_request(s, request_id, &row);
	if (r)
		return r;
	row.state = slice_text("withheld");
	row.why = slice_text(why);
	r = store_certificate_insert(s, &row, none); /* it is there: what changes is its state */
	if (!r)
		r = ca_withhold(s, request_id, why, when);
	return r ? r : store_ca_hold(s, context_text(context, "ca"), why, when);
}

static int ca_revoke(struct store_session *s, const char *id, int64_t when)
{
	scoped_row(ca) ca = { 0 };
	int r = store_ca_find(s, id, &ca);
	if (r || slice_equal(ca.state, slice_text("revoked")))
		return r;
	r = store_ca_move(s, id, row_text(ca.state), "revoked", when);
	return r ? r : succession_take(s, &ca, when);
}

int outcome_revoked(struct store_session *s, json_t *context, const uint8_t request_id[16], uint64_t seq)
{
	const char *serial = context_text(context, "serial"), *ca = context_text(context, "ca");
	const char *subject = context_text(context, "subject_ca");
	uint8_t bytes[MAX_SERIAL];
	struct slice number = { bytes, strlen(serial) / 2 };
	char *end;
	unsigned long reason = strtoul(context_text(context, "reason"), &end, 10);
	if (!number.len || number.len > sizeof(bytes) || !hex_decode(serial, strlen(serial), bytes, number.len))
		return 1;
	if (strcmp(context_text(context, "op"), "release") == 0)
		return store_certificate_release(s, ca, number, seq);
	if (*end || reason > MAX_REASON)
		return 1;
	int64_t when = request_time(request_id), before = 0;
	if (time_parse(context_text(context, "when"), &before) && before < when)
		when = before; /* it was so elsewhere, before it was noted here */
	int r = store_certificate_revoke(s, ca, number, when, (uint8_t)reason, seq);
	return r || !*subject ? r : ca_revoke(s, subject, when);
}

struct posted {
	struct signer *signer;
	struct signer_ask ask;
	char request[33];
};

static void on_noted(struct signer_ask *ask)
{
	struct posted *p = ask->with;
	struct note_reply reply;
	if (signer_get_note(p->signer, ask, &reply) != SIGNER_DONE)
		log_error("withheld_not_noted", "request=%s why=\"a database from before it will not know of it\"",
			  p->request);
	signer_answer_free(&ask->answer);
	free(p);
}

void outcome_note(struct front *f, const struct call *c, const struct made *m)
{
	scoped_buf context = { .max = 1024 };
	char serial[41], fingerprint[65], why[MAX_WHY + 1];
	struct posted *p = calloc(1, sizeof(*p));
	if (!p)
		return;
	hex_encode(m->row.serial.at, m->row.serial.len < 20 ? m->row.serial.len : 20, serial);
	hex_encode(m->row.fingerprint, sizeof(m->row.fingerprint), fingerprint);
	hex_encode(m->row.request_id, sizeof(m->row.request_id), p->request);
	slice_to_text((struct slice){ (const uint8_t *)m->why, text_cut(slice_text(m->why), MAX_WHY) }, why,
		      sizeof(why));
	struct context_words words = { .op = "withheld", .ca = m->issuing_ca_id, .note = why, .serial = serial };
	words.fingerprint = fingerprint;
	words.of = p->request;
	struct note_request request = { .kind = NOTE_OTHER };
	if (context_put(&context, c, &words))
		log_error("withheld_not_noted", "request=%s why=\"its note is too long\"", p->request);
	request.context = buf_slice(&context);
	signer_request_id(request.request_id);
	p->signer = f->signer;
	p->ask.answered = on_noted;
	p->ask.with = p;
	signer_post_note(f->signer, &request, &p->ask);
}
