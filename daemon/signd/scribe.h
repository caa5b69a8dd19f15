/*
 * Threads for what takes long or reads much: the merging and writing of CRLs,
 * and the records behind OCSP answers. The loop hands an op over and goes on
 * with all others; the op comes back by way of the inbox.
 */
#ifndef CHANCERY_SIGND_SCRIBE_H
#define CHANCERY_SIGND_SCRIBE_H

#include "signd/queue.h"

#define SCRIBES 2 /* so that OCSP need not wait for a long CRL */

struct scribes;
struct ledger_reader;

/* Each opens the ledger's folder for itself. 0 or -1, logged. */
int scribes_start(const char *ledger_folder, struct inbox *back, struct scribes **out);
void scribes_stop(struct scribes *s);
/* Does op->task with the op on one of the threads, which then sees it alone; afterwards op->then follows. */
void scribes_submit(struct scribes *s, struct op *op);

#endif
