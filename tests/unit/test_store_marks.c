/* store: how far it reflects the ledger, and the replies that it keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/store_fixture.h"

static int set_ledger(struct store_session *s, void *with)
{
	return store_ledger_update(s, with);
}

static int no_work(struct store_session *s, void *with)
{
	(void)s;
	(void)with;
	return 0;
}

static struct store_ledger ledger_of(struct store *s)
{
	scoped_session *session = NULL;
	struct store_ledger l;
	assert_int_equal(store_read(s, &session), 0);
	assert_int_equal(store_ledger_find(session, &l), STORE_DONE);
	return l;
}

static void the_mark_only_rises(void **state)
{
	(void)state;
	struct store *s = opened();
	assert_false(ledger_of(s).known);
	struct store_ledger l = { .committed = 40, .checkpoint_size = 3, .ledger_id = { 1, 2 } };
	assert_int_equal(store_change(s, set_ledger, &l), STORE_DONE);
	store_mark(s, 50);
	store_mark(s, 45);
	assert_int_equal(store_change(s, no_work, NULL), STORE_DONE);
	assert_int_equal(ledger_of(s).committed, 50);
	assert_int_equal(store_change(s, set_ledger, &l), STORE_DONE);
	store_close(s);
	s = opened();
	assert_true(ledger_of(s).known);
	assert_int_equal(ledger_of(s).committed, 50);
	assert_int_equal(ledger_of(s).ledger_id[1], 2);
	store_close(s);
}

static int insert_reply(struct store_session *s, void *with)
{
	return store_reply_insert(s, with);
}

static int update_reply(struct store_session *s, void *with)
{
	return store_reply_update(s, with);
}

static int expire_replies(struct store_session *s, void *with)
{
	return store_reply_expire(s, *(int64_t *)with);
}

static void replies_are_kept_by_actor_key_and_route(void **state)
{
	(void)state;
	struct store *s = opened();
	struct reply_row row = { .actor = slice_text("uid:1"),
				 .idempotency_key = slice_text("k"),
				 .route = slice_text("/a"),
				 .created_at = 10 };
	assert_int_equal(store_change(s, insert_reply, &row), STORE_DONE);
	assert_int_equal(store_change(s, insert_reply, &row), STORE_TAKEN);
	row.status = 201;
	row.reply = slice_text("{}");
	assert_int_equal(store_change(s, update_reply, &row), STORE_DONE);
	{
		scoped_session *session = NULL;
		assert_int_equal(store_read(s, &session), 0);
		scoped_row(reply) found = { 0 }, other = { 0 };
		assert_int_equal(store_reply_find(session, "uid:1", "k", "/a", &found), STORE_DONE);
		assert_int_equal(found.status, 201);
		assert_int_equal(store_reply_find(session, "uid:2", "k", "/a", &other), STORE_NONE);
	}
	int64_t before = 10;
	assert_int_equal(store_change(s, expire_replies, &before), STORE_DONE);
	assert_int_equal(store_change(s, insert_reply, &row), STORE_TAKEN);
	before = 11;
	assert_int_equal(store_change(s, expire_replies, &before), STORE_DONE);
	assert_int_equal(store_change(s, insert_reply, &row), STORE_DONE);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(the_mark_only_rises),
		EACH(replies_are_kept_by_actor_key_and_route),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
