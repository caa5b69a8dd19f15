/*
 * The CRLs of the CAs whose keys the signer has: made when a CA is, when
 * something was revoked, and at half of their time; kept in a folder of their
 * own, each in one file, and one for its delta, that are replaced as a whole. What they say stands in
 * the database, and the signer holds it against the ledger and its last CRL.
 */
#ifndef CHANCERY_FRONTD_CRLS_H
#define CHANCERY_FRONTD_CRLS_H

#include "frontd/call.h"

struct front;
struct crls;

/* 0 or -1; without crl_hours in frontd.conf there are none, and *out is NULL. */
int crls_start(struct front *f, struct crls **out);
void crls_stop(struct crls *k);

/* Something was revoked or released: its CRL is made soon. */
void crls_wake(struct crls *k);
/*
 * Nothing is made of this CA's CRLs until it is unlocked; locking brings that of the shard up to date first. 0: all
 * that was revoked and released is on it, or there are none; negative: it could not be made. Locked in both cases.
 */
int crls_lock(struct crls *k, const char *ca_id, uint16_t shard);
void crls_unlock(struct crls *k, const char *ca_id);
/* All CRLs of a CA that has none yet, now. 0; negative: not all could be made, and the rest comes when it can be. */
int crls_begin(struct crls *k, const char *ca_id);
/* What could not be made when it was due. */
json_t *crls_json(struct crls *k);
size_t crls_late(struct crls *k);

/* {CA id}: all that was revoked before is on it (crl_get.c). */
call_handler crl_get, crl_delta_get;
/* {CA id}, {number of the shard} */
call_handler crl_shard_get, crl_shard_delta_get;

#endif
