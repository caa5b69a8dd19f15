/*
 * What people see of the server's objects: any object as labels and values,
 * and any list of objects as a table whose columns a command names.
 */
#ifndef CHANCERY_CLI_DETAIL_H
#define CHANCERY_CLI_DETAIL_H

#include <jansson.h>

#include "cli/cli.h"
#include "cli/table.h"

/* A column: its head, the member it shows, and how. */
struct column {
	const char *head;
	const char *member;
	enum { SHOW_TEXT, SHOW_STATE, SHOW_TIME } as;
};

/*
 * Everything in the object, times with how long is left; names that end the list by NULL are left out (PEM blocks).
 * Where JSON is wanted this and list_print() write the answer as it came.
 */
int detail_print(const struct cli *c, const json_t *object, const char *const *left_out);
/* The same into a detail table. */
void detail_fill(struct table *t, const json_t *object, const char *const *left_out);
/* The rows of answer's "data"; the count is at most MAX_TABLE_COLUMNS. nothing: the sentence for no rows. */
int list_print(const struct cli *c, const json_t *answer, const struct column *columns, size_t count,
	       const char *nothing);
/* The same of all that stands under a path, which is asked for first. */
int list_show(struct cli *c, const char *path, const struct column *columns, size_t count, const char *nothing);
/* The server's JSON, indented; on a terminal in ASCII. */
int json_print(const struct cli *c, const json_t *answer);

#endif
