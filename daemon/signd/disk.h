/*
 * Room on the ledger's disk, looked at before it runs out: below one mark the
 * log says so, below the other nothing new is signed. What is left then is for
 * what must still be recorded: notes, closings, revocation lists. A request is
 * refused before anything of it is written.
 */
#ifndef CHANCERY_SIGND_DISK_H
#define CHANCERY_SIGND_DISK_H

#include <stdbool.h>
#include <stdint.h>

struct signer;

struct disk {
	bool little; /* below the first mark */
	bool stop;   /* below the second */
};

/* Bytes that are left; 0 if that can't be told. */
uint64_t disk_free(const struct signer *s);
/* Looks at the disk. Call it often. */
void disk_tick(struct signer *s);
/* Whether a request of this verb has to wait for room. */
bool disk_stops(const struct signer *s, uint16_t verb);

#endif
