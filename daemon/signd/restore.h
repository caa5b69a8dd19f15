/*
 * What the signer knows when it starts: keys, charters, open intents and
 * recent requests, all from one pass over the ledger. Nothing else is kept.
 */
#ifndef CHANCERY_SIGND_RESTORE_H
#define CHANCERY_SIGND_RESTORE_H

#include "ledger/ledger.h"

struct signer;

/*
 * Reads the whole ledger into s->keys, s->log_key and s->recent, and closes
 * each intent without a result by a `lost` record. 0, or -1 logged.
 */
int restore(struct signer *s, struct ledger *ledger);

#endif
