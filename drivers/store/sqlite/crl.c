/* What CRLs say, and what the next ones are to say. */
#include <string.h>

#include "store/sqlite/session.h"

int store_crl_find(struct store_session *s, const char *ca_id, struct lastcrl_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_FIND);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	return statement_find(s, statement, lastcrl_columns(), out, &out->memory);
}

int store_crl_update(struct store_session *s, const struct lastcrl_row *row)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_UPDATE);
	if (!statement)
		return -1;
	row_bind(statement, lastcrl_columns(), row);
	return statement_run(s, statement);
}

int store_crl_waits(struct store_session *s, const char *ca_id)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_WAITS);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	int step = sqlite3_step(statement);
	if (step == SQLITE_ROW || step == SQLITE_DONE)
		return step == SQLITE_ROW ? STORE_DONE : STORE_NONE;
	return session_failed(s, "crl waits");
}

static int entries_walk(struct store_session *s, enum statement which, const char *ca_id, int64_t time,
			crl_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, which);
	int step;
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	sqlite3_bind_int64(statement, 2, time);
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

int store_crl_whole(struct store_session *s, const char *ca_id, int64_t not_after, crl_visit *visit, void *with)
{
	return entries_walk(s, STATEMENT_CRL_WHOLE, ca_id, not_after, visit, with);
}

int store_crl_changes(struct store_session *s, const char *ca_id, int64_t released, crl_visit *visit, void *with)
{
	return entries_walk(s, STATEMENT_CRL_CHANGES, ca_id, released, visit, with);
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

int store_crl_released(struct store_session *s, const char *ca_id, uint64_t ledger_seq)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CRL_RELEASED);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	sqlite3_bind_int64(statement, 2, (int64_t)ledger_seq);
	int r = statement_run(s, statement);
	return r == STORE_NONE ? STORE_DONE : r;
}
