/* The rule by which a CA gets its successor, as one writes it on a command line: --rotation. */
#ifndef CHANCERY_CLI_ROTATION_H
#define CHANCERY_CLI_ROTATION_H

#include <jansson.h>

#include "cli/options.h"

#define ROTATION_FORM "PREPARE/ACTIVATE|off|default|inherit"

/* CLI_DONE with a new reference, or CLI_USAGE, told. */
int rotation_read(const struct cli *c, const char *text, json_t **out);
/* Into a request's body, if the option was given. */
int body_rotation(const struct cli *c, const struct options *o, json_t **body);

#endif
