/*
 * A further certificate over a key that is bound already. Its charter stays
 * what it is; the certificate is held against it:
 *
 *	renewal   from the issuer that the charter names (a root: from itself): it
 *	          says the same of everything and ends later, and the key's validity
 *	          grows with it
 *	cross     from another CA: it says no more than the charter in any respect,
 *	          nor ends later; what the key may do stays as it is
 *
 * Pure but for looking at keys.
 */
#ifndef CHANCERY_SIGND_RENEWAL_H
#define CHANCERY_SIGND_RENEWAL_H

#include "signd/binding.h"
#include "signd/encode/cert.h"
#include "signd/keys.h"

/* Of a bound key under its own subject; issuer NULL: the key itself. *out is filled in if it may be signed. */
struct verdict renewal_check(const struct keys *keys, const struct key *issuer, const struct key *subject,
			     const struct cert_fields *f, enum binding *out);
/* The validity grows. */
void key_renew(struct key *k, int64_t not_before, int64_t not_after);

#endif
