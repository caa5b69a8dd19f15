/*
 * Who may approve, by signd.conf: public keys with a name, how many of them
 * each act needs, and for how long a proposal stands. The keys are pinned: read
 * once, at the start, from files that root wrote, before any peer is heard.
 * Holds no private key and asks nobody else.
 */
#ifndef CHANCERY_SIGND_APPROVERS_H
#define CHANCERY_SIGND_APPROVERS_H

#include "base/conf.h"
#include "ledger/hash.h"
#include "ledger/proposal.h"
#include "wire/inner.h"

#define ROLES 2 /* enum approval_role */
#define MAX_APPROVER_NAME 64

struct approver {
	const char *name;
	uint8_t hash[HASH_SIZE]; /* SHA-256 over public_key */
	struct buf public_key;	 /* SubjectPublicKeyInfo */
};

struct approvers {
	size_t count[ROLES];
	struct approver all[ROLES][MAX_APPROVALS];
	uint8_t needed[PROPOSAL_EPOCH + 1]; /* by enum proposal_kind; 0: none */
	int64_t lifetime;		    /* seconds */
	bool import; /* a root from elsewhere is trusted because it was approved, not by a folder */
};

/* Reads the group `approvals`, and import_roots. */
void approvers_read(struct conf *conf, struct approvers *out);
void approvers_free(struct approvers *a);
/* The key of that hash in this role; NULL. */
const struct approver *approvers_find(const struct approvers *a, uint8_t role, const uint8_t hash[HASH_SIZE]);
/* The same as text for the law, in signd.conf's syntax; nothing where nobody approves. */
void approvers_text(const struct approvers *a, struct buf *out);

#endif
