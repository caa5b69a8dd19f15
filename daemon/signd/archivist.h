/*
 * The archivist: a thread that follows the ledger from disk, some twenty
 * minutes behind its head, and now and then leaves a snapshot of what it knows
 * by then (restore.h), so that the next start reads only what follows. It
 * touches nothing of the loop's: what it makes depends on the records alone.
 *
 * The loop starts a round and has the log key sign what came of it; the
 * archivist writes the file.
 */
#ifndef CHANCERY_SIGND_ARCHIVIST_H
#define CHANCERY_SIGND_ARCHIVIST_H

#include <stdint.h>

struct archivist;
struct signer;

/* folder: the ledger's; from: the size of the snapshot to go on from, 0 without one. 0 or -1. */
int archivist_start(struct signer *s, const char *folder, uint64_t from, struct archivist **out);
void archivist_stop(struct archivist *a);
/* Begins a round if one is due. */
void archivist_tick(struct signer *s);

#endif
