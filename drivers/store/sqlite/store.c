/* Opening and closing, the committer's thread, and the readers' sessions. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "store/sqlite/page_cache.h"
#include "store/sqlite/session.h"
#include "store/sqlite/wal_file.h"

#define MAX_GROUP 512 /* pieces of work in one transaction: bounds how long the first of them waits */
#define FLUSH_MS 1000 /* how much a power loss may take of what can be made again */

struct store {
	char *path;
	unsigned cache_kib;
	int lock;
	struct store_session *writer;
	pthread_t committer;
	bool cas_changed, statuses_changed; /* by the open transaction; the committer's own */
	int64_t flush_at;		    /* time_boot_ms(); 0: all is flushed. The committer's own */
	atomic_uint_fast64_t ca_generation, status_generation;

	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t work;
	struct store_job *first, **last;
	bool closing, resting; /* resting: the committer waits for work */
	uint64_t mark, written_mark;

	pthread_cond_t idle;
	struct store_session *readers;
	int reader_count;
};

static int statement_only(struct store_session *s, enum statement which)
{
	scoped_statement *statement = session_statement(s, which);
	if (!statement)
		return -1;
	int step = sqlite3_step(statement);
	if (step == SQLITE_DONE || step == SQLITE_ROW)
		return 0;
	session_failed(s, sqlite3_sql(statement));
	return -1;
}

/* One piece of work inside the open transaction; what it did is undone unless it answers 0. */
static int job_run(struct store_session *s, struct store_job *job)
{
	if (statement_only(s, STATEMENT_SAVEPOINT))
		return -1;
	int answer = job->work(s, job->with);
	if (sqlite3_get_autocommit(s->db))
		return -1;
	if (answer != 0 && statement_only(s, STATEMENT_UNDO))
		return -1;
	return statement_only(s, STATEMENT_RELEASE) ? -1 : answer;
}

static int mark_write(struct store_session *s, uint64_t mark)
{
	scoped_statement *statement = session_statement(s, STATEMENT_LEDGER_MARK);
	if (!statement)
		return -1;
	sqlite3_bind_int64(statement, 1, (int64_t)mark);
	return statement_run(s, statement) < 0 ? -1 : 0;
}

enum { GROUP_DONE = 0, GROUP_UNSURE = 1 };

/* All jobs of a group and the commit. GROUP_UNSURE: one failed that can't be undone by itself. */
static int jobs_run(struct store_session *s, struct store_job *jobs, bool sure, uint64_t mark)
{
	for (struct store_job *job = jobs; job; job = job->next) {
		job->answer = sure ? job->work(s, job->with) : job_run(s, job);
		if (sqlite3_get_autocommit(s->db))
			return -1; /* a full disk or the like has undone the whole transaction */
		if (sure && job->answer)
			return GROUP_UNSURE;
	}
	if (mark && mark_write(s, mark))
		log_warning("store_mark", "why=\"could not be written\"");
	return sqlite3_get_autocommit(s->db) ? -1 : statement_only(s, STATEMENT_COMMIT);
}

static bool jobs_sure(const struct store_job *jobs)
{
	while (jobs && jobs->sure)
		jobs = jobs->next;
	return !jobs;
}

/* Whether all that they do can be made again, and what was made before them is flushed soon enough without them. */
static bool jobs_spared(const struct store *s, const struct store_job *jobs)
{
	while (jobs && jobs->repeatable)
		jobs = jobs->next;
	return !jobs && (!s->flush_at || time_boot_ms() < s->flush_at);
}

/* A transaction of all jobs of a group. Without a commit nobody was served. */
static int group_try(struct store_session *s, struct store_job *jobs, uint64_t mark)
{
	int r = GROUP_UNSURE;
	for (bool sure = jobs_sure(jobs); r == GROUP_UNSURE; sure = false) {
		r = statement_only(s, STATEMENT_BEGIN) ? -1 : jobs_run(s, jobs, sure, mark);
		if (r && !sqlite3_get_autocommit(s->db))
			statement_only(s, STATEMENT_ROLLBACK);
	}
	return r;
}

static int group_run(struct store *s, struct store_job *jobs, uint64_t mark)
{
	bool spared = jobs_spared(s, jobs);
	wal_file_spare(s->writer->db, spared);
	int r = group_try(s->writer, jobs, mark);
	if (!spared && !r)
		s->flush_at = 0;
	else if (spared && !s->flush_at)
		s->flush_at = time_boot_ms() + FLUSH_MS;
	return r;
}

/* What was spared, when nothing that comes after it takes it along. The mutex is held, but for the flush. */
static void flush_alone(struct store *s)
{
	pthread_mutex_unlock(&s->mutex);
	wal_file_flush(s->writer->db);
	s->flush_at = 0;
	pthread_mutex_lock(&s->mutex);
}

static void work_wait(struct store *s)
{
	int64_t left = s->flush_at ? s->flush_at - time_boot_ms() : 0;
	struct timespec until;
	s->resting = true;
	if (!s->flush_at) {
		pthread_cond_wait(&s->work, &s->mutex);
	} else if (left <= 0) {
		flush_alone(s);
	} else {
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec += (until.tv_nsec / 1000000 + left) / 1000;
		until.tv_nsec = until.tv_nsec % 1000000 + (until.tv_nsec / 1000000 + left) % 1000 * 1000000;
		pthread_cond_timedwait(&s->work, &s->mutex, &until);
	}
}

/* Takes what waits, at most MAX_GROUP; NULL: the store is being closed. */
static struct store_job *group_take(struct store *s, uint64_t *mark)
{
	while (!s->first && !s->closing)
		work_wait(s);
	s->resting = false;
	struct store_job *jobs = s->first, **end = &s->first;
	for (int i = 0; *end && i < MAX_GROUP; i++)
		end = &(*end)->next;
	s->first = *end;
	*end = NULL;
	if (!s->first)
		s->last = &s->first;
	*mark = s->mark > s->written_mark ? s->mark : 0;
	return jobs;
}

static void group_finish(struct store_job *jobs, bool broken)
{
	for (struct store_job *job = jobs, *next; job; job = next) {
		next = job->next; /* the job is its poster's, gone once he knows */
		if (broken)
			job->answer = -1;
		job->finished(job);
	}
}

static void row_changed(void *of, int how, const char *database, const char *table, sqlite3_int64 row)
{
	struct store *s = of;
	(void)database;
	(void)row;
	s->cas_changed = s->cas_changed || strcmp(table, "ca") == 0;
	s->statuses_changed = s->statuses_changed || (how == SQLITE_UPDATE && strcmp(table, "certificate") == 0);
}

uint64_t store_ca_generation(const struct store *s)
{
	return atomic_load(&s->ca_generation);
}

uint64_t store_status_generation(const struct store *s)
{
	return atomic_load(&s->status_generation);
}

static void *committer_run(void *with)
{
	struct store *s = with;
	pthread_mutex_lock(&s->mutex);
	for (;;) {
		uint64_t mark;
		struct store_job *jobs = group_take(s, &mark);
		if (!jobs)
			break;
		pthread_mutex_unlock(&s->mutex);
		bool broken = group_run(s, jobs, mark) != 0;
		if (s->cas_changed)
			atomic_fetch_add(&s->ca_generation, 1);
		if (s->statuses_changed)
			atomic_fetch_add(&s->status_generation, 1);
		s->cas_changed = s->statuses_changed = false;
		pthread_mutex_lock(&s->mutex);
		if (!broken && mark)
			s->written_mark = mark;
		pthread_mutex_unlock(&s->mutex);
		group_finish(jobs, broken);
		pthread_mutex_lock(&s->mutex);
	}
	pthread_mutex_unlock(&s->mutex);
	return NULL;
}

void store_queue(struct store *s, struct store_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&s->mutex);
	bool closing = s->closing;
	if (!closing) {
		*s->last = job;
		s->last = &job->next;
	}
	pthread_mutex_unlock(&s->mutex);
	if (closing) {
		job->answer = -1;
		job->finished(job);
	}
}

void store_wake(struct store *s)
{
	pthread_mutex_lock(&s->mutex);
	bool rested = s->resting && s->first;
	if (rested)
		s->resting = false;
	pthread_mutex_unlock(&s->mutex);
	if (rested)
		pthread_cond_signal(&s->work);
}

void store_post(struct store *s, struct store_job *job)
{
	store_queue(s, job);
	store_wake(s);
}

/* A job whose poster waits. */
struct waiter {
	struct store_job job;
	bool done;
	pthread_mutex_t mutex;
	pthread_cond_t finished;
};

static void waiter_wake(struct store_job *job)
{
	struct waiter *w = (struct waiter *)job; /* its first member */
	pthread_mutex_lock(&w->mutex);
	w->done = true;
	pthread_cond_signal(&w->finished);
	pthread_mutex_unlock(&w->mutex);
}

int store_change(struct store *s, store_work *work, void *with)
{
	struct waiter w = { .job = { .work = work, .with = with, .finished = waiter_wake },
			    .mutex = PTHREAD_MUTEX_INITIALIZER,
			    .finished = PTHREAD_COND_INITIALIZER };
	store_post(s, &w.job);
	pthread_mutex_lock(&w.mutex);
	while (!w.done)
		pthread_cond_wait(&w.finished, &w.mutex);
	pthread_mutex_unlock(&w.mutex);
	pthread_cond_destroy(&w.finished);
	pthread_mutex_destroy(&w.mutex);
	return w.job.answer;
}

void store_mark(struct store *s, uint64_t committed)
{
	pthread_mutex_lock(&s->mutex);
	if (committed > s->mark)
		s->mark = committed;
	pthread_mutex_unlock(&s->mutex);
}

int store_read(struct store *s, struct store_session **out)
{
	pthread_mutex_lock(&s->mutex);
	while (!s->readers && s->reader_count >= MAX_STORE_SESSIONS)
		pthread_cond_wait(&s->idle, &s->mutex);
	struct store_session *session = s->readers;
	if (session)
		s->readers = session->next;
	else
		s->reader_count++;
	pthread_mutex_unlock(&s->mutex);
	if (!session && session_open(s->path, false, s->cache_kib / MAX_STORE_SESSIONS, &session)) {
		pthread_mutex_lock(&s->mutex);
		s->reader_count--;
		pthread_cond_signal(&s->idle);
		pthread_mutex_unlock(&s->mutex);
		return -1;
	}
	session->store = s;
	*out = session;
	return 0;
}

void store_read_end(struct store_session **session)
{
	struct store_session *r = *session;
	if (!r)
		return;
	*session = NULL;
	struct store *s = r->store;
	pthread_mutex_lock(&s->mutex);
	r->next = s->readers;
	s->readers = r;
	pthread_cond_signal(&s->idle);
	pthread_mutex_unlock(&s->mutex);
}

/* One process at a time; the lock goes with the process. */
static int store_lock(const char *path)
{
	scoped_buf name = { .max = 4096 };
	buf_printf(&name, "%s.lock%c", path, 0);
	if (!buf_ok(&name))
		return -1;
	int fd = open((const char *)name.at, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		log_error("store_open", "path=%s why=\"%s\" expected=\"a folder that this user may write to\"", path,
			  log_errno());
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	log_error("store_open", "path=%s why=\"%s\"", path,
		  errno == EWOULDBLOCK ? "another process has it open" : log_errno());
	fd_close(&fd);
	return -1;
}

/* Finds out at the start whether it can be written, not at the first request. */
static int store_probe(struct store *s)
{
	if (sqlite3_db_readonly(s->writer->db, "main") == 1) {
		log_error("store_open", "path=%s why=\"the database is read-only\"", s->path);
		return -1;
	}
	int failed = schema_prepare(s->writer, s->path);
	if (failed)
		return failed;
	return session_execute(s->writer, "BEGIN IMMEDIATE; UPDATE ledger SET one = 1 WHERE one = 1; COMMIT");
}

static void store_free(struct store *s)
{
	session_close(s->writer);
	fd_close(&s->lock);
	free(s->path);
	free(s);
}

/* What SQLite sorts outside of memory belongs beside the database, the one folder that is this process's own. */
static void temporaries_place(const char *path)
{
	const char *slash = strrchr(path, '/');
	scoped_buf folder = { .max = 4096 };
	buf_printf(&folder, "%.*s%c", slash ? (int)(slash - path + (slash == path)) : 1, slash ? path : ".", 0);
	if (buf_ok(&folder))
		setenv("SQLITE_TMPDIR", (const char *)folder.at, 1);
}

int store_open(const char *path, unsigned cache_mib, struct store **out)
{
	temporaries_place(path);
	page_cache_enter();
	struct store *s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	s->lock = -1;
	s->last = &s->first;
	pthread_mutex_init(&s->mutex, NULL);
	pthread_condattr_t steady;
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&s->work, &steady);
	pthread_condattr_destroy(&steady);
	pthread_cond_init(&s->idle, NULL);
	s->path = strdup(path);
	s->cache_kib = cache_mib * 1024;
	s->lock = s->path ? store_lock(path) : -1;
	int failed = s->lock >= 0 && session_open(path, true, s->cache_kib, &s->writer) == 0 ? store_probe(s) : -1;
	if (!failed) {
		sqlite3_update_hook(s->writer->db, row_changed, s);
		failed = pthread_create(&s->committer, NULL, committer_run, s) != 0 ? -1 : 0;
	}
	if (failed) {
		store_free(s);
		return failed;
	}
	*out = s;
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->mutex);
	s->closing = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->committer, NULL);
	while (s->readers) {
		struct store_session *next = s->readers->next;
		session_close(s->readers);
		s->readers = next;
	}
	store_free(s);
}
