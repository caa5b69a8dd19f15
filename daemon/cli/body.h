/* Options as parts of a request: members of its body and of its query, each only if it was given. */
#ifndef CHANCERY_CLI_BODY_H
#define CHANCERY_CLI_BODY_H

#include <jansson.h>

#include "base/buf.h"
#include "cli/options.h"

void body_text(json_t **body, const char *member, const struct options *o, const char *option);
void body_number(json_t **body, const char *member, const struct options *o, const char *option);
/* A repeatable option as an array. */
void body_many(json_t **body, const char *member, const struct options *o, const char *option);
void path_dry_run(struct buf *path, const struct options *o);

#endif
