#include "signd/restore.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "ledger/snapshot.h"
#include "signd/approve.h"
#include "signd/import.h"
#include "signd/law.h"
#include "signd/renewal.h"
#include "signd/signer.h"

#define READ_SIZE 524288

/* An intent whose outcome has not been seen yet; never more than one life may have in flight. */
struct open_intent {
	uint64_t seq;
	uint8_t type;
	uint8_t request_id[REQUEST_ID_SIZE];
	char token[65];
};

struct pass {
	struct signer *signer;
	int64_t since;	       /* requests before this are past their window */
	int64_t metered_since; /* what was signed before this weighs on no rate any more */
	size_t open_count;
	struct open_intent open[MAX_IN_FLIGHT];
	struct buf kept; /* of a state: the kept records, head to check */
	bool keeping;
};

static int intent_open(struct pass *p, const struct record *r, const uint8_t *request_id, struct slice token)
{
	if (p->open_count == MAX_IN_FLIGHT)
		return -1;
	struct open_intent *o = &p->open[p->open_count++];
	o->seq = r->seq;
	o->type = r->type;
	memcpy(o->request_id, request_id, REQUEST_ID_SIZE);
	slice_to_text(token, o->token, sizeof(o->token));
	return 0;
}

static void remember(struct pass *p, const struct record *r, const uint8_t *request_id)
{
	if (!p->keeping && r->time >= p->since)
		recent_put(p->signer->recent, request_id, r->seq, r->time);
}

/* Takes the intent off the table; false if there is none of that number. */
static bool intent_close(struct pass *p, const struct record *r, uint64_t seq, struct open_intent *out)
{
	for (size_t i = 0; i < p->open_count; i++) {
		if (p->open[i].seq != seq)
			continue;
		*out = p->open[i];
		p->open[i] = p->open[--p->open_count];
		remember(p, r, out->request_id);
		return true;
	}
	return false;
}

static int take_start(struct pass *p, const struct record *r)
{
	struct signer *s = p->signer;
	struct ledger_start_record start;
	if (record_ledger_start_get(r->body, &start) != PACK_OK ||
	    memcmp(start.ledger_id, s->config.ledger_id, LEDGER_ID_SIZE) != 0 || s->log_key)
		return -1;
	s->log_key = key_new(start.ledger_id, start.log_token, start.log_key, start.log_public_key);
	if (!s->log_key)
		return -1;
	s->log_key->slot = s->slots[signer_slot(s, start.log_token)];
	s->proposals.epoch = start.epoch;
	if (s->log_key->slot)
		return 0;
	log_error("log_token_missing", "token=%s why=\"signd.conf has no token of that name\"", s->log_key->token);
	return -1;
}

static int add_key(struct pass *p, const struct record *r, struct key *k)
{
	if (!k || keys_add(&p->signer->keys, k) != 0) {
		key_free(k);
		return -1;
	}
	k->made_at = r->time / 1000;
	k->slot = p->signer->slots[signer_slot(p->signer, slice_text(k->token))];
	if (!k->slot && !p->keeping)
		log_warning("token_missing", "token=%s why=\"a key of this ledger is there\"", k->token);
	return 0;
}

static int take_key(struct pass *p, const struct record *r)
{
	struct key_result_record result;
	struct open_intent intent;
	if (record_key_result_get(r->body, &result) != PACK_OK || !intent_close(p, r, result.intent, &intent))
		return -1;
	return add_key(p, r,
		       key_new(result.key_id, slice_text(intent.token), SLICE_OF(result.key_id), result.public_key));
}

/* The key of an import, if this ledger did not make it, and the names of all CAs above it. */
static int take_imported(struct pass *p, const struct record *r)
{
	struct signer *s = p->signer;
	struct imported_record in;
	if (record_imported_get(r->body, &in) != PACK_OK)
		return -1;
	remember(p, r, in.request_id);
	uint8_t tag;
	struct slice der = in.certificate;
	do {
		if (import_know(s, der) != 0)
			return -1;
	} while (list_next(&in.chain, &tag, &der));
	if (in.token.len == 0 || keys_find(&s->keys, in.key_id))
		return 0;
	return add_key(p, r, key_new(in.key_id, in.token, in.driver_key, in.public_key));
}

static int take_binding(struct pass *p, const struct record *r)
{
	struct key_bound_record bound;
	if (record_key_bound_get(r->body, &bound) != PACK_OK)
		return -1;
	struct key *k = keys_find(&p->signer->keys, bound.key_id);
	return k ? -key_bind(k, bound.charter, bound.not_before, bound.not_after) : -1;
}

/* What it lists of our own CAs was closed when it was asked for, whatever came of it. */
static int take_crl(struct pass *p, const struct record *r, struct crl_intent_record *crl)
{
	uint8_t tag;
	struct slice id;
	while (list_next(&crl->closes, &tag, &id)) {
		struct key *k = id.len == KEY_ID_SIZE ? keys_find(&p->signer->keys, id.at) : NULL;
		if (!k || !k->charter_bytes.len)
			return -1;
		key_close(k);
	}
	return scopes_intend(&p->signer->scopes, crl, r->seq);
}

static int take_outside(struct pass *p, const struct record *r)
{
	struct outside_ca_record outside;
	return record_outside_ca_get(r->body, &outside) == PACK_OK
		       ? keys_know(&p->signer->keys, outside.subject, outside.public_key)
		       : -1;
}

static int take_responder(struct pass *p, const struct record *r)
{
	struct responder_bound_record bound;
	if (record_responder_bound_get(r->body, &bound) != PACK_OK)
		return -1;
	struct key *k = keys_find(&p->signer->keys, bound.key_id);
	return k ? -key_respond(k, &bound, r->seq) : -1;
}

static int take_renewal(struct pass *p, const struct record *r)
{
	struct key_renewed_record renewed;
	struct key *k = NULL;
	if (record_key_renewed_get(r->body, &renewed) == PACK_OK)
		k = keys_find(&p->signer->keys, renewed.key_id);
	if (!k || !k->charter_bytes.len)
		return -1;
	key_renew(k, renewed.not_before, renewed.not_after);
	return 0;
}

/* What it drew on its issuer and those above; a root's own draws on nobody. */
static void meter_cert(struct pass *p, const struct record *r, const struct cert_intent_record *cert)
{
	struct signer *s = p->signer;
	if (r->time < p->metered_since || cert->kind >= KIND_COUNT ||
	    memcmp(cert->ca_key, cert->subject_key_id, KEY_ID_SIZE) == 0)
		return;
	struct key *k = keys_find(&s->keys, cert->ca_key);
	if (k && k->charter_bytes.len)
		meters_draw(&s->keys, k, cert->kind, s->config.classes, r->time);
}

/* A CA over a key from outside has its name for good. */
static int know_foreign(struct signer *s, struct slice tbs)
{
	static const uint8_t none[1];
	scoped_buf der = { .max = MAX_RECORD_BODY };
	return record_certificate(tbs, SLICE_OF(none), &der) == 0 ? import_know(s, buf_slice(&der)) : -1;
}

static int take_intent(struct pass *p, const struct record *r)
{
	struct cert_intent_record cert;
	struct key_intent_record key;
	struct csr_intent_record csr;
	struct crl_intent_record crl;
	if (r->type == RECORD_CRL_INTENT)
		return record_crl_intent_get(r->body, &crl) != PACK_OK || take_crl(p, r, &crl) != 0
			       ? -1
			       : intent_open(p, r, crl.request_id, (struct slice){ 0 });
	if (r->type == RECORD_CSR_INTENT)
		return record_csr_intent_get(r->body, &csr) != PACK_OK
			       ? -1
			       : intent_open(p, r, csr.request_id, (struct slice){ 0 });
	if (r->type == RECORD_CERT_INTENT && record_cert_intent_get(r->body, &cert) == PACK_OK) {
		meter_cert(p, r, &cert);
		if (cert.kind == KIND_SUBCA_FOREIGN && know_foreign(p->signer, cert.tbs) != 0)
			return -1;
		return intent_open(p, r, cert.request_id, (struct slice){ 0 });
	}
	if (r->type == RECORD_CERT_INTENT || record_key_intent_get(r->body, &key) != PACK_OK)
		return -1;
	if (r->time >= p->metered_since)
		meter_draw(&p->signer->new_keys, &p->signer->config.new_keys, r->time);
	return intent_open(p, r, key.request_id, key.token);
}

static int take_outcome(struct pass *p, const struct record *r)
{
	struct cert_result_record result;
	struct csr_result_record csr;
	struct lost_record lost;
	struct open_intent intent;
	struct crl_result_record crl;
	if (r->type == RECORD_CRL_RESULT)
		return record_crl_result_get(r->body, &crl) == PACK_OK && intent_close(p, r, crl.intent, &intent)
			       ? scopes_conclude(&p->signer->scopes, crl.intent)
			       : -1;
	if (r->type == RECORD_CSR_RESULT)
		return record_csr_result_get(r->body, &csr) == PACK_OK && intent_close(p, r, csr.intent, &intent) ? 0
														  : -1;
	if (r->type == RECORD_CERT_RESULT)
		return record_cert_result_get(r->body, &result) == PACK_OK && intent_close(p, r, result.intent, &intent)
			       ? 0
			       : -1;
	return record_lost_get(r->body, &lost) == PACK_OK && intent_close(p, r, lost.intent, &intent) ? 0 : -1;
}

static int take_single(struct pass *p, const struct record *r)
{
	struct note_record note;
	struct ca_closed_record closed;
	if (r->type == RECORD_NOTE) {
		if (record_note_get(r->body, &note) != PACK_OK)
			return -1;
		remember(p, r, note.request_id);
		return 0;
	}
	struct cert_admitted_record admitted;
	if (r->type == RECORD_CERT_ADMITTED) {
		if (record_cert_admitted_get(r->body, &admitted) != PACK_OK)
			return -1;
		remember(p, r, admitted.request_id);
		return 0;
	}
	struct key *k = NULL;
	if (record_ca_closed_get(r->body, &closed) == PACK_OK)
		k = keys_find(&p->signer->keys, closed.ca_key);
	if (!k || !k->charter_bytes.len)
		return -1;
	key_close(k);
	remember(p, r, closed.request_id);
	return 0;
}

static int take_gone(struct pass *p, const struct record *r)
{
	struct key_gone_record gone;
	struct key *k = NULL;
	if (record_key_gone_get(r->body, &gone) == PACK_OK)
		k = keys_find(&p->signer->keys, gone.key_id);
	if (!k)
		return -1;
	k->state = KEY_STATE_GONE;
	remember(p, r, gone.request_id);
	return 0;
}

static int take_latch(struct pass *p, const struct record *r)
{
	struct latched_record latched;
	struct resumed_record resumed;
	struct epoch_record epoch;
	if (r->type == RECORD_LATCHED)
		return record_latched_get(r->body, &latched) == PACK_OK && latch_take(p->signer, &latched) == 0 ? 0
														: -1;
	p->signer->resumed = r->seq + 1;
	latch_forget(p->signer);
	if (r->type == RECORD_RESUMED)
		return record_resumed_get(r->body, &resumed) == PACK_OK ? 0 : -1;
	if (approve_take(p->signer, r) != 0 || record_epoch_get(r->body, &epoch) != PACK_OK)
		return -1;
	p->signer->crl_floor = epoch_crl_floor(r->time);
	latch_settle(p->signer, &epoch);
	return 0;
}

static int take_law(struct pass *p, const struct record *r)
{
	struct ceilings_record law;
	if (record_ceilings_get(r->body, &law) != PACK_OK)
		return -1;
	memcpy(p->signer->law, law.hash, sizeof(law.hash));
	return 0;
}

/* Its request, if it had one, stands in front; root's is zeros. */
static int take_people(struct pass *p, const struct record *r)
{
	bool asked = r->type == RECORD_PROPOSED || r->type == RECORD_APPROVED || r->type == RECORD_WITHDRAWN;
	if (approve_take(p->signer, r) != 0)
		return -1;
	if (asked && r->body.len >= REQUEST_ID_SIZE && !bytes_zero(r->body.at, REQUEST_ID_SIZE))
		remember(p, r, r->body.at);
	return 0;
}

static int take_record(struct pass *p, const struct record *r)
{
	switch (r->type) {
	case RECORD_LEDGER_START:
		return take_start(p, r);
	case RECORD_KEY_INTENT:
	case RECORD_CERT_INTENT:
	case RECORD_CSR_INTENT:
	case RECORD_CRL_INTENT:
		return take_intent(p, r);
	case RECORD_KEY_RESULT:
		return take_key(p, r);
	case RECORD_CERT_RESULT:
	case RECORD_CSR_RESULT:
	case RECORD_CRL_RESULT:
	case RECORD_LOST:
		return take_outcome(p, r);
	case RECORD_KEY_BOUND:
		return take_binding(p, r);
	case RECORD_RESPONDER_BOUND:
		return take_responder(p, r);
	case RECORD_OUTSIDE_CA:
		return take_outside(p, r);
	case RECORD_KEY_RENEWED:
		return take_renewal(p, r);
	case RECORD_IMPORTED:
		return take_imported(p, r);
	case RECORD_NOTE:
	case RECORD_CA_CLOSED:
	case RECORD_CERT_ADMITTED:
		return take_single(p, r);
	case RECORD_KEY_GONE:
		return take_gone(p, r);
	case RECORD_LATCHED:
	case RECORD_RESUMED:
	case RECORD_EPOCH:
		return take_latch(p, r);
	case RECORD_HOST:
		return host_get(r->body, &p->signer->written_on) ? 0 : -1;
	case RECORD_CEILINGS:
		return take_law(p, r);
	case RECORD_PROPOSED:
	case RECORD_APPROVED:
	case RECORD_WITHDRAWN:
	case RECORD_SPENT:
		return take_people(p, r);
	case RECORD_REFUSED:
	case RECORD_OCSP_BATCH:
	case RECORD_STARTED:
	case RECORD_TOKEN_RESUMED:
	case RECORD_CEREMONY:
		return 0;
	}
	return LEDGER_NEWER; /* it may bind or close a key: better not to sign */
}

/*
 * Whether a snapshot keeps this record. Those that come with each certificate
 * are not kept: they would grow without end; what else there is grows with
 * keys and with what root does.
 */
static bool record_kept(const struct record *r)
{
	struct lost_record lost;
	struct latched_record latched;
	switch (r->type) {
	case RECORD_CERT_INTENT:
	case RECORD_CERT_RESULT:
	case RECORD_CSR_INTENT:
	case RECORD_CSR_RESULT:
	case RECORD_CERT_ADMITTED:
	case RECORD_CRL_INTENT:
	case RECORD_CRL_RESULT:
	case RECORD_OCSP_BATCH:
	case RECORD_NOTE:
	case RECORD_REFUSED:
	case RECORD_STARTED:
	case RECORD_TOKEN_RESUMED:
	case RECORD_CEREMONY:
	case RECORD_PROPOSED: /* these stand in a section, as an epoch does, which is kept besides: it opens latches */
	case RECORD_APPROVED:
	case RECORD_WITHDRAWN:
	case RECORD_SPENT:
		return false;
	case RECORD_LOST:
		return record_lost_get(r->body, &lost) == PACK_OK && lost.intent_type == RECORD_KEY_INTENT;
	case RECORD_LATCHED: /* of a CRL: it stands in that section */
		return record_latched_get(r->body, &latched) != PACK_OK || latched.what.len < 4 ||
		       memcmp(latched.what.at, "crl ", 4) != 0;
	}
	return true;
}

static int record_understand(struct pass *p, const struct record *r)
{
	int failed = take_record(p, r);
	if (failed == 0)
		return 0;
	if (failed == LEDGER_NEWER) {
		log_error("ledger_newer",
			  "seq=%llu type=%u why=\"a record of a later version: install the newer chancery\"",
			  (unsigned long long)r->seq, r->type);
		return LEDGER_NEWER;
	}
	log_error("ledger_not_understood", "seq=%llu type=%s", (unsigned long long)r->seq, record_type_name(r->type));
	return -1;
}

/* Whole records; next: the number of the first, NULL if they need only ascend. */
static int take_range(struct pass *p, struct slice records, uint64_t *next)
{
	struct record r;
	size_t size;
	uint64_t least = next ? *next : 0;
	while (records.len && record_peek(records, &r, &size, NULL) == RECORD_WHOLE) {
		int failed = r.seq < least || (next && r.seq != *next) ? -1 : record_understand(p, &r);
		if (failed)
			return failed;
		records.at += size;
		records.len -= size;
		least = r.seq + 1;
		if (next)
			*next = least;
	}
	return records.len ? -1 : 0;
}

static void kept_put(const struct pass *p, struct buf *out)
{
	buf_put_slice(out, buf_slice(&p->kept));
}

static int kept_get(struct pass *p, struct slice in)
{
	if (p->keeping)
		buf_put_slice(&p->kept, in);
	return buf_ok(&p->kept) ? take_range(p, in, NULL) : -1;
}

/* An intent whose record is kept is opened by that. */
static void open_put(const struct pass *p, struct buf *out)
{
	for (size_t i = 0; i < p->open_count; i++)
		if (p->open[i].type != RECORD_KEY_INTENT)
			buf_put_u64(out, p->open[i].seq);
}

static int open_get(struct pass *p, struct slice in)
{
	scoped_buf bytes = { .max = MAX_RECORD + 4096 };
	struct record r;
	for (; in.len >= 8; in = (struct slice){ in.at + 8, in.len - 8 })
		if (ledger_read(p->signer->reader, get_u64(in.at), &bytes, &r) != 0 || take_intent(p, &r) != 0)
			return -1;
	return in.len ? -1 : 0;
}

/*
 * What was drawn on keys, under the rates of signd.conf then: a bucket that another rate would have filled earlier
 * fills up again within the time that it was for.
 */
static void meter_put(const struct meter *m, struct buf *out)
{
	buf_put_u64(out, (uint64_t)m->full_at);
	buf_put_u64(out, (uint64_t)m->day);
	buf_put_u32(out, m->today);
}

#define METER_SIZE 20
#define METERS_SIZE (KEY_ID_SIZE + KIND_COUNT * METER_SIZE)

static const uint8_t *meter_get(const uint8_t *at, struct meter *m)
{
	*m = (struct meter){ (int64_t)get_u64(at), (int64_t)get_u64(at + 8), get_u32(at + 16) };
	return at + METER_SIZE;
}

static void meters_put(const struct pass *p, struct buf *out)
{
	meter_put(&p->signer->new_keys, out);
	for (size_t i = 0; i < p->signer->keys.count; i++) {
		const struct key *k = p->signer->keys.all[i];
		buf_put(out, k->id, KEY_ID_SIZE);
		for (int kind = 0; kind < KIND_COUNT; kind++)
			meter_put(&k->meters[kind], out);
	}
}

static int meters_get(struct pass *p, struct slice in)
{
	if (in.len < METER_SIZE)
		return -1;
	const uint8_t *at = meter_get(in.at, &p->signer->new_keys), *end = in.at + in.len;
	for (; (size_t)(end - at) >= METERS_SIZE;) {
		struct key *k = keys_find(&p->signer->keys, at);
		if (!k)
			return -1;
		at += KEY_ID_SIZE;
		for (int kind = 0; kind < KIND_COUNT; kind++)
			at = meter_get(at, &k->meters[kind]);
	}
	return at == end ? 0 : -1;
}

/* Keys of closed CAs, also of those that a CRL closed, whose record is not kept. */
static void closed_put(const struct pass *p, struct buf *out)
{
	for (size_t i = 0; i < p->signer->keys.count; i++)
		if (p->signer->keys.all[i]->state == KEY_STATE_CLOSED)
			buf_put(out, p->signer->keys.all[i]->id, KEY_ID_SIZE);
}

static int closed_get(struct pass *p, struct slice in)
{
	for (; in.len >= KEY_ID_SIZE; in = (struct slice){ in.at + KEY_ID_SIZE, in.len - KEY_ID_SIZE }) {
		struct key *k = keys_find(&p->signer->keys, in.at);
		if (!k || !k->charter_bytes.len)
			return -1;
		key_close(k);
	}
	return in.len ? -1 : 0;
}

static void crls_put(const struct pass *p, struct buf *out)
{
	scopes_put(&p->signer->scopes, out);
}

static int crls_get(struct pass *p, struct slice in)
{
	return scopes_get(&p->signer->scopes, in);
}

static void proposals_section_put(const struct pass *p, struct buf *out)
{
	proposals_put(&p->signer->proposals, out);
}

static int proposals_section_get(struct pass *p, struct slice in)
{
	return proposals_get(&p->signer->proposals, in);
}

/* Of CAs elsewhere; those of imports are known by then. */
static void outside_put(const struct pass *p, struct buf *out)
{
	buf_put_slice(out, buf_slice(&p->signer->keys.outside));
}

static int outside_get(struct pass *p, struct slice in)
{
	return keys_outside_set(&p->signer->keys, in);
}

/*
 * The sections of a state, in their order. put says what all records up to
 * here have come to, get takes it over into a signer that knows the sections
 * before it. A room that sums up what is not kept (record_kept) adds a row
 * under a number of its own, with functions over p->signer, and raises STATE_VERSION.
 */
static const struct section {
	uint16_t number;
	void (*put)(const struct pass *p, struct buf *out);
	int (*get)(struct pass *p, struct slice in);
} sections[] = {
	{ 1, kept_put, kept_get },
	{ 2, open_put, open_get },
	{ 3, meters_put, meters_get },
	{ 4, closed_put, closed_get },
	{ 5, crls_put, crls_get }, /* after the open intents, which it knows already */
	{ 6, proposals_section_put, proposals_section_get },
	{ 7, outside_put, outside_get },
};
#define SECTIONS (sizeof(sections) / sizeof(sections[0]))

static void sections_put(const struct pass *p, struct buf *out)
{
	for (size_t i = 0; i < SECTIONS; i++) {
		buf_put_u16(out, sections[i].number);
		buf_put_u32(out, 0);
		size_t from = out->len;
		sections[i].put(p, out);
		if (buf_ok(out))
			set_u32(out->at + from - 4, (uint32_t)(out->len - from));
	}
}

/* Exactly those of the table: another set is another version. */
static int sections_get(struct pass *p, struct slice in)
{
	for (size_t i = 0; i < SECTIONS; i++) {
		size_t len = in.len >= 6 ? get_u32(in.at + 2) : 0;
		if (in.len < 6 || get_u16(in.at) != sections[i].number || len > in.len - 6 ||
		    sections[i].get(p, (struct slice){ in.at + 6, len }) != 0)
			return -1;
		in = (struct slice){ in.at + 6 + len, in.len - 6 - len };
	}
	return in.len ? -1 : 0;
}

/* Where signd.conf allows something else than at the last start, that is on the ledger before anything is signed. */
static int stage_law(struct signer *s, struct ledger *ledger)
{
	scoped_buf body = { .max = MAX_RECORD_BODY };
	uint64_t seq;
	int r = law_record(&s->config, s->law, &body);
	if (r != 0)
		return r > 0 ? 0 : -1;
	log_info("ceilings_changed", "why=\"signd.conf allows something else than the ledger's last record of it\"");
	return ledger_stage(ledger, RECORD_CEILINGS, clock_stamp(&s->clock), buf_slice(&body), &seq);
}

/* Closes what the life before this one left open, and says that this one has begun, and where. */
static int life_begin(const struct pass *p, struct ledger *ledger)
{
	scoped_buf body = { .max = MAX_RECORD_BODY };
	struct signer *s = p->signer;
	uint64_t seq;
	for (size_t i = 0; i < p->open_count; i++) {
		const struct open_intent *o = &p->open[i];
		struct lost_record lost = { o->seq, o->type };
		buf_clear(&body);
		record_lost_put(&body, &lost);
		if (ledger_stage(ledger, RECORD_LOST, clock_stamp(&s->clock), buf_slice(&body), &seq) != 0 ||
		    recent_put(s->recent, o->request_id, seq, time_now_ms()) != 0)
			return -1;
		log_warning("intent_lost", "intent=%llu type=%s", (unsigned long long)o->seq,
			    record_type_name(o->type));
	}
	struct started_record started = { slice_text(CHANCERY_VERSION), p->open_count };
	buf_clear(&body);
	record_started_put(&body, &started);
	if (ledger_stage(ledger, RECORD_STARTED, clock_stamp(&s->clock), buf_slice(&body), &seq) != 0 ||
	    stage_law(s, ledger) != 0)
		return -1;
	if (s->host.known && !s->written_on.known) {
		buf_clear(&body);
		host_put(&s->host, &body);
		if (ledger_stage(ledger, RECORD_HOST, clock_stamp(&s->clock), buf_slice(&body), &seq) != 0)
			return -1;
		s->written_on = s->host;
	}
	return ledger_commit(ledger);
}

/* All of the ledger, or what follows a snapshot. */
static int pass_run(struct pass *p, struct ledger *ledger)
{
	scoped_buf range = { .max = READ_SIZE + 2 * MAX_RECORD_BODY };
	uint64_t next, size = ledger_size(ledger);
	struct slice state = ledger_state(ledger, &next);
	if (next && sections_get(p, state) != 0) {
		log_error("snapshot_not_understood", "size=%llu", (unsigned long long)next);
		return -1;
	}
	ledger_state_drop(ledger);
	while (next < size) {
		buf_clear(&range);
		int failed = ledger_read_range(p->signer->reader, next, size, READ_SIZE, &range) != 0
				     ? -1
				     : take_range(p, buf_slice(&range), &next);
		if (failed)
			return failed;
	}
	if (p->signer->log_key)
		return 0;
	log_error("ledger_empty", "why=\"no log key: run chancery-signd --init\"");
	return -1;
}

int restore(struct signer *s, struct ledger *ledger)
{
	struct pass *p = calloc(1, sizeof(*p));
	if (!p)
		return -1;
	*p = (struct pass){ .signer = s,
			    .since = time_now_ms() - 2 * REQUEST_WINDOW_MS,
			    .metered_since = time_now_ms() - METER_DAY_MS };
	int broken = pass_run(p, ledger);
	clock_start(&s->clock, ledger_last_time(ledger), s->config.max_downtime_ms);
	/* What was rolled back, or copied, is left as it is. */
	if (!broken && !ledger_rolled_back(ledger) && host_same(&s->host, &s->written_on))
		broken = life_begin(p, ledger);
	free(p);
	return broken;
}

struct state {
	struct signer signer; /* has keys, the log key and latches, and nothing that acts */
	struct pass pass;
};

struct state *state_new(const struct signer *like, struct ledger_reader *reader)
{
	struct state *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->signer.config = like->config;
	memcpy(t->signer.slots, like->slots, sizeof(t->signer.slots));
	t->signer.reader = reader;
	t->pass = (struct pass){ .signer = &t->signer, .keeping = true };
	buf_init(&t->pass.kept, MAX_SNAPSHOT / 2);
	return t;
}

void state_free(struct state *t)
{
	if (!t)
		return;
	keys_free(&t->signer.keys);
	scopes_free(&t->signer.scopes);
	proposals_free(&t->signer.proposals);
	key_free(t->signer.log_key);
	buf_free(&t->pass.kept);
	free(t);
}

int state_get(struct state *t, struct slice packed)
{
	return sections_get(&t->pass, packed);
}

int state_take(struct state *t, const struct record *r)
{
	if (record_understand(&t->pass, r) != 0)
		return -1;
	struct buf *kept = &t->pass.kept;
	uint8_t hash[HASH_SIZE];
	if (record_kept(r))
		record_put(kept, r, hash);
	return buf_ok(kept) ? 0 : -1;
}

void state_put(const struct state *t, struct buf *out)
{
	sections_put(&t->pass, out);
}
