/* drivers/key: the server over a token of this test's own: answers out of order, limits, and nothing lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/fd.h"
#include "key/jobs.h"
#include "key/server.h"
#include "key/watchdog.h"
#include "wire/driver_answer.h"
#include "wire/driver_ask.h"

/* A token whose signatures wait until the test opens the gate; SIGN's first data byte says what to do. */
enum { DATA_AT_ONCE, DATA_WAIT, DATA_REFUSE, DATA_FATAL };

struct toy {
	pthread_mutex_t lock;
	pthread_cond_t opened;
	bool open;
	unsigned creating, most_creating;
};

static void gate_wait(struct toy *t)
{
	pthread_mutex_lock(&t->lock);
	while (!t->open)
		pthread_cond_wait(&t->opened, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

static void gate_set(struct toy *t, bool open)
{
	pthread_mutex_lock(&t->lock);
	t->open = open;
	pthread_cond_broadcast(&t->opened);
	pthread_mutex_unlock(&t->lock);
}

static int toy_hello(void *of, unsigned worker, const struct driver_hello_request *r, struct driver_hello_reply *reply,
		     struct key_room *room)
{
	(void)of, (void)worker, (void)r, (void)room;
	reply->version = DRIVER_VERSION;
	return 0;
}

static int toy_list(void *of, unsigned worker, const struct driver_list_request *r, struct driver_list_reply *reply,
		    struct key_room *room)
{
	(void)of, (void)worker, (void)r;
	uint8_t id[64] = { 0 };
	uint16_t count = 0;
	buf_clear(&room->list);
	while (count < MAX_LISTED_KEYS)
		list_put(&room->list, &count, 0, SLICE_OF(id));
	reply->keys = list_of(&room->list, count);
	return 0;
}

static int toy_create(void *of, unsigned worker, const struct driver_create_request *r,
		      struct driver_create_reply *reply, struct key_room *room)
{
	(void)worker, (void)r, (void)room, (void)reply;
	struct toy *t = of;
	pthread_mutex_lock(&t->lock);
	t->creating++;
	if (t->creating > t->most_creating)
		t->most_creating = t->creating;
	pthread_mutex_unlock(&t->lock);
	gate_wait(t);
	pthread_mutex_lock(&t->lock);
	t->creating--;
	pthread_mutex_unlock(&t->lock);
	return 0;
}

static int toy_public(void *of, unsigned worker, const struct driver_public_request *r,
		      struct driver_public_reply *reply, struct key_room *room)
{
	(void)of, (void)worker, (void)r, (void)reply, (void)room;
	return DRIVER_REFUSE_KEY_UNKNOWN;
}

static int toy_sign(void *of, unsigned worker, const struct driver_sign_request *r, struct driver_sign_reply *reply,
		    struct key_room *room)
{
	(void)worker;
	switch (r->data.len ? r->data.at[0] : DATA_AT_ONCE) {
	case DATA_REFUSE:
		return DRIVER_REFUSE_DATA_SIZE;
	case DATA_FATAL:
		return KEY_FATAL(DRIVER_REFUSE_TOKEN_AWAY);
	case DATA_WAIT:
		gate_wait(of);
	}
	room->signature[0] = r->data.len > 1 ? r->data.at[1] : 0;
	reply->signature = (struct slice){ room->signature, 1 };
	return 0;
}

static int toy_status(void *of, unsigned worker, const struct driver_status_request *r,
		      struct driver_status_reply *reply, struct key_room *room)
{
	(void)of, (void)worker, (void)r, (void)room;
	reply->state = TOKEN_READY;
	return 0;
}

static const struct key_operations toy_operations = {
	toy_hello, toy_list, toy_create, toy_public, toy_sign, toy_status
};

struct fixture {
	char folder[32], path[64];
	struct server_settings settings;
	struct toy toy;
	struct server *server;
	pthread_t thread;
	int result;
	int fd;
	struct buf in;
	size_t taken;
};

static void *serve(void *of)
{
	struct fixture *f = of;
	f->result = server_run(f->server, &toy_operations, &f->toy, 2);
	return NULL;
}

static void ask(struct fixture *f, const struct buf *out)
{
	assert_true(buf_ok(out));
	assert_int_equal(fd_write_all(f->fd, out->at, out->len), 0);
}

/* The next answer; kind 0 if the connection is closed. */
static struct frame answer(struct fixture *f)
{
	struct frame frame;
	buf_drop(&f->in, f->taken);
	f->taken = 0;
	while (frame_peek(buf_slice(&f->in), &frame) == FRAME_PARTIAL) {
		uint8_t *room = buf_room(&f->in, 65536);
		ssize_t n = read(f->fd, room, 65536);
		if (n <= 0)
			return (struct frame){ 0 };
		f->in.len += (size_t)n;
	}
	f->taken = frame_size(&frame);
	return frame;
}

static uint16_t code_of(struct frame f)
{
	struct refusal_message r;
	assert_int_equal(f.kind, FRAME_REFUSAL);
	assert_int_equal(refusal_get(f.body, &r), PACK_OK);
	return r.code;
}

static void sign_put(struct buf *out, uint64_t tag, uint8_t what, uint8_t mark)
{
	const uint8_t data[] = { what, mark };
	struct driver_sign_request r = { slice_text("key"), 1, SLICE_OF(data) };
	ask_driver_sign_put(out, tag, &r);
}

static void client_open(struct fixture *f)
{
	f->fd = fd_connect(f->path);
	assert_true(f->fd >= 0);
	scoped_buf out = { .max = 4096 };
	ask_driver_hello_put(&out, 1, &(struct driver_hello_request){ .version = DRIVER_VERSION });
	ask(f, &out);
	assert_int_equal(answer(f).kind, FRAME_REPLY);
}

static void client_close(struct fixture *f)
{
	fd_close(&f->fd);
	buf_clear(&f->in);
	f->taken = 0;
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	strcpy(f->folder, "/tmp/ch.XXXXXX");
	if (!mkdtemp(f->folder))
		return -1;
	snprintf(f->path, sizeof(f->path), "%s/driver.sock", f->folder);
	char rule[32];
	const char *why;
	snprintf(rule, sizeof(rule), "uid:%u", (unsigned)getuid());
	f->settings = (struct server_settings){
		.socket = f->path, .socket_mode = 0600, .sign_seconds = 60, .create_seconds = 60
	};
	peer_rule_add(&f->settings.peers, rule, &why);
	pthread_mutex_init(&f->toy.lock, NULL);
	pthread_cond_init(&f->toy.opened, NULL);
	buf_init(&f->in, 4096 * 1024);
	f->server = server_open(&f->settings);
	*state = f;
	if (!f->server || pthread_create(&f->thread, NULL, serve, f) != 0)
		return -1;
	client_open(f);
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	gate_set(&f->toy, true);
	kill(getpid(), SIGTERM); /* blocked everywhere: the server reads it */
	pthread_join(f->thread, NULL);
	client_close(f);
	server_close(f->server);
	buf_free(&f->in);
	rmdir(f->folder);
	free(f);
	return 0;
}

static void answers_come_when_they_are_ready(void **state)
{
	struct fixture *f = *state;
	scoped_buf out = { .max = 4096 };
	sign_put(&out, 10, DATA_WAIT, 10);
	sign_put(&out, 11, DATA_AT_ONCE, 11);
	sign_put(&out, 12, DATA_REFUSE, 12);
	ask_driver_status_put(&out, 13, &(struct driver_status_request){});
	ask(f, &out);
	unsigned seen = 0;
	for (int i = 0; i < 3; i++)
		seen |= 1U << answer(f).tag;
	assert_int_equal(seen, 1U << 11 | 1U << 12 | 1U << 13);
	gate_set(&f->toy, true);
	struct frame last = answer(f);
	struct driver_sign_reply reply;
	const char *where;
	assert_int_equal(last.tag, 10);
	assert_int_equal(ask_driver_sign_get(last.body, &reply, &where), PACK_OK);
	assert_int_equal(reply.signature.at[0], 10);
}

static void making_keys_leaves_a_worker_for_signatures(void **state)
{
	struct fixture *f = *state;
	scoped_buf out = { .max = 4096 };
	for (uint64_t tag = 20; tag < 24; tag++)
		ask_driver_create_put(&out, tag, &(struct driver_create_request){ .key = slice_text("k") });
	sign_put(&out, 30, DATA_AT_ONCE, 1);
	ask(f, &out);
	assert_int_equal(answer(f).tag, 30);
	gate_set(&f->toy, true);
	for (int i = 0; i < 4; i++)
		assert_int_equal(answer(f).verb, DRIVER_CREATE);
	assert_int_equal(f->toy.most_creating, 1);
}

static void the_queue_is_bounded(void **state)
{
	struct fixture *f = *state;
	scoped_buf out = { .max = 65536 };
	for (uint64_t tag = 0; tag < MAX_IN_FLIGHT; tag++)
		sign_put(&out, tag, DATA_WAIT, 0);
	sign_put(&out, 1000, DATA_WAIT, 0);
	ask(f, &out);
	struct frame refused = answer(f);
	assert_int_equal(refused.tag, 1000);
	assert_int_equal(code_of(refused), DRIVER_REFUSE_BUSY);
	gate_set(&f->toy, true);
	for (int i = 0; i < MAX_IN_FLIGHT; i++)
		assert_int_equal(answer(f).kind, FRAME_REPLY);
}

static void a_body_fits_at_its_limit_and_not_past_it(void **state)
{
	struct fixture *f = *state;
	static uint8_t most[65537];
	scoped_buf out = { .max = 256 * 1024 };
	struct driver_sign_request r = { slice_text("key"), 7, { most, 65536 } };
	ask_driver_sign_put(&out, 5, &r);
	ask(f, &out);
	assert_int_equal(answer(f).kind, FRAME_REPLY);
	buf_clear(&out);
	buf_put_u32(&out, driver_verb(DRIVER_SIGN)->most + 1);
	buf_put(&out,
		"\x01\x01\x05\x00"
		"\x09\0\0\0\0\0\0\0",
		12);
	ask(f, &out);
	assert_int_equal(code_of(answer(f)), DRIVER_REFUSE_MALFORMED);
	assert_int_equal(answer(f).kind, 0);
	client_close(f);
	client_open(f);
}

static void large_answers_wait_for_a_slow_reader(void **state)
{
	struct fixture *f = *state;
	scoped_buf out = { .max = 4096 };
	for (uint64_t tag = 0; tag < 8; tag++)
		ask_driver_list_put(&out, tag, &(struct driver_list_request){});
	ask(f, &out);
	for (int i = 0; i < 8; i++) {
		struct driver_list_reply reply;
		const char *where;
		struct frame frame = answer(f);
		assert_int_equal(ask_driver_list_get(frame.body, &reply, &where), PACK_OK);
		assert_int_equal(reply.keys.count, MAX_LISTED_KEYS);
	}
}

static void a_lost_connection_takes_only_its_own_answers(void **state)
{
	struct fixture *f = *state;
	scoped_buf out = { .max = 4096 };
	sign_put(&out, 1, DATA_WAIT, 1);
	sign_put(&out, 2, DATA_WAIT, 2);
	ask(f, &out);
	client_close(f);
	client_open(f);
	buf_clear(&out);
	sign_put(&out, 3, DATA_AT_ONCE, 3);
	ask(f, &out);
	gate_set(&f->toy, true);
	struct frame mine = answer(f);
	assert_int_equal(mine.kind, FRAME_REPLY);
	assert_int_equal(mine.tag, 3);
}

static void what_has_no_cure_ends_the_server_unanswered(void **state)
{
	struct fixture *f = *state;
	scoped_buf out = { .max = 4096 };
	sign_put(&out, 1, DATA_FATAL, 0);
	ask(f, &out);
	assert_int_equal(answer(f).kind, 0);
	pthread_join(f->thread, NULL);
	assert_int_equal(f->result, -1);
	/* The next one, so that tear_down() finds a server. */
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

int main(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers_come_when_they_are_ready, set_up, tear_down),
		cmocka_unit_test_setup_teardown(making_keys_leaves_a_worker_for_signatures, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_queue_is_bounded, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_body_fits_at_its_limit_and_not_past_it, set_up, tear_down),
		cmocka_unit_test_setup_teardown(large_answers_wait_for_a_slow_reader, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_lost_connection_takes_only_its_own_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_has_no_cure_ends_the_server_unanswered, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
