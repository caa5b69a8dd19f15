/* The ledger as lines of JSON for other programs: from the front-end, or from the files by whoever may read them. */
#ifndef CHANCERY_CLI_EXPORT_H
#define CHANCERY_CLI_EXPORT_H

#include "cli/options.h"

int audit_export(struct cli *c, const struct options *o);
extern const struct option_spec export_options[];

#endif
