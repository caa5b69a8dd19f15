/* Issuers, keys and CAs. */
#include "store/sqlite/session.h"

#define FIND(name) statement_find(s, statement, name##_columns(), out, &out->memory)

int store_issuer_insert(struct store_session *s, const struct issuer_row *row)
{
	return row_write(s, STATEMENT_ISSUER_INSERT, issuer_columns(), row);
}

int store_issuer_update(struct store_session *s, const struct issuer_row *row)
{
	return row_write(s, STATEMENT_ISSUER_UPDATE, issuer_columns(), row);
}

static int issuer_find(struct store_session *s, enum statement which, const char *text, struct issuer_row *out)
{
	scoped_statement *statement = session_statement(s, which);
	if (!statement)
		return -1;
	bind_text(statement, 1, text);
	return FIND(issuer);
}

int store_issuer_find(struct store_session *s, const char *id, struct issuer_row *out)
{
	return issuer_find(s, STATEMENT_ISSUER_FIND, id, out);
}

int store_issuer_find_name(struct store_session *s, const char *name, struct issuer_row *out)
{
	return issuer_find(s, STATEMENT_ISSUER_FIND_NAME, name, out);
}

int store_issuer_list(struct store_session *s, issuer_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_ISSUER_LIST);
	if (!statement)
		return -1;
	for (;;) {
		scoped_row(issuer) row = { 0 };
		int r = statement_find(s, statement, issuer_columns(), &row, &row.memory);
		if (r != STORE_DONE)
			return r == STORE_NONE ? STORE_DONE : r;
		r = visit(with, &row);
		if (r < 0)
			return r;
	}
}

int store_key_insert(struct store_session *s, const struct key_row *row)
{
	int r = row_write(s, STATEMENT_KEY_INSERT, key_columns(), row);
	return r == STORE_NONE ? STORE_DONE : r;
}

int store_key_bind(struct store_session *s, const uint8_t key_id[16], const char *ca_id)
{
	scoped_statement *statement = session_statement(s, STATEMENT_KEY_BIND);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, key_id, 16);
	bind_text(statement, 2, ca_id);
	return statement_run(s, statement);
}

int store_key_find(struct store_session *s, const uint8_t key_id[16], struct key_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_KEY_FIND);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, key_id, 16);
	return FIND(key);
}

int store_key_find_public(struct store_session *s, struct slice public_key, struct key_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_KEY_FIND_PUBLIC);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, public_key.at, public_key.len);
	return FIND(key);
}

int store_key_free(struct store_session *s)
{
	scoped_statement *statement = session_statement(s, STATEMENT_KEY_FREE);
	if (!statement)
		return -1;
	int r = statement_run(s, statement);
	return r == STORE_NONE ? STORE_DONE : r;
}

int store_key_find_unbound(struct store_session *s, const char *token, uint8_t algorithm, struct key_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_KEY_FIND_UNBOUND);
	if (!statement)
		return -1;
	bind_text(statement, 1, token);
	sqlite3_bind_int(statement, 2, algorithm);
	return FIND(key);
}

int store_ca_insert(struct store_session *s, const struct ca_row *row)
{
	return row_write(s, STATEMENT_CA_INSERT, ca_columns(), row);
}

int store_ca_update(struct store_session *s, const struct ca_row *row)
{
	return row_write(s, STATEMENT_CA_UPDATE, ca_columns(), row);
}

int store_ca_delete(struct store_session *s, const char *id)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CA_DELETE);
	if (!statement)
		return -1;
	bind_text(statement, 1, id);
	return statement_run(s, statement);
}

static int ca_find_bytes(struct store_session *s, enum statement which, struct slice value, struct ca_row *out)
{
	scoped_statement *statement = session_statement(s, which);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, value.at, value.len);
	return FIND(ca);
}

static int ca_find_text(struct store_session *s, enum statement which, const char *text, struct ca_row *out)
{
	scoped_statement *statement = session_statement(s, which);
	if (!statement)
		return -1;
	bind_text(statement, 1, text);
	return FIND(ca);
}

int store_ca_find(struct store_session *s, const char *id, struct ca_row *out)
{
	return ca_find_text(s, STATEMENT_CA_FIND, id, out);
}

int store_ca_find_key(struct store_session *s, const uint8_t key_id[16], struct ca_row *out)
{
	return ca_find_bytes(s, STATEMENT_CA_FIND_KEY, (struct slice){ key_id, 16 }, out);
}

int store_ca_find_request(struct store_session *s, const uint8_t request_id[16], struct ca_row *out)
{
	return ca_find_bytes(s, STATEMENT_CA_FIND_REQUEST, (struct slice){ request_id, 16 }, out);
}

int store_ca_find_subject(struct store_session *s, struct slice subject_fold, struct ca_row *out)
{
	return ca_find_bytes(s, STATEMENT_CA_FIND_SUBJECT, subject_fold, out);
}

int store_ca_find_name(struct store_session *s, const char *issuer_id, const char *name, struct ca_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CA_FIND_NAME);
	if (!statement)
		return -1;
	bind_text(statement, 1, issuer_id);
	bind_text(statement, 2, name);
	return FIND(ca);
}

int store_ca_list(struct store_session *s, const char *issuer_id, ca_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CA_LIST);
	if (!statement)
		return -1;
	bind_text(statement, 1, issuer_id);
	for (;;) {
		scoped_row(ca) row = { 0 };
		int r = statement_find(s, statement, ca_columns(), &row, &row.memory);
		if (r != STORE_DONE)
			return r == STORE_NONE ? STORE_DONE : r;
		r = visit(with, &row);
		if (r < 0)
			return r;
	}
}

int store_ca_find_successor(struct store_session *s, const char *id, struct ca_row *out)
{
	return ca_find_text(s, STATEMENT_CA_FIND_SUCCESSOR, id, out);
}

int store_lineage_list(struct store_session *s, const char *issuer_id, lineage_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_LINEAGE_LIST);
	if (!statement)
		return -1;
	bind_text(statement, 1, issuer_id);
	for (;;) {
		scoped_row(lineage) row = { 0 };
		int r = statement_find(s, statement, lineage_columns(), &row, &row.memory);
		if (r != STORE_DONE)
			return r == STORE_NONE ? STORE_DONE : r;
		r = visit(with, &row);
		if (r < 0)
			return r;
	}
}

int store_ca_rule(struct store_session *s, const char *id, const char *rule, int64_t now)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CA_RULE);
	if (!statement)
		return -1;
	bind_text(statement, 1, id);
	bind_text(statement, 2, rule);
	sqlite3_bind_int64(statement, 3, now);
	return statement_run(s, statement);
}

int store_ca_last_end(struct store_session *s, const char *id, int64_t *end)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CA_LAST_END);
	if (!statement)
		return -1;
	bind_text(statement, 1, id);
	if (sqlite3_step(statement) != SQLITE_ROW)
		return session_failed(s, "last end");
	*end = sqlite3_column_int64(statement, 0);
	return STORE_DONE;
}

int store_ca_move(struct store_session *s, const char *id, const char *from, const char *to, int64_t now)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CA_MOVE);
	if (!statement)
		return -1;
	bind_text(statement, 1, id);
	bind_text(statement, 2, from);
	bind_text(statement, 3, to);
	sqlite3_bind_int64(statement, 4, now);
	int r = statement_run(s, statement);
	return r == STORE_NONE ? STORE_STATE : r;
}

int store_ca_hold(struct store_session *s, const char *id, const char *why, int64_t now)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CA_HOLD);
	if (!statement)
		return -1;
	bind_text(statement, 1, id);
	bind_text(statement, 2, why);
	sqlite3_bind_int64(statement, 3, now);
	return statement_run(s, statement);
}

int store_ca_live_descendants(struct store_session *s, const char *id, int64_t *count)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CA_LIVE_DESCENDANTS);
	if (!statement)
		return -1;
	bind_text(statement, 1, id);
	if (sqlite3_step(statement) != SQLITE_ROW)
		return session_failed(s, "count descendants");
	*count = sqlite3_column_int64(statement, 0);
	return STORE_DONE;
}

int store_ca_expire_created(struct store_session *s, int64_t before, int64_t *count)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CA_EXPIRE_CREATED);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, before);
	int r = statement_run(s, statement);
	*count = r == STORE_DONE ? sqlite3_changes(s->db) : 0;
	return r == STORE_NONE ? STORE_DONE : r;
}
