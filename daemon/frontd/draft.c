#include "frontd/draft.h"

#include <stdio.h>

#include "ledger/record.h"

#define MAX_DRAFT (160 * 1024)

void draft_free(struct draft *d)
{
	facts_free(&d->facts);
	buf_free(&d->der);
}

static int import_read(struct draft *d, char why[FACTS_WHY])
{
	struct slice root, certificate = { 0 };
	if (!proposal_certificates(d->said.content, &root, &certificate)) {
		snprintf(why, FACTS_WHY, "it holds no certificate");
		return 1;
	}
	buf_put_slice(&d->der, certificate.len ? certificate : root);
	return facts_read_foreign(buf_slice(&d->der), &d->facts, why);
}

int draft_read(struct slice bytes, struct draft *d, char why[FACTS_WHY])
{
	static const uint8_t unsigned_yet[1] = { 0 };
	*d = (struct draft){ .der = { .max = MAX_DRAFT } };
	bool good = proposal_get(bytes, &d->said) == 0 && d->said.kind <= PROPOSAL_IMPORT;
	if (good && d->said.kind == PROPOSAL_IMPORT)
		return import_read(d, why);
	if (good && record_certificate(d->said.content, SLICE_OF(unsigned_yet), &d->der) == 0)
		return facts_read(buf_slice(&d->der), &d->facts, why);
	snprintf(why, FACTS_WHY, "it is no proposal of a CA");
	return 1;
}
