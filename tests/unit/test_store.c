/* store: rows come back as they went in, work is one transaction, and a killed writer loses nothing it was told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/fd.h"
#include "store/store.h"
#include "unit/store_fixture.h"
static struct issuer_row an_issuer(void)
{
	return (struct issuer_row){ .id = slice_text("iss-1"),
				    .name = slice_text("Example"),
				    .hierarchy_mode = slice_text("tree"),
				    .created_at = 5,
				    .updated_at = 6 };
}

/* A CA whose names all end in its number. */
struct named_ca {
	char id[32], name[32], fold[32];
	struct ca_row row;
};

static void ca_fill(struct named_ca *c, int i, const char *parent, const char *state)
{
	snprintf(c->id, sizeof(c->id), "ica-%d", i);
	snprintf(c->name, sizeof(c->name), "CA %d", i);
	snprintf(c->fold, sizeof(c->fold), "subject %d", i);
	c->row = (struct ca_row){ .id = slice_text(c->id),
				  .issuer_id = slice_text("iss-1"),
				  .parent_id = slice_text(parent),
				  .name = slice_text(c->name),
				  .state = slice_text(state),
				  .subject_fold = slice_text(c->fold),
				  .algorithm = 2,
				  .path_len = 65535,
				  .not_after = INT64_C(253402300799),
				  .created_at = 100 + i };
	memset(c->row.key_id, i, sizeof(c->row.key_id));
}

static int insert_issuer(struct store_session *s, void *with)
{
	(void)with;
	struct issuer_row row = an_issuer();
	return store_issuer_insert(s, &row);
}

static int insert_ca(struct store_session *s, void *with)
{
	return store_ca_insert(s, with);
}

static void put_ca(struct store *s, int i, const char *parent, const char *state)
{
	struct named_ca c;
	ca_fill(&c, i, parent, state);
	assert_int_equal(store_change(s, insert_ca, &c.row), STORE_DONE);
}

struct numbered {
	uint32_t number;
	const char *state;
	const char *name;
};

/* A certificate of ica-1 whose serial and fingerprint are made from a number. */
static int insert_certificate(struct store_session *s, void *with)
{
	const struct numbered *n = with;
	uint8_t serial[17] = { 1 };
	set_u32(serial + 13, n->number);
	struct certificate_row row = { .ca_id = slice_text("ica-1"),
				       .serial = SLICE_OF(serial),
				       .kind = 1,
				       .state = slice_text(n->state),
				       .profile = slice_text("server"),
				       .ledger_seq = n->number,
				       .der = slice_text("der") };
	set_u32(row.fingerprint, n->number);
	set_u32(row.fingerprint + 8, ~n->number);
	set_u32(row.request_id, n->number);
	scoped_buf names = { .max = 1024 };
	uint16_t count = 0;
	list_put(&names, &count, 0, slice_text(n->name));
	return store_certificate_insert(s, &row, list_of(&names, count));
}

static int put_certificate(struct store *s, uint32_t number, const char *state, const char *name)
{
	struct numbered n = { number, state, name };
	return store_change(s, insert_certificate, &n);
}

static int count_row(void *with, const struct certificate_row *row, int64_t cursor)
{
	(void)row;
	int64_t *seen = with;
	seen[0]++;
	seen[1] = cursor;
	return 0;
}

static int64_t listed(struct store *s, struct certificate_query q)
{
	scoped_session *session = NULL;
	assert_int_equal(store_read(s, &session), 0);
	int64_t seen[2] = { 0, 0 };
	if (!q.limit)
		q.limit = 100;
	assert_int_equal(store_certificate_list(session, &q, count_row, seen), STORE_DONE);
	return seen[0];
}

static struct store *with_one_ca(void)
{
	struct store *s = opened();
	assert_int_equal(store_change(s, insert_issuer, NULL), STORE_DONE);
	put_ca(s, 1, "", "active");
	return s;
}

static void rows_come_back(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	{
		scoped_session *session = NULL;
		assert_int_equal(store_read(s, &session), 0);
		scoped_row(issuer) issuer = { 0 };
		assert_int_equal(store_issuer_find(session, "iss-1", &issuer), STORE_DONE);
		assert_string_equal(row_text(issuer.name), "Example");
		assert_int_equal(issuer.updated_at, 6);
		scoped_row(issuer) none = { 0 };
		assert_int_equal(store_issuer_find(session, "iss-2", &none), STORE_NONE);
		scoped_row(ca) ca = { 0 };
		assert_int_equal(store_ca_find_subject(session, slice_text("subject 1"), &ca), STORE_DONE);
		assert_string_equal(row_text(ca.id), "ica-1");
		assert_string_equal(row_text(ca.parent_id), "");
		assert_int_equal(ca.path_len, 65535);
		assert_int_equal(ca.not_after, INT64_C(253402300799));
		assert_int_equal(ca.key_id[15], 1);
		/* A reader can't write. */
		assert_int_equal(insert_issuer(session, NULL), -1);
	}
	store_close(s);
}

static void names_and_subjects_are_taken_once(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	assert_int_equal(store_change(s, insert_issuer, NULL), STORE_TAKEN);
	struct named_ca c;
	ca_fill(&c, 2, "", "active");
	c.row.name = slice_text("CA 1");
	assert_int_equal(store_change(s, insert_ca, &c.row), STORE_TAKEN);
	c.row.state = slice_text("retired"); /* a retired CA's name is free */
	assert_int_equal(store_change(s, insert_ca, &c.row), STORE_DONE);
	ca_fill(&c, 3, "", "active");
	c.row.subject_fold = slice_text("subject 2"); /* its subject never is */
	assert_int_equal(store_change(s, insert_ca, &c.row), STORE_TAKEN);
	store_close(s);
}

static int insert_then_refuse(struct store_session *s, void *with)
{
	int r = store_ca_insert(s, with);
	return r == STORE_DONE ? STORE_WORK + 1 : r;
}

static void refused_work_is_undone(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	struct named_ca c;
	ca_fill(&c, 2, "", "active");
	assert_int_equal(store_change(s, insert_then_refuse, &c.row), STORE_WORK + 1);
	assert_int_equal(store_change(s, insert_ca, &c.row), STORE_DONE);
	store_close(s);
}

/* Jobs of one group: the committer is kept busy until all are posted. */
struct gate {
	struct store_job job;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool open;
	int left; /* jobs not finished yet */
};

static int gate_wait(struct store_session *s, void *with)
{
	struct gate *g = with;
	(void)s;
	pthread_mutex_lock(&g->mutex);
	while (!g->open)
		pthread_cond_wait(&g->changed, &g->mutex);
	pthread_mutex_unlock(&g->mutex);
	return 0;
}

static struct gate gate = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void job_finished(struct store_job *job)
{
	(void)job;
	pthread_mutex_lock(&gate.mutex);
	gate.left--;
	pthread_cond_signal(&gate.changed);
	pthread_mutex_unlock(&gate.mutex);
}

/* One of them fails after all: the others are committed, what it did is not. */
static void sure_work_may_fail(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	struct named_ca c[4];
	struct store_job jobs[4];
	gate.open = false;
	gate.left = 5;
	gate.job = (struct store_job){ .work = gate_wait, .with = &gate, .finished = job_finished };
	store_post(s, &gate.job);
	for (int i = 0; i < 4; i++) {
		ca_fill(&c[i], 2 + i, "", "active");
		jobs[i] = (struct store_job){ .work = i == 2 ? insert_then_refuse : insert_ca,
					      .with = &c[i].row,
					      .finished = job_finished,
					      .sure = true };
		store_post(s, &jobs[i]);
	}
	pthread_mutex_lock(&gate.mutex);
	gate.open = true;
	pthread_cond_broadcast(&gate.changed);
	while (gate.left)
		pthread_cond_wait(&gate.changed, &gate.mutex);
	pthread_mutex_unlock(&gate.mutex);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(jobs[i].answer, i == 2 ? STORE_WORK + 1 : STORE_DONE);
		assert_int_equal(store_change(s, insert_ca, &c[i].row), i == 2 ? STORE_DONE : STORE_TAKEN);
	}
	store_close(s);
}

struct move {
	const char *id, *from, *to;
	int64_t live;
};

static int move_ca(struct store_session *s, void *with)
{
	struct move *m = with;
	int r = store_ca_live_descendants(s, m->id, &m->live);
	return r ? r : store_ca_move(s, m->id, m->from, m->to, 9);
}

static void states_move_by_compare_and_set(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	put_ca(s, 2, "ica-1", "retired");
	put_ca(s, 3, "ica-2", "created");
	put_ca(s, 4, "ica-3", "retiring");
	put_ca(s, 5, "ica-4", "revoked");
	struct move m = { "ica-1", "active", "retiring", 0 };
	assert_int_equal(store_change(s, move_ca, &m), STORE_DONE);
	assert_int_equal(m.live, 2); /* at all depths, below a retired one too */
	assert_int_equal(store_change(s, move_ca, &m), STORE_STATE);
	m = (struct move){ "ica-5", "revoked", "retired", 7 };
	assert_int_equal(store_change(s, move_ca, &m), STORE_DONE);
	assert_int_equal(m.live, 0);
	store_close(s);
}

/* What was read of CAs may be kept until one of them changes, and no longer. */
static void the_generation_tells_of_changed_cas(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	uint64_t first = store_ca_generation(s);
	assert_int_equal(put_certificate(s, 1, "active", "a.example"), STORE_DONE);
	assert_true(store_ca_generation(s) == first);
	struct move m = { "ica-1", "retiring", "retired", 0 };
	assert_int_equal(store_change(s, move_ca, &m), STORE_STATE);
	assert_true(store_ca_generation(s) == first);
	m = (struct move){ "ica-1", "active", "retiring", 0 };
	assert_int_equal(store_change(s, move_ca, &m), STORE_DONE);
	uint64_t second = store_ca_generation(s);
	assert_true(second > first);
	put_ca(s, 2, "ica-1", "active");
	assert_true(store_ca_generation(s) > second);
	store_close(s);
}

static void certificates_are_found(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	for (uint32_t i = 1; i <= 20; i++)
		assert_int_equal(
			put_certificate(s, i, i % 4 ? "active" : "withheld", i % 2 ? "odd.example" : "even.example"),
			STORE_DONE);
	uint8_t serial[17] = { 1 };
	set_u32(serial + 13, 7);
	assert_int_equal(listed(s, (struct certificate_query){ 0 }), 20);
	assert_int_equal(listed(s, (struct certificate_query){ .limit = 3 }), 3);
	assert_int_equal(listed(s, (struct certificate_query){ .after = 18 }), 2);
	assert_int_equal(listed(s, (struct certificate_query){ .state = "withheld" }), 5);
	assert_int_equal(listed(s, (struct certificate_query){ .state = "active" }), 15);
	assert_int_equal(listed(s, (struct certificate_query){ .name = "odd.example" }), 10);
	assert_int_equal(listed(s, (struct certificate_query){ .name = "even.example", .state = "withheld" }), 5);
	assert_int_equal(listed(s, (struct certificate_query){ .ca_id = "ica-1", .state = "active" }), 15);
	assert_int_equal(listed(s, (struct certificate_query){ .ca_id = "ica-9" }), 0);
	assert_int_equal(listed(s, (struct certificate_query){ .serial = SLICE_OF(serial) }), 1);
	assert_int_equal(listed(s, (struct certificate_query){ .serial = SLICE_OF(serial), .ca_id = "ica-9" }), 0);
	{
		scoped_session *session = NULL;
		assert_int_equal(store_read(s, &session), 0);
		scoped_row(certificate) row = { 0 }, again = { 0 };
		assert_int_equal(store_certificate_find_serial(session, "ica-1", SLICE_OF(serial), &row), STORE_DONE);
		assert_int_equal(row.ledger_seq, 7);
		assert_string_equal(row_text(row.ca_id), "ica-1");
		assert_int_equal(store_certificate_find(session, row.fingerprint, &again), STORE_DONE);
		row.fingerprint[31] ^= 1; /* the same first eight bytes, another certificate */
		scoped_row(certificate) other = { 0 };
		assert_int_equal(store_certificate_find(session, row.fingerprint, &other), STORE_NONE);
	}
	store_close(s);
}

static int found(struct store *s, uint32_t number)
{
	scoped_session *session = NULL;
	scoped_row(certificate) row = { 0 };
	uint8_t fingerprint[32] = { 0 };
	set_u32(fingerprint, number);
	set_u32(fingerprint + 8, ~number);
	assert_int_equal(store_read(s, &session), 0);
	return store_certificate_find(session, fingerprint, &row);
}

/* The index of fingerprints has a part for each 65,536 rows. */
static void every_part_is_looked_into(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	assert_int_equal(found(s, 1), STORE_NONE);
	put_certificate(s, 1, "active", "a.example");
	put_certificate(s, 2, "active", "a.example");
	store_close(s);
	sqlite3 *db;
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db,
				      "UPDATE certificate SET n = 65535 WHERE n = 1; UPDATE certificate SET n = 200000"
				      " WHERE n = 2",
				      NULL, NULL, NULL),
			 SQLITE_OK);
	sqlite3_close(db);
	s = opened();
	put_certificate(s, 3, "active", "a.example");
	for (uint32_t i = 1; i <= 3; i++)
		assert_int_equal(found(s, i), STORE_DONE);
	assert_int_equal(found(s, 4), STORE_NONE);
	store_close(s);
}

static void a_certificate_is_inserted_once(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	assert_int_equal(put_certificate(s, 1, "active", "a.example"), STORE_DONE);
	assert_int_equal(put_certificate(s, 1, "active", "a.example"), STORE_DONE);
	assert_int_equal(listed(s, (struct certificate_query){ .state = "active" }), 1);
	assert_int_equal(put_certificate(s, 1, "withheld", "a.example"), STORE_DONE);
	assert_int_equal(put_certificate(s, 1, "active", "a.example"), STORE_DONE);
	assert_int_equal(listed(s, (struct certificate_query){ .state = "withheld" }), 1);
	assert_int_equal(listed(s, (struct certificate_query){ 0 }), 1);
	store_close(s);
}

#define WRITERS 8
#define PER_WRITER 50

struct writer {
	struct store *store;
	uint32_t first;
	int failed;
};

static void *writer_run(void *with)
{
	struct writer *w = with;
	for (uint32_t i = 0; i < PER_WRITER; i++)
		if (put_certificate(w->store, w->first + i, "active", "x.example") != STORE_DONE)
			w->failed++;
	return NULL;
}

static void many_write_at_once(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	pthread_t threads[WRITERS];
	struct writer writers[WRITERS];
	for (uint32_t i = 0; i < WRITERS; i++) {
		writers[i] = (struct writer){ s, 1 + i * PER_WRITER, 0 };
		assert_int_equal(pthread_create(&threads[i], NULL, writer_run, &writers[i]), 0);
	}
	for (uint32_t i = 0; i < WRITERS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(writers[i].failed, 0);
	}
	assert_int_equal(listed(s, (struct certificate_query){ .limit = 1000 }), WRITERS * PER_WRITER);
	store_close(s);
}

/* The child reports each number once it was told that it is durable. */
static void child_write(int to)
{
	struct store *s = NULL;
	if (store_open(path, STORE_CACHE_MIB, &s))
		_exit(1);
	for (uint32_t i = 1;; i++)
		if (put_certificate(s, i, "active", "x.example") != STORE_DONE || fd_write_all(to, &i, sizeof(i)))
			_exit(1);
}

static void a_killed_writer_loses_nothing(void **state)
{
	(void)state;
	store_close(with_one_ca());
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0)
		child_write(ends[1]);
	close(ends[1]);
	uint32_t number = 0, told = 0;
	while (told < 200 && read(ends[0], &number, sizeof(number)) == sizeof(number))
		told = number;
	kill(child, SIGKILL);
	while (read(ends[0], &number, sizeof(number)) == sizeof(number))
		told = number;
	close(ends[0]);
	waitpid(child, NULL, 0);
	assert_true(told >= 200);
	struct store *s = opened();
	int64_t there = listed(s, (struct certificate_query){ .ca_id = "ica-1", .limit = MAX_STORE_PAGE });
	assert_in_range(there, told, told + 1);
	store_close(s);
}

/* Rows of 3,000 bytes each, more than SQLite may keep in memory and than is gathered for one write. */
static int insert_large(struct store_session *s, void *with)
{
	uint8_t der[3000] = { 0x30 }, serial[17] = { 1 };
	int done = STORE_DONE;
	for (uint32_t i = 0; i < *(const uint32_t *)with && done == STORE_DONE; i++) {
		set_u32(serial + 13, i);
		struct certificate_row row = { .ca_id = slice_text("ica-1"),
					       .serial = SLICE_OF(serial),
					       .kind = 1,
					       .state = slice_text("active"),
					       .der = SLICE_OF(der) };
		set_u32(row.fingerprint, i);
		set_u32(row.request_id, i);
		done = store_certificate_insert(s, &row, (struct list){ 0 });
	}
	return done;
}

static int first_column(void *to, int columns, char **values, char **names)
{
	(void)columns;
	(void)names;
	snprintf(to, 64, "%s", values[0]);
	return 0;
}

/* What another program reads, through SQLite's own files, while the store is open. */
static void assert_seen(const char *sql, const char *wanted)
{
	sqlite3 *db = NULL;
	char seen[64] = "";
	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, "unix"), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, first_column, seen, NULL), SQLITE_OK);
	sqlite3_close(db);
	assert_string_equal(seen, wanted);
}

static void a_commit_of_any_length_is_in_the_file(void **state)
{
	(void)state;
	struct store *s = NULL;
	uint32_t count = 1500;
	assert_int_equal(store_open(path, 1, &s), 0);
	assert_int_equal(store_change(s, insert_issuer, NULL), STORE_DONE);
	put_ca(s, 1, "", "active");
	assert_seen("SELECT count(*) FROM ca", "1");
	assert_int_equal(store_change(s, insert_large, &count), STORE_DONE);
	assert_seen("SELECT count(*) FROM certificate WHERE length(der) = 3000", "1500");
	assert_int_equal(put_certificate(s, count, "active", "one.example.com"), STORE_DONE);
	assert_seen("SELECT count(*) FROM certificate", "1501");
	assert_seen("PRAGMA integrity_check", "ok");
	store_close(s);
	assert_seen("SELECT count(*) FROM certificate", "1501");
}

static int insert_large_in_vain(struct store_session *s, void *with)
{
	assert_int_equal(insert_large(s, with), STORE_DONE);
	return STORE_NONE;
}

/* Pages beyond the end of the file go when what made them is undone, and come back with other contents. */
static void what_grew_and_was_undone_leaves_nothing(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	uint32_t some = 300, more = 1500;
	for (int i = 0; i < 3; i++) {
		assert_int_equal(store_change(s, insert_large_in_vain, &more), STORE_NONE);
		assert_int_equal(put_certificate(s, 2000 + (uint32_t)i, "active", "a.example"), STORE_DONE);
		assert_seen("PRAGMA integrity_check", "ok");
	}
	assert_int_equal(store_change(s, insert_large, &some), STORE_DONE);
	assert_seen("SELECT count(*) FROM certificate", "303");
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(found(s, 2000 + i), STORE_DONE);
	store_close(s);
	assert_seen("PRAGMA integrity_check", "ok");
}

/* What a CRL is to say of the certificate with this number, by a note. */
struct noted {
	uint32_t number;
	int reason; /* -1: a release */
	uint64_t seq;
};

static int note_certificate(struct store_session *s, void *with)
{
	const struct noted *n = with;
	uint8_t serial[17] = { 1 };
	set_u32(serial + 13, n->number);
	return n->reason < 0 ? store_certificate_release(s, "ica-1", SLICE_OF(serial), n->seq)
			     : store_certificate_revoke(s, "ica-1", SLICE_OF(serial), 1000 + (int64_t)n->seq,
							(uint8_t)n->reason, n->seq);
}

static int note(struct store *s, uint32_t number, int reason, uint64_t seq)
{
	struct noted n = { number, reason, seq };
	return store_change(s, note_certificate, &n);
}

struct said {
	size_t count;
	uint8_t reason[8];
	int64_t revoked[8], n[8];
	uint64_t noted[8];
};

static int say(void *with, const struct crl_entry *e)
{
	struct said *said = with;
	assert_true(said->count < 8);
	said->reason[said->count] = e->reason;
	said->revoked[said->count] = e->revoked;
	said->n[said->count] = e->n;
	said->noted[said->count++] = e->noted;
	return 0;
}

static struct said changes(struct store *s)
{
	struct said said = { 0 };
	scoped_session *session = NULL;
	assert_int_equal(store_read(s, &session), 0);
	assert_int_equal(store_crl_changes(session, "ica-1", 5, say, &said), STORE_DONE);
	assert_int_equal(store_crl_waits(session, "ica-1"), said.count ? STORE_DONE : STORE_NONE);
	return said;
}

static int list_all(struct store_session *s, void *with)
{
	const struct said *said = with;
	int r = 0;
	for (size_t i = 0; !r && i < said->count; i++)
		r = store_crl_listed(s, said->n[i], said->noted[i]);
	return r;
}

static void a_note_counts_once_and_waits_for_a_crl(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	assert_int_equal(put_certificate(s, 1, "active", "a.example"), STORE_DONE);
	assert_int_equal(put_certificate(s, 2, "lost", "b.example"), STORE_DONE);
	assert_int_equal(changes(s).count, 1); /* a lost one is on the next CRL by itself */
	assert_int_equal(note(s, 9, 1, 10), STORE_NONE);
	assert_int_equal(note(s, 1, 6, 11), STORE_DONE);
	struct said said = changes(s);
	assert_int_equal(said.count, 2);
	assert_int_equal(said.reason[0], 6);
	assert_int_equal(said.revoked[0], 1011);
	assert_int_equal(note(s, 1, -1, 12), STORE_DONE);
	assert_int_equal(store_change(s, list_all, &said), STORE_DONE);
	said = changes(s); /* the release came after what was listed */
	assert_int_equal(said.count, 1);
	assert_int_equal(said.reason[0], 8);
	assert_int_equal(said.revoked[0], 5);
	assert_int_equal(store_change(s, list_all, &said), STORE_DONE);
	assert_int_equal(note(s, 1, 6, 11), STORE_DONE); /* read once more from the ledger */
	assert_int_equal(note(s, 1, -1, 12), STORE_DONE);
	assert_int_equal(changes(s).count, 0);
	assert_int_equal(note(s, 1, 1, 13), STORE_DONE);
	assert_int_equal(note(s, 1, 4, 14), STORE_DONE); /* a revocation stays as it is */
	assert_int_equal(note(s, 1, -1, 15), STORE_DONE);
	said = changes(s);
	assert_int_equal(said.count, 1);
	assert_int_equal(said.reason[0], 1);
	assert_int_equal(said.revoked[0], 1013);
	store_close(s);
}

static void a_state_is_one_of_four(void **state)
{
	(void)state;
	struct store *s = with_one_ca();
	assert_int_equal(put_certificate(s, 1, "active", "a.example"), STORE_DONE);
	assert_int_equal(put_certificate(s, 2, "revoked", "a.example"), STORE_DONE);
	assert_int_equal(put_certificate(s, 3, "withheld", "a.example"), STORE_DONE);
	assert_int_equal(put_certificate(s, 4, "lost", "a.example"), STORE_DONE);
	assert_int_equal(put_certificate(s, 5, "mislaid", "a.example"), -1);
	assert_seen("SELECT count(*) FROM certificate", "4");
	assert_seen("SELECT sql LIKE '% IN (%' FROM sqlite_schema WHERE name = 'certificate'", "0");
	assert_seen("PRAGMA integrity_check", "ok");
	store_close(s);
}

static void what_cannot_be_used_is_refused(void **state)
{
	(void)state;
	struct store *s = opened(), *second = NULL;
	assert_int_equal(store_open(path, STORE_CACHE_MIB, &second), -1); /* in use */
	store_close(s);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	uint8_t version[4] = { 0, 0, 0, 99 }; /* user_version stands at byte 60 of the file, big-endian */
	assert_int_equal(pwrite(fd, version, 4, 60), 4);
	assert_int_equal(store_open(path, STORE_CACHE_MIB, &second), STORE_OTHER);
	assert_int_equal(pwrite(fd, "no database at all, only text....", 32, 0), 32);
	close(fd);
	assert_int_equal(store_open(path, STORE_CACHE_MIB, &second), -1);
	assert_int_equal(store_open("/nonexistent/front.db", STORE_CACHE_MIB, &second), -1);
}

static void a_read_only_database_is_refused(void **state)
{
	(void)state;
	store_close(opened());
	if (geteuid() == 0) {
		pid_t child = fork();
		if (child == 0) {
			struct store *s = NULL;
			_exit(chmod(folder, 0755) || chmod(path, 0444) || setuid(65533) ||
			      store_open(path, STORE_CACHE_MIB, &s) == 0);
		}
		int status;
		waitpid(child, &status, 0);
		assert_int_equal(status, 0);
		return;
	}
	struct store *s = NULL;
	assert_int_equal(chmod(path, 0444), 0);
	assert_int_equal(store_open(path, STORE_CACHE_MIB, &s), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(rows_come_back),
		EACH(names_and_subjects_are_taken_once),
		EACH(refused_work_is_undone),
		EACH(sure_work_may_fail),
		EACH(states_move_by_compare_and_set),
		EACH(the_generation_tells_of_changed_cas),
		EACH(certificates_are_found),
		EACH(every_part_is_looked_into),
		EACH(a_certificate_is_inserted_once),
		EACH(many_write_at_once),
		EACH(a_killed_writer_loses_nothing),
		EACH(a_commit_of_any_length_is_in_the_file),
		EACH(what_grew_and_was_undone_leaves_nothing),
		EACH(a_state_is_one_of_four),
		EACH(a_note_counts_once_and_waits_for_a_crl),
		EACH(what_cannot_be_used_is_refused),
		EACH(a_read_only_database_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
