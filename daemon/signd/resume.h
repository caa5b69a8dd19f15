/*
 * chancery-signd --resume: an operator's word that the signer may go on. It is
 * a file in the state folder, which only root and the folder's owner can
 * enter; the daemon takes it up at its next look, or at its next start, and
 * puts who and why on the ledger before it opens a latch. No socket leads here.
 */
#ifndef CHANCERY_SIGND_RESUME_H
#define CHANCERY_SIGND_RESUME_H

#include <stdint.h>

struct config;
struct signer;

/* The command: leaves the word, waits for a daemon that runs to take it up. The process's exit status. */
int resume_ask(const struct config *c, const char *reason);
/* The daemon: looks for a word, about once a second. */
void resume_tick(struct signer *s, int64_t now);

#endif
