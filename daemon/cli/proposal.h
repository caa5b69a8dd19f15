/*
 * What waits for people. Words about a proposal come from its own bytes, which
 * are what gets signed, and never from what the front-end says of them.
 */
#ifndef CHANCERY_CLI_PROPOSAL_H
#define CHANCERY_CLI_PROPOSAL_H

#include <jansson.h>

#include "cli/cli.h"

/* An answer of 202: what happens next, and how. */
int proposal_tell_next(const struct cli *c, const json_t *answer);
/* Whether an answer is that of a request that waits for approvals. */
bool proposal_waits(const json_t *answer);

#endif
