#include "signd/ahead.h"

#include <stdlib.h>
#include <string.h>

void ahead_open(struct ahead *a, struct issued_reader *issued)
{
	a->issued = issued;
	a->first = a->count = 0;
}

static void row_add(struct ahead *a, const struct crl_row *row)
{
	memcpy(a->leaves[a->count].serial, row->serial, ROW_SERIAL_SIZE);
	a->order[a->count] = (struct ahead_row){ row->seq, a->count };
	a->count++;
}

/* The current row and those behind it, up to one that the last CRL may have. */
static void rows_take(struct ahead *a, struct entries *e, const uint8_t *before)
{
	struct slice rows = stream_ahead(&e->in);
	struct crl_row row;
	a->first = e->taken;
	a->count = 0;
	row_add(a, &e->row);
	for (; rows.len >= CRL_ROW_SIZE && a->count < MAX_AHEAD; rows.len -= CRL_ROW_SIZE, rows.at += CRL_ROW_SIZE) {
		crl_row_get(rows.at, &row);
		if (before && memcmp(row.serial, before, ROW_SERIAL_SIZE) >= 0)
			return;
		row_add(a, &row);
	}
}

static int order_compare(const void *of_a, const void *of_b)
{
	const struct ahead_row *a = of_a, *b = of_b;
	return a->seq < b->seq ? -1 : a->seq > b->seq;
}

static void leaf_find(struct ahead *a, const struct ahead_row *row, const uint8_t ca_key[KEY_ID_SIZE])
{
	struct ahead_leaf *leaf = &a->leaves[row->at];
	struct issued c;
	leaf->is = issued_read(a->issued, row->seq, &c) == 0 && !c.ca && memcmp(c.ca_key, ca_key, KEY_ID_SIZE) == 0 &&
		   memcmp(c.serial, leaf->serial, ROW_SERIAL_SIZE) == 0;
	leaf->not_after = c.not_after;
	buf_free(&c.public_key);
}

bool ahead_leaf(struct ahead *a, struct entries *e, const uint8_t ca_key[KEY_ID_SIZE], const uint8_t *before,
		int64_t *not_after)
{
	if (e->taken < a->first || e->taken - a->first >= a->count) {
		rows_take(a, e, before);
		if (a->count == 1)
			return false;
		qsort(a->order, a->count, sizeof(a->order[0]), order_compare);
		ledger_reader_near(a->issued->ledger, true);
		for (uint32_t i = 0; i < a->count; i++)
			leaf_find(a, &a->order[i], ca_key);
		ledger_reader_near(a->issued->ledger, false);
	}
	const struct ahead_leaf *leaf = &a->leaves[e->taken - a->first];
	*not_after = leaf->not_after;
	return a->count > 1 && leaf->is;
}
