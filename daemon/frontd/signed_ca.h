/* A CA's certificate: asked of the signer, and what comes back held against that. */
#ifndef CHANCERY_FRONTD_SIGNED_CA_H
#define CHANCERY_FRONTD_SIGNED_CA_H

#include "frontd/chain.h"
#include "frontd/facts.h"
#include "frontd/front.h"
#include "frontd/signer.h"

struct signed_ca {
	uint64_t ledger_seq;
	struct slice certificate; /* points into the answer */
};

/* CA_SELF has the same fields. */
struct ca_self_request signed_ca_self(const struct cert_sign_request *r);
/* above: the signing CA and those above it; empty: the key signs for itself (CA_SELF has the same fields). */
enum signer_result signed_ca_ask(struct front *f, const struct chain *above, const struct cert_sign_request *r,
				 struct signed_ca *out, struct signer_answer *answer);
/* Against the fields, and its whole chain by libcrypto: why is filled in if anything is wrong. */
void signed_ca_check(const struct chain *above, const struct cert_sign_request *fields, struct slice public_key,
		     const struct facts *got, struct slice der, char why[FACTS_WHY]);

#endif
