#include "signd/certify.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "signd/approve.h"
#include "signd/check.h"
#include "signd/encode/csr.h"
#include "signd/public_key.h"
#include "signd/renewal.h"
#include "signd/request.h"
#include "signd/signer.h"
#include "signd/slot.h"
#include "wire/inner_answer.h"

#define MAX_CERT_TBS 31744	  /* so that the certificate with its signature fits its reply */
#define MAX_OUTSIDE_SUBJECT 34816 /* as its record has it */
#define WRONG_SIGNATURES 3	  /* by one key in one life, then it is latched */

/* Everything that goes into one certificate, on its way through the steps below. */
struct draft {
	struct cert_fields fields;
	struct buf subject;	       /* DER Name */
	const uint8_t *subject_key_id; /* of a local key; NULL */
	bool outside;		       /* a CA whose key is not here */
	struct slice context;
	const uint8_t *proposal; /* that it spends, or zeros */
};

static struct verdict refused(uint16_t code, const char *field)
{
	return (struct verdict){ code, field };
}

/* The certificate is over for now; what was reserved for it is free again. */
static void certify_end(struct signer *s, struct op *op, uint16_t code, const char *field)
{
	if (op->subject)
		key_unreserve(op->subject);
	request_refuse(s, op, code, field);
}

static void lost_written(struct signer *s, struct op *op)
{
	if (op->trouble != OP_LEDGER_FAILED)
		request_concluded(s, op, op->records[0].seq);
	certify_end(s, op, op->refusal, NULL);
}

void certify_lost(struct signer *s, struct op *op)
{
	struct lost_record lost = { op->intent, op->records[0].type }; /* the intent's */
	op->refusal = request_trouble(op);
	log_error("signature_lost", "intent=%llu token=%s reason=%s driver_code=%u", (unsigned long long)op->intent,
		  op->key->token, inner_refusal_name(op->refusal), op->driver_code);
	op->trouble = OP_FINE;
	op->record_count = 0;
	record_lost_put(op_record(op, RECORD_LOST), &lost);
	signer_journal(s, op, lost_written);
}

static void certify_done(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		certify_end(s, op, request_trouble(op), NULL);
		return;
	}
	if (op->subject)
		binding_hold(op);
	request_concluded(s, op, op->records[0].seq);
	if (op->verb == INNER_KEY_CSR)
		reply_csr(s, op->peer, op->tag, op->intent, op->key->algorithm, buf_slice(&op->message),
			  buf_slice(&op->signature));
	else
		reply_cert(s, op->peer, op->tag, op->verb, op->intent, buf_slice(&op->message),
			   buf_slice(&op->signature));
	signer_op_done(s, op);
}

/* The verifier's thread has it: the op alone is seen here, and what never changes of its keys. */
static void certify_concluded(struct op *op)
{
	struct cert_result_record result = { op->intent, buf_slice(&op->signature) };
	op->record_count = 0;
	const struct csr_result_record csr = { op->intent, result.signature };
	if (op->verb == INNER_KEY_CSR)
		record_csr_result_put(op_record(op, RECORD_CSR_RESULT), &csr);
	else
		record_cert_result_put(op_record(op, RECORD_CERT_RESULT), &result);
	if (op->subject)
		binding_record(op);
}

void certify_count_wrong(struct signer *s, struct key *k)
{
	if (++k->wrong_signatures == WRONG_SIGNATURES)
		latch_key(s, k, "It gave three signatures that do not verify.");
}

void certify_wrong(struct signer *s, struct op *op)
{
	certify_count_wrong(s, op->key);
	certify_lost(s, op);
}

/* It verified and its result is on the ledger, or not. */
static void certify_verified(struct signer *s, struct op *op)
{
	if (op->trouble == OP_SIGNATURE_WRONG)
		certify_wrong(s, op);
	else
		certify_done(s, op);
}

void certify_unsigned(struct signer *s, struct op *op)
{
	if (op->trouble == OP_TOKEN_REFUSED)
		check_refused(s, op->key, op->driver_code);
	certify_lost(s, op);
}

static void certify_signed(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		certify_unsigned(s, op);
		return;
	}
	op->concluded = certify_concluded;
	signer_verify(s, op, certify_verified);
}

static void certify_intended(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		certify_end(s, op, request_trouble(op), NULL);
		return;
	}
	op->intent = op->records[0].seq;
	op->then = certify_signed;
	slot_sign(op->key->slot, op);
}

/* Encodes what was drafted and hands its intent to the journal. Positive: too large. */
static int certify_start(struct signer *s, struct op *op, const struct draft *d)
{
	cert_put_tbs(&op->message, &d->fields);
	if (!buf_ok(&op->message) || op->message.len > MAX_CERT_TBS)
		return 1;
	struct cert_intent_record intent = { .kind = (uint8_t)d->fields.kind,
					     .tbs = buf_slice(&op->message),
					     .context = d->context };
	request_stamp(op, intent.request_id, intent.request_hash);
	memcpy(intent.ca_key, op->key->id, KEY_ID_SIZE);
	if (d->subject_key_id)
		memcpy(intent.subject_key_id, d->subject_key_id, KEY_ID_SIZE);
	op->not_before = d->fields.not_before;
	op->not_after = d->fields.not_after;
	record_cert_intent_put(op_record(op, RECORD_CERT_INTENT), &intent);
	approve_spend(s, op, d->proposal, 1);
	if (d->outside) {
		const struct outside_ca_record outside = { .subject = d->fields.subject,
							   .public_key = d->fields.public_key };
		record_outside_ca_put(op_record(op, RECORD_OUTSIDE_CA), &outside);
		op->records[op->record_count - 1].follows = (uint8_t)(op->record_count - 1);
	}
	if (d->fields.kind == KIND_SUBCA_FOREIGN && keys_know(&s->keys, d->fields.subject, d->fields.public_key) != 0)
		log_error("subject_not_kept", "why=\"too many\"");
	if (op->verb == INNER_CERT_SIGN)
		meters_draw(&s->keys, op->key, intent.kind, s->config.classes, time_now_ms());
	signer_intend(s, op, certify_intended);
	return 0;
}

/* The charter that the subject's key will have, and its subject kept for it until then. */
static struct verdict reserve_subject(struct signer *s, struct op *op, struct draft *d, const struct charter *issuer)
{
	struct key *k = op->subject;
	struct constraints_buf room;
	struct charter c = { .token = slice_text(k->token),
			     .driver_key = { k->driver_key, k->driver_key_len },
			     .algorithm = k->algorithm,
			     .public_key = buf_slice(&k->public_key),
			     .subject = buf_slice(&d->subject) };
	uint8_t hash[KEY_HASH_SIZE];
	if (keys_subject_taken(&s->keys, c.subject, c.public_key))
		return refused(REFUSE_SUBJECT_TAKEN, "subject");
	cert_key_hash(c.public_key, hash);
	c.key_hash = SLICE_OF(hash);
	memcpy(c.key_id, k->id, KEY_ID_SIZE);
	memcpy(c.parent, op->key->id, KEY_ID_SIZE);
	constraints_buf_init(&room);
	bool fits = charter_derive(issuer, &d->fields.constraints, d->fields.path_len, &room, &c);
	if (fits)
		charter_put(&op->charter, &c);
	constraints_buf_free(&room);
	if (!fits || !buf_ok(&op->charter))
		return refused(REFUSE_CONSTRAINTS, "name_constraints");
	key_reserve(k, c.subject);
	return refused(0, NULL);
}

/* A responder's key: unbound, or one that answers for this CA already and gets another certificate. */
static struct verdict draft_responder(struct signer *s, struct op *op, const struct cert_sign_request *r,
				      struct draft *d)
{
	struct key *k = r->subject_key.len == KEY_ID_SIZE ? keys_find(&s->keys, r->subject_key.at) : NULL;
	if (!k)
		return refused(REFUSE_KEY_UNKNOWN, "subject_key");
	bool again = k->state == KEY_STATE_RESPONDER && memcmp(k->responder_of, op->key->id, KEY_ID_SIZE) == 0;
	if (!again && (k->state != KEY_STATE_UNBOUND || k->reserved.len))
		return refused(REFUSE_RESPONDER_KEY, "subject_key");
	if (!again && op->key->state == KEY_STATE_CLOSED)
		return refused(REFUSE_KEY_CLOSED, "ca_key");
	if (keys_subject_taken(&s->keys, buf_slice(&d->subject), buf_slice(&k->public_key)))
		return refused(REFUSE_SUBJECT_TAKEN, "subject");
	op->subject = k;
	op->binding = BINDS_RESPONDER;
	d->fields.public_key = buf_slice(&k->public_key);
	d->subject_key_id = k->id;
	if (!again)
		key_reserve(k, buf_slice(&d->subject));
	return refused(0, NULL);
}

/* A key that no certificate is under way of: unbound, or bound to this subject. */
static struct verdict find_subject(const struct signer *s, struct slice id, struct slice subject, struct key **out)
{
	struct key *k = id.len == KEY_ID_SIZE ? keys_find(&s->keys, id.at) : NULL;
	if (!k)
		return refused(REFUSE_KEY_UNKNOWN, "subject_key");
	bool own = k->charter_bytes.len && slice_equal(k->charter.subject, subject);
	if (k->reserved.len || (k->state != KEY_STATE_UNBOUND && !own))
		return refused(REFUSE_KEY_BOUND, "subject_key");
	*out = k;
	return refused(0, NULL);
}

/* A further certificate of op->subject, which is bound; its key identifier stays. issuer NULL: itself. */
static struct verdict draft_again(struct signer *s, struct op *op, struct draft *d, const struct key *issuer)
{
	struct key *k = op->subject;
	enum binding binding = BINDS_NEW;
	struct verdict v = issuer == k ? refused(REFUSE_KEY_BOUND, "subject_key")
				       : renewal_check(&s->keys, issuer, k, &d->fields, &binding);
	if (!v.code && keys_subject_taken(&s->keys, k->charter.subject, buf_slice(&k->public_key)))
		v = refused(REFUSE_SUBJECT_TAKEN, "subject");
	if (v.code)
		return v;
	op->binding = (uint8_t)binding;
	d->fields.subject_key_id = k->charter.key_hash;
	key_reserve(k, k->charter.subject);
	return v;
}

/* The CA that is to sign: bound, and open, but for the certificate of its OCSP responder. */
static struct verdict find_issuer(const struct signer *s, const uint8_t id[KEY_ID_SIZE], uint8_t kind, struct key **out)
{
	struct key *k = keys_find(&s->keys, id);
	if (!k)
		return refused(REFUSE_KEY_UNKNOWN, "ca_key");
	if (!k->charter_bytes.len)
		return refused(REFUSE_KEY_UNBOUND, "ca_key");
	uint16_t stopped = kind == KIND_OCSP_RESPONDER ? key_silent(k) : key_stopped(k);
	if (stopped)
		return refused(stopped, "ca_key");
	*out = k;
	return refused(0, NULL);
}

/* What is only proposed may wait for its token. */
static struct verdict find_token(const struct op *op, const char *field)
{
	bool there = op->key->slot && (op->verb == INNER_PROPOSE || slot_expected(op->key->slot));
	return refused(there ? 0 : REFUSE_TOKEN_AWAY, field);
}

/* A key that is not here, of a leaf or of a CA. */
static struct verdict draft_foreign(struct signer *s, const struct op *op, const struct cert_sign_request *r,
				    struct draft *d)
{
	uint8_t algorithm = public_key_read(r->subject_key, NULL);
	const struct issuer issuer = key_issuer(op->key, s->config.classes);
	if (algorithm == 0 || !(issuer.ceilings->algorithms >> algorithm & 1))
		return refused(REFUSE_SUBJECT_KEY, "subject_key");
	if (keys_by_public(&s->keys, r->subject_key) || slice_equal(r->subject_key, buf_slice(&s->log_key->public_key)))
		return refused(REFUSE_SUBJECT_KEY_LOCAL, "subject_key");
	d->fields.public_key = r->subject_key;
	return refused(0, NULL);
}

/* A CA whose key is elsewhere: its name is that key's from here on, whatever becomes of the certificate. */
static struct verdict draft_outside(struct signer *s, const struct op *op, const struct cert_sign_request *r,
				    struct draft *d)
{
	struct verdict v = draft_foreign(s, op, r, d);
	if (v.code)
		return v;
	if (d->fields.subject.len > MAX_OUTSIDE_SUBJECT)
		return refused(REFUSE_TBS_TOO_LARGE, "subject");
	if (keys_subject_taken(&s->keys, d->fields.subject, d->fields.public_key))
		return refused(REFUSE_SUBJECT_TAKEN, "subject");
	if (keys_know(&s->keys, d->fields.subject, d->fields.public_key) != 0)
		return refused(REFUSE_BUSY, "subject");
	d->outside = true;
	return v;
}

/* The key that is to be certified, and for a CA the key's own charter. */
static struct verdict draft_subject_key(struct signer *s, struct op *op, const struct cert_sign_request *r,
					struct draft *d)
{
	if (r->kind == KIND_OCSP_RESPONDER)
		return draft_responder(s, op, r, d);
	if (r->kind == KIND_CA && r->key_form == KEY_FOREIGN)
		return draft_outside(s, op, r, d);
	if (r->kind == KIND_CA) {
		struct verdict v = find_subject(s, r->subject_key, d->fields.subject, &op->subject);
		if (v.code)
			return v;
		d->fields.public_key = buf_slice(&op->subject->public_key);
		d->subject_key_id = op->subject->id;
		v = op->subject->state == KEY_STATE_UNBOUND ? reserve_subject(s, op, d, &op->key->charter)
							    : draft_again(s, op, d, op->key);
		if (v.code)
			op->subject = NULL; /* nothing was reserved for this op */
		return v;
	}
	if (r->kind == KIND_SUBCA_FOREIGN && keys_subject_taken(&s->keys, d->fields.subject, r->subject_key))
		return refused(REFUSE_SUBJECT_TAKEN, "subject");
	return draft_foreign(s, op, r, d);
}

/* Where the CA's CRL is sharded a certificate is of the shard whose URL it names. */
static struct verdict draft_serial(const struct signer *s, const struct cert_sign_request *r,
				   uint8_t serial[SERIAL_SIZE])
{
	uint16_t shards;
	cert_new_serial(time_now(), serial);
	if (r->kind == KIND_OCSP_RESPONDER) /* nobody looks for it on a CRL */
		return refused(0, NULL);
	int shard = scopes_shard(&s->scopes, r->ca_key, r->urls, &shards);
	if (shard < 0)
		return refused(REFUSE_CRL_URL, "urls");
	if (shard != NO_SHARDS)
		cert_serial_into(serial, (uint16_t)shard, shards);
	return refused(0, NULL);
}

static struct verdict draft_cert(struct signer *s, struct op *op, const struct cert_sign_request *r, struct draft *d)
{
	struct verdict v = find_issuer(s, r->ca_key, r->kind, &op->key);
	if (!v.code)
		v = find_token(op, "ca_key");
	if (v.code)
		return v;
	const struct issuer issuer = key_issuer(op->key, s->config.classes);
	v = charter_check(&issuer, r, time_now());
	if (!v.code)
		v = refused(meters_ask(&s->keys, op->key, r->kind, s->config.classes, time_now_ms(), &op->retry_after),
			    "ca_key");
	if (v.code)
		return v;
	cert_put_name(&d->subject, r->subject);
	d->context = r->context;
	d->proposal = r->proposal;
	d->fields = (struct cert_fields){
		.kind = r->kind,
		.algorithm = op->key->algorithm,
		.issuer = op->key->charter.subject,
		.authority_key_id = op->key->charter.key_hash,
		.not_before = r->not_before,
		.not_after = r->not_after,
		.subject = buf_slice(&d->subject),
		.alt_names = r->alt_names,
		.key_usage = r->key_usage,
		.ext_key_usage = r->ext_key_usage,
		.path_len = r->path_len,
		.constraints = { r->permitted, r->excluded },
		.urls = r->urls,
		.policies = r->policies,
		.flags = r->flags,
		.opaque = r->opaque,
	};
	v = draft_serial(s, r, d->fields.serial);
	if (v.code)
		return v;
	return draft_subject_key(s, op, r, d);
}

/* What people have to agree to, if anybody has to: a CA that is new here, not one that goes on for longer. */
static uint8_t act_kind(const struct op *op, const struct draft *d)
{
	if (d->fields.kind == KIND_SUBCA_FOREIGN)
		return PROPOSAL_SUBCA_FOREIGN;
	if (d->fields.kind != KIND_CA || op->binding == BINDS_RENEWED)
		return 0;
	return op->subject == op->key ? PROPOSAL_ROOT : PROPOSAL_CA;
}

/* The TBSCertificate without what is set when it is executed. */
static void content_put(const struct draft *d, struct buf *out)
{
	struct cert_fields f = d->fields;
	memset(f.serial, 0, sizeof(f.serial));
	f.serial[SERIAL_SIZE - 1] = 1;
	f.not_before = 0;
	cert_put_tbs(out, &f);
}

static struct verdict check_approved(struct signer *s, const struct op *op, const struct draft *d)
{
	scoped_buf content = { .max = MAX_TBS };
	struct act act = { .kind = act_kind(op, d) };
	if (act.kind)
		content_put(d, &content);
	act.content = buf_slice(&content);
	return buf_ok(&content) ? approve_check(s, &act, d->proposal) : refused(REFUSE_TBS_TOO_LARGE, NULL);
}

/* From what was drafted, or refused. */
static void certify_drafted(struct signer *s, struct op *op, const struct draft *d, struct verdict v)
{
	if (v.code) {
		request_refuse(s, op, v.code, v.field);
		return;
	}
	v = check_approved(s, op, d);
	if (!v.code && certify_start(s, op, d) != 0)
		v = refused(REFUSE_TBS_TOO_LARGE, NULL);
	if (v.code)
		certify_end(s, op, v.code, v.field);
}

int answer_cert_sign(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct cert_sign_request r;
	const char *where;
	if (answer_cert_sign_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct draft d = { .subject = { .max = MAX_TBS } };
	struct verdict v = draft_cert(s, op, &r, &d);
	certify_drafted(s, op, &d, v);
	buf_free(&d.subject);
	return 0;
}

/* A root's AKI is its own SKI; the charter, which was read back, holds it. */
static struct slice root_key_hash(const struct op *op)
{
	struct charter own = op->key->charter;
	if (op->binding == BINDS_NEW)
		charter_get(buf_slice(&op->charter), &own);
	return own.key_hash;
}

static struct verdict draft_root(struct signer *s, struct op *op, const struct ca_self_request *r, struct draft *d)
{
	if (!s->config.allow_roots)
		return refused(REFUSE_ROOTS_FORBIDDEN, NULL);
	const struct ceilings *ceilings = &s->config.classes[ceilings_class(true, r->path_len)];
	cert_put_name(&d->subject, r->subject);
	struct verdict v = find_subject(s, SLICE_OF(r->key_id), buf_slice(&d->subject), &op->key);
	if (!v.code)
		v = charter_check_root(ceilings, r, time_now());
	if (!v.code)
		v = find_token(op, "key_id");
	if (v.code)
		return v;
	d->context = r->context;
	d->proposal = r->proposal;
	d->subject_key_id = op->key->id;
	d->fields = (struct cert_fields){
		.kind = KIND_CA,
		.algorithm = op->key->algorithm,
		.issuer = buf_slice(&d->subject),
		.not_before = r->not_before,
		.not_after = r->not_after,
		.subject = buf_slice(&d->subject),
		.public_key = buf_slice(&op->key->public_key),
		.path_len = r->path_len,
		.constraints = { r->permitted, r->excluded },
		.urls = r->urls,
		.policies = r->policies,
	};
	cert_new_serial(time_now(), d->fields.serial);
	op->subject = op->key;
	v = op->key->state == KEY_STATE_UNBOUND ? reserve_subject(s, op, d, NULL) : draft_again(s, op, d, NULL);
	if (v.code)
		op->subject = NULL;
	else
		d->fields.authority_key_id = root_key_hash(op);
	return v;
}

int answer_ca_self(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct ca_self_request r;
	const char *where;
	if (answer_ca_self_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct draft d = { .subject = { .max = MAX_TBS } };
	struct verdict v = draft_root(s, op, &r, &d);
	certify_drafted(s, op, &d, v);
	buf_free(&d.subject);
	return 0;
}

static struct verdict propose_draft(struct signer *s, struct op *op, uint16_t verb, struct slice body, struct draft *d)
{
	struct cert_sign_request cert;
	struct ca_self_request self;
	const char *where;
	if (verb == INNER_CERT_SIGN && answer_cert_sign_get(body, &cert, &where) == PACK_OK)
		return draft_cert(s, op, &cert, d);
	if (verb == INNER_CA_SELF && answer_ca_self_get(body, &self, &where) == PACK_OK)
		return draft_root(s, op, &self, d);
	return refused(REFUSE_PROPOSAL_VERB, "body");
}

struct verdict certify_propose(struct signer *s, struct op *op, uint16_t verb, struct slice body, struct buf *content,
			       uint8_t *kind)
{
	struct draft d = { .subject = { .max = MAX_TBS } };
	struct verdict v = propose_draft(s, op, verb, body, &d);
	if (!v.code) {
		*kind = act_kind(op, &d);
		content_put(&d, content);
		if (!buf_ok(content) || content->len > MAX_CERT_TBS)
			v = refused(REFUSE_TBS_TOO_LARGE, "body");
	}
	if (op->subject)
		key_unreserve(op->subject);
	op->subject = op->key = NULL;
	buf_free(&d.subject);
	return v;
}

/* An unbound key asks under any name that is free, a bound one under its own. */
static struct verdict draft_csr(struct signer *s, struct op *op, const struct key_csr_request *r, struct draft *d)
{
	struct key *k = op->key = keys_find(&s->keys, r->key_id);
	if (!k)
		return refused(REFUSE_KEY_UNKNOWN, "key_id");
	if (key_stopped(k))
		return refused(key_stopped(k), "key_id");
	if (k->reserved.len)
		return refused(REFUSE_KEY_BOUND, "key_id");
	if (!k->slot || !slot_expected(k->slot))
		return refused(REFUSE_TOKEN_AWAY, "key_id");
	bool bound = k->state == KEY_STATE_BOUND;
	if (k->state == KEY_STATE_RESPONDER)
		return refused(REFUSE_KEY_BOUND, "key_id");
	struct verdict v = charter_check_csr(r, bound);
	if (v.code)
		return v;
	cert_put_name(&d->subject, r->subject);
	d->fields = (struct cert_fields){ .kind = KIND_CA,
					  .subject = bound ? k->charter.subject : buf_slice(&d->subject),
					  .public_key = buf_slice(&k->public_key),
					  .path_len = r->path_len,
					  .constraints = { r->permitted, r->excluded } };
	if (bound)
		d->fields.subject_key_id = k->charter.key_hash;
	if (bound && r->subject.count && !slice_equal(buf_slice(&d->subject), k->charter.subject))
		return refused(REFUSE_KEY_BOUND, "subject");
	bool taken = keys_subject_taken(&s->keys, d->fields.subject, d->fields.public_key);
	return refused(taken ? REFUSE_SUBJECT_TAKEN : 0, "subject");
}

int answer_key_csr(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct key_csr_request r;
	const char *where;
	if (answer_key_csr_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct draft d = { .subject = { .max = MAX_TBS } };
	struct verdict v = draft_csr(s, op, &r, &d);
	if (!v.code)
		csr_put_info(&op->message, &d.fields);
	if (!v.code && (!buf_ok(&op->message) || op->message.len > MAX_CSR_INFO))
		v = refused(REFUSE_TBS_TOO_LARGE, "name_constraints");
	struct csr_intent_record intent = { .info = buf_slice(&op->message), .context = r.context };
	buf_free(&d.subject);
	if (v.code) {
		request_refuse(s, op, v.code, v.field);
		return 0;
	}
	request_stamp(op, intent.request_id, intent.request_hash);
	memcpy(intent.key_id, r.key_id, KEY_ID_SIZE);
	record_csr_intent_put(op_record(op, RECORD_CSR_INTENT), &intent);
	signer_intend(s, op, certify_intended);
	return 0;
}
