/* Who answers OCSP for which CA. */
#include "store/sqlite/session.h"

int store_responder_update(struct store_session *s, const struct responder_row *row)
{
	return row_keep(s, STATEMENT_RESPONDER_UPDATE, responder_columns(), row); /* it has a newer one */
}

int store_responder_find(struct store_session *s, const char *ca_id, struct responder_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_RESPONDER_FIND);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	return statement_find(s, statement, responder_columns(), out, &out->memory);
}

int store_responder_list(struct store_session *s, responder_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_RESPONDER_LIST);
	if (!statement)
		return -1;
	for (;;) {
		scoped_row(responder) row = { 0 };
		int r = statement_find(s, statement, responder_columns(), &row, &row.memory);
		if (r == STORE_DONE)
			r = visit(with, &row);
		if (r)
			return r == STORE_NONE ? STORE_DONE : r;
	}
}
