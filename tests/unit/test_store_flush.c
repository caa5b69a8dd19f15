/* store: what is flushed before anybody is told, what later, and what a flush that failed leaves. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>

#include <cmocka.h>

#include "base/time.h"
#include "unit/store_fixture.h"

#define PATIENCE_MS 60000

static atomic_uint flushes;
static atomic_bool failing;

/* SQLite's, too. */
int fdatasync(int fd)
{
	bool fails = atomic_load(&failing); /* who has seen it counted may let the next one succeed */
	atomic_fetch_add(&flushes, 1);
	if (fails) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

struct told {
	struct store_job job;
	atomic_bool done;
};

static void tell(struct store_job *job)
{
	atomic_store(&((struct told *)job)->done, true); /* its first member */
}

static int insert_issuer(struct store_session *s, void *with)
{
	const char *name = with;
	struct issuer_row row = { .id = slice_text(name),
				  .name = slice_text(name),
				  .hierarchy_mode = slice_text("single") };
	return store_issuer_insert(s, &row);
}

static void pause_briefly(void)
{
	nanosleep(&(struct timespec){ 0, 2000000 }, NULL);
}

/* Its answer. */
static int done(struct store *s, const char *name, bool repeatable)
{
	struct told t = { .job = { .work = insert_issuer,
				   .with = (void *)(uintptr_t)name,
				   .finished = tell,
				   .repeatable = repeatable } };
	store_post(s, &t.job);
	while (!atomic_load(&t.done))
		pause_briefly();
	return t.job.answer;
}

static bool visible(struct store *s, const char *name)
{
	scoped_session *session = NULL;
	scoped_row(issuer) row = { 0 };
	assert_int_equal(store_read(s, &session), 0);
	return store_issuer_find(session, name, &row) == STORE_DONE;
}

static bool flushed_more(unsigned than)
{
	for (int64_t end = time_boot_ms() + PATIENCE_MS; time_boot_ms() < end; pause_briefly())
		if (atomic_load(&flushes) > than)
			return true;
	return false;
}

static void what_can_be_made_again_is_seen_at_once_and_flushed_soon(void **state)
{
	(void)state;
	struct store *s = opened();
	unsigned before = atomic_load(&flushes);
	int64_t start = time_boot_ms();
	assert_int_equal(done(s, "one", true), 0);
	unsigned after = atomic_load(&flushes);
	/* On a machine that took so long, it may have been flushed alone meanwhile. */
	if (time_boot_ms() - start < 500)
		assert_int_equal(after, before);
	assert_true(visible(s, "one"));
	assert_true(flushed_more(before));
	store_close(s);
	s = opened();
	assert_true(visible(s, "one"));
	store_close(s);
}

static void all_else_is_flushed_first(void **state)
{
	(void)state;
	struct store *s = opened();
	unsigned before = atomic_load(&flushes);
	assert_int_equal(done(s, "one", false), 0);
	assert_true(atomic_load(&flushes) > before);
	assert_int_equal(done(s, "two", true), 0);
	before = atomic_load(&flushes);
	assert_int_equal(done(s, "three", false), 0);
	assert_true(atomic_load(&flushes) > before);
	store_close(s);
}

/* Nobody knows what of it would be there after a power loss, so nothing may be built on it. */
static void nothing_is_written_behind_a_flush_that_failed(void **state)
{
	(void)state;
	struct store *s = opened();
	assert_int_equal(done(s, "one", false), 0);
	unsigned before = atomic_load(&flushes);
	atomic_store(&failing, true);
	assert_int_equal(done(s, "two", true), 0);
	assert_true(flushed_more(before));
	atomic_store(&failing, false);
	assert_true(done(s, "three", false) < 0);
	assert_true(done(s, "four", true) < 0);
	assert_true(visible(s, "two"));
	assert_false(visible(s, "three"));
	store_close(s);
	s = opened();
	assert_int_equal(done(s, "three", false), 0);
	store_close(s);
}

/* Who is told that it failed is told the truth, and the next one may succeed. */
static void a_commit_that_is_not_flushed_is_undone(void **state)
{
	(void)state;
	struct store *s = opened();
	assert_int_equal(done(s, "one", false), 0);
	atomic_store(&failing, true);
	assert_true(done(s, "two", false) < 0);
	atomic_store(&failing, false);
	assert_false(visible(s, "two"));
	assert_int_equal(done(s, "two", false), 0);
	assert_true(visible(s, "two"));
	store_close(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(what_can_be_made_again_is_seen_at_once_and_flushed_soon),
		EACH(all_else_is_flushed_first),
		EACH(nothing_is_written_behind_a_flush_that_failed),
		EACH(a_commit_that_is_not_flushed_is_undone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
