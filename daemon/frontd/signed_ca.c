#include "frontd/signed_ca.h"

#include <string.h>

#include "base/time.h"
#include "frontd/check.h"
#include "frontd/shard.h"

struct ca_self_request signed_ca_self(const struct cert_sign_request *r)
{
	struct ca_self_request self = { .not_before = r->not_before,
					.not_after = r->not_after,
					.subject = r->subject,
					.path_len = r->path_len,
					.permitted = r->permitted,
					.excluded = r->excluded,
					.urls = r->urls,
					.policies = r->policies,
					.context = r->context };
	memcpy(self.request_id, r->request_id, sizeof(self.request_id));
	memcpy(self.key_id, r->subject_key.at, sizeof(self.key_id));
	memcpy(self.proposal, r->proposal, sizeof(self.proposal));
	return self;
}

enum signer_result signed_ca_ask(struct front *f, const struct chain *above, const struct cert_sign_request *r,
				 struct signed_ca *out, struct signer_answer *answer)
{
	enum signer_result result;
	if (above->count) {
		struct cert_sign_reply reply = { 0 };
		result = signer_cert_sign(f->signer, r, &reply, answer);
		*out = (struct signed_ca){ reply.ledger_seq, reply.certificate };
		return result;
	}
	const struct ca_self_request self = signed_ca_self(r);
	struct ca_self_reply reply = { 0 };
	result = signer_ca_self(f->signer, &self, &reply, answer);
	*out = (struct signed_ca){ reply.ledger_seq, reply.certificate };
	return result;
}

void signed_ca_check(const struct chain *above, const struct cert_sign_request *fields, struct slice public_key,
		     const struct facts *got, struct slice der, char why[FACTS_WHY])
{
	struct check_asked asked = { .fields = *fields, .public_key = public_key };
	scoped_facts parent = { 0 };
	if (above->count) {
		if (facts_read_foreign(above->ca[0].certificate, &parent, why))
			return;
		asked.issuer_name = parent.subject_name;
		asked.issuer_key_id = parent.subject_key_id;
	}
	struct slice chain[MAX_CHAIN + 1] = { der };
	for (size_t i = 0; i < above->count; i++)
		chain[i + 1] = above->ca[i].certificate;
	if (above->count && shard_judge(&above->ca[0], got, why))
		return;
	if (check_certificate(got, &asked, why) == 0 && check_rules(der, why) == 0)
		check_chain(chain, above->count + 1, time_now(), why);
}
