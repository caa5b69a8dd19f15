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

/* What a request came to: detail_print(), or of what waits for approvals what happens next, and how. */
int answer_print(const struct cli *c, const json_t *answer, const char *const *left_out);
/*
 * Asks whether what was shown is to be signed and signs bytes with --key, or takes what was signed elsewhere, by the
 * options of `chancery proposal approve`.
 */
int approval_make(struct cli *c, const struct options *o, struct slice bytes, struct approval *a);

#endif
