#include "frontd/outside.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "frontd/answer.h"
#include "frontd/metrics.h"
#include "frontd/view.h"

enum signer_result outside_ask(struct front *f, const struct cert_sign_request *fields, uint64_t *ledger_seq,
			       struct slice *csr, struct signer_answer *answer)
{
	struct key_csr_request request = { .subject = fields->subject,
					   .path_len = fields->path_len,
					   .permitted = fields->permitted,
					   .excluded = fields->excluded,
					   .context = fields->context };
	struct key_csr_reply reply = { 0 };
	memcpy(request.request_id, fields->request_id, sizeof(request.request_id));
	memcpy(request.key_id, fields->subject_key.at, sizeof(request.key_id));
	enum signer_result r = signer_key_csr(f->signer, &request, &reply, answer);
	*ledger_seq = reply.ledger_seq;
	*csr = reply.csr;
	return r;
}

/* Nothing was asked of anybody yet, but what people carry away must be what was planned. */
static bool is_asked(const struct facts *got, const struct cert_sign_request *fields, struct slice public_key)
{
	return list_equal(items_list(&got->subject), fields->subject) && slice_equal(got->public_key, public_key) &&
	       got->path_len == fields->path_len && list_equal(items_list(&got->permitted), fields->permitted) &&
	       list_equal(items_list(&got->excluded), fields->excluded);
}

struct waiting {
	struct ca_row *ca;
	const struct key_row *key;
};

static int commit_work(struct store_session *s, void *with)
{
	const struct waiting *w = with;
	int r = store_key_insert(s, w->key);
	if (!r)
		r = store_key_bind(s, w->key->key_id, row_text(w->ca->id));
	if (!r)
		r = store_ca_update(s, w->ca);
	return r == STORE_NONE ? store_ca_insert(s, w->ca) : r;
}

int outside_commit(struct front *f, struct call *c, const struct plan *p, const struct cert_sign_request *fields,
		   uint64_t ledger_seq, struct slice csr, struct made *m)
{
	char why[FACTS_WHY] = "";
	scoped_facts got = { .ca = false };
	if (facts_read_request(csr, &got, why) || !is_asked(&got, fields, m->key.public_key)) {
		log_error("csr_withheld", "ca=%s why=\"%s\"", p->id, why[0] ? why : "it is not what was asked for");
		return answer_withheld(c);
	}
	m->ca = plan_row(p, c, "created");
	memcpy(m->ca.key_id, m->key.key_id, sizeof(m->ca.key_id));
	m->ca.csr = csr;
	m->ca.ledger_seq = ledger_seq;
	m->key.ca_id = m->ca.id;
	struct waiting w = { &m->ca, &m->key };
	if (store_change(f->store, commit_work, &w))
		return answer_store(c);
	m->noted = ledger_seq;
	metrics_hierarchy(f->metrics, CREATE_CHILD, row_text(p->issuer.id));
	return call_reply(c, 201, view_ca(&m->ca));
}

int intermediate_csr(struct front *f, struct call *c)
{
	scoped_session *s = NULL;
	scoped_row(ca) ca = { 0 };
	scoped_buf pem = { .max = 64 * 1024 };
	int r = answer_ca(f, c, &s, &ca);
	if (r)
		return r;
	if (!ca.csr.len)
		return call_refuse(c, 404, "csr_not_found", NULL,
				   "The CA has no request: its certificate was not asked for elsewhere.");
	if (!ca_waits(&ca) && !ca.certificate.len)
		return call_refuse(c, 409, "ca_given_up", NULL,
				   "The CA was given up; its request is not to be signed.");
	r = pem_put_block(&pem, "CERTIFICATE REQUEST", ca.csr);
	buf_put_u8(&pem, 0);
	char *text = r || !buf_ok(&pem) ? NULL : strdup((const char *)pem.at);
	return text ? call_reply_text(c, 200, text, "application/x-pem-file") : answer_store(c);
}
