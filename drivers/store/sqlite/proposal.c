/* What waits for approvals, and the approvals. */
#include "store/sqlite/session.h"

int store_proposal_insert(struct store_session *s, const struct proposal_row *row)
{
	return row_keep(s, STATEMENT_PROPOSAL_INSERT, proposal_columns(), row);
}

int store_proposal_find(struct store_session *s, const uint8_t id[16], struct proposal_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_PROPOSAL_FIND);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, id, 16);
	return statement_find(s, statement, proposal_columns(), out, &out->memory);
}

int store_proposal_find_ca(struct store_session *s, const char *ca_id, struct proposal_row *out)
{
	scoped_statement *statement = session_statement(s, STATEMENT_PROPOSAL_FIND_CA);
	if (!statement)
		return -1;
	bind_text(statement, 1, ca_id);
	return statement_find(s, statement, proposal_columns(), out, &out->memory);
}

int store_proposal_list(struct store_session *s, const char *state, proposal_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_PROPOSAL_LIST);
	if (!statement)
		return -1;
	bind_text(statement, 1, state);
	for (;;) {
		scoped_row(proposal) row = { 0 };
		int r = statement_find(s, statement, proposal_columns(), &row, &row.memory);
		if (r == STORE_DONE)
			r = visit(with, &row);
		if (r)
			return r == STORE_NONE ? STORE_DONE : r;
	}
}

/* Names, subjects and keys of CAs that nobody proposes any more. */
static int reservations_release(struct store_session *s)
{
	scoped_statement *statement = session_statement(s, STATEMENT_PROPOSAL_RELEASE);
	int r = statement ? statement_run(s, statement) : -1;
	return r == STORE_DONE ? store_key_free(s) : r == STORE_NONE ? STORE_DONE : r;
}

int store_proposal_close(struct store_session *s, const uint8_t id[16], const char *to, const char *why,
			 uint64_t executed, int64_t now)
{
	scoped_statement *statement = session_statement(s, STATEMENT_PROPOSAL_CLOSE);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, id, 16);
	bind_text(statement, 2, to);
	bind_text(statement, 3, why);
	sqlite3_bind_int64(statement, 4, (sqlite3_int64)executed);
	sqlite3_bind_int64(statement, 5, now);
	int r = statement_run(s, statement);
	return r == STORE_DONE ? reservations_release(s) : r == STORE_NONE ? STORE_STATE : r;
}

int store_proposal_expire(struct store_session *s, int64_t now)
{
	scoped_statement *statement = session_statement(s, STATEMENT_PROPOSAL_EXPIRE);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, now);
	int r = statement_run(s, statement);
	return r == STORE_DONE ? reservations_release(s) : r == STORE_NONE ? STORE_DONE : r;
}

int store_approval_insert(struct store_session *s, const struct approval_row *row)
{
	return row_keep(s, STATEMENT_APPROVAL_INSERT, approval_columns(), row);
}

int store_approval_list(struct store_session *s, const uint8_t proposal[16], approval_visit *visit, void *with)
{
	scoped_statement *statement = session_statement(s, STATEMENT_APPROVAL_LIST);
	if (!statement)
		return -1;
	bind_bytes(statement, 1, proposal, 16);
	for (;;) {
		scoped_row(approval) row = { 0 };
		int r = statement_find(s, statement, approval_columns(), &row, &row.memory);
		if (r == STORE_DONE)
			r = visit(with, &row);
		if (r)
			return r == STORE_NONE ? STORE_DONE : r;
	}
}
