/* What stands in a proposal, as a certificate's facts. Pure. */
#ifndef CHANCERY_FRONTD_DRAFT_H
#define CHANCERY_FRONTD_DRAFT_H

#include "frontd/facts.h"
#include "ledger/proposal.h"

struct draft {
	struct proposal said;
	struct facts facts; /* of the CA that would be made, with a serial number and a notBefore that are not yet its
			       own; or of the certificate that would be imported */
	struct buf der;	    /* that certificate; of what is yet to be signed a form without signature */
};

/* bytes outlive the draft. 0; positive: it tells of no CA, *why is a sentence's end. draft_free() in either case. */
int draft_read(struct slice bytes, struct draft *out, char why[FACTS_WHY]);
void draft_free(struct draft *d);
#define scoped_draft __attribute__((cleanup(draft_free))) struct draft

#endif
