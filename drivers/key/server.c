#include "key/server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/batch.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/ready.h"
#include "key/jobs.h"
#include "key/verbs.h"

#define MAX_CONNECTIONS 16   /* the signer has one, and another while it reconnects */
#define MAX_LOOP_ANSWER 4096 /* what the loop answers by itself: HELLO, STATUS, refusals */

enum { POLL_LISTEN, POLL_SIGNAL, POLL_WAKE, POLL_FIRST };

struct server {
	const struct server_settings *settings;
	bool own_socket; /* made here, so removed here */
	int listen, signals, wake;
	struct jobs *jobs;
	const struct key_operations *do_;
	void *token;
	struct key_room room; /* for what the loop answers by itself */
	size_t count;
	struct connection *connections[MAX_CONNECTIONS];
};

static int signals_open(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

struct server *server_open(const struct server_settings *settings)
{
	struct server *s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	batch_enter();
	s->settings = settings;
	s->signals = signals_open();
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->listen = ready_socket("driver");
	if (s->listen < 0) {
		s->listen = fd_listen(settings->socket, settings->socket_mode);
		s->own_socket = s->listen >= 0;
	}
	if (s->listen >= 0 && s->signals >= 0 && s->wake >= 0 && fd_nonblock(s->listen) == 0)
		return s;
	if (s->listen >= 0)
		log_error("server_failed", "why=\"%s\"", log_errno());
	server_close(s);
	return NULL;
}

void server_close(struct server *s)
{
	if (!s)
		return;
	if (s->own_socket)
		unlink(s->settings->socket);
	fd_close(&s->listen);
	fd_close(&s->signals);
	fd_close(&s->wake);
	free(s);
}

/* Whether the peer may talk to this driver at all; a refusal is logged. */
static bool peer_admitted(const struct server *s, int fd, struct peer *peer)
{
	int known = peer_of(fd, peer);
	if (known == 0 && peer_matches(&s->settings->peers, peer))
		return true;
	if (known < 0)
		log_warning("peer_unknown", "why=\"%s\"", log_errno());
	else
		log_warning("peer_refused", "uid=%u gid=%u pid=%d", (unsigned)peer->uid, (unsigned)peer->gid,
			    (int)peer->pid);
	return false;
}

static void connection_accept(struct server *s)
{
	struct peer peer;
	scoped_fd int fd = accept4(s->listen, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0 || !peer_admitted(s, fd, &peer))
		return;
	if (s->count == MAX_CONNECTIONS) {
		log_warning("connections_full", "most=%d uid=%u", MAX_CONNECTIONS, (unsigned)peer.uid);
		return;
	}
	struct connection *c = connection_new(fd, &peer);
	if (!c)
		return;
	fd_take(&fd);
	s->connections[s->count++] = c;
}

static void answer_refusal(struct connection *c, const struct frame *f, enum driver_refusal code, const char *field)
{
	scoped_buf out = { .max = MAX_LOOP_ANSWER };
	verb_refuse(&out, f->verb, f->tag, code, field);
	connection_answer(c, buf_slice(&out));
}

/* A peer that breaks the protocol gets its refusal and loses its connection. */
static int close_with(struct connection *c, const struct frame *f, enum driver_refusal code, const char *field)
{
	log_warning("protocol_error", "uid=%u verb=%u code=%d field=%s", (unsigned)connection_uid(c), f->verb,
		    (int)code, field);
	answer_refusal(c, f, code, field);
	return -1;
}

static int hello_check(const struct server *s, struct connection *c, const struct frame *f,
		       const struct driver_hello_request *r)
{
	if (r->version != DRIVER_VERSION)
		return close_with(c, f, DRIVER_REFUSE_VERSION, "version");
	if (memcmp(r->ledger_id, s->settings->ledger_id, sizeof(r->ledger_id)) != 0)
		return close_with(c, f, DRIVER_REFUSE_WRONG_LEDGER, "ledger_id");
	connection_greet(c);
	return 0;
}

/* HELLO and STATUS are answered here, at once, also while every worker waits for the token. */
static int act_here(struct server *s, struct connection *c, const struct frame *f)
{
	union driver_request r;
	const char *where;
	if (!verb_decode(f->verb, f->body, &r, &where))
		return close_with(c, f, DRIVER_REFUSE_MALFORMED, where);
	if (f->verb == DRIVER_HELLO && hello_check(s, c, f, &r.driver_hello) != 0)
		return -1;
	scoped_buf out = { .max = MAX_LOOP_ANSWER };
	verb_act(s->do_, s->token, 0, f->verb, f->tag, &r, &s->room, &out);
	connection_answer(c, buf_slice(&out));
	return 0;
}

static int act_later(struct server *s, struct connection *c, const struct frame *f)
{
	const char *where = "";
	int refusal = jobs_add(s->jobs, c, f, &where);
	if (refusal == DRIVER_REFUSE_MALFORMED)
		return close_with(c, f, DRIVER_REFUSE_MALFORMED, where);
	if (refusal > 0)
		answer_refusal(c, f, (enum driver_refusal)refusal, NULL);
	return 0;
}

/* What can be said of a frame from its head alone: verb known, permitted now, body within its limit. */
static int head_check(struct connection *c, const struct frame *f)
{
	const struct verb *verb = driver_verb(f->verb);
	if (f->kind != FRAME_REQUEST)
		return close_with(c, f, DRIVER_REFUSE_MALFORMED, "kind");
	if (!verb)
		return close_with(c, f, DRIVER_REFUSE_UNKNOWN_VERB, "verb");
	if (!(verb->who & FROM_SIGNER))
		return close_with(c, f, DRIVER_REFUSE_NOT_PERMITTED, "verb");
	if (!connection_greeted(c) && f->verb != DRIVER_HELLO)
		return close_with(c, f, DRIVER_REFUSE_HELLO_FIRST, "verb");
	if (f->length > verb->most)
		return close_with(c, f, DRIVER_REFUSE_MALFORMED, "length");
	return 0;
}

/*
 * Takes one frame off the connection, always in this order: length, version,
 * verb known, permitted, body within its limit, decoded with nothing left
 * over, acted on. Positive: there is no whole frame. -1: close.
 */
static int frame_take(struct server *s, struct connection *c)
{
	struct frame f;
	enum frame_state state = connection_peek(c, &f);
	if (state == FRAME_TOO_LONG)
		return close_with(c, &f, DRIVER_REFUSE_MALFORMED, "length");
	if (state == FRAME_BAD_VERSION)
		return close_with(c, &f, DRIVER_REFUSE_VERSION, "version");
	if (f.version == 0)
		return 1; /* not even the head is there */
	if (head_check(c, &f) != 0)
		return -1;
	if (state == FRAME_PARTIAL)
		return 1;
	int result = verb_is_work(f.verb) ? act_later(s, c, &f) : act_here(s, c, &f);
	connection_skip(c, &f);
	return result;
}

/* 0, or -1 if the connection is to be closed. */
static int connection_serve(struct server *s, struct connection *c, short events)
{
	if (events & POLLOUT)
		connection_flush(c);
	if (events & POLLIN) {
		if (connection_read(c) != 0)
			return -1;
		int taken;
		while ((taken = frame_take(s, c)) == 0)
			;
		if (taken < 0)
			return -1;
	} else if (events & (POLLHUP | POLLERR)) {
		return -1;
	}
	return connection_broken(c) ? -1 : 0;
}

static void connection_end(struct server *s, size_t i)
{
	struct connection *c = s->connections[i];
	s->connections[i] = s->connections[--s->count];
	connection_close(c);
	connection_drop(c);
}

static size_t poll_prepare(struct server *s, struct pollfd *fds)
{
	fds[POLL_LISTEN] = (struct pollfd){ .fd = s->listen, .events = POLLIN };
	fds[POLL_SIGNAL] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
	fds[POLL_WAKE] = (struct pollfd){ .fd = s->wake, .events = POLLIN };
	for (size_t i = 0; i < s->count; i++)
		fds[POLL_FIRST + i] = (struct pollfd){ .fd = connection_fd(s->connections[i]),
						       .events = connection_events(s->connections[i]) };
	return POLL_FIRST + s->count;
}

/* One turn of the loop. 0; positive: told to stop; -1: broken, logged. */
static int server_turn(struct server *s)
{
	struct pollfd fds[POLL_FIRST + MAX_CONNECTIONS];
	size_t n = poll_prepare(s, fds);
	int alive = ready_alive(), look = jobs_look(s->jobs);
	if (poll(fds, n, look < 0 || (alive >= 0 && alive < look) ? alive : look) < 0) {
		if (errno == EINTR)
			return 0;
		log_error("poll_failed", "why=\"%s\"", log_errno());
		return -1;
	}
	uint64_t woken;
	if (fds[POLL_WAKE].revents && read(s->wake, &woken, sizeof(woken)) == sizeof(woken) && jobs_broken(s->jobs))
		return -1;
	/* Backwards, because an ended connection's place is taken by the last one. */
	for (size_t i = n; i-- > POLL_FIRST;)
		if (connection_serve(s, s->connections[i - POLL_FIRST], fds[i].revents) != 0)
			connection_end(s, i - POLL_FIRST);
	if (fds[POLL_LISTEN].revents)
		connection_accept(s);
	struct signalfd_siginfo told;
	return fds[POLL_SIGNAL].revents && read(s->signals, &told, sizeof(told)) == sizeof(told);
}

int server_run(struct server *s, const struct key_operations *do_, void *token, unsigned workers)
{
	struct jobs_settings jobs = { workers, s->settings->sign_seconds, s->settings->create_seconds, s->wake };
	s->do_ = do_;
	s->token = token;
	s->jobs = jobs_start(&jobs, do_, token);
	if (!s->jobs)
		return -1;
	ready_notify("READY=1");
	int result;
	while ((result = server_turn(s)) == 0)
		;
	ready_notify("STOPPING=1");
	jobs_stop(s->jobs);
	while (s->count)
		connection_end(s, 0);
	return result < 0 ? -1 : 0;
}
