#include "signd/merge.h"

#include <stdlib.h>
#include <string.h>

#include "signd/ahead.h"
#include "signd/encode/crl.h"

#define LEAST_REBASE 8192 /* rows that may have changed before a base is written anew, */
#define REBASE_SHARE 8	  /* ... or so many of its own */

struct merge {
	const struct merge_plan *plan;
	struct merge_result *out;
	struct issued_reader issued;
	struct entries in;
	struct ahead ahead;
	struct last before;
	bool before_has, before_of_base; /* the next row of the last CRL */
	struct last_row before_row;
	struct last_writer writer;
};

uint16_t merge_shard(const uint8_t serial[ROW_SERIAL_SIZE], uint16_t shards)
{
	const uint8_t *at = serial + ROW_SERIAL_SIZE - 4;
	uint32_t n = (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
	return (uint16_t)(n % shards);
}

static void before_next(struct merge *m)
{
	m->before_has = m->plan->has_before && last_next(&m->before, &m->before_row, &m->before_of_base);
}

/* An entry, or one that was released and is still told of, whose certificate expired before the last CRL may go. */
static bool may_leave(const struct merge *m, const struct last_row *row)
{
	return row->reason == REASON_LEFT || row->not_after < m->plan->before_update;
}

static void count_entry(uint64_t *entries, uint64_t *bytes, const struct last_row *row)
{
	++*entries;
	*bytes += crl_entry_size(row->serial, row->revoked, row->reason);
}

static void row_keep(struct merge *m, const struct last_row *row, bool of_base)
{
	last_put(&m->writer, row, of_base);
	if (row->reason == REASON_LEFT)
		return;
	if (row->reason != REASON_REMOVE)
		count_entry(&m->out->full_entries, &m->out->full_bytes, row);
	if (m->plan->base && row->since > m->plan->base)
		count_entry(&m->out->delta_entries, &m->out->delta_bytes, row);
}

static void row_leave(struct merge *m, struct last_row row)
{
	row.reason = REASON_LEFT;
	row_keep(m, &row, false);
}

/* A row of the last CRL that was not asked for again. */
static uint16_t row_absent(struct merge *m)
{
	const struct last_row *row = &m->before_row;
	if (row->reason != REASON_LEFT && may_leave(m, row)) {
		row_leave(m, *row);
		return 0;
	}
	if (m->plan->form == CRL_WHOLE && row->reason != REASON_REMOVE && row->reason != REASON_LEFT)
		return REFUSE_CRL_FORGOTTEN;
	row_keep(m, row, m->before_of_base);
	return 0;
}

/* Remembers the key of a CA that is listed anew: it will sign no more certificates. */
static uint16_t close_ca(struct merge *m, const struct issued *c)
{
	struct slice key = c->local ? SLICE_OF(c->key_id) : buf_slice(&c->public_key);
	if (!c->ca || !key.len)
		return 0;
	if (m->out->close_count == MAX_CLOSES)
		return REFUSE_CRL_TOO_LARGE;
	list_put(&m->out->closes, &m->out->close_count, c->local ? 1 : 2, key);
	return 0;
}

static uint16_t judge_new(struct merge *m, const struct crl_row *asked, const struct issued *c)
{
	if (memcmp(c->ca_key, m->plan->ref.ca_key, KEY_ID_SIZE) != 0 ||
	    memcmp(c->serial, asked->serial, ROW_SERIAL_SIZE) != 0)
		return REFUSE_CRL_FOREIGN;
	if (c->ca && asked->reason == REASON_HOLD)
		return REFUSE_CRL_CA_HOLD;
	return close_ca(m, c);
}

/* The end of the certificate of the row that is asked for. */
static uint16_t row_certificate(struct merge *m, int64_t *not_after)
{
	const struct crl_row *asked = &m->in.row;
	struct issued c;
	if (ahead_leaf(&m->ahead, &m->in, m->plan->ref.ca_key, m->before_has ? m->before_row.serial : NULL, not_after))
		return 0;
	int found = issued_read(&m->issued, asked->seq, &c);
	uint16_t code = found < 0 ? REFUSE_LEDGER_FAILED : found ? REFUSE_CRL_FOREIGN : judge_new(m, asked, &c);
	*not_after = c.not_after;
	buf_free(&c.public_key);
	return code;
}

/* A serial that the last CRL hasn't got, or no more. */
static uint16_t row_new(struct merge *m)
{
	const struct crl_row *asked = &m->in.row;
	int64_t not_after;
	if (asked->reason == REASON_REMOVE)
		return REFUSE_CRL_UNREVOKED;
	if (asked->revoked > m->plan->this_update)
		return REFUSE_CRL_DATE;
	if (merge_shard(asked->serial, m->plan->shards) != m->plan->ref.shard)
		return REFUSE_CRL_SHARD;
	uint16_t code = row_certificate(m, &not_after);
	if (code)
		return code;
	struct last_row row = {
		.reason = asked->reason, .revoked = asked->revoked, .not_after = not_after, .since = m->plan->ref.number
	};
	memcpy(row.serial, asked->serial, ROW_SERIAL_SIZE);
	row_keep(m, &row, false);
	return 0;
}

/* A row of the last CRL that was asked for: as it was, or a hold that ends one way or the other. */
static uint16_t row_again(struct merge *m)
{
	const struct crl_row *asked = &m->in.row;
	struct last_row row = m->before_row;
	if (row.reason == REASON_LEFT || (row.reason == REASON_REMOVE && asked->reason != REASON_REMOVE))
		return row_new(m);
	bool same = asked->reason == row.reason && (asked->revoked == row.revoked || row.reason == REASON_REMOVE);
	if (same) {
		row_keep(m, &row, m->before_of_base);
		return 0;
	}
	if (row.reason != REASON_HOLD)
		return asked->reason == REASON_REMOVE ? REFUSE_CRL_UNREVOKED : REFUSE_CRL_CHANGED;
	if (asked->reason == REASON_HOLD)
		return REFUSE_CRL_CHANGED;
	if (asked->reason != REASON_REMOVE) {
		if (asked->revoked < row.revoked)
			return REFUSE_CRL_CHANGED;
		if (asked->revoked > m->plan->this_update)
			return REFUSE_CRL_DATE;
		row.revoked = asked->revoked;
	}
	row.reason = asked->reason;
	row.since = m->plan->ref.number;
	row_keep(m, &row, false);
	return 0;
}

/* The next serial of both, or of the one that has the smaller. */
static uint16_t merge_step(struct merge *m)
{
	int order = !m->in.has	     ? -1
		    : !m->before_has ? 1
				     : memcmp(m->before_row.serial, m->in.row.serial, ROW_SERIAL_SIZE);
	uint16_t code = order < 0 ? row_absent(m) : order > 0 ? row_new(m) : row_again(m);
	if (code)
		return code;
	if (order <= 0)
		before_next(m);
	return order >= 0 ? entries_next(&m->in) : 0;
}

/* Reads the last CRL if there is one; a base that has got old is not handed on. */
static uint16_t before_open(struct merge *m, const struct last_head **old)
{
	*old = NULL;
	if (!m->plan->has_before)
		return 0;
	int r = last_open(m->plan->folder, &m->plan->before, true, &m->before);
	if (r != 0)
		return r > 0 ? REFUSE_CRL_LAST : REFUSE_CRL_STORE;
	uint64_t changed = m->before.changes.rows + (m->plan->form == CRL_CHANGES ? m->plan->count : 0);
	uint64_t most = m->before.base.rows / REBASE_SHARE;
	if (changed <= (most > LEAST_REBASE ? most : LEAST_REBASE))
		*old = &m->before.head;
	before_next(m);
	return 0;
}

static uint16_t merge_all(struct merge *m)
{
	uint16_t code = 0;
	while (!code && (m->in.has || m->before_has))
		code = merge_step(m);
	/* Also when something was refused: it may be the last CRL that is wrong. */
	while (m->before_has)
		before_next(m);
	if (m->plan->has_before && !last_sound(&m->before))
		code = REFUSE_CRL_LAST;
	if (!code && m->out->full_entries > MAX_CRL_ENTRIES)
		code = REFUSE_CRL_TOO_LARGE;
	return code;
}

static uint16_t merge_write(struct merge *m, const struct last_head *old)
{
	if (last_begin(&m->writer, m->plan->folder, &m->plan->ref, old) != 0)
		return REFUSE_CRL_STORE;
	uint16_t code = merge_all(m);
	if (!code && last_end(&m->writer) != 0)
		code = REFUSE_CRL_STORE;
	if (code)
		last_abandon(&m->writer);
	else
		m->out->ref = m->writer.ref;
	return code;
}

uint16_t merge_run(const struct merge_plan *plan, struct ledger_reader *ledger, uint64_t head, struct merge_result *out)
{
	struct merge *m = malloc(sizeof(*m));
	const struct last_head *old;
	*out = (struct merge_result){ .field = "entries", .closes = { .max = 4 << 20 } };
	if (!m)
		return REFUSE_CRL_STORE;
	m->plan = plan;
	m->out = out;
	m->before_has = false;
	m->before.base.fd = m->before.changes.fd = -1;
	m->before.base.in.hash = m->before.changes.in.hash = NULL;
	issued_open(&m->issued, ledger, head);
	ahead_open(&m->ahead, &m->issued);
	uint16_t code = entries_open(&m->in, plan->entries, plan->count);
	if (!code)
		code = before_open(m, &old);
	if (!code)
		code = merge_write(m, old);
	out->row = code ? m->in.taken : 0;
	if (code == REFUSE_CRL_LAST || code == REFUSE_CRL_STORE || code == REFUSE_LEDGER_FAILED)
		out->field = NULL;
	entries_close(&m->in);
	last_close(&m->before);
	issued_close(&m->issued);
	free(m);
	return code;
}
