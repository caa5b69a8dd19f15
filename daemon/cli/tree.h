/*
 * The CAs as an indented tree with state, path length and expiry. The parents
 * are the server's word: a cycle or an absent parent must neither hang it nor
 * hide a CA.
 */
#ifndef CHANCERY_CLI_TREE_H
#define CHANCERY_CLI_TREE_H

#include <jansson.h>

#include "cli/table.h"

#define MAX_TREE_DEPTH 64 /* levels; a certificate chain that long verifies nowhere */

/* list: an array of CAs. lines: UTF-8 box lines, else ASCII. Rows go to a table of four columns. */
void tree_fill(struct table *t, const json_t *list, bool lines);

#endif
