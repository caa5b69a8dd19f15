/*
 * Checkpoints: the ledger's head, signed by the log key. Made while the ledger
 * grows, and when somebody asks. Not records: the ledger can grow without
 * them, up to a limit.
 */
#ifndef CHANCERY_SIGND_NOTARY_H
#define CHANCERY_SIGND_NOTARY_H

#include "wire/frame.h"

struct signer;

/* Begins a checkpoint if one is due. Called at every tick. */
void notary_tick(struct signer *s);
int answer_checkpoint(struct signer *s, uint64_t peer, const struct frame *f);

#endif
