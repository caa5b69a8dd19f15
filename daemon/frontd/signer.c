#include "frontd/signer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "frontd/front.h"
#include "frontd/signer_link.h"
#include "store/store.h"
#include "wire/inner_ask.h"

#define KEY_CREATE_SECONDS 90	     /* an RSA-4096 key in a slow token */
#define MAX_UNSENT (8 * 1024 * 1024) /* requests that the signer doesn't take: more are turned away */

void signer_answer_free(struct signer_answer *a)
{
	buf_free(&a->bytes);
	passing_close(&a->came);
}

void signer_request_id(uint8_t id[REQUEST_ID_SIZE])
{
	int64_t now = time_now_ms();
	for (int i = 0; i < 6; i++)
		id[i] = (uint8_t)(now >> (40 - 8 * i));
	random_bytes(id + 6, REQUEST_ID_SIZE - 6);
}

/* Sends. AWAY before anything was sent leaves nothing uncertain. */
static void ask_post(struct signer *s, struct signer_ask *ask, struct slice frame)
{
	unsigned seconds = ask->verb == INNER_KEY_CREATE ? KEY_CREATE_SECONDS : s->options.timeout;
	ask->deadline = time_boot_ms() + 1000 * (int64_t)seconds;
	pthread_mutex_lock(&s->mutex);
	bool open = s->fd >= 0 && (s->state == LINK_READY || pthread_equal(pthread_self(), s->thread));
	bool sent = open && link_send(s, frame, ask->entries ? *ask->entries : -1);
	if (sent) {
		*s->last_asked = ask;
		s->last_asked = &ask->next;
	}
	pthread_mutex_unlock(&s->mutex);
	if (!sent)
		ask->answered(ask);
}

static void ask_init(struct signer *s, struct signer_ask *ask, uint16_t verb)
{
	ask->result = SIGNER_AWAY;
	ask->answer = (struct signer_answer){ .bytes = { .max = MAX_FRAME_BODY } };
	ask->tag = atomic_fetch_add(&s->next_tag, 1) + 1;
	ask->verb = verb;
	ask->next = NULL;
}

/* An ask whose caller waits. */
struct waiter {
	struct signer *signer;
	bool done;
	pthread_cond_t finished;
};

static void waiter_wake(struct signer_ask *ask)
{
	struct waiter *w = ask->with;
	pthread_mutex_lock(&w->signer->mutex);
	w->done = true;
	pthread_cond_signal(&w->finished);
	pthread_mutex_unlock(&w->signer->mutex);
}

/* The link's own thread moves the bytes meanwhile, for itself and for all others. The deadline ends every wait. */
static void waiter_wait(struct waiter *w)
{
	struct signer *s = w->signer;
	bool own = pthread_equal(pthread_self(), s->thread);
	pthread_mutex_lock(&s->mutex);
	while (!w->done) {
		if (!own) {
			pthread_cond_wait(&w->finished, &s->mutex);
			continue;
		}
		pthread_mutex_unlock(&s->mutex);
		if (link_pump(s, 1000))
			link_lose(s);
		pthread_mutex_lock(&s->mutex);
	}
	pthread_mutex_unlock(&s->mutex);
	pthread_cond_destroy(&w->finished);
}

static enum signer_result signer_garbled(struct signer *s, const char *verb, enum pack_refusal why, const char *where)
{
	log_error("signer_reply", "verb=%s field=%s why=\"%s\"", verb, where ? where : "-", pack_refusal_text(why));
	pthread_mutex_lock(&s->mutex);
	s->uncertain = true;
	if (s->fd >= 0)
		shutdown(s->fd, SHUT_RDWR);
	pthread_mutex_unlock(&s->mutex);
	return SIGNER_AWAY;
}

#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	void signer_post_##name(struct signer *s, const struct name##_request *r, struct signer_ask *ask)              \
	{                                                                                                              \
		ask_init(s, ask, number);                                                                              \
		scoped_buf frame = { .max = FRAME_HEAD + (most) };                                                     \
		ask_##name##_put(&frame, ask->tag, r);                                                                 \
		if (buf_ok(&frame)) {                                                                                  \
			ask_post(s, ask, buf_slice(&frame));                                                           \
			return;                                                                                        \
		}                                                                                                      \
		log_error("signer_request", "verb=" #name " why=\"a field is over its limit\"");                       \
		ask->answered(ask);                                                                                    \
	}                                                                                                              \
	enum signer_result signer_get_##name(struct signer *s, const struct signer_ask *ask, struct name##_reply *out) \
	{                                                                                                              \
		const char *where = NULL;                                                                              \
		if (ask->result != SIGNER_DONE)                                                                        \
			return ask->result;                                                                            \
		enum pack_refusal bad = ask_##name##_get(ask->answer.body, out, &where);                               \
		return bad ? signer_garbled(s, #name, bad, where) : SIGNER_DONE;                                       \
	}                                                                                                              \
	enum signer_result signer_##name(struct signer *s, const struct name##_request *r, struct name##_reply *out,   \
					 struct signer_answer *a)                                                      \
	{                                                                                                              \
		struct waiter w = { .signer = s, .finished = PTHREAD_COND_INITIALIZER };                               \
		struct signer_ask ask = { .answered = waiter_wake, .with = &w };                                       \
		signer_post_##name(s, r, &ask);                                                                        \
		waiter_wait(&w);                                                                                       \
		*a = ask.answer;                                                                                       \
		return signer_get_##name(s, &ask, out);                                                                \
	}
#include "wire/inner.def"
#undef VERB

enum signer_result signer_crl_sign_entries(struct signer *s, const struct crl_sign_request *r, int entries,
					   struct crl_sign_reply *out, struct signer_answer *a)
{
	struct waiter w = { .signer = s, .finished = PTHREAD_COND_INITIALIZER };
	struct signer_ask ask = { .answered = waiter_wake, .with = &w, .entries = &entries };
	signer_post_crl_sign(s, r, &ask);
	waiter_wait(&w);
	*a = ask.answer;
	return signer_get_crl_sign(s, &ask, out);
}

void signer_hold(struct signer *s, struct signer_hold *h)
{
	pthread_mutex_lock(&s->mutex);
	*h = (struct signer_hold){ .signer = s, .low = s->known_end, .older = s->newest };
	if (s->newest)
		s->newest->newer = h;
	else
		s->oldest = h;
	s->newest = h;
	pthread_mutex_unlock(&s->mutex);
}

/* The refusals that may come after an intent, or of a request that had one already. */
bool signer_left_nothing(enum signer_result r, const struct signer_answer *a)
{
	switch (a->refusal.code) {
	case REFUSE_LEDGER_FAILED:
	case REFUSE_REQUEST_RUNNING:
	case REFUSE_REQUEST_LOST:
	case REFUSE_TOKEN_AWAY:
	case REFUSE_SIGNATURE_WRONG:
	case REFUSE_TOKEN_REFUSED:
		return false;
	default:
		return r == SIGNER_REFUSED;
	}
}

void signer_settle(struct signer_hold *h, uint64_t ledger_seq)
{
	h->settled = true;
	if (!ledger_seq)
		return;
	pthread_mutex_lock(&h->signer->mutex);
	if (ledger_seq >= h->signer->known_end)
		h->signer->known_end = ledger_seq + 1;
	pthread_mutex_unlock(&h->signer->mutex);
}

void signer_settle_failed(struct signer_hold *h, enum signer_result r, const struct signer_answer *a)
{
	if (signer_left_nothing(r, a))
		signer_settle(h, 0);
}

void holds_report(struct signer *s, uint64_t end)
{
	if (end > s->known_end)
		s->known_end = end;
	if (!s->uncertain)
		store_mark(s->options.front->store, s->oldest ? s->oldest->low : s->known_end);
}

void signer_release(struct signer_hold *h)
{
	struct signer *s = h->signer;
	if (!s)
		return;
	h->signer = NULL;
	pthread_mutex_lock(&s->mutex);
	*(h->older ? &h->older->newer : &s->oldest) = h->newer;
	*(h->newer ? &h->newer->older : &s->newest) = h->older;
	if (!h->settled)
		s->uncertain = true;
	holds_report(s, 0);
	pthread_mutex_unlock(&s->mutex);
}

bool signer_refresh(struct signer *s)
{
	struct timespec deadline;
	clock_gettime(CLOCK_MONOTONIC, &deadline);
	deadline.tv_sec += s->options.timeout;
	pthread_mutex_lock(&s->mutex);
	uint64_t wanted = s->refreshes + (s->refreshing ? 2 : 1); /* one under way may have read the head already */
	s->refresh_wanted = true;
	int over = link_wake(s) ? 0 : ETIMEDOUT;
	while (!over && s->refreshes < wanted && s->state == LINK_READY)
		over = pthread_cond_timedwait(&s->refreshed, &s->mutex, &deadline);
	bool done = s->refreshes >= wanted && s->state == LINK_READY;
	pthread_mutex_unlock(&s->mutex);
	return done;
}

bool signer_ready(struct signer *s, char why[160])
{
	pthread_mutex_lock(&s->mutex);
	bool ready = s->state == LINK_READY;
	snprintf(why, 160, "%s", ready ? "" : s->why);
	pthread_mutex_unlock(&s->mutex);
	return ready;
}

unsigned signer_link(struct signer *s)
{
	pthread_mutex_lock(&s->mutex);
	unsigned link = s->state == LINK_READY ? s->links : 0;
	pthread_mutex_unlock(&s->mutex);
	return link;
}

bool signer_met(struct signer *s)
{
	pthread_mutex_lock(&s->mutex);
	bool met = s->met;
	pthread_mutex_unlock(&s->mutex);
	return met;
}

static void signer_free(struct signer *s)
{
	fd_close(&s->wake);
	fd_close(&s->fd);
	passing_close(&s->came);
	passing_close(&s->goes);
	buf_free(&s->in);
	buf_free(&s->out);
	free(s->path);
	free(s);
}

int signer_start(const struct signer_options *options, struct signer **out)
{
	struct signer *s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	s->options = *options;
	s->fd = -1;
	s->path = strdup(options->path);
	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	buf_init(&s->in, FRAME_HEAD + MAX_FRAME_BODY);
	buf_init(&s->out, MAX_UNSENT);
	s->last_asked = &s->asked;
	snprintf(s->why, sizeof(s->why), "The link to the signer has not been made yet.");
	pthread_mutex_init(&s->mutex, NULL);
	cond_init(&s->refreshed);
	if (!s->path || s->wake < 0 || pthread_create(&s->thread, NULL, link_run, s) != 0) {
		log_error("signer_start", "why=\"%s\"", log_errno());
		signer_free(s);
		return -1;
	}
	*out = s;
	return 0;
}

void signer_stop(struct signer *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->mutex);
	s->stopping = true;
	if (!link_wake(s))
		log_warning("signer_stop", "why=\"%s\"", log_errno());
	pthread_mutex_unlock(&s->mutex);
	pthread_join(s->thread, NULL);
	signer_free(s);
}
