/*
 * The CAs as an indented tree with state, expiry, path length, key and
 * constraints. The parents are the server's word: a cycle or an absent parent
 * must neither hang it nor hide a CA.
 */
#ifndef CHANCERY_CLI_TREE_H
#define CHANCERY_CLI_TREE_H

#include <jansson.h>

#include "cli/table.h"

#define MAX_TREE_DEPTH 64 /* levels; a certificate chain that long verifies nowhere */
#define TREE_COLUMNS 7
#define TREE_CONSTRAINTS 6 /* the sixth */

extern const char *const tree_heads[TREE_COLUMNS];

/* list: an array of CAs. lines: UTF-8 box lines, else ASCII. Rows go to a table of TREE_COLUMNS. */
void tree_fill(struct table *t, const json_t *list, bool lines);
/* Over somebody else's key; and in use below a CA that is revoked. Both are said behind the state. */
bool tree_outside(const json_t *ca);
bool tree_cut_off(const json_t *ca);
/* A list in which CAs may hang in the "children" of others as one array without any; NULL: out of memory. */
json_t *tree_flatten(const json_t *nested);

#endif
