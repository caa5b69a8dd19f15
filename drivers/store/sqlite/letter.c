/* Requests that were carried to an offline root, and which of them came back. */
#include "store/sqlite/session.h"

int store_letter_insert(struct store_session *s, const struct letter_row *row)
{
	return row_keep(s, STATEMENT_LETTER_INSERT, letter_columns(), row);
}

int store_letter_answer(struct store_session *s, const uint8_t nonce[32], uint64_t noted)
{
	scoped_statement *statement = session_statement(s, STATEMENT_LETTER_ANSWER);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, nonce, 32);
	sqlite3_bind_int64(statement, 2, (int64_t)noted);
	return statement_run(s, statement);
}

int store_letter_find(struct store_session *s, const uint8_t nonce[32], struct letter_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_LETTER_FIND);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, nonce, 32);
	return statement_find(s, statement, letter_columns(), out, &out->memory);
}
