/*
 * One record of the ledger, put into the database if it isn't there: the
 * second half of the catch-up, inside the committer. Asks nobody.
 */
#ifndef CHANCERY_FRONTD_REBUILD_H
#define CHANCERY_FRONTD_REBUILD_H

#include <jansson.h>

#include "ledger/record.h"
#include "store/store.h"

/* A record with the intent that it answers, a binding with what brought the certificate; intent.type 0: it has none. */
struct rebuild {
	struct record record;
	struct record intent;
};

/* 0, or negative: broken, logged. What can't be read as ours is logged and passed over. */
int rebuild_record(struct store_session *s, const struct rebuild *r);

/* Its parts, each 0 or negative. */

/* The request of a CA whose certificate is signed elsewhere (rebuild_request.c). */
int rebuild_request(struct store_session *s, const struct rebuild *r);
/* PROPOSED, APPROVED, WITHDRAWN, SPENT and EPOCH; and the CA's proposal, whose signature was lost (rebuild_proposal.c).
 */
int rebuild_approval(struct store_session *s, const struct rebuild *r);
int rebuild_unmade(struct store_session *s, const char *ca_id, int64_t when);
/* The issuer that a record's context names: made, or with change brought up to it; STORE_TAKEN: its name is another's.
 */
int rebuild_issuer(struct store_session *s, json_t *context, int64_t when, bool change);
/* Logs why a record is left out; 0. */
int rebuild_passed_over(const struct rebuild *r, const char *why);

static inline void rebuild_json_release(json_t **o)
{
	json_decref(*o);
}
#define scoped_json __attribute__((cleanup(rebuild_json_release))) json_t

#endif
