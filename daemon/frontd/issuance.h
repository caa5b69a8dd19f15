/*
 * One leaf on its way: planned (frontd/issue.c), asked for, held against what
 * was asked, committed, answered. Each step but the first is called by whoever
 * brings what it needs, the link to the signer or the committer, so that no
 * thread waits for an issuance.
 */
#ifndef CHANCERY_FRONTD_ISSUANCE_H
#define CHANCERY_FRONTD_ISSUANCE_H

#include "frontd/csr.h"
#include "frontd/issuing.h"
#include "frontd/made.h"
#include "frontd/signer.h"
#include "frontd/rules.h"

struct issuance {
	struct front *front;
	struct call *call;

	/* the plan */
	struct issuing *ca;
	const struct rulebook *rules;
	const struct profile *profile; /* of rules */
	struct csr csr;
	struct leaf_fields leaf;
	int64_t ttl, not_before, not_after;
	bool not_before_given;
	uint8_t request_id[REQUEST_ID_SIZE];
	struct items urls;
	struct buf context;

	/* on its way */
	int64_t begun; /* time_boot_ms() */
	struct cert_sign_request fields;
	struct signer_hold hold;
	struct signer_ask ask;
	struct cert_sign_reply reply;
	struct facts got;
	struct made made;
	struct store_job job;
};

/* NULL if out of memory. */
struct issuance *issuance_new(struct front *f, struct call *c);
void issuance_free(struct issuance **i);
#define scoped_issuance __attribute__((cleanup(issuance_free))) struct issuance

const char *issuance_ca_id(const struct issuance *i);

/* Fills in what is asked of the signer: the plan's last step. */
void issuance_fields(struct issuance *i);

/* Leaves a planned issuance with its call, to be started: answers CALL_WAITS. */
int issuance_hand_over(struct issuance **i);
/* The answer to a request whose certificate is there. */
int issuance_reply(struct call *c, const struct issuing *ca, const struct certificate_row *row);

#endif
