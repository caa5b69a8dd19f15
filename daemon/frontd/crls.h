/*
 * The CRLs of the CAs whose keys the signer has: made when a CA is, when
 * something was revoked, and at half of their time; kept in a folder of their
 * own, each in one file that is replaced as a whole. What they say stands in
 * the database, and the signer holds it against the ledger and its last CRL.
 */
#ifndef CHANCERY_FRONTD_CRLS_H
#define CHANCERY_FRONTD_CRLS_H

#include "frontd/call.h"

struct front;
struct crls;

/* 0 or -1; without crl_days in frontd.conf there are none, and *out is NULL. */
int crls_start(struct front *f, struct crls **out);
void crls_stop(struct crls *k);

/* Something was revoked or released: its CRL is made soon. */
void crls_wake(struct crls *k);
/*
 * Nothing is made of this CA's CRL until it is unlocked; locking brings it up to date first. 0: all that was revoked
 * and released is on it, or there are none; negative: it could not be made. Locked in both cases.
 */
int crls_lock(struct crls *k, const char *ca_id);
void crls_unlock(struct crls *k, const char *ca_id);

call_handler crl_get; /* {CA id}: all that was revoked before is on it */

#endif
