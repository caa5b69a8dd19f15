/* How far the ledger is reflected, and what is kept for repeated requests. */
#include <string.h>

#include "store/sqlite/session.h"

int store_ledger_find(struct store_session *s, struct store_ledger *out)
{
	*out = (struct store_ledger){ 0 };
	scoped_statement *statement = session_statement(s, STATEMENT_LEDGER_FIND);
	if (!statement)
		return -1;
	int step = sqlite3_step(statement);
	if (step == SQLITE_DONE)
		return STORE_DONE;
	if (step != SQLITE_ROW)
		return session_failed(s, "ledger find");
	if (sqlite3_column_bytes(statement, 0) != 16 || sqlite3_column_bytes(statement, 3) != 32)
		return session_failed(s, "ledger row");
	out->known = true;
	memcpy(out->ledger_id, sqlite3_column_blob(statement, 0), 16);
	out->committed = (uint64_t)sqlite3_column_int64(statement, 1);
	out->checkpoint_size = (uint64_t)sqlite3_column_int64(statement, 2);
	memcpy(out->checkpoint_root, sqlite3_column_blob(statement, 3), 32);
	out->newest = (uint64_t)sqlite3_column_int64(statement, 4);
	out->epoch = (uint32_t)sqlite3_column_int64(statement, 5);
	out->crl_floor = (uint64_t)sqlite3_column_int64(statement, 6);
	return STORE_DONE;
}

int store_ledger_update(struct store_session *s, const struct store_ledger *ledger)
{
	scoped_statement *statement = session_statement(s, STATEMENT_LEDGER_UPDATE);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, ledger->ledger_id, 16);
	sqlite3_bind_int64(statement, 2, (int64_t)ledger->committed);
	sqlite3_bind_int64(statement, 3, (int64_t)ledger->checkpoint_size);
	bind_bytes(statement, 4, ledger->checkpoint_root, 32);
	sqlite3_bind_int64(statement, 5, (int64_t)ledger->epoch);
	sqlite3_bind_int64(statement, 6, (int64_t)ledger->crl_floor);
	return statement_run(s, statement);
}

/* Forgets what is older. */
static int rows_expire(struct store_session *s, enum statement which, int64_t before)
{
	scoped_statement *statement = session_statement(s, which);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, before);
	int r = statement_run(s, statement);
	return r == STORE_NONE ? STORE_DONE : r;
}

int store_step_insert(struct store_session *s, const struct step_row *row, int64_t oldest)
{
	if (rows_expire(s, STATEMENT_STEP_EXPIRE, oldest))
		return -1;
	return row_keep(s, STATEMENT_STEP_INSERT, step_columns(), row);
}

int store_step_find(struct store_session *s, const uint8_t request_id[16], struct step_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_STEP_FIND);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, request_id, 16);
	return statement_find(s, statement, step_columns(), out, &out->memory);
}

int store_reply_insert(struct store_session *s, const struct reply_row *row)
{
	return row_write(s, STATEMENT_REPLY_INSERT, reply_columns(), row);
}

int store_reply_update(struct store_session *s, const struct reply_row *row)
{
	return row_write(s, STATEMENT_REPLY_UPDATE, reply_columns(), row);
}

int store_reply_delete(struct store_session *s, const struct reply_row *row)
{
	scoped_statement *statement = session_statement(s, STATEMENT_REPLY_DELETE);
	if (!statement)
		return -1;
	bind_text(statement, 1, row_text(row->actor));
	bind_text(statement, 2, row_text(row->idempotency_key));
	bind_text(statement, 3, row_text(row->route));
	return statement_run(s, statement);
}

int store_reply_find(struct store_session *s, const char *actor, const char *key, const char *route,
		     struct reply_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_REPLY_FIND);
	if (!statement)
		return -1;
	bind_text(statement, 1, actor);
	bind_text(statement, 2, key);
	bind_text(statement, 3, route);
	return statement_find(s, statement, reply_columns(), out, &out->memory);
}

int store_reply_expire(struct store_session *s, int64_t before)
{
	return rows_expire(s, STATEMENT_REPLY_EXPIRE, before);
}
