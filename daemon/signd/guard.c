#include "signd/guard.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/ready.h"
#include "signd/signer.h"
#include "wire/inner_answer.h"
#include "wire/passing.h"

#define READ_SIZE 65536		    /* a vector of requests per wake */
#define MAX_OUT (8 * 1024 * 1024)   /* answers a peer has not read; past it he is cut off */
#define PAUSE_OUT (2 * 1024 * 1024) /* ... and past this nothing more is read from him */

struct peer_conn {
	struct guard *guard;
	struct watch watch;
	uint64_t number;
	unsigned who;
	bool greeted, closing;
	bool answered;	 /* since the last flush */
	uint32_t events; /* that the loop watches for */
	uid_t uid;
	struct buf in, out;
	struct passing came, goes; /* descriptors, with frames of in and out */
	int passed;		   /* that of the frame in hand */
};

struct guard {
	struct signer *signer;
	struct watch listener;
	uint64_t next_number;
	struct peer_conn *peers[MAX_PEERS];
};

static void peer_event(void *of, uint32_t events);

static struct peer_conn *peer_find(struct guard *g, uint64_t number)
{
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (g->peers[i] && g->peers[i]->number == number)
			return g->peers[i];
	return NULL;
}

static void peer_close(struct peer_conn *p, const char *why)
{
	log_info("peer_closed", "uid=%u why=\"%s\"", (unsigned)p->uid, why);
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (p->guard->peers[i] == p)
			p->guard->peers[i] = NULL;
	loop_remove(p->guard->signer->loop, &p->watch);
	fd_close(&p->watch.fd);
	passing_close(&p->came);
	passing_close(&p->goes);
	fd_close(&p->passed);
	buf_free(&p->in);
	buf_free(&p->out);
	free(p);
}

static unsigned peer_who(const struct config *c, int fd, struct peer *peer)
{
	if (peer_of(fd, peer) != 0)
		return 0;
	return (peer_matches(&c->front, peer) ? FROM_FRONT : 0) | (peer_matches(&c->audit, peer) ? FROM_AUDIT : 0);
}

static int peer_open(struct guard *g, int fd, unsigned who, uid_t uid)
{
	size_t i = 0;
	while (i < MAX_PEERS && g->peers[i])
		i++;
	struct peer_conn *p = i < MAX_PEERS ? calloc(1, sizeof(*p)) : NULL;
	if (!p)
		return -1;
	*p = (struct peer_conn){ .guard = g,
				 .watch = { fd, peer_event, p },
				 .number = g->next_number++,
				 .who = who,
				 .uid = uid,
				 .passed = -1,
				 .events = EPOLLIN };
	buf_init(&p->in, FRAME_HEAD + MAX_FRAME_BODY);
	buf_init(&p->out, MAX_OUT);
	g->peers[i] = p;
	if (loop_add(g->signer->loop, &p->watch, EPOLLIN) == 0)
		return 0;
	p->watch.fd = -1;
	peer_close(p, "not watched");
	return -1;
}

static void guard_accept(void *of, uint32_t events)
{
	struct guard *g = of;
	(void)events;
	scoped_fd int fd = accept4(g->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	struct peer peer = { .uid = OVERFLOW_UID };
	unsigned who = peer_who(&g->signer->config, fd, &peer);
	if (who == 0) {
		tally_refusal(g->signer, peer.uid, 0, REFUSE_NOT_PERMITTED);
		log_warning("peer_refused", "uid=%u pid=%d why=\"not in signd.conf\"", (unsigned)peer.uid,
			    (int)peer.pid);
		return;
	}
	if (peer_open(g, fd, who, peer.uid) == 0)
		fd_take(&fd);
	else
		log_warning("peer_refused", "uid=%u why=\"too many connections\"", (unsigned)peer.uid);
}

/* The first four steps of the order. 0 to go on; a refusal's number; -1 to close. */
static int frame_judge(const struct peer_conn *p, const struct frame *f)
{
	const struct verb *verb = inner_verb(f->verb);
	if (f->kind != FRAME_REQUEST)
		return -1;
	if (!verb)
		return REFUSE_UNKNOWN_VERB;
	if (!(verb->who & p->who))
		return REFUSE_NOT_PERMITTED;
	if (!p->greeted && f->verb != INNER_HELLO)
		return REFUSE_HELLO_FIRST;
	return f->length > verb->most ? -1 : 0;
}

/* What does not fit its table closes the connection. */
static int frame_malformed(struct peer_conn *p, const struct frame *f)
{
	tally_refusal(p->guard->signer, p->uid, inner_verb(f->verb) ? f->verb : 0, REFUSE_MALFORMED);
	return -1;
}

static int frame_take(struct peer_conn *p, const struct frame *f)
{
	struct guard *g = p->guard;
	int verdict = frame_judge(p, f);
	fd_close(&p->passed);
	if (f->verb == INNER_CRL_SIGN) /* the only one that brings one along */
		p->passed = passing_take(&p->came);
	if (verdict < 0)
		return frame_malformed(p, f);
	if (verdict > 0) {
		guard_refuse(g, p->number, f->verb, f->tag, (uint16_t)verdict, NULL, 0);
		return 0;
	}
	if (answer_request(g->signer, p->number, f) != 0)
		return frame_malformed(p, f);
	p->greeted = true; /* its own HELLO, if that was refused, closes below */
	return p->closing ? -1 : 0;
}

/* Takes every whole frame; a head that may not be is refused before its body is there. */
static int frames_take(struct peer_conn *p)
{
	struct frame f;
	size_t used = 0;
	enum frame_state state;
	while ((state = frame_peek((struct slice){ p->in.at + used, p->in.len - used }, &f)) == FRAME_WHOLE) {
		if (frame_take(p, &f) != 0)
			return -1;
		used += frame_size(&f);
	}
	const struct verb *verb = inner_verb(f.verb);
	if (state != FRAME_PARTIAL || (f.version && (!verb || f.length > verb->most)))
		return frame_malformed(p, &f);
	buf_drop(&p->in, used);
	fd_close(&p->passed);
	/* One that came with no frame of its own would be the next one's. */
	return p->in.len == 0 && p->came.count ? frame_malformed(p, &f) : 0;
}

/* 0; -1: the connection is broken. */
static int peer_flush(struct peer_conn *p)
{
	while (p->out.len) {
		ssize_t n = passing_send(p->watch.fd, &p->out, MSG_NOSIGNAL, &p->goes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -1;
	}
	p->answered = false;
	uint32_t events = (p->out.len < PAUSE_OUT ? EPOLLIN : 0) | (p->out.len ? EPOLLOUT : 0);
	if (events != p->events)
		loop_change(p->guard->signer->loop, &p->watch, events);
	p->events = events;
	return buf_ok(&p->out) ? 0 : -1;
}

static ssize_t peer_read(struct peer_conn *p)
{
	size_t room = p->in.max - p->in.len < READ_SIZE ? p->in.max - p->in.len : READ_SIZE;
	uint8_t *at = buf_room(&p->in, room);
	/* From who may not send one none is taken: the kernel closes it. */
	ssize_t n = !at			  ? -1
		    : p->who & FROM_FRONT ? passing_recv(p->watch.fd, at, room, 0, &p->came)
					  : recv(p->watch.fd, at, room, 0);
	if (n > 0)
		p->in.len += (size_t)n;
	return n;
}

static void peer_event(void *of, uint32_t events)
{
	struct peer_conn *p = of;
	if (events & EPOLLOUT && peer_flush(p) != 0) {
		peer_close(p, "not reading");
		return;
	}
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return;
	ssize_t n = peer_read(p);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		peer_close(p, "gone");
		return;
	}
	int taken = frames_take(p);
	int flushed = peer_flush(p);
	if (taken != 0 || flushed != 0)
		peer_close(p, taken != 0 ? "refused or malformed" : "not reading");
}

/* The loop finds them at their end then, and closes them in its own time. */
void guard_hang_up(struct guard *g)
{
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (g->peers[i])
			shutdown(g->peers[i]->watch.fd, SHUT_RDWR);
}

bool guard_is_front(struct guard *g, uint64_t peer)
{
	const struct peer_conn *p = peer_find(g, peer);
	return p && (p->who & FROM_FRONT);
}

struct buf *guard_out(struct guard *g, uint64_t peer)
{
	struct peer_conn *p = peer_find(g, peer);
	return p ? &p->out : NULL;
}

void guard_send(struct guard *g, uint64_t peer)
{
	struct peer_conn *p = peer_find(g, peer);
	if (p)
		p->answered = true;
}

int guard_passed(struct guard *g, uint64_t peer)
{
	struct peer_conn *p = peer_find(g, peer);
	return p ? fd_take(&p->passed) : -1;
}

bool guard_pass(struct guard *g, uint64_t peer, int fd)
{
	struct peer_conn *p = peer_find(g, peer);
	if (p)
		return passing_put(&p->goes, fd, p->out.len);
	fd_close(&fd);
	return false;
}

void guard_flush(struct guard *g)
{
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (g->peers[i] && g->peers[i]->answered && peer_flush(g->peers[i]) != 0)
			peer_close(g->peers[i], "not reading");
}

void guard_refuse(struct guard *g, uint64_t peer, uint16_t verb, uint64_t tag, uint16_t code, const char *field,
		  uint32_t retry_after)
{
	struct peer_conn *p = peer_find(g, peer);
	if (!p)
		return;
	if (tally_refusal(g->signer, p->uid, verb, code))
		log_warning("request_refused", "uid=%u verb=%u code=%u reason=%s field=%s", (unsigned)p->uid, verb,
			    code, inner_refusal_name(code), field ? field : "-");
	struct refusal_message r = { code, retry_after, slice_text(field), slice_text(inner_refusal_sentence(code)) };
	refusal_put(&p->out, verb, tag, &r);
	p->closing = p->closing || verb == INNER_HELLO;
	guard_send(g, peer);
}

int guard_start(struct signer *s, struct guard **out)
{
	struct guard *g = calloc(1, sizeof(*g));
	if (!g)
		return -1;
	int fd = ready_socket("sign");
	if (fd < 0)
		fd = fd_listen(s->config.socket, s->config.socket_mode);
	*g = (struct guard){ .signer = s, .listener = { fd, guard_accept, g }, .next_number = 1 };
	*out = g;
	return fd < 0 || fd_nonblock(fd) != 0 ? -1 : loop_add(s->loop, &g->listener, EPOLLIN);
}

void guard_stop(struct guard *g)
{
	if (!g)
		return;
	for (size_t i = 0; i < MAX_PEERS; i++)
		if (g->peers[i])
			peer_close(g->peers[i], "shutting down");
	loop_remove(g->signer->loop, &g->listener);
	fd_close(&g->listener.fd);
	free(g);
}
