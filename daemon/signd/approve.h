/*
 * Approvals: what people have to agree to before it is signed. A proposal is
 * written by the signer out of a request (signd/certify.h, signd/import.h),
 * people sign its bytes with keys that signd.conf pins (signd/approvers.h), and
 * the request that spends it must come to the same bytes. All of it is on the
 * ledger, and read back from there (signd/proposals.h).
 */
#ifndef CHANCERY_SIGND_APPROVE_H
#define CHANCERY_SIGND_APPROVE_H

#include "signd/approvers.h"
#include "signd/charter.h"
#include "signd/proposals.h"
#include "wire/frame.h"

struct signer;
struct op;
struct record;

/* What somebody wants to do. */
struct act {
	uint8_t kind;	      /* enum proposal_kind; 0: nothing that needs approvals */
	struct slice content; /* as a proposal of this kind has it */
};

/* 0, or -1: malformed. */
int answer_propose(struct signer *s, uint64_t peer, const struct frame *f);
int answer_approve(struct signer *s, uint64_t peer, const struct frame *f);
int answer_withdraw(struct signer *s, uint64_t peer, const struct frame *f);
int answer_approvers_read(struct signer *s, uint64_t peer, const struct frame *f);

/* Whether this may be done now: it needs no approvals and names no proposal, or the proposal that it names is of it
 * and has them. */
struct verdict approve_check(struct signer *s, const struct act *act, const uint8_t proposal[PROPOSAL_ID_SIZE]);
/*
 * The proposal is spent, from now on: right after its check, together with the op's record that stands `back` records
 * before the end. Does nothing where the proposal is zeros.
 */
void approve_spend(struct signer *s, struct op *op, const uint8_t proposal[PROPOSAL_ID_SIZE], uint8_t back);

/* Nobody else may spend the proposal meanwhile; or they may again. Zeros, or none that is open: nothing. */
void approve_hold(struct signer *s, const uint8_t proposal[PROPOSAL_ID_SIZE], bool held);

/* The bytes of a new proposal of this. */
void proposal_write(const struct signer *s, const struct act *act, struct buf *out);
/* Whether this key's signature counts for the proposal, which then has it. */
struct verdict approval_verdict(struct signer *s, struct open_proposal *o, uint8_t role, const uint8_t key[HASH_SIZE],
				struct slice signature, const struct approver **who);

/* The reply to a repetition, too. */
void reply_approved(struct signer *s, uint64_t peer, uint64_t tag, uint64_t seq,
		    const uint8_t proposal[PROPOSAL_ID_SIZE]);

/* Takes PROPOSED, APPROVED, WITHDRAWN, SPENT and EPOCH from the ledger. 0 or -1. */
int approve_take(struct signer *s, const struct record *r);

#endif
