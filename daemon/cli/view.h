/* `chancery ca tree`: the CAs as a tree in the terminal, as JSON, or as a page. */
#ifndef CHANCERY_CLI_VIEW_H
#define CHANCERY_CLI_VIEW_H

#include "cli/options.h"

extern const struct option_spec ca_tree_options[];
int ca_tree(struct cli *c, const struct options *o);

#endif
