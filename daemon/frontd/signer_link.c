/* The thread that keeps the link to the signer: connects, greets, catches up, moves bytes. */
#include "frontd/signer_link.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "frontd/catchup.h"
#include "frontd/front.h"

#define FIRST_PAUSE_MS	 50
#define LONGEST_PAUSE_MS 5000
#define READ_STEP	 65536
#define SETTLE_MS	 1000  /* a signer takes that long at most from a request in its socket to its record; and between looks for what an earlier link left under way */
#define REFRESH_MS	 30000 /* how long something stays uncertain without a refresh, and how old a checkpoint gets */

static void link_why(struct signer *s, const char *sentence)
{
	pthread_mutex_lock(&s->mutex);
	snprintf(s->why, sizeof(s->why), "%s", sentence);
	pthread_mutex_unlock(&s->mutex);
}

bool link_send(struct signer *s, struct slice frame)
{
	if (s->out.len + frame.len > s->out.max)
		return false;
	size_t sent = 0;
	if (s->out.len == 0) {
		ssize_t n = send(s->fd, frame.at, frame.len, MSG_DONTWAIT | MSG_NOSIGNAL);
		sent = n > 0 ? (size_t)n : 0; /* a broken socket is the thread's to find */
	}
	if (sent == frame.len)
		return true;
	buf_put(&s->out, frame.at + sent, frame.len - sent);
	uint64_t one = 1;
	return write(s->wake, &one, sizeof(one)) == sizeof(one) && buf_ok(&s->out);
}

static int link_flush(struct signer *s)
{
	pthread_mutex_lock(&s->mutex);
	ssize_t n = 0;
	if (s->out.len)
		n = send(s->fd, s->out.at, s->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0)
		buf_drop(&s->out, (size_t)n);
	pthread_mutex_unlock(&s->mutex);
	return n < 0 && errno != EAGAIN && errno != EINTR ? -1 : 0;
}

/* Hands a frame to whoever waits for it. -1: nobody ever asked. */
static int link_deliver(struct signer *s, const struct frame *f)
{
	pthread_mutex_lock(&s->mutex);
	struct waiter **at = &s->waiters;
	while (*at && (*at)->tag != f->tag)
		at = &(*at)->next;
	struct waiter *w = *at;
	bool known = w ? w->verb == f->verb : s->abandoned > 0;
	if (w && known) {
		*at = w->next;
		struct signer_answer *a = w->answer;
		buf_put_slice(&a->bytes, f->body);
		a->body = buf_slice(&a->bytes);
		bool whole = buf_ok(&a->bytes);
		if (whole && f->kind == FRAME_REPLY)
			w->result = SIGNER_DONE;
		else if (whole && f->kind == FRAME_REFUSAL && refusal_get(a->body, &a->refusal) == PACK_OK)
			w->result = SIGNER_REFUSED;
		else
			known = false;
		w->done = true;
		pthread_cond_signal(&w->finished);
	} else if (known) {
		s->abandoned--;
		s->refresh_wanted = true;
	}
	pthread_mutex_unlock(&s->mutex);
	return known ? 0 : -1;
}

static int link_read(struct signer *s)
{
	uint8_t step[READ_STEP];
	size_t room = s->in.max - s->in.len;
	ssize_t n = recv(s->fd, step, room < sizeof(step) ? room : sizeof(step), MSG_DONTWAIT);
	if (n == 0)
		return -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	buf_put(&s->in, step, (size_t)n);
	size_t taken = 0;
	for (;;) {
		struct frame f;
		struct slice rest = { s->in.at + taken, s->in.len - taken };
		enum frame_state state = frame_peek(rest, &f);
		if (state == FRAME_PARTIAL)
			break;
		if (state != FRAME_WHOLE || link_deliver(s, &f)) {
			log_error("signer_link", "why=\"the signer sent what nobody asked for or can read\"");
			return -1;
		}
		taken += frame_size(&f);
	}
	buf_drop(&s->in, taken);
	return buf_ok(&s->in) ? 0 : -1;
}

int link_pump(struct signer *s, int milliseconds)
{
	pthread_mutex_lock(&s->mutex);
	struct pollfd polled[2] = { { s->fd, (short)(s->out.len ? POLLIN | POLLOUT : POLLIN), 0 },
				    { s->wake, POLLIN, 0 } };
	bool stopping = s->stopping;
	pthread_mutex_unlock(&s->mutex);
	if (stopping)
		return -1;
	if (poll(polled, 2, milliseconds) < 0)
		return errno == EINTR ? 0 : -1;
	uint64_t count;
	if (polled[1].revents && read(s->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
		return -1;
	if (link_flush(s))
		return -1;
	return polled[0].revents ? link_read(s) : 0;
}

/* Everybody who waits is told that his answer won't come. */
static void link_lose(struct signer *s)
{
	pthread_mutex_lock(&s->mutex);
	s->state = LINK_DOWN;
	fd_close(&s->fd);
	buf_clear(&s->out);
	s->abandoned = 0;
	for (struct waiter *w = s->waiters; w; w = w->next) {
		w->result = SIGNER_AWAY;
		w->done = true;
		pthread_cond_signal(&w->finished);
	}
	s->waiters = NULL;
	pthread_cond_broadcast(&s->refreshed);
	pthread_mutex_unlock(&s->mutex);
	buf_clear(&s->in);
}

/* Sleeps, or less if the link shall stop. */
static void link_pause(struct signer *s, int milliseconds)
{
	uint16_t jitter;
	random_bytes(&jitter, sizeof(jitter));
	milliseconds += milliseconds * (jitter % 256) / 512;
	struct pollfd polled = { s->wake, POLLIN, 0 };
	int64_t end = time_boot_ms() + milliseconds;
	for (int64_t left = milliseconds; left > 0; left = end - time_boot_ms()) {
		if (poll(&polled, 1, (int)left) <= 0)
			continue;
		uint64_t count;
		if (read(s->wake, &count, sizeof(count)) < 0 && errno != EAGAIN)
			return;
		pthread_mutex_lock(&s->mutex);
		bool stopping = s->stopping;
		pthread_mutex_unlock(&s->mutex);
		if (stopping)
			return;
	}
}

static int link_hello(struct signer *s, struct hello_reply *reply)
{
	struct hello_request request = { 0 };
	if (catchup_hello(s->options.front, &request)) {
		link_why(s, "The database can't be read.");
		return -1;
	}
	scoped_answer answer;
	enum signer_result r = signer_hello(s, &request, reply, &answer);
	if (r == SIGNER_DONE && reply->version == INNER_VERSION)
		return 0;
	if (r == SIGNER_REFUSED) {
		const char *sentence = inner_refusal_sentence(answer.refusal.code);
		log_error("signer_hello", "refused=%s why=\"%s\"", inner_refusal_name(answer.refusal.code), sentence);
		link_why(s, sentence);
	} else {
		link_why(s, r == SIGNER_DONE ? "The signer speaks another version of the protocol." :
					       "The signer does not answer.");
	}
	return -1;
}

/* After a catch-up: whether anything may still come that nobody here waits for; the mutex is held. */
static void link_settle(struct signer *s, const struct reached *reached)
{
	bool connecting = s->state == LINK_GREETING;
	int64_t now = time_boot_ms();
	if (connecting) {
		s->foreign_end = reached->end;
		s->foreign_until = now + SETTLE_MS;
	}
	s->settling = now < s->foreign_until || reached->oldest_open < s->foreign_end;
	if (s->settling || s->abandoned)
		s->uncertain = true;
}

/* One catch-up; afterwards nothing that was uncertain before it still is, unless it is still under way. */
static int link_catch_up(struct signer *s, const struct hello_reply *hello)
{
	pthread_mutex_lock(&s->mutex);
	s->uncertain = false;
	s->refresh_wanted = false;
	s->refreshing = true;
	pthread_mutex_unlock(&s->mutex);
	struct reached reached = { 0, 0 };
	char why[CATCHUP_WHY] = "The ledger can't be read.";
	int r = catchup_run(s->options.front, s, hello, !s->met, &reached, why);
	pthread_mutex_lock(&s->mutex);
	if (r == 0) {
		link_settle(s, &reached);
		holds_report(s, reached.end);
	} else {
		s->uncertain = true;
	}
	s->refreshing = false;
	s->refreshes++;
	pthread_cond_broadcast(&s->refreshed);
	pthread_mutex_unlock(&s->mutex);
	if (r)
		link_why(s, why);
	else
		s->met = true;
	return r;
}

static bool refresh_due(struct signer *s, int64_t last)
{
	pthread_mutex_lock(&s->mutex);
	bool due = s->refresh_wanted || (s->uncertain && time_boot_ms() - last > (s->settling ? SETTLE_MS : REFRESH_MS));
	pthread_mutex_unlock(&s->mutex);
	return due;
}

/* A connected link until it is lost. True if callers could ask meanwhile. */
static bool link_serve(struct signer *s)
{
	struct hello_reply hello;
	if (link_hello(s, &hello) || link_catch_up(s, &hello))
		return false;
	pthread_mutex_lock(&s->mutex);
	s->state = LINK_READY;
	pthread_mutex_unlock(&s->mutex);
	log_info("signer_ready", "head=%llu", (unsigned long long)hello.head);
	catchup_checkpoint(s->options.front, s);
	int64_t last = time_boot_ms();
	while (link_pump(s, 1000) == 0) {
		if (!refresh_due(s, last))
			continue;
		if (link_catch_up(s, &hello))
			break;
		catchup_checkpoint(s->options.front, s);
		last = time_boot_ms();
	}
	link_why(s, "The link to the signer was lost.");
	return true;
}

static bool link_connect(struct signer *s)
{
	int fd = fd_connect(s->path);
	if (fd < 0 || fd_nonblock(fd) < 0) {
		char why[160];
		snprintf(why, sizeof(why), "The signer's socket can't be reached: %s.", log_errno());
		link_why(s, why);
		fd_close(&fd);
		return false;
	}
	pthread_mutex_lock(&s->mutex);
	s->fd = fd;
	s->state = LINK_GREETING;
	pthread_mutex_unlock(&s->mutex);
	return true;
}

void *link_run(void *signer)
{
	struct signer *s = signer;
	int pause = FIRST_PAUSE_MS;
	char last[160] = "";
	for (;;) {
		if (link_connect(s) && link_serve(s))
			pause = FIRST_PAUSE_MS;
		link_lose(s);
		pthread_mutex_lock(&s->mutex);
		bool stopping = s->stopping, news = strcmp(last, s->why) != 0;
		snprintf(last, sizeof(last), "%s", s->why);
		pthread_mutex_unlock(&s->mutex);
		if (stopping)
			return NULL;
		if (news)
			log_warning("signer_away", "why=\"%s\"", last);
		link_pause(s, pause);
		pause = pause * 2 < LONGEST_PAUSE_MS ? pause * 2 : LONGEST_PAUSE_MS;
	}
}
