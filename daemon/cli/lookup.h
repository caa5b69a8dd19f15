/*
 * From what people type to an id: the id itself, or a name that is the only
 * one of its kind in use. Names are unique per issuer only, so an ambiguous one
 * is refused with its candidates, never guessed.
 */
#ifndef CHANCERY_CLI_LOOKUP_H
#define CHANCERY_CLI_LOOKUP_H

#include <jansson.h>

#include "cli/options.h"

#define MAX_ID 128 /* bytes; ours have 40 */

/* CLI_DONE with the id, or told: CLI_NOT_FOUND, CLI_USAGE if ambiguous, or what the list's request came to. */
int lookup_issuer(struct cli *c, const char *text, char id[MAX_ID]);
/* issuer: an id or a name, within which the CA is looked for; NULL: everywhere. */
int lookup_ca(struct cli *c, const char *text, const char *issuer, char id[MAX_ID]);

/* The path of the CA that the first argument names, within --issuer, and something below it. */
int ca_path(struct cli *c, const struct options *o, const char *below, struct buf *path);

/* What stands there, as text, once it is known that it can be written to --out. */
int ca_text(struct cli *c, const struct options *o, const char *below, struct buf *text);

/* {"data":[CA…]} of one issuer, or of all. */
int ca_list_fetch(struct cli *c, const char *issuer, json_t **answer);
/* The same with each CA's own in its "children". */
int ca_tree_fetch(struct cli *c, const char *issuer, json_t **answer);

#endif
