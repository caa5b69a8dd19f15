/*
 * The files by which root's word reaches a signer and its answer comes back:
 *
 *	resume, epoch      the word: the reason; then a line "approval HEX" for each signature
 *	word.proposal      what approvers sign, by the signer
 *	word.answer        a digit and a sentence, by the signer: 0 done, 1 refused, 2 word.proposal waits
 *
 * In the state folder, which only root and its owner can enter.
 */
#ifndef CHANCERY_SIGND_WORD_H
#define CHANCERY_SIGND_WORD_H

#include <sys/types.h>

#include "ledger/proposal.h"
#include "signd/config.h"

/* records.def, in bytes */
#define MAX_REASON 400
#define MAX_SIGNATURE_BYTES 600
#define WORD_DONE 0
#define WORD_REFUSED 1
#define WORD_PROPOSED 2

/* A word as the signer reads it. */
struct asked {
	uint8_t kind; /* PROPOSAL_RESUME or PROPOSAL_EPOCH */
	uid_t uid;
	struct buf reason;
	size_t count;
	struct buf signatures[MAX_APPROVALS];
};
void asked_free(struct asked *a);

/* The state folder; -1. */
int word_folder(const struct config *c);
/* 0; positive: there is none, or none to be believed. */
int word_read(int folder, struct asked *out);
/* Beside the name and renamed, so that nobody reads half of it. 0 or -1 (errno). */
int word_write(int folder, uint8_t kind, struct slice content);
/* Takes the word away, its answer first. */
void word_answer(const struct config *c, uint8_t kind, int how, const char *sentence);
/* What is there of the last answer goes; then the answer, once the word is gone. 0, or -1: not within its time. */
void word_answer_clear(int folder);
int word_await(int folder, uint8_t kind, struct buf *answer);
/* The proposal of the moment, appended. 0; positive: there is none. */
int word_proposal_read(int folder, struct buf *out);
/* 0 or -1 (errno). */
int word_proposal_write(const struct config *c, struct slice bytes);
void word_proposal_remove(const struct config *c);

#endif
