/*
 * CRL numbers of an earlier life: a CA whose key signed CRLs elsewhere goes on
 * counting where it stood there (RFC 5280 5.2.3), or relying parties that have
 * one of those would not take ours for the newer one.
 */
#ifndef CHANCERY_FRONTD_CRL_NUMBER_H
#define CHANCERY_FRONTD_CRL_NUMBER_H

#include "frontd/call.h"
#include "store/store.h"

call_handler crl_number_carry; /* {CA id}: {"last": N} */

/* What the ledger's note of it says, into the database. 0, positive: no such CA, or it can't be read. */
int crl_number_noted(struct store_session *s, json_t *context);

#endif
