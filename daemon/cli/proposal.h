/*
 * What waits for people. Words about a proposal come from its own bytes, which
 * are what gets signed, and never from what the front-end says of them.
 */
#ifndef CHANCERY_CLI_PROPOSAL_H
#define CHANCERY_CLI_PROPOSAL_H

#include <jansson.h>

#include "cli/approval.h"
#include "cli/cli.h"
#include "cli/options.h"

/* An answer of 202: what happens next, and how. */
int proposal_tell_next(const struct cli *c, const json_t *answer);
/*
 * Asks whether what was shown is to be signed and signs bytes with --key, or takes what was signed elsewhere, by the
 * options of `chancery proposal approve`.
 */
int approval_make(struct cli *c, const struct options *o, struct slice bytes, struct approval *a);
/* Whether an answer is that of a request that waits for approvals. */
bool proposal_waits(const json_t *answer);

#endif
