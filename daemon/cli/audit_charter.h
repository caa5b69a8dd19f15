/* `chancery audit charter CA`: what the signer holds a CA's key to, for people. */
#ifndef CHANCERY_CLI_AUDIT_CHARTER_H
#define CHANCERY_CLI_AUDIT_CHARTER_H

#include "cli/options.h"

int audit_charter(struct cli *c, const struct options *o);

#endif
