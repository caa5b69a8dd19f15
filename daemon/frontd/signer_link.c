/* The thread that keeps the link to the signer: connects, greets, catches up, moves bytes. */
#include "frontd/signer_link.h"

#include <errno.h>
#include <fcntl.h>
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
#include "store/store.h"

#define FIRST_PAUSE_MS 50
#define LONGEST_PAUSE_MS 5000
#define READ_STEP 65536
#define SETTLE_MS                                                                                                      \
	1000 /* a signer takes that long at most from a request in its socket to its record; and between looks for     \
		what an earlier link left under way */
#define EXPIRE_MS 500	 /* how often deadlines are looked at */
#define REFRESH_MS 30000 /* how long something stays uncertain without a refresh, and how old a checkpoint gets */

static void link_why(struct signer *s, const char *sentence)
{
	pthread_mutex_lock(&s->mutex);
	snprintf(s->why, sizeof(s->why), "%s", sentence);
	pthread_mutex_unlock(&s->mutex);
}

bool link_wake(struct signer *s)
{
	uint64_t one = 1;
	s->woken = s->woken || write(s->wake, &one, sizeof(one)) == sizeof(one);
	return s->woken;
}

/* How much of it the signer takes now; negative: the link is broken. */
static ssize_t bytes_send(struct signer *s, struct slice bytes)
{
	ssize_t n = bytes.len ? send(s->fd, bytes.at, bytes.len, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
	return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : n;
}

bool link_send(struct signer *s, struct slice frame, int fd)
{
	/* Room first: once a part of it is under way, all of it must follow. */
	if (!buf_room(&s->out, frame.len)) {
		s->out.broken = false;
		return false;
	}
	if (fd >= 0 && !passing_put(&s->goes, fcntl(fd, F_DUPFD_CLOEXEC, 0), s->out.len))
		return false;
	ssize_t n = s->out.len || fd >= 0 ? 0 : bytes_send(s, frame);
	size_t sent = n > 0 ? (size_t)n : 0; /* a broken link is the thread's to see */
	buf_put(&s->out, frame.at + sent, frame.len - sent);
	return sent == frame.len || link_wake(s);
}

/* The thread takes its wake-up, if there was one, and learns whether to go on; the mutex is held. */
static bool wake_take(struct signer *s, bool woken)
{
	uint64_t count;
	if (woken && read(s->wake, &count, sizeof(count)) == sizeof(count))
		s->woken = false;
	return !s->stopping;
}

/* And sends what the signer didn't take at once. -1: the link is to end. */
static int link_take(struct signer *s, bool woken)
{
	pthread_mutex_lock(&s->mutex);
	bool go_on = wake_take(s, woken);
	ssize_t n = s->out.len ? passing_send(s->fd, &s->out, MSG_DONTWAIT | MSG_NOSIGNAL, &s->goes) : 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		n = 0;
	s->more = s->out.len != 0;
	pthread_mutex_unlock(&s->mutex);
	return go_on && n >= 0 ? 0 : -1;
}

/* Takes an ask out of the list; the mutex is held. */
static struct signer_ask *asked_remove(struct signer *s, struct signer_ask **at)
{
	struct signer_ask *ask = *at;
	*at = ask->next;
	if (!*at)
		s->last_asked = at;
	ask->next = NULL;
	return ask;
}

/* Nobody is called with the mutex held. What follows from answers that came together is committed together. */
static void asked_finish(struct signer *s, struct signer_ask *finished)
{
	for (struct signer_ask *ask = finished, *next; ask; ask = next) {
		next = ask->next; /* the ask is its caller's, gone once he knows */
		ask->answered(ask);
	}
	if (finished)
		store_wake(s->options.front->store);
}

/* Puts a frame into the ask that it answers; false: it is not a well-formed answer. */
static bool answer_take(struct signer_ask *ask, const struct frame *f)
{
	struct signer_answer *a = &ask->answer;
	buf_put_slice(&a->bytes, f->body);
	a->body = buf_slice(&a->bytes);
	bool whole = buf_ok(&a->bytes);
	if (whole && f->kind == FRAME_REPLY)
		ask->result = SIGNER_DONE;
	else if (whole && f->kind == FRAME_REFUSAL && refusal_get(a->body, &a->refusal) == PACK_OK)
		ask->result = SIGNER_REFUSED;
	else
		return false;
	return true;
}

/* A frame to whoever asked, who goes to the end of the list of the finished; the mutex is held. -1: nobody did. */
static int link_deliver(struct signer *s, const struct frame *f, struct signer_ask ***finished)
{
	scoped_fd int came = f->verb == INNER_CRL_SIGN && f->kind == FRAME_REPLY ? passing_take(&s->came) : -1;
	struct signer_ask **at = &s->asked;
	while (*at && (*at)->tag != f->tag)
		at = &(*at)->next;
	if (*at) {
		if ((*at)->verb != f->verb || !answer_take(*at, f))
			return -1;
		s->lost = s->lost ||
			  ((*at)->result == SIGNER_REFUSED && !signer_left_nothing((*at)->result, &(*at)->answer));
		if (came >= 0)
			passing_put(&(*at)->answer.came, fd_take(&came), 0);
		**finished = asked_remove(s, at);
		*finished = &(**finished)->next;
		return 0;
	}
	if (s->abandoned == 0)
		return -1;
	s->abandoned--;
	s->refresh_wanted = true;
	return 0;
}

static int link_split(struct signer *s)
{
	struct signer_ask *finished = NULL, **end = &finished;
	size_t taken = 0;
	int result = 0;
	pthread_mutex_lock(&s->mutex);
	while (result == 0) {
		struct frame f;
		struct slice rest = { s->in.at + taken, s->in.len - taken };
		enum frame_state state = frame_peek(rest, &f);
		if (state == FRAME_PARTIAL)
			break;
		result = state == FRAME_WHOLE ? link_deliver(s, &f, &end) : -1;
		taken += result ? 0 : frame_size(&f);
	}
	pthread_mutex_unlock(&s->mutex);
	buf_drop(&s->in, taken);
	asked_finish(s, finished);
	if (result)
		log_error("signer_link", "why=\"the signer sent what nobody asked for or can read\"");
	return result;
}

static int link_read(struct signer *s)
{
	size_t room = s->in.max - s->in.len;
	uint8_t *at = buf_room(&s->in, room < READ_STEP ? room : READ_STEP);
	ssize_t n = at ? passing_recv(s->fd, at, room < READ_STEP ? room : READ_STEP, MSG_DONTWAIT, &s->came) : 0;
	if (n == 0)
		return -1;
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -1;
	s->in.len += (size_t)n;
	return link_split(s);
}

/* Whoever waits longer than he wants to is told so; what he asked for may still be done. */
static void asked_expire(struct signer *s, int64_t now)
{
	struct signer_ask *late = NULL, **end = &late;
	pthread_mutex_lock(&s->mutex);
	for (struct signer_ask **at = &s->asked; *at;) {
		if ((*at)->deadline > now) {
			at = &(*at)->next;
			continue;
		}
		*end = asked_remove(s, at);
		(*end)->result = SIGNER_LATE;
		end = &(*end)->next;
		s->abandoned++;
		s->uncertain = true;
	}
	pthread_mutex_unlock(&s->mutex);
	asked_finish(s, late);
}

static void asked_look(struct signer *s)
{
	int64_t now = time_boot_ms();
	if (now - s->looked < EXPIRE_MS)
		return;
	s->looked = now;
	asked_expire(s, now);
}

int link_pump(struct signer *s, int milliseconds)
{
	struct pollfd polled[2] = { { s->fd, (short)(s->more ? POLLIN | POLLOUT : POLLIN), 0 },
				    { s->wake, POLLIN, 0 } };
	asked_look(s);
	if (poll(polled, 2, milliseconds) < 0)
		return errno == EINTR ? 0 : -1;
	if ((polled[1].revents || s->more) && link_take(s, polled[1].revents))
		return -1;
	return polled[0].revents ? link_read(s) : 0;
}

void link_lose(struct signer *s)
{
	pthread_mutex_lock(&s->mutex);
	s->state = LINK_DOWN;
	fd_close(&s->fd);
	buf_clear(&s->out);
	passing_close(&s->goes);
	s->abandoned = 0;
	struct signer_ask *lost = s->asked;
	s->asked = NULL;
	s->last_asked = &s->asked;
	for (struct signer_ask *ask = lost; ask; ask = ask->next) {
		ask->result = SIGNER_AWAY;
		s->uncertain = true;
	}
	pthread_cond_broadcast(&s->refreshed);
	pthread_mutex_unlock(&s->mutex);
	buf_clear(&s->in);
	passing_close(&s->came);
	s->more = false;
	asked_finish(s, lost);
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
		pthread_mutex_lock(&s->mutex);
		bool go_on = wake_take(s, true);
		pthread_mutex_unlock(&s->mutex);
		if (!go_on)
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
		link_why(s, r == SIGNER_DONE ? "The signer speaks another version of the protocol."
					     : "The signer does not answer.");
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
	s->uncertain = s->lost = false;
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
		s->met = true;
	} else {
		s->uncertain = true;
	}
	s->refreshing = false;
	s->refreshes++;
	pthread_cond_broadcast(&s->refreshed);
	pthread_mutex_unlock(&s->mutex);
	if (r)
		link_why(s, why);
	return r;
}

static bool refresh_due(struct signer *s, int64_t last)
{
	pthread_mutex_lock(&s->mutex);
	bool soon = s->settling || s->lost;
	bool due = s->refresh_wanted ||
		   ((s->uncertain || s->lost) && time_boot_ms() - last > (soon ? SETTLE_MS : REFRESH_MS));
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
	s->links++;
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
