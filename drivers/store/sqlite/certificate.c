/* Certificates, and the ways to find them. */
#include <string.h>

#include "base/log.h"
#include "store/sqlite/session.h"

/* The first eight bytes of a fingerprint, as the index has them. */
static int64_t certificate_mark(const uint8_t fingerprint[32])
{
	return (int64_t)get_u64(fingerprint);
}

static int names_insert(struct store_session *s, int64_t certificate, struct list names)
{
	uint8_t tag;
	struct slice name;
	while (list_next(&names, &tag, &name)) {
		scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_NAME);
		if (!statement)
			return -1;
		sqlite3_bind_text64(statement, 1, (const char *)name.at, name.len, SQLITE_STATIC, SQLITE_UTF8);
		sqlite3_bind_int64(statement, 2, certificate);
		int r = statement_run(s, statement);
		if (r < 0)
			return r;
	}
	return STORE_DONE;
}

/* Whether the certificate with the row's CA and serial is there: its number, and whether it is the same one. */
static int certificate_number(struct store_session *s, const struct certificate_row *row, int64_t *n, bool *same)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_NUMBER);
	if (!statement)
		return -1;
	sqlite3_bind_text64(statement, 1, (const char *)row->ca_id.at, row->ca_id.len, SQLITE_STATIC, SQLITE_UTF8);
	bind_bytes(statement, 2, row->serial.at, row->serial.len);
	int step = sqlite3_step(statement);
	if (step == SQLITE_DONE)
		return STORE_NONE;
	if (step != SQLITE_ROW)
		return session_failed(s, "certificate number");
	*n = sqlite3_column_int64(statement, 0);
	*same = sqlite3_column_bytes(statement, 1) == 32 &&
		memcmp(sqlite3_column_blob(statement, 1), row->fingerprint, 32) == 0;
	return STORE_DONE;
}

static int certificate_withhold(struct store_session *s, int64_t n, struct slice why)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_WITHHOLD);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, n);
	sqlite3_bind_text64(statement, 2, why.len ? (const char *)why.at : "", why.len, SQLITE_STATIC, SQLITE_UTF8);
	return statement_run(s, statement);
}

/* It belongs on the next CRL. */
static int certificate_unlisted(struct store_session *s, int64_t n)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_UNLISTED);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, n);
	return statement_run(s, statement);
}

/* The certificate is there already, or another one with its serial. */
static int certificate_again(struct store_session *s, const struct certificate_row *row)
{
	int64_t n = 0;
	bool same = false;
	int r = certificate_number(s, row, &n, &same);
	if (r != STORE_DONE)
		return r < 0 ? r : STORE_TAKEN;
	if (!same)
		return STORE_TAKEN;
	return slice_equal(row->state, slice_text("withheld")) ? certificate_withhold(s, n, row->why) : STORE_DONE;
}

int store_certificate_insert(struct store_session *s, const struct certificate_row *row, struct list names)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_INSERT);
	if (!statement)
		return -1;
	row_bind(statement, certificate_columns(), row);
	sqlite3_bind_int64(statement, sqlite3_bind_parameter_count(statement), certificate_mark(row->fingerprint));
	if (sqlite3_step(statement) == SQLITE_DONE) {
		int64_t n = sqlite3_last_insert_rowid(s->db);
		int r = names_insert(s, n, names);
		return r || slice_equal(row->state, slice_text("active")) ? r : certificate_unlisted(s, n);
	}
	if (sqlite3_extended_errcode(s->db) == SQLITE_CONSTRAINT_NOTNULL)
		return STORE_NONE;
	int r = session_failed(s, "insert certificate");
	return r == STORE_TAKEN ? certificate_again(s, row) : r;
}

/* A statement that changed nothing: is there such a certificate? */
static int certificate_there(struct store_session *s, int r, const char *ca_id, struct slice serial)
{
	const struct certificate_row row = { .ca_id = slice_text(ca_id), .serial = serial };
	int64_t n;
	bool same;
	return r == STORE_NONE ? certificate_number(s, &row, &n, &same) : r;
}

int store_certificate_revoke(struct store_session *s, const char *ca_id, struct slice serial, int64_t when,
			     uint8_t reason, uint64_t noted)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_REVOKE);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	bind_bytes(statement, 2, serial.at, serial.len);
	sqlite3_bind_int64(statement, 3, when);
	sqlite3_bind_int(statement, 4, reason);
	sqlite3_bind_int64(statement, 5, (int64_t)noted);
	return certificate_there(s, statement_run(s, statement), ca_id, serial);
}

int store_certificate_release(struct store_session *s, const char *ca_id, struct slice serial, uint64_t noted)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_RELEASE);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	bind_bytes(statement, 2, serial.at, serial.len);
	sqlite3_bind_int64(statement, 3, (int64_t)noted);
	return certificate_there(s, statement_run(s, statement), ca_id, serial);
}

int store_certificate_find(struct store_session *s, const uint8_t fingerprint[32], struct certificate_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_FIND);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, certificate_mark(fingerprint));
	bind_bytes(statement, 2, fingerprint, 32);
	return statement_find(s, statement, certificate_columns(), out, &out->memory);
}

int store_certificate_find_serial(struct store_session *s, const char *ca_id, struct slice serial,
				  struct certificate_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_FIND_SERIAL);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	bind_bytes(statement, 2, serial.at, serial.len);
	return statement_find(s, statement, certificate_columns(), out, &out->memory);
}

int store_certificate_find_request(struct store_session *s, const uint8_t request_id[16], struct certificate_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_CERTIFICATE_FIND_REQUEST);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, request_id, 16);
	return statement_find(s, statement, certificate_columns(), out, &out->memory);
}

static bool is_set(const char *text)
{
	return text && *text;
}

/* The statement whose index narrows most. */
static enum statement query_statement(const struct certificate_query *q)
{
	if (is_set(q->name))
		return STATEMENT_CERTIFICATE_LIST_NAME;
	if (q->serial.len)
		return STATEMENT_CERTIFICATE_LIST_SERIAL;
	if (is_set(q->ca_id))
		return STATEMENT_CERTIFICATE_LIST_CA;
	if (is_set(q->state) && strcmp(q->state, "active") != 0)
		return STATEMENT_CERTIFICATE_LIST_STATE;
	return STATEMENT_CERTIFICATE_LIST;
}

static void query_bind(sqlite3_stmt *statement, const struct certificate_query *q)
{
	sqlite3_bind_int64(statement, 1, q->after);
	bind_text(statement, 2, q->state);
	sqlite3_bind_int(statement, 3, q->limit);
	int last = sqlite3_bind_parameter_count(statement);
	if (last >= 4)
		bind_text(statement, 4, q->ca_id);
	if (last >= 5)
		bind_bytes(statement, 5, q->serial.at, q->serial.len);
	if (last >= 6)
		bind_text(statement, 6, q->name);
}

int store_certificate_list(struct store_session *s, const struct certificate_query *query, certificate_visit *visit,
			   void *with)
{
	scoped_statement *statement = session_statement(s, query_statement(query));
	if (!statement)
		return -1;
	query_bind(statement, query);
	for (;;) {
		scoped_row(certificate) row = { 0 };
		int r = statement_find(s, statement, certificate_columns(), &row, &row.memory);
		if (r != STORE_DONE)
			return r == STORE_NONE ? STORE_DONE : r;
		r = visit(with, &row, sqlite3_column_int64(statement, sqlite3_column_count(statement) - 1));
		if (r < 0)
			return r;
	}
}
