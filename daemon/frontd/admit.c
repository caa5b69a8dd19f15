/*
 * What a CA's key signed in an earlier life, before it came here or on another
 * host: put on the ledger and listed, so that it can be revoked. Only whether
 * the key has signed it counts; all else it says is history.
 */
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509.h>

#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/check.h"
#include "frontd/context.h"
#include "frontd/made.h"
#include "frontd/outside.h"
#include "frontd/root.h"
#include "frontd/view.h"

#define FIELD "certificate_pem"
#define MAX_SERIAL 20 /* RFC 5280 4.1.2.2, and what a row holds */

struct admission {
	struct ca_row ca;
	struct root in;
	struct certificate_row known; /* its row, if the certificate is there already */
	bool again;
	uint8_t request_id[16];
};

static void admission_free(struct admission *a)
{
	ca_row_free(&a->ca);
	certificate_row_free(&a->known);
	root_free(&a->in);
}
#define scoped_admission __attribute__((cleanup(admission_free))) struct admission

static int load(struct front *f, struct call *c, struct admission *a)
{
	scoped_session *s = NULL;
	int r = answer_ca(f, c, &s, &a->ca);
	if (r)
		return r;
	if (!a->ca.certificate.len)
		return call_refuse(c, 409, "no_certificate", NULL, "The CA has no certificate yet.");
	if (ca_offline(&a->ca))
		return call_refuse(c, 409, "ca_key_offline", NULL,
				   "The CA is known by its certificate only: what its key signs is on no ledger here.");
	return 0;
}

/* The facts, or what there is of them if it has something that isn't known: serial number and end. */
static int facts_fill(struct call *c, struct admission *a)
{
	char why[FACTS_WHY];
	struct facts *facts = &a->in.facts;
	if (facts_read_foreign(buf_slice(&a->in.der), facts, why) == 0)
		return 0;
	const unsigned char *at = a->in.der.at;
	X509 *x = d2i_X509(NULL, &at, (long)a->in.der.len);
	const ASN1_INTEGER *serial = x ? X509_get0_serialNumber(x) : NULL;
	struct tm from, until;
	bool known = serial && ASN1_STRING_type(serial) == V_ASN1_INTEGER && ASN1_STRING_length(serial) <= MAX_SERIAL &&
		     ASN1_TIME_to_tm(X509_get0_notBefore(x), &from) == 1 &&
		     ASN1_TIME_to_tm(X509_get0_notAfter(x), &until) == 1;
	if (known) {
		size_t n = (size_t)ASN1_STRING_length(serial);
		buf_put(&facts->bytes, ASN1_STRING_get0_data(serial), n);
		facts->serial = (struct slice){ facts->bytes.at + facts->bytes.len - n, n };
		facts->not_before = timegm(&from);
		facts->not_after = timegm(&until);
	}
	X509_free(x);
	ERR_clear_error();
	return known && buf_ok(&facts->bytes)
		       ? 0
		       : call_refuse(c, 400, "certificate_malformed", FIELD, FIELD " can't be taken: %s.", why);
}

static int check_known(struct front *f, struct call *c, struct admission *a)
{
	scoped_session *s = NULL;
	if (store_read(f->store, &s))
		return answer_store(c);
	int r = store_certificate_find_serial(s, row_text(a->ca.id), a->in.facts.serial, &a->known);
	if (r < 0)
		return answer_store(c);
	a->again = !r && memcmp(a->known.fingerprint, a->in.facts.fingerprint, sizeof(a->known.fingerprint)) == 0;
	if (r || a->again)
		return 0;
	return call_refuse(c, 409, "serial_taken", FIELD,
			   "The CA has another certificate with this serial number already.");
}

static int admission_read(struct front *f, struct call *c, struct admission *a)
{
	const char *pem;
	int r = root_read_member(c, FIELD, &pem);
	if (!r)
		r = load(f, c, a);
	if (!r)
		r = root_read_block(c, FIELD, pem, &a->in);
	if (!r)
		r = facts_fill(c, a);
	if (!r && !check_signed(buf_slice(&a->in.der), a->ca.certificate))
		r = call_refuse(c, 400, "not_issued", FIELD, "The key of this CA has not signed " FIELD ".");
	return r ? r : check_known(f, c, a);
}

static int commit(struct front *f, struct call *c, struct admission *a, uint64_t ledger_seq)
{
	scoped_made m = { .now = time_now() };
	made_fill(&m, &a->in.facts, buf_slice(&a->in.der), row_text(a->ca.id), a->in.facts.ca ? KIND_CA : KIND_LEAF);
	m.row.actor = slice_text(c->who->actor);
	m.row.ledger_seq = ledger_seq;
	memcpy(m.row.request_id, a->request_id, sizeof(m.row.request_id));
	int r = store_change(f->store, made_commit, &m);
	if (r == STORE_TAKEN)
		return call_refuse(c, 409, "serial_taken", FIELD,
				   "The CA has another certificate with this serial number already.");
	return r ? answer_store(c) : call_reply(c, 201, view_certificate(&m.row, true));
}

static int admit(struct front *f, struct call *c, struct admission *a)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	struct context_words words = { .op = "admit", .ca = row_text(a->ca.id) };
	context_request_id(c, a->request_id);
	if (context_put(&context, c, &words))
		return -1;
	struct cert_admit_request request = { .certificate = buf_slice(&a->in.der), .context = buf_slice(&context) };
	struct cert_admit_reply reply = { 0 };
	scoped_answer answer = { 0 };
	scoped_hold hold;
	memcpy(request.request_id, a->request_id, sizeof(request.request_id));
	memcpy(request.ca_key, a->ca.key_id, sizeof(request.ca_key));
	signer_hold(f->signer, &hold);
	enum signer_result asked = signer_cert_admit(f->signer, &request, &reply, &answer);
	signer_settle_failed(&hold, asked, &answer);
	if (asked == SIGNER_REFUSED && answer.refusal.code == REFUSE_ADMIT)
		return call_refuse(c, 400, "not_issued", FIELD,
				   "The signer does not take " FIELD " for one of this CA.");
	if (asked)
		return answer_signer(c, asked, &answer);
	int r = commit(f, c, a, reply.ledger_seq);
	if (c->status == 201)
		signer_settle(&hold, reply.ledger_seq);
	return r;
}

int intermediate_admit(struct front *f, struct call *c)
{
	scoped_admission a = { .again = false };
	int r = admission_read(f, c, &a);
	if (r)
		return r;
	if (a.again)
		return call_reply(c, 200, view_certificate(&a.known, true));
	if (c->dry_run)
		return call_reply(c, 200,
				  json_pack("{s:b, s:o, s:o, s:o, s:o}", "dry_run", 1, "ca_id", view_text(a.ca.id),
					    "serial", view_hex(a.in.facts.serial.at, a.in.facts.serial.len),
					    "not_before", view_time(a.in.facts.not_before), "not_after",
					    view_time(a.in.facts.not_after)));
	return admit(f, c, &a);
}
