/* Commands about an offline root: what it is asked for, and what came back. */
#ifndef CHANCERY_CLI_LETTERS_H
#define CHANCERY_CLI_LETTERS_H

#include "cli/options.h"

extern const struct option_spec ca_request_options[];
extern const struct option_spec ca_import_options[];
extern const struct option_spec ca_approve_options[];

int ca_request(struct cli *c, const struct options *o);
int ca_approve(struct cli *c, const struct options *o);
int ca_import(struct cli *c, const struct options *o);

#endif
