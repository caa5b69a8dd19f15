/* Files of profiles, held against what the front-end takes, without asking it. */
#ifndef CHANCERY_CLI_PROFILE_CHECK_H
#define CHANCERY_CLI_PROFILE_CHECK_H

#include "cli/options.h"

extern const struct option_spec profile_check_options[];

/* Every mistake of every file, with its line. CLI_DONE, CLI_USAGE: a file can't be read; CLI_CRITICAL: mistakes. */
int profile_check(struct cli *c, const struct options *o);

#endif
