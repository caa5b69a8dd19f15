#include "signd/import.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "signd/approve.h"
#include "signd/chain.h"
#include "signd/check.h"
#include "signd/encode/cert.h"
#include "signd/public_key.h"
#include "signd/request.h"
#include "signd/signer.h"
#include "signd/slot.h"
#include "wire/inner_answer.h"

#define CHALLENGE_WORDS "chancery: this key answers for the certificate that is imported\n"

#define MAX_SERIAL 32 /* RFC 5280 says 20; earlier lives were not all so careful */

static struct verdict refused(uint16_t code, const char *field)
{
	return (struct verdict){ code, field };
}

static void import_end(struct signer *s, struct op *op, uint16_t code, const char *field)
{
	approve_hold(s, op->proposal, false);
	if (op->fresh) {
		keys_remove(&s->keys, op->subject);
		key_free(op->subject);
	} else if (op->subject) {
		key_unreserve(op->subject);
	}
	request_refuse(s, op, code, field);
}

/* What came back from the token instead of a key or a signature. */
static void import_failed(struct signer *s, struct op *op)
{
	uint16_t code = request_trouble(op);
	bool mismatch = op->trouble == OP_SIGNATURE_WRONG ||
			(op->trouble == OP_TOKEN_REFUSED && op->driver_code == DRIVER_REFUSE_KEY_MISMATCH);
	log_warning("import_failed", "token=%s driver_code=%u", op->key->token, op->driver_code);
	if (mismatch)
		code = REFUSE_IMPORT_KEY;
	else if (op->trouble == OP_TOKEN_REFUSED && op->driver_code == DRIVER_REFUSE_KEY_UNKNOWN)
		code = REFUSE_KEY_UNKNOWN;
	import_end(s, op, code, "driver_key");
}

static void import_done(struct signer *s, struct op *op)
{
	static const uint8_t none[KEY_ID_SIZE];
	if (op->trouble != OP_FINE) {
		import_end(s, op, request_trouble(op), NULL);
		return;
	}
	if (op->subject && key_bind(op->subject, buf_slice(&op->charter), op->not_before, op->not_after) != 0)
		log_error("binding_failed", "imported=%llu", (unsigned long long)op->records[0].seq);
	request_concluded(s, op, op->records[0].seq);
	reply_imported(s, op->peer, op->tag, op->records[0].seq, op->subject ? op->subject->id : none);
	signer_op_done(s, op);
}

/* What was approved is spent only now: a key that is not there costs nobody an approval. */
static void import_record(struct signer *s, struct op *op)
{
	approve_spend(s, op, op->proposal, (uint8_t)op->record_count);
	signer_journal(s, op, import_done);
}

static void import_verified(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE)
		import_failed(s, op);
	else
		import_record(s, op);
}

static void import_signed(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		import_failed(s, op);
		return;
	}
	signer_verify(s, op, import_verified);
}

static void import_challenge(struct signer *s, struct op *op)
{
	check_challenge(s, CHALLENGE_WORDS, &op->message);
	op->then = import_signed;
	slot_sign(op->key->slot, op);
}

static void import_found(struct signer *s, struct op *op)
{
	if (op->trouble == OP_FINE && !slice_equal(buf_slice(&op->raw), buf_slice(&op->key->public_key)))
		op->trouble = OP_SIGNATURE_WRONG;
	if (op->trouble != OP_FINE)
		import_failed(s, op);
	else
		import_challenge(s, op);
}

int import_know(struct signer *s, struct slice certificate)
{
	scoped_buf subject = { .max = 32768 }, public_key = { .max = 32768 };
	X509 *x = certificate_read(certificate);
	if (x) {
		certificate_subject(x, &subject);
		certificate_public_key(x, &public_key);
	}
	X509_free(x);
	return x && buf_ok(&subject) && buf_ok(&public_key)
		       ? keys_know(&s->keys, buf_slice(&subject), buf_slice(&public_key))
		       : -1;
}

/* No CA of the chain may have a name that is another key's here. */
static struct verdict check_subjects(const struct signer *s, const struct chain *c)
{
	for (int i = 0; i < sk_X509_num(c->path); i++) {
		scoped_buf subject = { .max = 32768 }, public_key = { .max = 32768 };
		certificate_subject(sk_X509_value(c->path, i), &subject);
		certificate_public_key(sk_X509_value(c->path, i), &public_key);
		if (!buf_ok(&subject) || !buf_ok(&public_key) ||
		    keys_subject_taken(&s->keys, buf_slice(&subject), buf_slice(&public_key)))
			return refused(REFUSE_SUBJECT_TAKEN, i ? "chain" : "certificate");
	}
	return refused(0, NULL);
}

/* The key of a token, which this ledger does not know yet; its id is a hash, so that an import can be repeated. */
static struct verdict new_key(struct signer *s, struct op *op, const struct ca_import_request *r,
			      struct slice public_key)
{
	uint8_t hash[HASH_SIZE];
	struct slot *slot = s->slots[signer_slot(s, r->token)];
	if (!slot)
		return refused(REFUSE_TOKEN_UNKNOWN, "token");
	if (!slot_ready(slot))
		return refused(REFUSE_TOKEN_AWAY, "token");
	hash_of(public_key, hash);
	struct key *k = key_new(hash, r->token, r->driver_key, public_key);
	if (!k || keys_add(&s->keys, k) != 0) {
		key_free(k);
		return refused(REFUSE_BUSY, NULL);
	}
	k->slot = slot;
	k->made_at = time_now();
	op->subject = k;
	op->fresh = true;
	return refused(0, NULL);
}

/* The key that is to be bound, in op->subject: none, one of this ledger, or one that a token has. */
static struct verdict find_key(struct signer *s, struct op *op, const struct ca_import_request *r,
			       struct slice public_key)
{
	bool by_id = !bytes_zero(r->key_id, KEY_ID_SIZE), by_token = r->token.len && r->driver_key.len;
	if ((by_id || !by_token) && (r->token.len || r->driver_key.len))
		return refused(REFUSE_KEY_UNKNOWN, by_id ? "key_id" : "driver_key");
	if (!by_id && !by_token)
		return refused(0, NULL);
	struct key *known = keys_by_public(&s->keys, public_key), *k = by_id ? keys_find(&s->keys, r->key_id) : known;
	if (by_id && !k)
		return refused(REFUSE_KEY_UNKNOWN, "key_id");
	if (k && k != known)
		return refused(REFUSE_IMPORT_KEY, "key_id");
	const struct slice driver_key = { k ? k->driver_key : NULL, k ? k->driver_key_len : 0 };
	bool elsewhere = k && by_token &&
			 (!slice_equal(slice_text(k->token), r->token) || !slice_equal(driver_key, r->driver_key));
	if (elsewhere || (k && k->reserved.len) || slice_equal(public_key, buf_slice(&s->log_key->public_key)))
		return refused(REFUSE_KEY_BOUND, by_id ? "key_id" : "driver_key");
	if (!k)
		return new_key(s, op, r, public_key);
	if (k->state == KEY_STATE_GONE)
		return refused(REFUSE_KEY_GONE, "key_id");
	if (k->latched)
		return refused(REFUSE_KEY_LATCHED, "key_id");
	if (!k->slot || !slot_ready(k->slot))
		return refused(REFUSE_TOKEN_AWAY, "key_id");
	op->subject = k;
	return refused(0, NULL);
}

/* The issuer, if it is one of ours; the key itself if the certificate is a root. */
static void chain_parent(const struct signer *s, const struct chain *c, const struct key *own,
			 uint8_t parent[KEY_ID_SIZE])
{
	const struct key *k = own;
	scoped_buf issuer = { .max = 32768 };
	if (sk_X509_num(c->path) > 1) {
		certificate_public_key(sk_X509_value(c->path, 1), &issuer);
		k = keys_by_public(&s->keys, buf_slice(&issuer));
	}
	if (k)
		memcpy(parent, k->id, KEY_ID_SIZE);
}

/* A key that is bound already keeps its charter to the byte; only its validity may grow. */
static struct verdict draft_charter(struct signer *s, struct op *op, const struct chain *chain)
{
	struct key *k = op->subject;
	bool again = k->state != KEY_STATE_UNBOUND;
	struct charter c = { .token = slice_text(k->token),
			     .driver_key = { k->driver_key, k->driver_key_len },
			     .algorithm = k->algorithm,
			     .public_key = buf_slice(&k->public_key) };
	memcpy(c.key_id, k->id, KEY_ID_SIZE);
	chain_parent(s, chain, k, c.parent);
	chain_charter(chain, &c);
	op->not_before = chain->not_before;
	op->not_after = chain->not_after;
	if (again) {
		memcpy(c.parent, k->charter.parent, KEY_ID_SIZE);
		op->not_before = k->not_before < op->not_before ? k->not_before : op->not_before;
		op->not_after = k->not_after > op->not_after ? k->not_after : op->not_after;
	}
	charter_put(&op->charter, &c);
	if (again && !slice_equal(c.subject, k->charter.subject))
		return refused(REFUSE_KEY_BOUND, "certificate");
	bool same = !again || slice_equal(buf_slice(&op->charter), buf_slice(&k->charter_bytes));
	if (!same || !buf_ok(&op->charter))
		return refused(REFUSE_IMPORT_CERT, "certificate");
	key_reserve(k, c.subject);
	return refused(0, NULL);
}

/* Both records, as they will be written once the key has proved itself. */
static struct verdict draft_records(struct op *op, const struct ca_import_request *r, const struct chain *chain,
				    uint8_t algorithm)
{
	const struct key *k = op->subject;
	scoped_buf issuers = { .max = MAX_RECORD_BODY };
	struct imported_record in = { .algorithm = algorithm,
				      .public_key = buf_slice(&chain->public_key),
				      .certificate = r->certificate,
				      .context = r->context };
	uint16_t count = chain_issuers(chain, &issuers);
	in.chain = list_of(&issuers, count);
	request_stamp(op, in.request_id, in.request_hash);
	if (k) {
		memcpy(in.key_id, k->id, KEY_ID_SIZE);
		in.token = slice_text(k->token);
		in.driver_key = (struct slice){ k->driver_key, k->driver_key_len };
	}
	struct buf *body = op_record(op, RECORD_IMPORTED);
	record_imported_put(body, &in);
	if (!buf_ok(&issuers) || !buf_ok(body))
		return refused(REFUSE_TBS_TOO_LARGE, "chain");
	if (k) {
		struct key_bound_record bound = { .not_before = op->not_before,
						  .not_after = op->not_after,
						  .charter = buf_slice(&op->charter) };
		memcpy(bound.key_id, k->id, KEY_ID_SIZE);
		record_key_bound_put(op_record(op, RECORD_KEY_BOUND), &bound);
		op->records[1].follows = true;
	}
	return refused(0, NULL);
}

static struct verdict read_chain(struct signer *s, const struct ca_import_request *r, struct chain *chain,
				 uint8_t *algorithm)
{
	const char *anchors = s->config.approvers.import ? NULL : s->config.anchors_dir;
	struct verdict v = chain_read(chain, anchors, r->certificate, r->chain, time_now());
	if (v.code)
		return v;
	*algorithm = public_key_read(buf_slice(&chain->public_key), NULL);
	if (!*algorithm || (s->config.fips_only && !algorithm_approved(*algorithm)))
		return refused(REFUSE_SUBJECT_KEY, "certificate");
	return check_subjects(s, chain);
}

static struct verdict check_approved(struct signer *s, const struct chain *chain,
				     const uint8_t proposal[PROPOSAL_ID_SIZE])
{
	scoped_buf content = { .max = 2 * MAX_TBS };
	chain_approved(chain, &content);
	const struct act act = { s->config.approvers.import ? PROPOSAL_IMPORT : 0, buf_slice(&content) };
	return buf_ok(&content) ? approve_check(s, &act, proposal) : refused(REFUSE_TBS_TOO_LARGE, "chain");
}

struct verdict import_propose(struct signer *s, struct slice body, struct buf *content, uint8_t *kind)
{
	struct ca_import_request r;
	struct chain chain;
	const char *where;
	uint8_t algorithm;
	if (answer_ca_import_get(body, &r, &where) != PACK_OK)
		return refused(REFUSE_PROPOSAL_VERB, "body");
	chain_init(&chain);
	struct verdict v = read_chain(s, &r, &chain, &algorithm);
	*kind = s->config.approvers.import ? PROPOSAL_IMPORT : 0;
	if (!v.code)
		chain_approved(&chain, content);
	chain_free(&chain);
	return v;
}

static struct verdict draft_import(struct signer *s, struct op *op, const struct ca_import_request *r,
				   struct chain *chain)
{
	uint8_t algorithm;
	struct verdict v = read_chain(s, r, chain, &algorithm);
	if (!v.code)
		v = check_approved(s, chain, r->proposal);
	if (!v.code)
		v = find_key(s, op, r, buf_slice(&chain->public_key));
	if (!v.code && op->subject)
		v = draft_charter(s, op, chain);
	return v.code ? v : draft_records(op, r, chain, algorithm);
}

/* The names of the chain are taken from here on: a root in the anchors folder vouches for them. */
static void know_chain(struct signer *s, const struct ca_import_request *r, const struct op *op)
{
	struct imported_record in;
	uint8_t tag;
	struct slice der = r->certificate;
	if (record_imported_get(buf_slice(&op->records[0].body), &in) != PACK_OK)
		return;
	do {
		if (import_know(s, der) != 0)
			log_error("subject_not_kept", "why=\"too many\"");
	} while (list_next(&in.chain, &tag, &der));
}

int answer_ca_import(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct ca_import_request r;
	const char *where;
	if (answer_ca_import_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct chain chain;
	chain_init(&chain);
	struct verdict v = draft_import(s, op, &r, &chain);
	chain_free(&chain);
	op->key = op->subject;
	if (v.code) {
		import_end(s, op, v.code, v.field);
		return 0;
	}
	know_chain(s, &r, op);
	memcpy(op->proposal, r.proposal, PROPOSAL_ID_SIZE);
	approve_hold(s, op->proposal, true);
	if (!op->subject) {
		import_record(s, op);
	} else if (!op->fresh) {
		import_challenge(s, op);
	} else {
		buf_put_slice(&op->message, r.driver_key);
		op->then = import_found;
		slot_public(op->key->slot, op);
	}
	return 0;
}

static bool issued_by(const struct key *k, X509 *x)
{
	scoped_buf issuer = { .max = 32768 };
	unsigned char *der = NULL;
	int n = i2d_X509_NAME(X509_get_issuer_name(x), &der);
	if (n > 0)
		buf_put(&issuer, der, (size_t)n);
	OPENSSL_free(der);
	return slice_equal(buf_slice(&issuer), k->charter.subject) && X509_verify(x, k->verify) == 1;
}

static struct verdict check_admitted(const struct key *k, X509 *x, struct cert_admitted_record *out)
{
	if (!k)
		return refused(REFUSE_KEY_UNKNOWN, "ca_key");
	if (!k->charter_bytes.len)
		return refused(REFUSE_KEY_UNBOUND, "ca_key");
	if (!x || !issued_by(k, x))
		return refused(REFUSE_ADMIT, "certificate");
	const ASN1_INTEGER *serial = X509_get0_serialNumber(x);
	out->serial = (struct slice){ ASN1_STRING_get0_data(serial), (size_t)ASN1_STRING_length(serial) };
	out->not_after = certificate_time(X509_get0_notAfter(x));
	bool known = ASN1_STRING_type(serial) == V_ASN1_INTEGER && out->serial.len <= MAX_SERIAL &&
		     out->not_after != INT64_MIN;
	return refused(known ? 0 : REFUSE_ADMIT, "certificate");
}

int answer_cert_admit(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct cert_admit_request r;
	const char *where;
	if (answer_cert_admit_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct cert_admitted_record admitted = { .certificate = r.certificate, .context = r.context };
	X509 *x = certificate_read(r.certificate);
	struct verdict v = check_admitted(keys_find(&s->keys, r.ca_key), x, &admitted);
	if (v.code) {
		request_refuse(s, op, v.code, v.field);
	} else {
		request_stamp(op, admitted.request_id, admitted.request_hash);
		memcpy(admitted.ca_key, r.ca_key, KEY_ID_SIZE);
		record_cert_admitted_put(op_record(op, RECORD_CERT_ADMITTED), &admitted);
		signer_journal(s, op, request_single_done);
	}
	X509_free(x);
	return 0;
}
