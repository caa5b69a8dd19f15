/* What CRLs say, and what the next ones are to say. */
#include <string.h>

#include "store/sqlite/session.h"

/* The bytes before the last four don't count. */
uint16_t store_shard(struct slice serial, uint16_t shards)
{
	uint32_t n = 0;
	for (size_t i = serial.len > 4 ? serial.len - 4 : 0; i < serial.len; i++)
		n = n << 8 | serial.at[i];
	return (uint16_t)(n % (shards ? shards : 1));
}

int store_crl_find(struct store_session *s, const char *ca_id, uint16_t shard, struct lastcrl_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_FIND);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	sqlite3_bind_int(statement, 2, shard);
	return statement_find(s, statement, lastcrl_columns(), out, &out->memory);
}

static int crl_begun(struct store_session *s, struct slice ca_id)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_BEGUN);
	if (!statement)
		return -1;
	sqlite3_bind_text64(statement, 1, (const char *)ca_id.at, ca_id.len, SQLITE_STATIC, SQLITE_UTF8);
	int r = statement_run(s, statement);
	return r == STORE_NONE ? STORE_DONE : r;
}

int store_crl_update(struct store_session *s, const struct lastcrl_row *row)
{
	int r = row_write(s, STATEMENT_CRL_UPDATE, lastcrl_columns(), row);
	return r ? r : crl_begun(s, row->ca_id);
}

int store_crl_put_off(struct store_session *s, const char *ca_id, int64_t due)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_PUT_OFF);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	sqlite3_bind_int64(statement, 2, due);
	int r = statement_run(s, statement);
	return r == STORE_NONE ? STORE_DONE : r;
}

static int crl_walk(struct store_session *s, sqlite3_stmt *statement, lastcrl_visit *visit, void *with)
{
	for (;;) {
		scoped_row(lastcrl) row = { 0 };
		int r = statement_find(s, statement, lastcrl_columns(), &row, &row.memory);
		if (r != STORE_DONE)
			return r == STORE_NONE ? STORE_DONE : r;
		r = visit(with, &row);
		if (r < 0)
			return r;
	}
}

int store_crl_list(struct store_session *s, lastcrl_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_LIST);
	return statement ? crl_walk(s, statement, visit, with) : -1;
}

int store_crl_list_ca(struct store_session *s, const char *ca_id, lastcrl_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_LIST_CA);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	return crl_walk(s, statement, visit, with);
}

int store_crl_list_due(struct store_session *s, int64_t now, lastcrl_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_LIST_DUE);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, now);
	return crl_walk(s, statement, visit, with);
}

int store_crl_next(struct store_session *s, int64_t now, int64_t *due)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_NEXT);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, now);
	if (sqlite3_step(statement) != SQLITE_ROW)
		return session_failed(s, "crl next");
	*due = sqlite3_column_int64(statement, 0);
	return STORE_DONE;
}

int store_crl_cas(struct store_session *s, crl_ca_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_CAS);
	int step;
	if (!statement)
		return -1;
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		int r = visit(with, (const char *)sqlite3_column_text(statement, 0));
		if (r < 0)
			return r;
	}
	return step == SQLITE_DONE ? STORE_DONE : session_failed(s, "crl cas");
}

static sqlite3_stmt *scope_statement(struct store_session *s, enum statement which, const struct crl_scope *scope)
{
	sqlite3_stmt *statement = session_statement(s, which);
	if (!statement)
		return NULL;
	bind_text(statement, 1, scope->ca_id);
	sqlite3_bind_int(statement, 2, scope->shard);
	sqlite3_bind_int(statement, 3, scope->shards);
	return statement;
}

int store_crl_waits(struct store_session *s, const struct crl_scope *scope)
{
	scoped_statement *statement = scope_statement(s, STATEMENT_CRL_WAITS, scope);
	if (!statement)
		return -1;
	int step = sqlite3_step(statement);
	if (step == SQLITE_ROW || step == SQLITE_DONE)
		return step == SQLITE_ROW ? STORE_DONE : STORE_NONE;
	return session_failed(s, "crl waits");
}

static int entries_walk(struct store_session *s, enum statement which, const struct crl_scope *scope, int64_t time,
			crl_visit *visit, void *with)
{
	scoped_statement *statement = scope_statement(s, which, scope);
	int step;
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 4, time);
	while ((step = sqlite3_step(statement)) == SQLITE_ROW) {
		const char *state = (const char *)sqlite3_column_text(statement, 7);
		const struct crl_entry e = {
			.serial = { sqlite3_column_blob(statement, 0), (size_t)sqlite3_column_bytes(statement, 0) },
			.reason = (uint8_t)sqlite3_column_int(statement, 1),
			.revoked = sqlite3_column_int64(statement, 2),
			.ledger_seq = (uint64_t)sqlite3_column_int64(statement, 3),
			.n = sqlite3_column_int64(statement, 4),
			.noted = (uint64_t)sqlite3_column_int64(statement, 5),
			.unlisted = sqlite3_column_int(statement, 6) != 0,
			.withheld = state && strcmp(state, "withheld") == 0,
		};
		int r = visit(with, &e);
		if (r < 0)
			return r;
	}
	return step == SQLITE_DONE ? STORE_DONE : session_failed(s, "crl entries");
}

int store_crl_whole(struct store_session *s, const struct crl_scope *scope, int64_t not_after, crl_visit *visit,
		    void *with)
{
	return entries_walk(s, STATEMENT_CRL_WHOLE, scope, not_after, visit, with);
}

int store_crl_changes(struct store_session *s, const struct crl_scope *scope, int64_t released, crl_visit *visit,
		      void *with)
{
	return entries_walk(s, STATEMENT_CRL_CHANGES, scope, released, visit, with);
}

int store_crl_listed(struct store_session *s, int64_t n, uint64_t noted)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_LISTED);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, n);
	sqlite3_bind_int64(statement, 2, (int64_t)noted);
	int r = statement_run(s, statement);
	return r == STORE_NONE ? STORE_DONE : r;
}

int store_crl_released(struct store_session *s, const struct crl_scope *scope, uint64_t ledger_seq)
{
	scoped_statement *statement = scope_statement(s, STATEMENT_CRL_RELEASED, scope);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 4, (int64_t)ledger_seq);
	int r = statement_run(s, statement);
	return r == STORE_NONE ? STORE_DONE : r;
}
