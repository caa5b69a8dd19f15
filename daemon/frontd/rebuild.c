#include "frontd/rebuild.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "frontd/chain.h"
#include "frontd/check.h"
#include "frontd/context.h"
#include "frontd/crl.h"
#include "frontd/crl_number.h"
#include "frontd/gone.h"
#include "frontd/idempotency.h"
#include "frontd/made.h"
#include "frontd/letters.h"
#include "frontd/outcome.h"
#include "frontd/root.h"
#include "frontd/subject.h"
#include "frontd/succession.h"
#include "wire/inner.h"

#define MAX_CERTIFICATE (160 * 1024)
#define MAX_PACKED (1024 * 1024)
#define MAX_SERIAL 20	     /* bytes: what a row holds */
#define UNJUDGED_SECONDS 600 /* so long after it a request can be repeated, and be answered for the first time */

int rebuild_passed_over(const struct rebuild *r, const char *why)
{
	log_warning("catchup_record", "seq=%llu type=%s why=\"%s\"", (unsigned long long)r->record.seq,
		    record_type_name(r->record.type), why);
	return 0;
}

/* An issuer becomes what the note says: made, or changed. */
int rebuild_issuer(struct store_session *s, json_t *context, int64_t when, bool change)
{
	struct issuer_row row = { .id = slice_text(context_text(context, "iss")),
				  .name = slice_text(context_text(context, "iname")),
				  .hierarchy_mode = slice_text(context_text(context, "mode")),
				  .issuing_ca_id = slice_text(context_text(context, "issuing")),
				  .created_at = when,
				  .updated_at = when };
	if (change || !*context_text(context, "ca")) /* a CA's words have its own rule */
		row.rotation = slice_text(context_text(context, "rot"));
	if (!row.id.len)
		return 0;
	scoped_row(issuer) known = { 0 };
	int r = store_issuer_find(s, context_text(context, "iss"), &known);
	if (r < 0 || (r == STORE_DONE && (!change || known.updated_at > when)))
		return r < 0 ? r : 0;
	if (r == STORE_NONE)
		return store_issuer_insert(s, &row);
	row.created_at = known.created_at;
	return store_issuer_update(s, &row);
}

/* The note of an issuer's making, read once more, says nothing of one that is there: it may have its CA since. */
static bool issuer_begins(json_t *context, const uint8_t request_id[16])
{
	char id[48];
	context_id("iss-", request_id, id);
	return strcmp(context_text(context, "iss"), id) == 0;
}

static int state_rank(struct slice state)
{
	static const char *const states[] = { "created", "active", "retiring", "retired", "revoked" };
	for (int i = 0; i < 5; i++)
		if (slice_equal(state, slice_text(states[i])))
			return i;
	return 5;
}

/* A CA's life only goes on. */
static int ca_advance(struct store_session *s, struct ca_row *ca, const char *to, int64_t when)
{
	if (state_rank(slice_text(to)) <= state_rank(ca->state) || state_rank(slice_text(to)) > 3)
		return 0;
	int r = store_ca_move(s, row_text(ca->id), row_text(ca->state), to, when);
	if (!r && strcmp(to, "retiring") == 0)
		r = succession_take(s, ca, when);
	return r < 0 ? r : 0;
}

/* Whose request it was, so that a repeated one is answered alike. */
static int step_put(struct store_session *s, const struct rebuild *r, const struct ca_row *ca,
		    const uint8_t request_id[16], const char *to)
{
	int64_t when = r->record.time / 1000;
	struct step_row row = {
		.ca_id = ca->id, .state = slice_text(to), .ledger_seq = r->record.seq, .created_at = when
	};
	memcpy(row.request_id, request_id, sizeof(row.request_id));
	return state_rank(row.state) < 5 ? store_step_insert(s, &row, when - IDEMPOTENCY_SECONDS) : 0;
}

static int rule_put(struct store_session *s, json_t *context, int64_t when)
{
	int r = store_ca_rule(s, context_text(context, "ca"), context_text(context, "rot"), when);
	return r < 0 ? r : 0;
}

static int outcome_put(const struct rebuild *r, int answer)
{
	return answer > 0 ? rebuild_passed_over(r, "there is no such certificate") : answer;
}

static int rebuild_crl(const struct rebuild *r, int answer)
{
	return answer > 0 ? rebuild_passed_over(r, "no CA has the key that was to sign it") : answer;
}

static int rebuild_note(struct store_session *s, const struct rebuild *r)
{
	struct note_record note;
	if (record_note_get(r->record.body, &note) != PACK_OK)
		return rebuild_passed_over(r, "it can't be read");
	scoped_json *context = context_read(note.context);
	int64_t when = r->record.time / 1000;
	if (context && strcmp(context_text(context, "op"), "issuer") == 0)
		return rebuild_issuer(s, context, when, !issuer_begins(context, note.request_id));
	if (context && strcmp(context_text(context, "op"), "rule") == 0)
		return rule_put(s, context, when);
	if (context && strcmp(context_text(context, "op"), "crlnumber") == 0)
		return rebuild_crl(r, crl_number_noted(s, context));
	if (context && strcmp(context_text(context, "op"), "withheld") == 0)
		return outcome_put(r, outcome_withheld(s, context, when));
	if (context && strcmp(context_text(context, "op"), "asked") == 0)
		return letter_asked(s, context, when);
	if (context && strcmp(context_text(context, "op"), "answered") == 0)
		return letter_answered(s, context, r->record.seq);
	if (context && note.kind == NOTE_REVOCATION)
		return outcome_put(r, outcome_revoked(s, context, note.request_id, r->record.seq));
	if (!context || strcmp(context_text(context, "op"), "move") != 0)
		return 0;
	scoped_row(ca) ca = { 0 };
	int found = store_ca_find(s, context_text(context, "ca"), &ca);
	if (found)
		return found < 0 ? found : rebuild_passed_over(r, "there is no such CA");
	uint8_t request_id[16];
	context_note_id(note.request_id, request_id);
	int put = step_put(s, r, &ca, request_id, context_text(context, "to"));
	return put ? put : ca_advance(s, &ca, context_text(context, "to"), when);
}

static int rebuild_closed(struct store_session *s, const struct rebuild *r)
{
	struct ca_closed_record closed;
	scoped_row(ca) ca = { 0 };
	if (record_ca_closed_get(r->record.body, &closed) != PACK_OK)
		return rebuild_passed_over(r, "it can't be read");
	int found = store_ca_find_key(s, closed.ca_key, &ca);
	if (found)
		return found < 0 ? found : rebuild_passed_over(r, "no CA has this key");
	int64_t when = r->record.time / 1000;
	int put = step_put(s, r, &ca, closed.request_id, "retiring");
	return put ? put : ca_advance(s, &ca, "retiring", when);
}

static int rebuild_gone(struct store_session *s, const struct rebuild *r)
{
	struct key_gone_record gone;
	if (record_key_gone_get(r->record.body, &gone) != PACK_OK)
		return rebuild_passed_over(r, "it can't be read");
	int held = gone_hold(s, gone.key_id, r->record.time / 1000);
	return held > 0 ? rebuild_passed_over(r, "no CA has this key") : held;
}

static int rebuild_key(struct store_session *s, const struct rebuild *r)
{
	struct key_result_record result;
	struct key_intent_record intent;
	if (r->intent.type != RECORD_KEY_INTENT || record_key_result_get(r->record.body, &result) != PACK_OK ||
	    record_key_intent_get(r->intent.body, &intent) != PACK_OK)
		return rebuild_passed_over(r, "it can't be read");
	struct key_row row = { .token = intent.token,
			       .algorithm = intent.algorithm,
			       .public_key = result.public_key,
			       .ca_id = slice_text(""),
			       .ledger_seq = r->intent.seq,
			       .created_at = r->intent.time / 1000 };
	memcpy(row.key_id, result.key_id, sizeof(row.key_id));
	/* While the CA that it was made for is still being made, nobody else may take it. */
	scoped_json *context = context_read(intent.context);
	scoped_row(ca) ca = { 0 };
	int found = store_ca_find(s, context ? context_text(context, "ca") : "", &ca);
	if (found == STORE_DONE)
		row.ca_id = ca.id;
	return found < 0 ? found : store_key_insert(s, &row);
}

/* What a signature was lost of is not being made any more. */
static int rebuild_lost(struct store_session *s, const struct rebuild *r)
{
	struct cert_intent_record intent;
	struct csr_intent_record csr;
	struct slice words = { 0 };
	bool certificate =
		r->intent.type == RECORD_CERT_INTENT && record_cert_intent_get(r->intent.body, &intent) == PACK_OK;
	if (certificate)
		words = intent.context;
	else if (r->intent.type == RECORD_CSR_INTENT && record_csr_intent_get(r->intent.body, &csr) == PACK_OK)
		words = csr.context;
	int lost = certificate ? outcome_lost(s, &intent, r->intent.seq, r->intent.time / 1000) : 0;
	if (lost < 0)
		return lost;
	if (lost)
		rebuild_passed_over(r, "what was to be signed can't be kept as a row");
	scoped_json *context = words.len ? context_read(words) : NULL;
	const char *op = context ? context_text(context, "op") : "";
	if (strcmp(op, "ca") != 0 && strcmp(op, "csr") != 0)
		return 0;
	int d = rebuild_unmade(s, context_text(context, "ca"), r->record.time / 1000);
	if (!d)
		d = store_ca_delete(s, context_text(context, "ca"));
	return d < 0 ? d : store_key_free(s);
}

/* A certificate on its way from the ledger into the database. */
struct restored {
	struct cert_intent_record intent;
	struct slice der;
	struct facts facts;
	json_t *context;
	struct chain above; /* the issuing CA first; empty for a root */
	struct made made;
	struct key_row key;
	struct constraints_buf effective;
	struct buf fold, packed_stated, packed_effective;
};

static void restored_init(struct restored *x)
{
	*x = (struct restored){ 0 };
	constraints_buf_init(&x->effective);
	buf_init(&x->fold, MAX_PACKED);
	buf_init(&x->packed_stated, MAX_PACKED);
	buf_init(&x->packed_effective, MAX_PACKED);
}

static void restored_free(struct restored *x)
{
	facts_free(&x->facts);
	json_decref(x->context);
	chain_free(&x->above);
	made_free(&x->made);
	key_row_free(&x->key);
	constraints_buf_free(&x->effective);
	buf_free(&x->fold);
	buf_free(&x->packed_stated);
	buf_free(&x->packed_effective);
}
#define scoped_restored __attribute__((cleanup(restored_free))) struct restored

static bool is_root(const struct restored *x)
{
	return memcmp(x->intent.ca_key, x->intent.subject_key_id, sizeof(x->intent.ca_key)) == 0;
}

/* The chain above, by the key that signed; positive: no such CA. */
static int restored_above(struct store_session *s, struct restored *x)
{
	if (x->above.count || is_root(x))
		return 0;
	scoped_row(ca) issuing = { 0 };
	int r = store_ca_find_key(s, x->intent.ca_key, &issuing);
	return r ? r : chain_load(s, row_text(issuing.id), &x->above);
}

/* The constraints that hold from this CA on. */
static int restored_constraints(struct restored *x)
{
	struct constraints stated = facts_constraints(&x->facts);
	return constraints_settle(&stated, x->above.count ? &x->above.ca[0] : NULL, &x->effective, &x->packed_stated,
				  &x->packed_effective);
}

static void restored_validate(struct restored *x)
{
	struct slice chain[MAX_CHAIN + 1] = { x->der };
	for (size_t i = 0; i < x->above.count; i++)
		chain[i + 1] = x->above.ca[i].certificate;
	if (x->made.why[0])
		return;
	if (!x->facts.ca)
		strcpy(x->made.why, "it is no CA certificate");
	else
		check_chain(chain, x->above.count + 1,
			    chain_not_before(&x->above) > x->facts.not_before ? chain_not_before(&x->above)
									      : x->facts.not_before,
			    x->made.why);
}

static void restored_ca_row(struct restored *x)
{
	struct ca_row *ca = &x->made.ca;
	ca->id = slice_text(context_text(x->context, "ca"));
	ca->issuer_id = slice_text(context_text(x->context, "iss"));
	ca->parent_id = x->above.count ? x->above.ca[0].id : slice_text("");
	ca->name = slice_text(context_text(x->context, "name"));
	ca->state = slice_text(x->made.why[0] ? "withheld" : "active");
	ca->subject = buf_slice(&x->facts.subject.raw);
	ca->subject_fold = buf_slice(&x->fold);
	memcpy(ca->key_id, x->intent.subject_key_id, sizeof(ca->key_id));
	ca->outsider = x->intent.kind == KIND_SUBCA_FOREIGN;
	ca->token = x->key.token;
	ca->key_uri = slice_text(context_text(x->context, "key"));
	ca->algorithm = x->key.algorithm;
	ca->path_len = x->facts.path_len;
	ca->constraints = buf_slice(&x->packed_stated);
	ca->effective = buf_slice(&x->packed_effective);
	ca->metadata = slice_text(context_text(x->context, "meta"));
	ca->rotation = slice_text(context_text(x->context, "rot"));
	ca->predecessor_id = slice_text(context_text(x->context, "pred"));
	ca->ttl = strtoll(context_text(x->context, "ttl"), NULL, 10);
	ca->actor = slice_text(context_text(x->context, "actor"));
	memcpy(ca->request_id, x->intent.request_id, sizeof(ca->request_id));
	memcpy(ca->fingerprint, x->facts.fingerprint, sizeof(ca->fingerprint));
	ca->serial = x->facts.serial;
	ca->not_before = x->facts.not_before;
	ca->not_after = x->facts.not_after;
	ca->certificate = x->der;
	ca->created_at = ca->updated_at = x->made.now;
}

static int restored_ca(struct store_session *s, struct restored *x, uint64_t seq)
{
	int r = store_proposal_expire(s, x->made.now);
	if (!r)
		r = rebuild_issuer(s, x->context, x->made.now, false);
	if (r == STORE_TAKEN)
		return 1;
	if (!r && !x->key.algorithm)
		r = store_key_find(s, x->intent.subject_key_id, &x->key);
	if (r < 0 || restored_constraints(x))
		return -1;
	if (!x->key.algorithm)
		x->key.algorithm = root_key_algorithm(x->facts.public_key);
	subject_fold(items_list(&x->facts.subject), &x->fold);
	restored_validate(x);
	restored_ca_row(x);
	x->made.ca.ledger_seq = seq;
	x->made.single = strcmp(context_text(x->context, "mode"), "single") == 0 && !ca_offline(&x->made.ca);
	return 0;
}

static bool certifies_ca(const struct restored *x)
{
	return x->intent.kind == KIND_CA || x->intent.kind == KIND_SUBCA_FOREIGN;
}

/* A further certificate of a CA that is there: of its own issuer, which it is known by from then on, or of another. */
static bool is_further(const struct restored *x)
{
	const char *op = context_text(x->context, "op");
	return certifies_ca(x) && (strcmp(op, "renew") == 0 || strcmp(op, "cross") == 0);
}

static int restored_commit(struct store_session *s, const struct rebuild *b, struct restored *x)
{
	bool further = is_further(x), ca = certifies_ca(x) && !further;
	if (ca && (!*context_text(x->context, "ca") || !*context_text(x->context, "iss")))
		return rebuild_passed_over(b, "its context names no CA");
	int r = restored_above(s, x);
	if (r)
		return r < 0 ? r : rebuild_passed_over(b, "no CA has the key that signed it");
	x->made.now = b->intent.time / 1000;
	r = ca ? restored_ca(s, x, b->intent.seq) : 0;
	if (r)
		return r < 0 ? r : rebuild_passed_over(b, "its issuer's name is another's");
	if (further) {
		restored_validate(x);
		if (strcmp(context_text(x->context, "op"), "renew") == 0)
			x->made.renewed_ca_id = context_text(x->context, "ca");
	} else if (!ca && x->facts.ca)
		strcpy(x->made.why, "it is a CA certificate where a leaf was asked for");
	if (x->intent.kind == KIND_OCSP_RESPONDER)
		x->made.responder = x->intent.subject_key_id;
	x->made.issuing_ca_id = x->above.count ? row_text(x->above.ca[0].id) : context_text(x->context, "ca");
	made_fill(&x->made, &x->facts, x->der, x->made.issuing_ca_id, certifies_ca(x) ? KIND_CA : x->intent.kind);
	if (certifies_ca(x))
		items_put(&x->made.names, 0, slice_text(context_text(x->context, "ca")));
	x->made.row.profile = slice_text(context_text(x->context, "profile"));
	x->made.row.actor = slice_text(context_text(x->context, "actor"));
	x->made.row.ledger_seq = b->intent.seq;
	memcpy(x->made.row.request_id, x->intent.request_id, sizeof(x->made.row.request_id));
	r = made_commit(s, &x->made);
	return r > 0 ? rebuild_passed_over(b, "something of it is in use by another") : r;
}

static int rebuild_certificate(struct store_session *s, const struct rebuild *b)
{
	struct cert_result_record result;
	scoped_restored x;
	restored_init(&x);
	if (b->intent.type != RECORD_CERT_INTENT || record_cert_intent_get(b->intent.body, &x.intent) != PACK_OK ||
	    record_cert_result_get(b->record.body, &result) != PACK_OK)
		return rebuild_passed_over(b, "it can't be read");
	scoped_row(certificate) known = { 0 };
	int r = store_certificate_find_request(s, x.intent.request_id, &known);
	if (r != STORE_NONE)
		return r < 0 ? r : 0;
	scoped_buf der = { .max = MAX_CERTIFICATE };
	char why[FACTS_WHY] = "";
	if (record_certificate(x.intent.tbs, result.signature, &der))
		return rebuild_passed_over(b, "it holds no certificate");
	x.der = buf_slice(&der);
	if (facts_read(x.der, &x.facts, why))
		return rebuild_passed_over(b, why);
	x.context = context_read(x.intent.context);
	if (!x.context)
		x.context = json_object();
	/* What nobody has judged yet; older ones were, by the rules of their day, and notes say what came of it. */
	if (b->record.time / 1000 > time_now() - UNJUDGED_SECONDS)
		check_rules(x.der, x.made.why);
	return restored_commit(s, b, &x);
}

/* The key as its import found it; of one that was made here the ledger has said more before. */
static void imported_key(const struct imported_record *in, const struct rebuild *b, struct restored *x)
{
	x->key = (struct key_row){ .token = in->token, .algorithm = in->algorithm };
	if (!in->token.len)
		return;
	x->made.key = (struct key_row){ .token = in->token,
					.algorithm = in->algorithm,
					.public_key = in->public_key,
					.ca_id = slice_text(context_text(x->context, "ca")),
					.ledger_seq = b->intent.seq,
					.created_at = b->intent.time / 1000 };
	memcpy(x->made.key.key_id, in->key_id, sizeof(x->made.key.key_id));
}

/* Who signed it has no key here: its context says who that is. */
static int imported_above(struct store_session *s, struct restored *x)
{
	const char *parent = context_text(x->context, "parent");
	return *parent ? chain_load(s, parent, &x->above) : 1;
}

/* A root that was registered, or a CA whose certificate was signed elsewhere. b->intent is its IMPORTED; with a key it
 * counts once the key is bound. */
static int rebuild_imported(struct store_session *s, const struct rebuild *b)
{
	struct imported_record in;
	scoped_restored x;
	restored_init(&x);
	if (record_imported_get(b->intent.body, &in) != PACK_OK)
		return rebuild_passed_over(b, "it can't be read");
	scoped_row(certificate) known = { 0 };
	int r = store_certificate_find_request(s, in.request_id, &known);
	if (r != STORE_NONE)
		return r < 0 ? r : 0;
	char why[FACTS_WHY] = "";
	if (facts_read_foreign(in.certificate, &x.facts, why))
		return rebuild_passed_over(b, why);
	x.intent.kind = KIND_CA;
	memcpy(x.intent.request_id, in.request_id, sizeof(x.intent.request_id));
	memcpy(x.intent.ca_key, in.key_id, sizeof(x.intent.ca_key));
	memcpy(x.intent.subject_key_id, in.key_id, sizeof(x.intent.subject_key_id));
	x.der = in.certificate;
	x.context = context_read(in.context);
	if (!x.context)
		return rebuild_passed_over(b, "its context is not ours");
	if (in.chain.count && (r = imported_above(s, &x)))
		return r < 0 ? r : rebuild_passed_over(b, "its parent is not known here");
	imported_key(&in, b, &x);
	return restored_commit(s, b, &x);
}

static int rebuild_import(struct store_session *s, const struct rebuild *r)
{
	struct imported_record in;
	const struct rebuild whole = { .record = r->record, .intent = r->record };
	if (record_imported_get(r->record.body, &in) != PACK_OK)
		return rebuild_passed_over(r, "it can't be read");
	return in.token.len ? 0 : rebuild_imported(s, &whole);
}

/* What a key signed in an earlier life: its serial is taken, whatever else it says. */
static int rebuild_admitted(struct store_session *s, const struct rebuild *b)
{
	struct cert_admitted_record in;
	scoped_facts facts = { .path_len = 0 };
	scoped_made m = { .now = b->record.time / 1000 };
	scoped_row(ca) ca = { 0 };
	char why[FACTS_WHY] = "";
	if (record_cert_admitted_get(b->record.body, &in) != PACK_OK)
		return rebuild_passed_over(b, "it can't be read");
	int r = store_ca_find_key(s, in.ca_key, &ca);
	if (r)
		return r < 0 ? r : rebuild_passed_over(b, "no CA has the key that signed it");
	if (facts_read_foreign(in.certificate, &facts, why)) {
		if (in.serial.len > MAX_SERIAL)
			return rebuild_passed_over(b, why);
		facts.serial = in.serial;
		facts.not_after = in.not_after;
	}
	scoped_json *context = context_read(in.context);
	made_fill(&m, &facts, in.certificate, row_text(ca.id), facts.ca ? KIND_CA : KIND_LEAF);
	m.row.actor = slice_text(context ? context_text(context, "actor") : "");
	m.row.ledger_seq = b->record.seq;
	memcpy(m.row.request_id, in.request_id, sizeof(m.row.request_id));
	r = made_commit(s, &m);
	return r > 0 ? rebuild_passed_over(b, "its serial is another's") : r;
}

int rebuild_record(struct store_session *s, const struct rebuild *r)
{
	switch (r->record.type) {
	case RECORD_CERT_RESULT:
		return rebuild_certificate(s, r);
	case RECORD_KEY_RESULT:
		return rebuild_key(s, r);
	case RECORD_LOST:
		return rebuild_lost(s, r);
	case RECORD_NOTE:
		return rebuild_note(s, r);
	case RECORD_CA_CLOSED:
		return rebuild_closed(s, r);
	case RECORD_KEY_GONE:
		return rebuild_gone(s, r);
	case RECORD_IMPORTED:
		return rebuild_import(s, r);
	case RECORD_KEY_BOUND:
		return r->intent.type == RECORD_IMPORTED ? rebuild_imported(s, r) : 0;
	case RECORD_CERT_ADMITTED:
		return rebuild_admitted(s, r);
	case RECORD_CRL_INTENT:
		return rebuild_crl(r, crl_intended(s, &r->record));
	case RECORD_CRL_RESULT:
		return rebuild_crl(r, crl_signed(s, &r->intent));
	case RECORD_CSR_RESULT:
		return rebuild_request(s, r);
	case RECORD_PROPOSED:
	case RECORD_APPROVED:
	case RECORD_WITHDRAWN:
	case RECORD_SPENT:
	case RECORD_EPOCH:
		return rebuild_approval(s, r);
	}
	return 0;
}
