/*
 * One record of the ledger, put into the database if it isn't there: the
 * second half of the catch-up, inside the committer. Asks nobody.
 */
#ifndef CHANCERY_FRONTD_REBUILD_H
#define CHANCERY_FRONTD_REBUILD_H

#include "ledger/record.h"
#include "store/store.h"

/* A record with the intent that it answers, a binding with what brought the certificate; intent.type 0: it has none. */
struct rebuild {
	struct record record;
	struct record intent;
};

/* 0, or negative: broken, logged. What can't be read as ours is logged and passed over. */
int rebuild_record(struct store_session *s, const struct rebuild *r);

#endif
