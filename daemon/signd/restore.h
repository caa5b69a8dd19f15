/*
 * What the signer knows when it starts: keys, charters, latches, open intents
 * and recent requests, all from the ledger: from its records, or from a
 * snapshot (ledger/snapshot.h) and the records behind it, by the same code.
 *
 * A snapshot's state is the work of a second reader, a `struct state`, that
 * follows the ledger in the background and knows nothing of the requests in
 * flight: what it says of the first n records depends on them alone. It keeps
 * all records but those that come with each certificate, as they stand, and
 * replays them; so what a record does is said once, in restore.c. What is
 * summed up from records that are not kept stands in a section of its own:
 * a row in the table of sections there (restore.c says how).
 *
 * Recent requests are in no snapshot: one is made only of records that are
 * older than any request id that is still good, so a start reads those anyway.
 */
#ifndef CHANCERY_SIGND_RESTORE_H
#define CHANCERY_SIGND_RESTORE_H

#include "ledger/ledger.h"

#define STATE_VERSION 2		      /* goes up whenever a section or the choice of kept records changes */
#define STATE_LAG_MS (21 * 60 * 1000) /* REQUEST_WINDOW_MS both ways, and a minute */

struct signer;

/*
 * Reads the ledger into s->keys, s->log_key and s->recent, and closes
 * each intent without a result by a `lost` record, unless the ledger was rolled
 * back or comes from another host. 0; LEDGER_NEWER: a record of a version to come; -1. Both logged.
 */
int restore(struct signer *s, struct ledger *ledger);

struct state;
/* A state of no records. The signer lends its configuration and the names of its slots; reader is the state's own. */
struct state *state_new(const struct signer *like, struct ledger_reader *reader);
void state_free(struct state *t);
/* Takes a snapshot's state of so many records. 0 or -1, logged. */
int state_get(struct state *t, struct slice packed);
/* Takes the record that follows. 0 or -1, logged. */
int state_take(struct state *t, const struct record *r);
void state_put(const struct state *t, struct buf *out);

#endif
