/*
 * One connection to the database with its prepared statements, used by one
 * thread at a time; the committer has one that writes, readers share the rest.
 */
#ifndef CHANCERY_STORE_SQLITE_SESSION_H
#define CHANCERY_STORE_SQLITE_SESSION_H

#include <sqlite3.h>

#include "store/store.h"

enum statement {
#define STATEMENT(NAME, sql) STATEMENT_##NAME,
#include "store/sqlite/statements.def"
#undef STATEMENT
	STATEMENT_COUNT,
};

struct store_session {
	sqlite3 *db;
	struct store *store;
	sqlite3_stmt *statements[STATEMENT_COUNT];
	struct store_session *next; /* in the list of idle readers */
};

/* Column tables of the rows: issuer_columns() and so on. */
#define ROW(name, columns) const struct pack_field *name##_columns(void);
#include "store/rows.def"
#undef ROW

int session_open(const char *path, bool writes, unsigned cache_kib, struct store_session **out);
void session_close(struct store_session *s);

/* Logs what the database says and answers -1, or STORE_TAKEN for a unique value in use. */
int session_failed(struct store_session *s, const char *doing);
/* A prepared statement without bindings, NULL if broken (logged). Reset it when done. */
sqlite3_stmt *session_statement(struct store_session *s, enum statement which);
void statement_end(sqlite3_stmt **statement);
#define scoped_statement __attribute__((cleanup(statement_end))) sqlite3_stmt

/* Runs a statement that gives no row: STORE_DONE, STORE_NONE if it changed nothing, STORE_TAKEN, or -1. */
int statement_run(struct store_session *s, sqlite3_stmt *statement);
/* The first row of a query into a row struct: STORE_DONE, STORE_NONE or -1. */
int statement_find(struct store_session *s, sqlite3_stmt *statement, const struct pack_field *columns, void *row,
		   void **memory);
/* Runs a statement whose first parameters are this row's columns; answers are those of statement_run(). */
int row_write(struct store_session *s, enum statement which, const struct pack_field *columns, const void *row);
/* The same where it is as good that something stands there already, and stays. */
int row_keep(struct store_session *s, enum statement which, const struct pack_field *columns, const void *row);
/* Executes SQL texts without results; 0 or -1, logged. */
int session_execute(struct store_session *s, const char *sql);

/* Binds a row's columns to the parameters from 1 on; reads the columns of a result from 0 on. */
void row_bind(sqlite3_stmt *statement, const struct pack_field *columns, const void *row);
int row_read(sqlite3_stmt *statement, const struct pack_field *columns, void *row, void **memory);
void bind_text(sqlite3_stmt *statement, int at, const char *text);
void bind_bytes(sqlite3_stmt *statement, int at, const void *bytes, size_t n);

/* Makes or checks the schema: 0, STORE_OTHER or -1, logged (schema.c). */
int schema_prepare(struct store_session *s, const char *path);

#endif
