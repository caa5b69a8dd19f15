/*
 * A key that its operator destroyed with the token's own tool: the signer
 * proves its absence and records it; here its CA is held for good, from an
 * answer or, in a catch-up, from the ledger.
 */
#ifndef CHANCERY_FRONTD_GONE_H
#define CHANCERY_FRONTD_GONE_H

#include "store/store.h"

/* Holds the CA with this key. STORE_NONE: no CA has it. */
int gone_hold(struct store_session *s, const uint8_t key_id[16], int64_t when);
/* Whether this CA's key is gone. */
bool gone_is(const struct ca_row *ca);

#endif
