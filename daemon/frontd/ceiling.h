/*
 * What the signer lets a CA sign, and for how long: its ceilings stand in
 * signd.conf, which the front-end never reads, so it asks. What it hears makes
 * a better default and a better refusal; who refuses in earnest is the signer.
 */
#ifndef CHANCERY_FRONTD_CEILING_H
#define CHANCERY_FRONTD_CEILING_H

#include "frontd/call.h"
#include "frontd/front.h"
#include "store/store.h"
#include "wire/inner.h"

/* What a ceiling can be exceeded by. */
struct validity {
	enum cert_kind kind;
	int64_t not_before, not_after;
	bool own; /* of the root that signs, by itself */
};

/*
 * issuer: the CA that signs, a root itself if it is renewed; NULL: a root that isn't there yet, of which nothing is
 * known. The seconds that are asked for, or as many as the ceiling allows; unknown, if the signer can't be asked.
 */
int64_t ceiling_within(struct front *f, const struct ca_row *issuer, enum cert_kind kind, int64_t seconds);
/* 0, or 400: the kind isn't listed; or with what ttl_days would be accepted. */
int ceiling_check(struct front *f, struct call *c, const struct ca_row *issuer, const struct validity *v);
/* What the signer refused for its length, where nobody could say so before. */
int ceiling_refuse_root(struct call *c, uint16_t path_len, const struct validity *v);

#endif
