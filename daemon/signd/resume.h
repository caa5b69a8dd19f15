/*
 * chancery-signd --resume and --epoch: an operator's word that the signer may
 * go on, or go on from an older ledger. It is a file in the state folder, which
 * only root and the folder's owner can enter; the daemon takes it up at its
 * next look, or at its next start, and puts who and why on the ledger before it
 * opens a latch. No socket leads here.
 *
 * Where signd.conf asks for approvals of it, the word without signatures gets a
 * proposal, a file beside it; with the signatures of approvers over that, it is
 * done. So it needs no front-end, which may be what is down. What can't be
 * written before the latch opens (of a ledger that stands back) goes to the
 * ledger in front of what opens it.
 */
#ifndef CHANCERY_SIGND_RESUME_H
#define CHANCERY_SIGND_RESUME_H

#include <stddef.h>
#include <stdint.h>

struct config;
struct signer;

/* What the command was given. kind: PROPOSAL_RESUME or PROPOSAL_EPOCH; approvals: paths of signatures. */
struct word {
	uint8_t kind;
	const char *reason;
	size_t count;
	const char *const *approvals;
};

/* The command: leaves the word, waits for a daemon that runs to take it up. The process's exit status. */
int resume_ask(const struct config *c, const struct word *w);
/* The daemon: looks for a word, about once a second. */
void resume_tick(struct signer *s, int64_t now);

#endif
