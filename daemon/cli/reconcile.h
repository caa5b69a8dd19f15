/* The ledger's files against the front-end's database: no signature without a row, no row without a signature. */
#ifndef CHANCERY_CLI_RECONCILE_H
#define CHANCERY_CLI_RECONCILE_H

#include "cli/options.h"

int audit_reconcile(struct cli *c, const struct options *o);
extern const struct option_spec reconcile_options[];

#endif
