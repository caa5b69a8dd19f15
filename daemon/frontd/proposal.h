/*
 * What is done only after people have approved it. A request that the signer
 * refuses for want of approvals is proposed: the signer writes the bytes that
 * people sign, and the CA's name, subject and key wait meanwhile. The signer
 * alone counts; here approvals are handed on and remembered, and the request is
 * sent once more when there are enough (frontd/execute.h).
 *
 *	433 -> PROPOSE -> 202 -> APPROVE, APPROVE, ... -> execute -> 201
 *
 * One rule is the front-end's own: who asked for something doesn't hand in
 * approvals of it. Where that must hold against the front-end itself the
 * requester signs as well, with a key that signd.conf names.
 */
#ifndef CHANCERY_FRONTD_PROPOSAL_H
#define CHANCERY_FRONTD_PROPOSAL_H

#include "frontd/front.h"
#include "frontd/plan.h"
#include "frontd/signer.h"

call_handler proposal_list;    /* ?state= */
call_handler proposal_get_one; /* {id} */
call_handler proposal_bytes;   /* {id}: what approvers sign, as it stands */
call_handler proposal_approve; /* {id}; the last approval executes */
call_handler proposal_reject;  /* {id} */
call_handler proposal_execute; /* {id} */

/* A request on its way to be proposed: what it asks the signer for, and the CA that is reserved for it. */
struct proposing {
	const char *ca_id, *name;
	struct slice issuer_id, context;
	const uint8_t *request_id; /* of the request that was refused */
	uint8_t verb;
	struct slice body;
	struct key_row *key; /* made for it; NULL: none */
};
/* All but what is asked for, of a CA that is to be made. */
struct proposing proposing_of(const struct plan *p);
/*
 * 0 with 202, or positive: refused. *open says whether there is a proposal now, or may be: then what was reserved
 * stays.
 */
int proposal_open(struct front *f, struct call *c, const struct proposing *p, struct signer_hold *hold, bool *open);
/* Answers with the proposal of this CA, if it has one that still may come to something; *answered says so. */
int proposal_again(struct call *c, struct store_session *s, const char *ca_id, bool *answered);

/* A row as clients see it (proposal_view.c); with_bytes: all of it. NULL if broken. */
json_t *proposal_view(struct store_session *s, const struct proposal_row *row, bool with_bytes);
/* Whether it has the approvals that it needs; negative: broken. */
int proposal_complete(struct store_session *s, const struct proposal_row *row);

/* The row of the proposal that the path names: 0, or positive: refused. */
int proposal_find(struct store_session *s, struct call *c, struct proposal_row *out);
/* A row from what the signer proposed; its slices point into both. Positive: that is no proposal. */
int proposal_fill(struct slice bytes, struct slice context, struct proposal_row *out);

#endif
