#include "signd/slot.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "signd/health.h"
#include "signd/keys.h"
#include "signd/public_key.h"
#include "wire/driver_ask.h"

#define SIGN_DEADLINE_MS 15000	  /* past a driver's own watchdog and one restart */
#define CREATE_DEADLINE_MS 120000 /* an RSA-4096 key takes a slow token a minute */
#define HELLO_DEADLINE_MS 10000
#define GRACE_MS 5000		 /* a driver that is started anew takes less, if its token is there */
#define STATUS_MS 5000		 /* how old what is told of a driver may be */
#define STATUS_DEADLINE_MS 30000 /* its loop answers at once, also while the token is busy */
#define FIRST_BACKOFF_MS 100
#define LAST_BACKOFF_MS 10000
#define READ_SIZE 65536
#define ENOUGH_QUEUED 4		   /* requests for each of a driver's workers */
#define MAX_OUT (64 * 1024 * 1024) /* all that may be in flight, at its largest */

struct slot {
	char name[65];
	char path[108];
	uint8_t ledger_id[LEDGER_ID_SIZE];
	struct loop *loop;
	struct inbox *back;
	struct watch watch;
	uint32_t events; /* that the loop watches for */
	bool connected, ready;
	int64_t lost_at;  /* boot milliseconds: when a driver that was ready went; 0: none did, or it said why */
	uint16_t refused; /* the number of the driver's last refusal of a HELLO */
	int64_t next_try, hello_deadline;
	int backoff;
	uint32_t algorithms;
	uint64_t next_tag;
	struct buf in, out;
	unsigned connections; /* HELLOs that were answered */
	bool resumed;
	struct health health;
	int64_t status_at; /* boot milliseconds: when STATUS was last asked for */
	bool status_due;   /* ... and not answered yet */
	unsigned workers;
	bool said_busy;
	size_t waiting_count;
	struct op *waiting, **last; /* sent, or to be sent as soon as it is ready; oldest first, as the answers come */
};

static void slot_lost(struct slot *s, const char *why);

struct slot *slot_new(const struct slot_options *o)
{
	struct slot *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	snprintf(s->name, sizeof(s->name), "%s", o->name);
	snprintf(s->path, sizeof(s->path), "%s", o->path);
	memcpy(s->ledger_id, o->ledger_id, LEDGER_ID_SIZE);
	s->loop = o->loop;
	s->back = o->back;
	s->watch.fd = -1;
	s->backoff = FIRST_BACKOFF_MS;
	s->next_tag = 1;
	s->last = &s->waiting;
	buf_init(&s->in, FRAME_HEAD + MAX_FRAME_BODY);
	buf_init(&s->out, MAX_OUT);
	return s;
}

void slot_free(struct slot *s)
{
	if (!s)
		return;
	fd_close(&s->watch.fd);
	buf_free(&s->in);
	buf_free(&s->out);
	free(s);
}

const char *slot_name(const struct slot *s)
{
	return s->name;
}

bool slot_ready(const struct slot *s)
{
	return s->ready;
}

bool slot_busy(struct slot *s)
{
	/* One that has nothing to do is never busy, also if its driver claims to have no workers. */
	bool busy = s->waiting_count && s->waiting_count >= (size_t)ENOUGH_QUEUED * s->workers;
	s->said_busy = s->said_busy || busy;
	return busy;
}

unsigned slot_workers(const struct slot *s)
{
	return s->workers;
}

bool slot_expected(const struct slot *s)
{
	return s->ready || (s->lost_at && time_boot_ms() - s->lost_at < GRACE_MS);
}

unsigned slot_connection(const struct slot *s)
{
	return s->connections;
}

bool slot_resumed(const struct slot *s)
{
	return s->resumed;
}

bool slot_can(const struct slot *s, uint8_t algorithm)
{
	return s->algorithms >> algorithm & 1;
}

static uint8_t slot_state(const struct slot *s)
{
	return s->ready ? DRIVER_READY : s->refused == DRIVER_REFUSE_PIN_LATCHED ? DRIVER_LATCHED : DRIVER_AWAY;
}

uint8_t slot_report(struct slot *s, struct driver_report *report)
{
	*report = (struct driver_report){ .name = slice_text(s->name), .algorithms = s->algorithms };
	health_report(&s->health, report);
	report->waiting = (uint32_t)s->waiting_count;
	if (s->refused)
		report->detail = slice_text(driver_refusal_sentence(s->refused));
	else if (!s->ready)
		report->detail = slice_text("No driver answers at its socket.");
	return slot_state(s);
}

const char *slot_serial(const struct slot *s)
{
	return s->health.serial;
}

static void slot_flush(struct slot *s)
{
	while (s->out.len) {
		ssize_t n = send(s->watch.fd, s->out.at, s->out.len, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		buf_drop(&s->out, (size_t)n);
	}
	if (s->out.len && errno != EAGAIN)
		return; /* the loop will see the hang-up */
	uint32_t events = EPOLLIN | (s->out.len ? EPOLLOUT : 0);
	if (events != s->events)
		loop_change(s->loop, &s->watch, events);
	s->events = events;
}

/* The key's digest of the message crosses; for Ed25519 the message itself. */
static void put_sign(struct slot *s, const struct op *op)
{
	struct driver_sign_request r = {
		.key = { op->key->driver_key, op->key->driver_key_len },
		.algorithm = op->key->algorithm,
		.data = op->digest_len ? (struct slice){ op->digest, op->digest_len } : buf_slice(&op->message),
	};
	ask_driver_sign_put(&s->out, op->driver_tag, &r);
}

static void put_public(struct slot *s, const struct op *op)
{
	struct driver_public_request r = { buf_slice(&op->message) };
	ask_driver_public_put(&s->out, op->driver_tag, &r);
}

static void op_wait(struct slot *s, struct op *op, uint16_t asks, int64_t deadline_ms)
{
	op->asks = asks;
	op->driver_tag = s->next_tag++;
	op->deadline = time_boot_ms() + deadline_ms;
	op->next = NULL;
	*s->last = op;
	s->last = &op->next;
	s->waiting_count++;
}

/* Takes the op at this place off the list. */
static struct op *op_unlink(struct slot *s, struct op **at)
{
	struct op *op = *at;
	*at = op->next;
	if (!*at)
		s->last = at;
	s->waiting_count--;
	return op;
}

static void op_back(struct slot *s, struct op *op, enum op_trouble trouble)
{
	struct op_chain alone = { NULL, NULL };
	op->trouble = trouble;
	chain_put(&alone, op);
	inbox_post(s->back, &alone);
}

/* Sent when the driver is there. */
static void op_ask(struct slot *s, struct op *op)
{
	if (!s->ready)
		return;
	if (op->asks == DRIVER_SIGN)
		put_sign(s, op);
	else if (op->asks == DRIVER_LIST)
		ask_driver_list_put(&s->out, op->driver_tag, &(struct driver_list_request){});
	else
		put_public(s, op); /* slot_tick() sends what a whole round has asked for */
}

void slot_sign(struct slot *s, struct op *op)
{
	if (!op->digested)
		op->digest_len = public_key_digest(op->key->algorithm, buf_slice(&op->message), op->digest);
	op_wait(s, op, DRIVER_SIGN, SIGN_DEADLINE_MS);
	op_ask(s, op);
}

void slot_public(struct slot *s, struct op *op)
{
	op_wait(s, op, DRIVER_PUBLIC, SIGN_DEADLINE_MS);
	op_ask(s, op);
}

void slot_list(struct slot *s, struct op *op)
{
	op_wait(s, op, DRIVER_LIST, SIGN_DEADLINE_MS);
	op_ask(s, op);
}

void slot_create(struct slot *s, struct op *op, uint8_t algorithm)
{
	char label[2 * KEY_ID_SIZE + 1];
	hex_encode(op->message.at, op->message.len, label);
	struct driver_create_request r = { buf_slice(&op->message), algorithm, slice_text(label) };
	if (!s->ready) {
		op_back(s, op, OP_TOKEN_AWAY);
		return;
	}
	op_wait(s, op, DRIVER_CREATE, CREATE_DEADLINE_MS);
	ask_driver_create_put(&s->out, op->driver_tag, &r);
	slot_flush(s);
}

static struct op *op_by_tag(struct slot *s, uint64_t tag)
{
	for (struct op **at = &s->waiting; *at; at = &(*at)->next)
		if ((*at)->driver_tag == tag)
			return op_unlink(s, at);
	return NULL;
}

/* Everything that was asked of the lost connection is asked for again; creations are not. */
static void repeat_questions(struct slot *s)
{
	for (struct op *op = s->waiting; op; op = op->next)
		op_ask(s, op);
}

static void drop_creations(struct slot *s)
{
	for (struct op **at = &s->waiting; *at;) {
		if ((*at)->asks == DRIVER_CREATE)
			op_back(s, op_unlink(s, at), OP_TOKEN_AWAY);
		else
			at = &(*at)->next;
	}
}

static int take_hello(struct slot *s, const struct frame *f)
{
	struct driver_hello_reply hello;
	struct refusal_message refusal;
	const char *where;
	if (f->kind == FRAME_REFUSAL && refusal_get(f->body, &refusal) == PACK_OK) {
		if (s->refused != refusal.code)
			log_warning("driver_refused", "name=%s code=%u why=\"%s\"", s->name, refusal.code,
				    driver_refusal_sentence(refusal.code));
		s->refused = refusal.code;
		s->lost_at = 0;
		return -1;
	}
	if (f->kind != FRAME_REPLY || f->verb != DRIVER_HELLO ||
	    ask_driver_hello_get(f->body, &hello, &where) != PACK_OK || hello.version != DRIVER_VERSION)
		return -1;
	s->algorithms = hello.algorithms;
	s->workers = hello.workers;
	s->ready = true;
	s->connections++;
	s->lost_at = 0;
	s->resumed = hello.resumed != 0;
	s->status_at = 0;
	s->status_due = false;
	health_hello(&s->health, &hello);
	s->refused = 0;
	s->backoff = FIRST_BACKOFF_MS;
	log_info("driver_ready", "name=%s workers=%u", s->name, hello.workers);
	repeat_questions(s);
	return 0;
}

static int take_status(struct slot *s, const struct frame *f)
{
	struct driver_status_reply status;
	const char *where;
	if (f->kind != FRAME_REPLY || ask_driver_status_get(f->body, &status, &where) != PACK_OK)
		return -1;
	health_status(&s->health, &status);
	s->status_due = false;
	return 0;
}

static bool list_has(struct list keys, struct slice key)
{
	uint8_t tag;
	struct slice one;
	while (list_next(&keys, &tag, &one))
		if (slice_equal(one, key))
			return true;
	return false;
}

static void take_public(struct op *op, const struct driver_public_reply *public)
{
	op->attributes = public->attributes;
	buf_put_slice(&op->raw, public->public_key);
}

static void take_key(struct op *op, const struct driver_create_reply *create)
{
	buf_clear(&op->dropped);
	buf_put_slice(&op->dropped, create->dropped);
	buf_put_slice(&op->raw, create->public_key);
}

/* Reads the answer of one verb into op->raw; negative: it does not fit the table. */
static int read_answer(const struct frame *f, struct op *op)
{
	struct driver_sign_reply sign;
	struct driver_create_reply create;
	struct driver_public_reply public;
	struct driver_list_reply list;
	struct refusal_message refusal;
	const char *where;
	buf_clear(&op->raw);
	if (f->kind == FRAME_REFUSAL) {
		if (refusal_get(f->body, &refusal) != PACK_OK)
			return -1;
		op->driver_code = refusal.code;
		return 0;
	}
	if (f->verb == DRIVER_SIGN && ask_driver_sign_get(f->body, &sign, &where) == PACK_OK)
		buf_put_slice(&op->raw, sign.signature);
	else if (f->verb == DRIVER_CREATE && ask_driver_create_get(f->body, &create, &where) == PACK_OK)
		take_key(op, &create);
	else if (f->verb == DRIVER_PUBLIC && ask_driver_public_get(f->body, &public, &where) == PACK_OK)
		take_public(op, &public);
	else if (f->verb == DRIVER_LIST && ask_driver_list_get(f->body, &list, &where) == PACK_OK)
		buf_put(&op->raw, "+", list_has(list.keys, buf_slice(&op->message)));
	else
		return -1;
	return buf_ok(&op->raw) && buf_ok(&op->dropped) ? 0 : -1;
}

static int take_answer(struct slot *s, const struct frame *f)
{
	if (!s->ready)
		return take_hello(s, f);
	if (f->verb == DRIVER_STATUS)
		return take_status(s, f);
	struct op *op = op_by_tag(s, f->tag);
	if (!op)
		return 0; /* its deadline has passed */
	op->driver_code = 0;
	if (f->verb != op->asks || read_answer(f, op) != 0) {
		op_back(s, op, OP_SIGNATURE_WRONG);
		return -1;
	}
	op_back(s, op, op->driver_code ? OP_TOKEN_REFUSED : OP_FINE);
	return 0;
}

static int take_frames(struct slot *s)
{
	struct frame f;
	size_t used = 0;
	for (;;) {
		enum frame_state state = frame_peek((struct slice){ s->in.at + used, s->in.len - used }, &f);
		if (state == FRAME_PARTIAL)
			break;
		if (state != FRAME_WHOLE || take_answer(s, &f) != 0)
			return -1;
		used += frame_size(&f);
	}
	buf_drop(&s->in, used);
	return 0;
}

static void slot_event(void *of, uint32_t events)
{
	struct slot *s = of;
	if (events & EPOLLOUT)
		slot_flush(s);
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	size_t size = READ_SIZE < s->in.max - s->in.len ? READ_SIZE : s->in.max - s->in.len;
	uint8_t *room = buf_room(&s->in, size);
	ssize_t n = room ? recv(s->watch.fd, room, size, 0) : -1;
	if (n < 0 && room && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		s->in.len += (size_t)n;
	if (n <= 0)
		slot_lost(s, "connection closed");
	else if (take_frames(s) != 0)
		slot_lost(s, "answer refused");
}

static void slot_lost(struct slot *s, const char *why)
{
	if (s->ready)
		s->lost_at = time_boot_ms();
	if (s->ready || !s->refused)
		log_warning("driver_lost", "name=%s why=\"%s\"", s->name, why);
	loop_remove(s->loop, &s->watch);
	fd_close(&s->watch.fd);
	s->connected = s->ready = false;
	buf_clear(&s->in);
	buf_clear(&s->out);
	uint8_t jitter;
	random_bytes(&jitter, 1);
	s->next_try = time_boot_ms() + s->backoff / 2 + s->backoff * jitter / 512;
	s->backoff = s->backoff * 2 < LAST_BACKOFF_MS ? s->backoff * 2 : LAST_BACKOFF_MS;
	drop_creations(s);
}

static void slot_connect(struct slot *s)
{
	struct driver_hello_request hello = { .version = DRIVER_VERSION };
	memcpy(hello.ledger_id, s->ledger_id, LEDGER_ID_SIZE);
	s->watch = (struct watch){ fd_connect(s->path), slot_event, s };
	if (s->watch.fd < 0 || fd_nonblock(s->watch.fd) != 0 || loop_add(s->loop, &s->watch, EPOLLIN) != 0) {
		int64_t now = time_boot_ms();
		fd_close(&s->watch.fd);
		s->next_try = now + s->backoff;
		s->backoff = s->backoff * 2 < LAST_BACKOFF_MS ? s->backoff * 2 : LAST_BACKOFF_MS;
		return;
	}
	s->connected = true;
	s->events = EPOLLIN;
	s->hello_deadline = time_boot_ms() + HELLO_DEADLINE_MS;
	ask_driver_hello_put(&s->out, 0, &hello);
	slot_flush(s);
}

static void give_up_late(struct slot *s, int64_t now)
{
	for (struct op **at = &s->waiting; *at;) {
		if ((*at)->deadline <= now)
			op_back(s, op_unlink(s, at), OP_TOKEN_AWAY);
		else
			at = &(*at)->next;
	}
}

/* Asks how things stand, every few seconds; a driver that doesn't say so doesn't live. */
static void ask_status(struct slot *s, int64_t now)
{
	if (s->status_due && now > s->status_at + STATUS_DEADLINE_MS) {
		slot_lost(s, "no answer to STATUS");
	} else if (!s->status_due && now >= s->status_at + STATUS_MS) {
		ask_driver_status_put(&s->out, 0, &(struct driver_status_request){});
		s->status_at = now;
		s->status_due = true;
	}
}

bool slot_tick(struct slot *s)
{
	int64_t now = time_boot_ms();
	give_up_late(s, now);
	if (s->connected && !s->ready && now > s->hello_deadline)
		slot_lost(s, "no answer to HELLO");
	if (!s->connected && now >= s->next_try)
		slot_connect(s);
	if (s->ready)
		ask_status(s, now);
	health_state(&s->health, slot_state(s));
	if (s->connected && s->out.len && !(s->events & EPOLLOUT))
		slot_flush(s);
	bool other = s->said_busy && !slot_busy(s);
	s->said_busy = s->said_busy && !other;
	return other;
}
