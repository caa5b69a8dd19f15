/* signer: the link against a signer that answers late, out of order, wrongly or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "frontd/catchup.h"
#include "store/store.h"
#include "wire/inner_answer.h"

/* The other end. A NOTE's kind says how it is answered. */
enum { ANSWER = 1, HANG_UP = 2, KEEP_QUIET = 3, ANSWER_QUIET_FIRST = 4, WRONG_TAG = 5, GARBAGE = 6, REFUSE = 7 };

static struct {
	char folder[64], path[96], db[96];
	int listening;
	pthread_t thread;
	atomic_bool refuse_hello;
	atomic_int connections, catchups;
	atomic_ullong head, oldest_open;
	struct front front;
	struct signer *signer;
} it;

int catchup_hello(struct front *f, struct hello_request *out)
{
	(void)f;
	out->version = INNER_VERSION;
	return 0;
}

int catchup_run(struct front *f, struct signer *s, const struct hello_reply *hello, bool first, struct reached *out,
		char why[CATCHUP_WHY])
{
	(void)f;
	(void)hello;
	(void)first;
	(void)why;
	struct ledger_read_request r = { .from = 0, .most = 100 };
	struct ledger_read_reply reply;
	scoped_answer answer;
	if (signer_ledger_read(s, &r, &reply, &answer) != SIGNER_DONE)
		return -1;
	*out = (struct reached){ reply.head, it.oldest_open };
	it.catchups++;
	return 0;
}

void catchup_checkpoint(struct front *f, struct signer *s)
{
	(void)f;
	(void)s;
}

static void answer_note(struct buf *out, const struct frame *f, uint64_t *quiet)
{
	struct note_request r;
	const char *where;
	assert_int_equal(answer_note_get(f->body, &r, &where), PACK_OK);
	struct note_reply reply = { .ledger_seq = it.head++ };
	struct refusal_message refusal = { .code = REFUSE_LATCHED, .field = slice_text("x") };
	if (r.kind == KEEP_QUIET)
		*quiet = f->tag;
	if (r.kind == ANSWER_QUIET_FIRST)
		answer_note_put(out, *quiet, &reply);
	if (r.kind == ANSWER || r.kind == ANSWER_QUIET_FIRST)
		answer_note_put(out, f->tag, &reply);
	if (r.kind == WRONG_TAG)
		answer_note_put(out, f->tag + 1000, &reply);
	if (r.kind == REFUSE)
		refusal_put(out, f->verb, f->tag, &refusal);
	if (r.kind == GARBAGE) {
		size_t start = frame_begin(out, FRAME_REPLY, f->verb, f->tag);
		buf_put_text(out, "?");
		frame_end(out, start);
	}
	if (r.kind == HANG_UP)
		out->broken = true;
}

static void answer_frame(struct buf *out, const struct frame *f, uint64_t *quiet)
{
	struct hello_reply hello = { .version = INNER_VERSION, .head = it.head };
	struct ledger_read_reply records = { .head = it.head };
	struct refusal_message refusal = { .code = REFUSE_ROLLED_BACK };
	if (f->verb == INNER_HELLO && it.refuse_hello)
		refusal_put(out, f->verb, f->tag, &refusal);
	else if (f->verb == INNER_HELLO)
		answer_hello_put(out, f->tag, &hello);
	else if (f->verb == INNER_LEDGER_READ)
		answer_ledger_read_put(out, f->tag, &records);
	else
		answer_note(out, f, quiet);
}

static void serve(int fd)
{
	scoped_buf in = { .max = 1 << 20 };
	uint64_t quiet = 0;
	for (;;) {
		uint8_t *room = buf_room(&in, 4096);
		ssize_t n = recv(fd, room, 4096, 0);
		if (n <= 0)
			return;
		in.len += (size_t)n;
		struct frame f;
		while (frame_peek(buf_slice(&in), &f) == FRAME_WHOLE) {
			scoped_buf out = { .max = 65536 };
			answer_frame(&out, &f, &quiet);
			if (!buf_ok(&out))
				return;
			if (out.len && fd_write_all(fd, out.at, out.len))
				return;
			buf_drop(&in, frame_size(&f));
		}
	}
}

static void *listen_run(void *with)
{
	(void)with;
	for (;;) {
		scoped_fd int fd = accept(it.listening, NULL, NULL);
		if (fd < 0)
			return NULL;
		it.connections++;
		serve(fd);
	}
}

/* Polls a condition that other threads bring about, for at most a minute. */
#define UNTIL(condition)                                                                                               \
	do {                                                                                                           \
		struct timespec step = { 0, 2000000 };                                                                 \
		int left = 30000;                                                                                      \
		while (!(condition) && left--)                                                                         \
			nanosleep(&step, NULL);                                                                        \
		assert_true(condition);                                                                                \
	} while (0)

static bool ready(void)
{
	char why[160];
	return signer_ready(it.signer, why);
}

static int start_with(unsigned timeout)
{
	memset(&it, 0, sizeof(it));
	strcpy(it.folder, "/tmp/ch.XXXXXX");
	assert_non_null(mkdtemp(it.folder));
	snprintf(it.path, sizeof(it.path), "%s/sign.sock", it.folder);
	snprintf(it.db, sizeof(it.db), "%s/db", it.folder);
	it.head = 5;
	it.oldest_open = UINT64_MAX;
	assert_int_equal(store_open(it.db, STORE_CACHE_MIB, &it.front.store), 0);
	it.listening = fd_listen(it.path, 0600);
	assert_true(it.listening >= 0);
	assert_int_equal(pthread_create(&it.thread, NULL, listen_run, NULL), 0);
	struct signer_options options = { it.path, timeout, &it.front };
	assert_int_equal(signer_start(&options, &it.signer), 0);
	return 0;
}

/* No answer that comes is late, however slow the machine is. */
static int start(void **state)
{
	(void)state;
	return start_with(60);
}

static int start_impatient(void **state)
{
	(void)state;
	return start_with(5);
}

static int stop(void **state)
{
	(void)state;
	signer_stop(it.signer);
	shutdown(it.listening, SHUT_RDWR);
	pthread_join(it.thread, NULL);
	close(it.listening);
	store_close(it.front.store);
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	char name[128];
	for (size_t i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "%s%s", it.db, ends[i]);
		unlink(name);
	}
	unlink(it.path);
	return rmdir(it.folder);
}

static enum signer_result note(uint8_t kind, uint64_t *seq)
{
	struct note_request r = { .kind = kind, .context = slice_text("{}") };
	signer_request_id(r.request_id);
	struct note_reply reply = { 0 };
	scoped_answer answer;
	enum signer_result result = signer_note(it.signer, &r, &reply, &answer);
	if (result == SIGNER_REFUSED)
		assert_int_equal(answer.refusal.code, REFUSE_LATCHED);
	if (seq)
		*seq = reply.ledger_seq;
	return result;
}

static void an_answer_comes_back(void **state)
{
	(void)state;
	UNTIL(ready());
	uint64_t seq;
	assert_int_equal(note(ANSWER, &seq), SIGNER_DONE);
	assert_int_equal(seq, 5);
	assert_int_equal(note(REFUSE, NULL), SIGNER_REFUSED);
	assert_true(it.catchups >= 1);
}

static void a_lost_link_is_made_again(void **state)
{
	(void)state;
	UNTIL(ready());
	unsigned first = signer_link(it.signer);
	assert_int_not_equal(first, 0);
	assert_int_equal(note(HANG_UP, NULL), SIGNER_AWAY);
	UNTIL(ready());
	assert_int_equal(it.connections, 2);
	assert_int_not_equal(signer_link(it.signer), 0);
	assert_int_not_equal(signer_link(it.signer), first);
	assert_int_equal(note(ANSWER, NULL), SIGNER_DONE);
	assert_int_equal(note(GARBAGE, NULL), SIGNER_AWAY); /* what can't be read drops the link */
	UNTIL(it.connections == 3 && ready());
	assert_int_equal(note(WRONG_TAG, NULL), SIGNER_AWAY); /* and so does what nobody asked for */
	UNTIL(it.connections == 4 && ready());
}

static void a_late_answer_is_read_from_the_ledger(void **state)
{
	(void)state;
	UNTIL(ready() && it.catchups == 2);
	assert_int_equal(note(KEEP_QUIET, NULL), SIGNER_LATE);
	assert_int_equal(it.catchups, 2);
	assert_int_equal(note(ANSWER_QUIET_FIRST, NULL), SIGNER_DONE);
	UNTIL(it.catchups == 3);
	assert_int_equal(it.connections, 1);
}

static void who_was_rolled_back_is_not_asked(void **state)
{
	(void)state;
	UNTIL(ready());
	it.refuse_hello = true;
	assert_int_equal(note(HANG_UP, NULL), SIGNER_AWAY);
	char why[160] = "";
	UNTIL(!signer_ready(it.signer, why) && strstr(why, "rolled back"));
	assert_int_equal(signer_link(it.signer), 0);
	assert_int_equal(note(ANSWER, NULL), SIGNER_AWAY);
	it.refuse_hello = false;
	UNTIL(ready());
}

static void refreshing_reads_the_ledger(void **state)
{
	(void)state;
	UNTIL(ready() && it.catchups == 2);
	assert_true(signer_refresh(it.signer));
	assert_int_equal(it.catchups, 3);
}

static void *notes_run(void *with)
{
	int *failed = with;
	for (int i = 0; i < 200; i++)
		if (note(ANSWER, NULL) != SIGNER_DONE)
			(*failed)++;
	return NULL;
}

static void many_ask_at_once(void **state)
{
	(void)state;
	UNTIL(ready());
	pthread_t threads[8];
	int failed[8] = { 0 };
	for (int i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, notes_run, &failed[i]), 0);
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(failed[i], 0);
	}
	assert_int_equal(it.head, 5 + 8 * 200);
}

static int with_ledger(struct store_session *s, void *with)
{
	(void)with;
	struct store_ledger l = { .committed = 1 };
	return store_ledger_update(s, &l);
}

static int nothing(struct store_session *s, void *with)
{
	(void)s;
	(void)with;
	return 0;
}

static uint64_t committed(void)
{
	assert_int_equal(store_change(it.front.store, nothing, NULL), 0);
	scoped_session *session = NULL;
	struct store_ledger l;
	assert_int_equal(store_read(it.front.store, &session), 0);
	assert_int_equal(store_ledger_find(session, &l), 0);
	return l.committed;
}

static void the_database_counts_up_to_the_oldest_hold(void **state)
{
	(void)state;
	assert_int_equal(store_change(it.front.store, with_ledger, NULL), 0);
	UNTIL(ready() && it.catchups == 2);
	uint64_t seq;
	{
		scoped_hold first;
		signer_hold(it.signer, &first);
		{
			scoped_hold second;
			signer_hold(it.signer, &second);
			assert_int_equal(note(ANSWER, &seq), SIGNER_DONE);
			assert_int_equal(note(ANSWER, &seq), SIGNER_DONE);
			signer_settle(&second, seq);
		}
		assert_int_equal(committed(), 5);
		signer_settle(&first, 0);
	}
	assert_int_equal(committed(), 7);
	{
		scoped_hold unsettled;
		signer_hold(it.signer, &unsettled);
		assert_int_equal(note(ANSWER, &seq), SIGNER_DONE);
	}
	{
		scoped_hold later;
		signer_hold(it.signer, &later);
		assert_int_equal(note(ANSWER, &seq), SIGNER_DONE);
		signer_settle(&later, seq);
	}
	assert_int_equal(committed(), 7); /* until the ledger was read again */
	assert_true(signer_refresh(it.signer));
	assert_int_equal(committed(), 9);
}

/* What an earlier link asked for may still be under way: no mark until its intent is closed. */
static void an_open_intent_of_before_is_waited_for(void **state)
{
	(void)state;
	assert_int_equal(store_change(it.front.store, with_ledger, NULL), 0);
	it.oldest_open = 3;
	UNTIL(ready() && it.catchups >= 2);
	uint64_t seq;
	for (int i = 0; i < 2; i++) {
		scoped_hold hold;
		signer_hold(it.signer, &hold);
		assert_int_equal(note(ANSWER, &seq), SIGNER_DONE);
		signer_settle(&hold, seq);
	}
	assert_true(signer_refresh(it.signer));
	assert_int_equal(committed(), 1);
	it.oldest_open = UINT64_MAX;
	assert_true(signer_refresh(it.signer));
	assert_int_equal(committed(), 7);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(an_answer_comes_back),
		EACH(a_lost_link_is_made_again),
		cmocka_unit_test_setup_teardown(a_late_answer_is_read_from_the_ledger, start_impatient, stop),
		EACH(who_was_rolled_back_is_not_asked),
		EACH(refreshing_reads_the_ledger),
		EACH(many_ask_at_once),
		EACH(the_database_counts_up_to_the_oldest_hold),
		EACH(an_open_intent_of_before_is_waited_for),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
