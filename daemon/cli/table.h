/*
 * Tables and detail views for people: columns as wide as their widest cell in
 * code points, two blanks between them, no trailing blanks, colours only when
 * asked for. A table may be told how wide it can be: then its last column is
 * cut, and columns that have no room are left out. Every cell is made safe (plain.h) on its way in.
 */
#ifndef CHANCERY_CLI_TABLE_H
#define CHANCERY_CLI_TABLE_H

#include <stdbool.h>

#include "base/buf.h"

#define MAX_TABLE_COLUMNS 12	     /* more fit on no screen */
#define MIN_LAST_COLUMN 12	     /* code points of the last column that are worth showing */
#define MAX_TABLE_TEXT (256UL << 20) /* bytes: what a hundred thousand rows with long names take */

enum table_style { STYLE_PLAIN, STYLE_HEAD, STYLE_GOOD, STYLE_WARN, STYLE_BAD, STYLE_DIM };

struct table {
	const char *const *heads; /* NULL: no head line */
	size_t columns;
	size_t cell_points; /* code points a cell is cut at */
	size_t width;	    /* code points a row may take; 0: any number */
	size_t cut;	    /* the number, from 1 on, of a column that may be cut as the last one is; 0: none */
	bool colour;
	struct buf text;  /* all cells' bytes */
	struct buf cells; /* of struct table_cell, row by row */
};

/* heads lives as long as the table. */
void table_init(struct table *t, const char *const *heads, size_t columns, bool colour);
/* A detail view: a label, and a value that may be long. */
void table_init_detail(struct table *t, bool colour);
void table_free(struct table *t);
#define scoped_table __attribute__((cleanup(table_free))) struct table

/* The next cell of the current row, or the first of a new one. NULL is empty. */
void table_put(struct table *t, enum table_style style, const char *text);
/* A row of a detail view; an empty value is shown as "-". */
void table_detail(struct table *t, const char *label, enum table_style style, const char *value);
size_t table_rows(const struct table *t);
/* Appends the table as text. A broken table breaks out. */
void table_render(const struct table *t, struct buf *out);

/* How a lifecycle state, or a health, is coloured. */
enum table_style style_of_state(const char *state);
/* Appends text between the sequences of the style, if colour. */
void style_put(struct buf *out, bool colour, enum table_style style, struct slice text);

#endif
