#include "cli/table.h"

#include <string.h>

#include "base/text.h"
#include "cli/plain.h"

struct table_cell {
	size_t at, len; /* in text */
	size_t points;
	enum table_style style;
};

#define GAP 2

void table_init(struct table *t, const char *const *heads, size_t columns, bool colour)
{
	*t = (struct table){ .heads = heads, .columns = columns, .cell_points = MAX_PLAIN_CELL, .colour = colour };
	buf_init(&t->text, MAX_TABLE_TEXT);
	buf_init(&t->cells, MAX_TABLE_TEXT);
}

void table_init_detail(struct table *t, bool colour)
{
	table_init(t, NULL, 2, colour);
	t->cell_points = MAX_PLAIN;
}

void table_free(struct table *t)
{
	buf_free(&t->text);
	buf_free(&t->cells);
}

static size_t table_count(const struct table *t)
{
	return t->cells.len / sizeof(struct table_cell);
}

static struct table_cell table_cell_at(const struct table *t, size_t i)
{
	struct table_cell cell;
	memcpy(&cell, t->cells.at + i * sizeof(cell), sizeof(cell));
	return cell;
}

static struct slice table_cell_text(const struct table *t, const struct table_cell *cell)
{
	return (struct slice){ t->text.at + cell->at, cell->len };
}

void table_put(struct table *t, enum table_style style, const char *text)
{
	struct table_cell cell = { .at = t->text.len, .style = style };
	plain_put(&t->text, slice_text(text), t->cell_points);
	cell.len = t->text.len - cell.at;
	cell.points = cell.len ? text_length(table_cell_text(t, &cell)) : 0;
	buf_put(&t->cells, &cell, sizeof(cell));
}

void table_detail(struct table *t, const char *label, enum table_style style, const char *value)
{
	table_put(t, STYLE_HEAD, label);
	table_put(t, style, value && *value ? value : "-");
}

size_t table_rows(const struct table *t)
{
	return (table_count(t) + t->columns - 1) / t->columns;
}

static void table_widths(const struct table *t, size_t widths[MAX_TABLE_COLUMNS])
{
	for (size_t i = 0; i < t->columns; i++)
		widths[i] = t->heads ? strlen(t->heads[i]) : 0;
	for (size_t i = 0; i < table_count(t); i++) {
		/* NOLINTNEXTLINE(clang-analyzer-core.DivideZero): a table has columns, table_init says how many */
		size_t points = table_cell_at(t, i).points, *width = &widths[i % t->columns];
		*width = points > *width ? points : *width;
	}
}

/* How many columns have room, the last of them perhaps cut; the first is always shown whole. */
static size_t table_fit(const struct table *t, size_t widths[MAX_TABLE_COLUMNS])
{
	size_t shown = 0, taken = 0;
	while (shown < t->columns) {
		size_t least = widths[shown];
		if ((shown + 1 == t->columns || shown + 1 == t->cut) && least > MIN_LAST_COLUMN)
			least = MIN_LAST_COLUMN;
		if (t->width && shown && taken + GAP + least > t->width)
			break;
		if (t->width && shown && taken + GAP + widths[shown] > t->width)
			widths[shown] = t->width - taken - GAP;
		taken += widths[shown] + (shown ? GAP : 0);
		shown++;
	}
	return shown;
}

void style_put(struct buf *out, bool colour, enum table_style style, struct slice text)
{
	static const char *const sequences[] = {
		[STYLE_PLAIN] = "",	   [STYLE_HEAD] = "\033[1m", [STYLE_GOOD] = "\033[32m",
		[STYLE_WARN] = "\033[33m", [STYLE_BAD] = "\033[31m", [STYLE_DIM] = "\033[2m",
	};
	bool on = colour && style != STYLE_PLAIN && text.len;
	if (on)
		buf_put_text(out, sequences[style]);
	buf_put_slice(out, text);
	if (on)
		buf_put_text(out, "\033[0m");
}

static void blanks_put(struct buf *out, size_t n)
{
	for (; n && buf_ok(out); n--)
		buf_put_u8(out, ' ');
}

static void table_render_heads(const struct table *t, const size_t widths[MAX_TABLE_COLUMNS], size_t shown,
			       struct buf *out)
{
	for (size_t i = 0; i < shown; i++) {
		style_put(out, t->colour, STYLE_HEAD, slice_text(t->heads[i]));
		if (i + 1 < shown)
			blanks_put(out, widths[i] - strlen(t->heads[i]) + GAP);
	}
	buf_put_text(out, "\n");
}

/* Only the last column is ever narrower than what is in it, so nothing is owed after it. */
static void cell_cut(struct buf *out, const struct table *t, const struct table_cell *cell, size_t points)
{
	scoped_buf text;
	buf_init(&text, MAX_TABLE_TEXT);
	plain_put(&text, table_cell_text(t, cell), points - 1);
	style_put(out, t->colour, cell->style, buf_slice(&text));
}

/* Blanks are owed, and only paid when a cell follows: no row ends in them. */
static void table_render_row(const struct table *t, size_t row, const size_t widths[MAX_TABLE_COLUMNS], size_t shown,
			     struct buf *out)
{
	size_t owed = 0;
	for (size_t i = 0; i < shown && row * t->columns + i < table_count(t); i++) {
		struct table_cell cell = table_cell_at(t, row * t->columns + i);
		if (cell.len) {
			blanks_put(out, owed);
			owed = 0;
		}
		if (cell.points > widths[i]) {
			cell_cut(out, t, &cell, widths[i]);
			continue;
		}
		style_put(out, t->colour, cell.style, table_cell_text(t, &cell));
		owed += widths[i] - cell.points + GAP;
	}
	buf_put_text(out, "\n");
}

void table_render(const struct table *t, struct buf *out)
{
	if (!buf_ok(&t->text) || !buf_ok(&t->cells)) {
		out->broken = true;
		return;
	}
	size_t widths[MAX_TABLE_COLUMNS];
	table_widths(t, widths);
	size_t shown = table_fit(t, widths);
	if (t->heads)
		table_render_heads(t, widths, shown, out);
	for (size_t row = 0; row < table_rows(t); row++)
		table_render_row(t, row, widths, shown, out);
}

enum table_style style_of_state(const char *state)
{
	static const struct {
		const char *state;
		enum table_style style;
	} known[] = {
		{ "active", STYLE_GOOD },   { "valid", STYLE_GOOD },  { "good", STYLE_GOOD },
		{ "ok", STYLE_GOOD },	    { "ready", STYLE_GOOD },  { "created", STYLE_WARN },
		{ "retiring", STYLE_WARN }, { "held", STYLE_WARN },   { "retired", STYLE_BAD },
		{ "revoked", STYLE_BAD },   { "expired", STYLE_BAD }, { "withheld", STYLE_BAD },
		{ "failed", STYLE_BAD },    { "away", STYLE_BAD },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strcmp(known[i].state, state) == 0)
			return known[i].style;
	return STYLE_PLAIN;
}
