/* A tree of a thousand CAs is listed by one query, and one CA more is the same work for the database as at ten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "frontd/chain.h"
#include "frontd/front.h"
#include "frontd/hierarchy.h"
#include "store/sqlite/session.h"

#define DEPTH 8

static char folder[64], path[96];

static int folder_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ch.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/front.db", folder);
	return 0;
}

static int folder_remove(void **state)
{
	(void)state;
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	char name[128];
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	return rmdir(folder);
}

static int level_of(int i)
{
	return i < DEPTH ? i : 1 + i % (DEPTH - 1);
}

/* The CA, its key and its certificate, as a create leaves them; what it looks up on the way. */
static int ca_put(struct store_session *s, void *with)
{
	int i = *(int *)with, level = level_of(i);
	char id[32], parent[32] = "", name[32], fold[32];
	uint8_t serial[8] = { (uint8_t)(i >> 8), (uint8_t)i, 1 };
	snprintf(id, sizeof(id), "ica-%06d", i);
	snprintf(name, sizeof(name), "CA %06d", i);
	snprintf(fold, sizeof(fold), "subject %06d", i);
	if (level)
		snprintf(parent, sizeof(parent), "ica-%06d", level - 1);
	scoped_row(ca) none = { 0 };
	scoped_row(key) waiting = { 0 };
	struct ca_row row = { .id = slice_text(id),
			      .issuer_id = slice_text("iss-1"),
			      .parent_id = slice_text(parent),
			      .name = slice_text(name),
			      .state = slice_text("active"),
			      .subject_fold = slice_text(fold),
			      .algorithm = 1,
			      .path_len = 65535,
			      .ledger_seq = (uint64_t)i,
			      .certificate = slice_text("certificate") };
	struct key_row key = { .token = slice_text("main"), .algorithm = 1, .ca_id = slice_text("") };
	struct certificate_row certificate = { .ca_id = level ? slice_text(parent) : slice_text(id),
					       .serial = SLICE_OF(serial),
					       .kind = 2,
					       .state = slice_text("active"),
					       .der = slice_text("certificate") };
	memcpy(row.key_id, serial, sizeof(serial));
	memcpy(key.key_id, serial, sizeof(serial));
	memcpy(row.request_id, serial, sizeof(serial));
	memcpy(certificate.request_id, serial, sizeof(serial));
	memcpy(certificate.fingerprint, serial, sizeof(serial));
	assert_int_equal(store_ca_find_name(s, "iss-1", name, &none), STORE_NONE);
	assert_int_equal(store_ca_find_subject(s, slice_text(fold), &none), STORE_NONE);
	assert_int_equal(store_key_find_unbound(s, "main", 1, &waiting), STORE_NONE);
	assert_int_equal(store_ca_delete(s, id), STORE_NONE);
	assert_int_equal(store_ca_insert(s, &row), STORE_DONE);
	assert_int_equal(store_key_insert(s, &key), STORE_DONE);
	assert_int_equal(store_ca_update(s, &row), STORE_DONE);
	assert_int_equal(store_key_bind(s, key.key_id, id), STORE_DONE);
	return store_certificate_insert(s, &certificate, (struct list){ 0 });
}

static int issuer_put(struct store_session *s, void *with)
{
	(void)with;
	struct issuer_row row = { .id = slice_text("iss-1"),
				  .name = slice_text("x"),
				  .hierarchy_mode = slice_text("tree") };
	return store_issuer_insert(s, &row);
}

static void grow(struct store *s, int from, int to)
{
	for (int i = from; i < to; i++)
		assert_int_equal(store_change(s, ca_put, &i), STORE_DONE);
}

/* What SQLite's machine did for all statements of a session since the last time. */
static int steps_of(struct store_session *s, int what)
{
	int n = 0;
	for (size_t i = 0; i < STATEMENT_COUNT; i++)
		if (s->statements[i])
			n += sqlite3_stmt_status(s->statements[i], what, 1);
	return n;
}

struct counted {
	int number, steps, scanned;
};

static int ca_put_counted(struct store_session *s, void *with)
{
	struct counted *c = with;
	steps_of(s, SQLITE_STMTSTATUS_VM_STEP);
	steps_of(s, SQLITE_STMTSTATUS_FULLSCAN_STEP);
	int r = ca_put(s, &c->number);
	c->steps = steps_of(s, SQLITE_STMTSTATUS_VM_STEP);
	c->scanned = steps_of(s, SQLITE_STMTSTATUS_FULLSCAN_STEP);
	return r;
}

static void one_more_is_the_same_work(void **state)
{
	(void)state;
	struct store *s = NULL;
	assert_int_equal(store_open(path, STORE_CACHE_MIB, &s), 0);
	assert_int_equal(store_change(s, issuer_put, NULL), STORE_DONE);
	grow(s, 0, 10);
	struct counted small = { .number = 10 }, large = { .number = 1004 }; /* of one level */
	assert_int_equal(level_of(small.number), level_of(large.number));
	assert_int_equal(store_change(s, ca_put_counted, &small), STORE_DONE);
	grow(s, 11, 1004);
	assert_int_equal(store_change(s, ca_put_counted, &large), STORE_DONE);
	assert_true(small.steps > 0);
	assert_int_equal(large.steps, small.steps);
	assert_int_equal(small.scanned, 0);
	assert_int_equal(large.scanned, 0);
	store_close(s);
}

static int statements;

static int statement_seen(unsigned what, void *with, void *statement, void *text)
{
	(void)what;
	(void)with;
	(void)statement;
	(void)text;
	statements++;
	return 0;
}

static const char *format;

static const char *query_of(struct call *c, const char *name)
{
	(void)c;
	return strcmp(name, "format") == 0 ? format : NULL;
}

static size_t depth_of(const json_t *list, size_t *count)
{
	size_t i, deepest = 0;
	const json_t *ca;
	json_array_foreach((json_t *)list, i, ca)
	{
		size_t below = depth_of(json_object_get(ca, "children"), count);
		deepest = below > deepest ? below : deepest;
		(*count)++;
	}
	return json_array_size(list) ? deepest + 1 : 0;
}

/* How many statements a listing takes: that the issuer is there, and its CAs. */
static int listed(struct store *s, const char *as, size_t *count, size_t *depth)
{
	struct front front = { .store = s };
	struct call c = { .param = { "iss-1" }, .query = query_of };
	struct store_session *reader = NULL;
	format = as;
	assert_int_equal(store_read(s, &reader), 0);
	sqlite3_trace_v2(reader->db, SQLITE_TRACE_STMT, statement_seen, NULL);
	store_read_end(&reader); /* who reads next has the same session */
	statements = 0;
	assert_int_equal(intermediate_list(&front, &c), 0);
	assert_int_equal(c.status, 200);
	*count = 0;
	*depth = depth_of(json_object_get(c.reply, "data"), count);
	json_decref(c.reply);
	return statements;
}

static void a_tree_is_listed_by_one_query(void **state)
{
	(void)state;
	struct store *s = NULL;
	size_t count, depth;
	assert_int_equal(store_open(path, STORE_CACHE_MIB, &s), 0);
	assert_int_equal(store_change(s, issuer_put, NULL), STORE_DONE);
	grow(s, 0, 10);
	assert_int_equal(listed(s, "tree", &count, &depth), 2);
	assert_int_equal(count, 10);
	grow(s, 10, 1000);
	assert_int_equal(listed(s, "tree", &count, &depth), 2);
	assert_int_equal(count, 1000);
	assert_int_equal(depth, DEPTH);
	assert_int_equal(listed(s, "list", &count, &depth), 2);
	assert_int_equal(count, 1000);
	assert_int_equal(depth, 1);
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_more_is_the_same_work, folder_make, folder_remove),
		cmocka_unit_test_setup_teardown(a_tree_is_listed_by_one_query, folder_make, folder_remove),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
