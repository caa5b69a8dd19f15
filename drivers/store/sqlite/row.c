/* Rows to parameters, and result columns to rows, as the column tables say. */
#include <string.h>

#include "base/log.h"
#include "store/sqlite/session.h"

static int64_t number_at(const void *row, const struct pack_field *f)
{
	const uint8_t *at = (const uint8_t *)row + f->offset;
	uint16_t v16;
	int64_t v64;
	if (f->kind == PACK_U8)
		return *at;
	if (f->kind == PACK_U16)
		return memcpy(&v16, at, sizeof(v16)), v16;
	return memcpy(&v64, at, sizeof(v64)), v64;
}

void row_bind(sqlite3_stmt *statement, const struct pack_field *columns, const void *row)
{
	int i = 1;
	for (const struct pack_field *f = columns; f->kind != PACK_END; f++, i++) {
		const uint8_t *at = (const uint8_t *)row + f->offset;
		struct slice s = { 0 };
		if (f->kind == PACK_TEXT || f->kind == PACK_BYTES || f->kind == PACK_BLOB)
			memcpy(&s, at, sizeof(s));
		if (f->kind == PACK_FIXED)
			bind_bytes(statement, i, at, f->limit);
		else if (f->kind == PACK_TEXT)
			sqlite3_bind_text64(statement, i, s.len ? (const char *)s.at : "", s.len, SQLITE_STATIC,
					    SQLITE_UTF8);
		else if (f->kind == PACK_BYTES || f->kind == PACK_BLOB)
			bind_bytes(statement, i, s.at, s.len);
		else
			sqlite3_bind_int64(statement, i, number_at(row, f));
	}
}

static void number_set(void *row, const struct pack_field *f, int64_t value)
{
	uint8_t *at = (uint8_t *)row + f->offset;
	uint16_t v16 = (uint16_t)value;
	if (f->kind == PACK_U8)
		*at = (uint8_t)value;
	else if (f->kind == PACK_U16)
		memcpy(at, &v16, sizeof(v16));
	else
		memcpy(at, &value, sizeof(value));
}

/* Copies one column of bytes to free, which moves on; everything ends with a NUL. */
static void bytes_set(sqlite3_stmt *statement, int i, void *row, const struct pack_field *f, uint8_t **unused)
{
	const void *bytes = f->kind == PACK_TEXT ? (const void *)sqlite3_column_text(statement, i)
						 : sqlite3_column_blob(statement, i);
	size_t n = (size_t)sqlite3_column_bytes(statement, i);
	uint8_t *at = (uint8_t *)row + f->offset;
	if (f->kind == PACK_FIXED) {
		memset(at, 0, f->limit);
		if (n)
			memcpy(at, bytes, n < f->limit ? n : f->limit);
		return;
	}
	struct slice s = { *unused, n };
	if (n)
		memcpy(*unused, bytes, n);
	(*unused)[n] = 0;
	*unused += n + 1;
	memcpy(at, &s, sizeof(s));
}

static bool is_number(const struct pack_field *f)
{
	return f->kind == PACK_U8 || f->kind == PACK_U16 || f->kind == PACK_U32 || f->kind == PACK_U64;
}

int row_read(sqlite3_stmt *statement, const struct pack_field *columns, void *row, void **memory)
{
	size_t need = 0;
	int i = 0;
	for (const struct pack_field *f = columns; f->kind != PACK_END; f++, i++)
		if (!is_number(f))
			need += (size_t)sqlite3_column_bytes(statement, i) + 1;
	uint8_t *unused = malloc(need ? need : 1);
	if (!unused) {
		log_error("store_failed", "why=\"out of memory\"");
		return -1;
	}
	*memory = unused;
	i = 0;
	for (const struct pack_field *f = columns; f->kind != PACK_END; f++, i++) {
		if (is_number(f))
			number_set(row, f, sqlite3_column_int64(statement, i));
		else
			bytes_set(statement, i, row, f, &unused);
	}
	return STORE_DONE;
}
