#include "frontd/scheduler.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cond.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/responder.h"
#include "frontd/retire.h"
#include "frontd/signer.h"
#include "frontd/succession.h"
#include "frontd/view.h"

#define POLL_MS 200	    /* how often the clock is looked at; a look costs nothing while nothing is due */
#define LOOK_MS 60000	    /* how often all is looked at anyway */
#define FIRST_PAUSE_MS 2000 /* after a step that could not be taken */
#define MAX_PAUSE_MS 300000 /* a token that was away for days is found within five minutes */
#define MAX_WAITING 4096    /* CAs; more are tried all the same, and not shown */
#define MAX_ROUNDS 64	    /* of one pass: a step may make the next one due; what is left comes with the next pass */

/* The end of what a retiring CA signed. */
struct last_end {
	char ca_id[64];
	int64_t end;
};

struct scheduler {
	struct front *front;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t stop;
	bool stopping;

	struct waiting *waiting; /* with the lock held; the rest is the thread's alone */
	size_t waiting_count;
	int64_t looked_at; /* Unix time: likewise */
	struct last_end *ends;
	size_t end_count;
	uint64_t generation; /* of the CAs at the last look */
	int64_t next;	     /* Unix time of the next step that is known */
	int64_t look_at;     /* time_boot_ms() */
};

/* A step that is due. */
struct duty {
	char ca_id[64], ca_name[257];
	enum lineage_duty duty;
	bool late;
};

struct duties {
	struct duty *all;
	size_t count;
};

const char *waiting_text(enum lineage_duty duty)
{
	return duty == DUTY_PREPARE ? "prepare" : duty == DUTY_ACTIVATE ? "activate" : "retire";
}

static struct waiting *waiting_find(struct scheduler *s, const char *ca_id)
{
	for (size_t i = 0; i < s->waiting_count; i++)
		if (strcmp(s->waiting[i].ca_id, ca_id) == 0)
			return &s->waiting[i];
	return NULL;
}

/* Told in the log when it begins, and when its reason changes. */
static void waiting_put(struct scheduler *s, const struct duty *d, const struct call_error *e)
{
	pthread_mutex_lock(&s->lock);
	struct waiting *w = waiting_find(s, d->ca_id);
	bool new = !w && s->waiting_count < MAX_WAITING;
	if (new) {
		w = &s->waiting[s->waiting_count++];
		*w = (struct waiting){ .since = time_now(), .pause = FIRST_PAUSE_MS };
		memcpy(w->ca_id, d->ca_id, sizeof(w->ca_id));
		memcpy(w->ca_name, d->ca_name, sizeof(w->ca_name));
	}
	bool told = !w || (!new && w->duty == d->duty &&strcmp(w->code, e->code) == 0);
	if (w) {
		w->duty = d->duty;
		w->late = d->late;
		w->seen = true;
		snprintf(w->code, sizeof(w->code), "%s", e->code);
		snprintf(w->why, sizeof(w->why), "%s", e->message);
		w->again = time_boot_ms() + w->pause;
		w->pause = w->pause * 2 < MAX_PAUSE_MS ? w->pause * 2 : MAX_PAUSE_MS;
		if (w->again < s->look_at)
			s->look_at = w->again;
	}
	pthread_mutex_unlock(&s->lock);
	if (!told)
		log_warning("rotation_waits", "ca=%s step=%s code=%s why=\"%s\"", d->ca_id, waiting_text(d->duty),
			    e->code, e->message);
}

static void waiting_drop(struct scheduler *s, const char *ca_id)
{
	pthread_mutex_lock(&s->lock);
	struct waiting *w = waiting_find(s, ca_id);
	if (w)
		*w = s->waiting[--s->waiting_count];
	pthread_mutex_unlock(&s->lock);
}

/* Whether it is this CA's turn: not while it pauses after a failure. */
static bool waiting_over(struct scheduler *s, struct duty *d)
{
	pthread_mutex_lock(&s->lock);
	struct waiting *w = waiting_find(s, d->ca_id);
	bool over = !w || time_boot_ms() >= w->again;
	if (w) {
		w->seen = true;
		w->late = d->late;
		if (!over && w->again < s->look_at)
			s->look_at = w->again;
	}
	pthread_mutex_unlock(&s->lock);
	return over;
}

/* What isn't due any more doesn't wait. */
static void waiting_sweep(struct scheduler *s)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->waiting_count;) {
		bool seen = s->waiting[i].seen;
		s->waiting[i].seen = false;
		if (seen)
			i++;
		else
			s->waiting[i] = s->waiting[--s->waiting_count];
	}
	pthread_mutex_unlock(&s->lock);
}

size_t scheduler_waiting(struct scheduler *s, struct waiting *out, size_t most)
{
	if (!s)
		return 0;
	pthread_mutex_lock(&s->lock);
	size_t n = s->waiting_count;
	for (size_t i = 0; i < n && i < most; i++)
		out[i] = s->waiting[i];
	pthread_mutex_unlock(&s->lock);
	return n;
}

json_t *scheduler_json(struct scheduler *s)
{
	struct waiting waiting[MAX_WAITING_SHOWN];
	size_t n = scheduler_waiting(s, waiting, MAX_WAITING_SHOWN);
	json_t *list = json_array();
	int64_t looked_at = 0;
	if (s) {
		pthread_mutex_lock(&s->lock);
		looked_at = s->looked_at;
		pthread_mutex_unlock(&s->lock);
	}
	for (size_t i = 0; i < n && i < MAX_WAITING_SHOWN; i++)
		json_array_append_new(list,
				      json_pack("{s:s, s:s, s:s, s:b, s:o, s:s, s:s}", "ca_id", waiting[i].ca_id,
						"name", waiting[i].ca_name, "step", waiting_text(waiting[i].duty),
						"late", (int)waiting[i].late, "since", view_time(waiting[i].since),
						"code", waiting[i].code, "why", waiting[i].why));
	return json_pack("{s:o, s:I, s:o}", "looked_at", looked_at ? view_time(looked_at) : json_null(),
			 "waiting_count", (json_int_t)n, "waiting", list);
}

static struct last_end *end_of(struct scheduler *s, const char *ca_id)
{
	for (size_t i = 0; i < s->end_count; i++)
		if (strcmp(s->ends[i].ca_id, ca_id) == 0)
			return &s->ends[i];
	struct last_end *all = realloc(s->ends, (s->end_count + 1) * sizeof(*all));
	if (!all)
		return NULL;
	s->ends = all;
	struct last_end *e = &all[s->end_count++];
	*e = (struct last_end){ .end = INT64_MIN };
	snprintf(e->ca_id, sizeof(e->ca_id), "%s", ca_id);
	return e;
}

/* Looked for once, and once more when it has come: what was under way when the CA was closed may have been added. */
static int end_find(struct scheduler *s, struct store_session *session, const char *ca_id, int64_t now, int64_t *end)
{
	struct last_end *e = end_of(s, ca_id);
	if (!e || (now > e->end && store_ca_last_end(session, ca_id, &e->end)))
		return -1;
	*end = e->end;
	return 0;
}

static void next_put(struct scheduler *s, int64_t at)
{
	if (at < s->next)
		s->next = at;
}

/* Nothing of it is valid any more, and nobody below it is at work. */
static int is_over(struct scheduler *s, struct store_session *session, const struct lineage_ca *ca, int64_t now,
		   bool *over)
{
	int64_t end = 0, live = 0;
	const char *id = row_text(ca->row.id);
	int r = end_find(s, session, id, now, &end);
	if (r)
		return r;
	next_put(s, now > end ? INT64_MAX : end + 1);
	r = now > end ? store_ca_live_descendants(session, id, &live) : 0;
	*over = now > end && live == 0;
	return r;
}

static int duty_put(struct duties *d, const struct lineage_ca *ca, enum lineage_duty duty, int64_t now)
{
	struct duty *all = realloc(d->all, (d->count + 1) * sizeof(*all));
	if (!all)
		return -1;
	d->all = all;
	struct duty *new = &all[d->count++];
	*new = (struct duty){ .duty = duty, .late = now >= ca->activate_at };
	slice_to_text(ca->row.id, new->ca_id, sizeof(new->ca_id));
	slice_to_text(ca->row.name, new->ca_name, sizeof(new->ca_name));
	return 0;
}

struct look {
	struct scheduler *scheduler;
	struct store_session *session;
	struct duties *duties;
	int64_t now;
};

static int look_at_issuer(void *with, const struct issuer_row *issuer)
{
	const struct look *look = with;
	struct scheduler *s = look->scheduler;
	scoped_lineage l = { 0 };
	if (lineage_read(s->front, look->session, issuer, &l))
		return -1;
	for (size_t i = 0; i < l.count; i++) {
		const struct lineage_ca *ca = &l.all[i];
		enum lineage_duty duty = lineage_due(ca, look->now);
		bool due = duty != DUTY_NONE;
		next_put(s, lineage_next(ca, look->now));
		if (duty == DUTY_RETIRE && is_over(s, look->session, ca, look->now, &due))
			return -1;
		if (due && duty_put(look->duties, ca, duty, look->now))
			return -1;
	}
	return 0;
}

/* All that is due now, parents before children; and when to look again. */
static int duties_read(struct scheduler *s, struct duties *out)
{
	scoped_session *session = NULL;
	s->generation = store_ca_generation(s->front->store);
	s->next = INT64_MAX;
	s->look_at = time_boot_ms() + LOOK_MS;
	if (store_read(s->front->store, &session))
		return -1;
	struct look look = { s, session, out, time_now() };
	return store_issuer_list(session, look_at_issuer, &look);
}

static int duty_run(struct front *f, struct call *c, const struct duty *d)
{
	static const struct retirement over = { .confirm = true, .note = "its last certificate has expired" };
	switch (d->duty) {
	case DUTY_PREPARE:
		return succession_prepare(f, c, d->ca_id, BY_RULE);
	case DUTY_ACTIVATE:
		return succession_activate(f, c, d->ca_id);
	case DUTY_RETIRE:
		return retire_take(f, c, d->ca_id, &over);
	case DUTY_NONE:
		break;
	}
	return 0;
}

/* As if somebody had asked for it; true if it was done. */
static bool duty_take(struct scheduler *s, const struct duty *d)
{
	static const struct caller who = { .actor = "scheduler", .roles = ROLE_ADMIN };
	struct call c = { .who = &who };
	uint8_t id[8];
	random_bytes(id, sizeof(id));
	hex_encode(id, sizeof(id), c.request_id);
	int r = duty_run(s->front, &c, d);
	bool done = r == 0 && !c.error.status;
	if (done) {
		const char *other = json_string_value(json_object_get(c.reply, "id"));
		log_info("rotation", "id=%s ca=%s step=%s answer=%s", c.request_id, d->ca_id, waiting_text(d->duty),
			 other ? other : "-");
		waiting_drop(s, d->ca_id);
	} else {
		if (!c.error.status)
			call_refuse(&c, 503, "unavailable", NULL, "It could not be done; the log has the reason.");
		waiting_put(s, d, &c.error);
	}
	call_clear(&c);
	return done;
}

static bool is_stopping(struct scheduler *s)
{
	pthread_mutex_lock(&s->lock);
	bool stopping = s->stopping;
	pthread_mutex_unlock(&s->lock);
	return stopping;
}

/* Everything that is due, once; whether anything was done. */
static bool duties_take(struct scheduler *s)
{
	struct duties due = { 0 };
	bool moved = false;
	int r = duties_read(s, &due);
	for (size_t i = 0; !r && i < due.count && !is_stopping(s); i++)
		if (waiting_over(s, &due.all[i]) && duty_take(s, &due.all[i]))
			moved = true;
	if (!r)
		waiting_sweep(s);
	free(due.all);
	return moved;
}

static void pass(struct scheduler *s)
{
	char why[160];
	int64_t now = time_now();
	bool due =
		now >= s->next || time_boot_ms() >= s->look_at || store_ca_generation(s->front->store) != s->generation;
	if (due && !signer_ready(s->front->signer, why))
		return;
	for (int round = 0; due && round < MAX_ROUNDS && duties_take(s); round++)
		;
	responder_look(s->front);
	pthread_mutex_lock(&s->lock);
	s->looked_at = now;
	pthread_mutex_unlock(&s->lock);
}

static void *scheduler_run(void *with)
{
	struct scheduler *s = with;
	pthread_mutex_lock(&s->lock);
	while (!s->stopping) {
		struct timespec until;
		pthread_mutex_unlock(&s->lock);
		pass(s);
		pthread_mutex_lock(&s->lock);
		clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_nsec += POLL_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		if (!s->stopping)
			pthread_cond_timedwait(&s->stop, &s->lock, &until);
	}
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static void scheduler_free(struct scheduler *s)
{
	free(s->waiting);
	free(s->ends);
	free(s);
}

int scheduler_start(struct front *f, struct scheduler **out)
{
	struct scheduler *s = calloc(1, sizeof(*s));
	if (!s || !(s->waiting = calloc(MAX_WAITING, sizeof(*s->waiting)))) {
		free(s);
		return -1;
	}
	s->front = f;
	pthread_mutex_init(&s->lock, NULL);
	cond_init(&s->stop);
	if (pthread_create(&s->thread, NULL, scheduler_run, s) != 0) {
		log_error("thread_failed", "of=scheduler");
		scheduler_free(s);
		return -1;
	}
	*out = s;
	return 0;
}

void scheduler_stop(struct scheduler *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	pthread_cond_signal(&s->stop);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	scheduler_free(s);
}
