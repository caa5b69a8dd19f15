/*
 * Approvals: what people have to agree to before it is signed. A proposal is
 * written by the signer out of a request (signd/certify.h, signd/import.h),
 * people sign its bytes with keys that signd.conf pins, and the request that
 * spends it must come to the same bytes. All of it is on the ledger, and read
 * back from there.
 */
#ifndef CHANCERY_SIGND_APPROVE_H
#define CHANCERY_SIGND_APPROVE_H

#include "wire/frame.h"

struct signer;

/* 0, or -1: malformed. */
int answer_propose(struct signer *s, uint64_t peer, const struct frame *f);
int answer_approve(struct signer *s, uint64_t peer, const struct frame *f);
int answer_withdraw(struct signer *s, uint64_t peer, const struct frame *f);
int answer_approvers_read(struct signer *s, uint64_t peer, const struct frame *f);

#endif
