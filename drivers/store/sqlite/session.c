#include "store/sqlite/session.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "store/sqlite/wal_file.h"

#define BUSY_MS 10000 /* a backup by another program may hold the database that long */

#define ROW(name, columns)                                                                                             \
	const struct pack_field *name##_columns(void)                                                                  \
	{                                                                                                              \
		typedef struct name##_row THIS;                                                                        \
		static const struct pack_field fields[] = { PACK_UNWRAP columns{ NULL, PACK_END, 0, 0, 0 } };          \
		(void)sizeof(THIS);                                                                                    \
		return fields;                                                                                         \
	}
#include "base/pack_fields.h"
#include "store/rows.def"
#include "base/pack_done.h"
#undef ROW

static const struct {
	const char *name;
	const struct pack_field *(*columns)(void);
} tables[] = {
#define ROW(name, columns) { #name, name##_columns },
#include "store/rows.def"
#undef ROW
};

static const char *const texts[STATEMENT_COUNT] = {
#define STATEMENT(NAME, sql) sql,
#include "store/sqlite/statements.def"
#undef STATEMENT
};

int session_failed(struct store_session *s, const char *doing)
{
	int code = sqlite3_extended_errcode(s->db);
	if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
		return STORE_TAKEN;
	log_error("store_failed", "doing=\"%s\" code=%d why=\"%s\"", doing, code, sqlite3_errmsg(s->db));
	return -1;
}

int session_execute(struct store_session *s, const char *sql)
{
	if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	session_failed(s, "execute");
	return -1;
}

/* shard_of(SERIAL, SHARDS), for a CA whose CRL is spread over several. */
static void shard_of(sqlite3_context *context, int count, sqlite3_value **value)
{
	(void)count;
	struct slice serial = { sqlite3_value_blob(value[0]), (size_t)sqlite3_value_bytes(value[0]) };
	sqlite3_result_int(context, store_shard(serial, (uint16_t)sqlite3_value_int(value[1])));
}

int session_open(const char *path, bool writes, unsigned cache_kib, struct store_session **out)
{
	struct store_session *s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	int flags = SQLITE_OPEN_NOMUTEX | (writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READWRITE);
	if (sqlite3_open_v2(path, &s->db, flags, wal_file_layer()) != SQLITE_OK) {
		log_error("store_open", "path=%s why=\"%s\"", path, s->db ? sqlite3_errmsg(s->db) : "out of memory");
		session_close(s);
		return -1;
	}
	sqlite3_busy_timeout(s->db, BUSY_MS);
	sqlite3_extended_result_codes(s->db, 1);
	sqlite3_create_function(s->db, "shard_of", 2, SQLITE_UTF8 | SQLITE_DETERMINISTIC, NULL, shard_of, NULL, NULL);
	const char *settings =
		writes ? "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA checkpoint_fullfsync = ON;"
			 " PRAGMA foreign_keys = ON; PRAGMA wal_autocheckpoint = 4000"
		       : "PRAGMA query_only = ON";
	char cache[64];
	snprintf(cache, sizeof(cache), "PRAGMA cache_size = -%u", cache_kib);
	if (session_execute(s, settings) || session_execute(s, cache)) {
		log_error("store_open", "path=%s why=\"it could not be opened as a database\"", path);
		session_close(s);
		return -1;
	}
	*out = s;
	return 0;
}

void session_close(struct store_session *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		sqlite3_finalize(s->statements[i]);
	sqlite3_close(s->db);
	free(s);
}

/* A certificate's CA is stored by number and shown by id. */
static void put_column(struct buf *sql, const char *table, const char *column, bool select)
{
	bool by_number = strcmp(table, "certificate") == 0 && strcmp(column, "ca_id") == 0;
	if (!by_number)
		buf_printf(sql, "%s.%s", table, column);
	else if (select)
		buf_put_text(sql, "(SELECT id FROM ca WHERE ca.n = certificate.ca)");
}

static void put_columns(struct buf *sql, size_t table, bool select)
{
	const char *name = tables[table].name;
	for (const struct pack_field *f = tables[table].columns(); f->kind != PACK_END; f++) {
		if (f != tables[table].columns())
			buf_put_text(sql, ", ");
		if (select)
			put_column(sql, name, f->name, true);
		else if (strcmp(name, "certificate") == 0 && strcmp(f->name, "ca_id") == 0)
			buf_put_text(sql, "ca");
		else
			buf_put_text(sql, f->name);
	}
	if (!select && strcmp(name, "certificate") == 0)
		buf_put_text(sql, ", mark");
}

static void put_parameters(struct buf *sql, size_t table)
{
	int i = 1;
	bool certificate = strcmp(tables[table].name, "certificate") == 0;
	for (const struct pack_field *f = tables[table].columns(); f->kind != PACK_END; f++, i++) {
		bool by_number = certificate && strcmp(f->name, "ca_id") == 0;
		buf_put_text(sql, i > 1 ? ", " : "");
		buf_printf(sql, "%s?%d%s", by_number ? "(SELECT n FROM ca WHERE id = " : "", i, by_number ? ")" : "");
	}
	if (certificate)
		buf_printf(sql, ", ?%d", i);
}

static void put_expanded(struct buf *sql, const char *text)
{
	bool select = strncmp(text, "SELECT", 6) == 0;
	while (*text) {
		size_t plain = strcspn(text, "$#");
		buf_put(sql, text, plain);
		text += plain;
		char mark = *text;
		if (!mark)
			return;
		size_t len = strspn(++text, "abcdefghijklmnopqrstuvwxyz");
		for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
			if (strlen(tables[i].name) != len || strncmp(tables[i].name, text, len) != 0)
				continue;
			if (mark == '$')
				put_columns(sql, i, select);
			else
				put_parameters(sql, i);
		}
		text += len;
	}
}

sqlite3_stmt *session_statement(struct store_session *s, enum statement which)
{
	if (s->statements[which])
		return s->statements[which];
	scoped_buf sql = { .max = 16384 };
	put_expanded(&sql, texts[which]);
	if (!buf_ok(&sql) || sqlite3_prepare_v3(s->db, (const char *)sql.at, (int)sql.len, SQLITE_PREPARE_PERSISTENT,
						&s->statements[which], NULL) != SQLITE_OK) {
		session_failed(s, texts[which]);
		return NULL;
	}
	return s->statements[which];
}

void statement_end(sqlite3_stmt **statement)
{
	if (!*statement)
		return;
	sqlite3_reset(*statement);
	sqlite3_clear_bindings(*statement);
}

int statement_run(struct store_session *s, sqlite3_stmt *statement)
{
	int step = sqlite3_step(statement);
	if (step != SQLITE_DONE && step != SQLITE_ROW)
		return session_failed(s, sqlite3_sql(statement));
	return sqlite3_changes(s->db) ? STORE_DONE : STORE_NONE;
}

int row_write(struct store_session *s, enum statement which, const struct pack_field *columns, const void *row)
{
	scoped_statement *statement = session_statement(s, which);
	if (!statement)
		return -1;
	row_bind(statement, columns, row);
	return statement_run(s, statement);
}

int row_keep(struct store_session *s, enum statement which, const struct pack_field *columns, const void *row)
{
	int r = row_write(s, which, columns, row);
	return r == STORE_NONE ? STORE_DONE : r;
}

int statement_find(struct store_session *s, sqlite3_stmt *statement, const struct pack_field *columns, void *row,
		   void **memory)
{
	int step = sqlite3_step(statement);
	if (step == SQLITE_DONE)
		return STORE_NONE;
	if (step != SQLITE_ROW)
		return session_failed(s, sqlite3_sql(statement));
	return row_read(statement, columns, row, memory);
}

void bind_text(sqlite3_stmt *statement, int at, const char *text)
{
	sqlite3_bind_text(statement, at, text ? text : "", -1, SQLITE_STATIC);
}

void bind_bytes(sqlite3_stmt *statement, int at, const void *bytes, size_t n)
{
	sqlite3_bind_blob64(statement, at, n ? bytes : "", n, SQLITE_STATIC);
}
