#include "key/jobs.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "key/verbs.h"
#include "key/watchdog.h"

_Static_assert(MAX_WORKERS < MAX_WATCHED, "every worker has a slot of the watchdog, after the main thread's");

#define MAX_ANSWER (512 * 1024) /* the largest reply, LIST: 4096 keys of 67 bytes */
#define ENOUGH_ANSWERS 1024	/* bytes of answers that wait for each other: ten signatures of P-256 */
#define ENOUGH_LIGHT 16		/* light jobs that wait for one worker: a software token's millisecond */
#define LIGHT_MS 8		/* ... if it takes longer than this, the jobs are not light */
#define SAMPLE 16		/* every so many signatures a worker looks what one costs */

struct job {
	struct job *next;
	struct connection *from;
	int64_t added; /* boot milliseconds */
	uint16_t verb;
	uint64_t tag;
	union driver_request request; /* points into body */
	uint8_t body[];
};

struct queue {
	struct job *first;
	struct job **last;
};

struct worker {
	struct jobs *jobs;
	unsigned number;
	pthread_t thread;
	struct key_room room;
	struct buf answers;	 /* what has not been sent yet */
	struct connection *whom; /* ... and who waits for it; NULL: nobody */
	bool quick;		 /* the last of them took less than a tick of the clock */
	bool own;		 /* ... and mostly of this process's own processor time, when that was last looked at */
	unsigned signatures;
};

struct jobs {
	struct jobs_settings settings;
	const struct key_operations *do_;
	void *token;
	atomic_bool broken;
	pthread_mutex_t lock; /* for what follows */
	pthread_cond_t more;
	struct queue quick, creates;
	unsigned in_flight;
	unsigned waiting, signing; /* of the quick ones; workers that sign */
	bool creating, stopping;
	/*
	 * Signatures are made in this process and in no time. Two threads then only keep each other from the token's
	 * locks and from the processors, so that one is woken for each ENOUGH_LIGHT that wait, and none past half of
	 * the processors: the others verify what these have signed.
	 */
	bool light;
	unsigned enough; /* workers, of light jobs */
	unsigned started;
	struct worker workers[MAX_WORKERS];
};

static void queue_put(struct queue *q, struct job *job)
{
	job->next = NULL;
	*q->last = job;
	q->last = &job->next;
}

static struct job *queue_take(struct queue *q)
{
	struct job *job = q->first;
	if (!job)
		return NULL;
	q->first = job->next;
	if (!q->first)
		q->last = &q->first;
	return job;
}

static void job_free(struct job *job)
{
	if (job->from)
		connection_drop(job->from);
	free(job);
}

static void jobs_wake(struct jobs *j)
{
	const uint64_t one = 1;
	ssize_t written = write(j->settings.wake, &one, sizeof(one));
	(void)written; /* an eventfd that is full has been written */
}

static void answers_send(struct worker *w)
{
	if (!w->whom)
		return;
	if (connection_answer(w->whom, buf_slice(&w->answers)))
		jobs_wake(w->jobs);
	buf_clear(&w->answers);
	connection_drop(w->whom);
	w->whom = NULL;
}

static int job_act(struct worker *w, struct job *job)
{
	struct jobs *j = w->jobs;
	bool look = job->verb == DRIVER_SIGN && w->signatures++ % SAMPLE == 0;
	int64_t own = look ? time_thread_us() : 0, start = look ? time_steady_us() : 0;
	int result = verb_act(j->do_, j->token, w->number, job->verb, job->tag, &job->request, &w->room, &w->answers);
	if (look)
		w->own = 2 * (time_thread_us() - own) >= time_steady_us() - start;
	return result;
}

/* The job's connection goes with its answer. */
static void job_run(struct worker *w, struct job *job)
{
	struct jobs *j = w->jobs;
	bool create = job->verb == DRIVER_CREATE;
	int64_t start = time_boot_ms();
	watchdog_arm(w->number + 1, driver_verb(job->verb)->name,
		     create ? j->settings.create_seconds : j->settings.sign_seconds);
	if (w->whom != job->from)
		answers_send(w);
	size_t before = w->answers.len;
	int result = job_act(w, job);
	watchdog_disarm(w->number + 1);
	if (!buf_ok(&w->answers)) {
		log_error("answer_too_long", "verb=%s", driver_verb(job->verb)->name);
		w->answers.broken = false;
		w->answers.len = before;
		verb_refuse(&w->answers, job->verb, job->tag, DRIVER_REFUSE_TOKEN_FAILED, NULL);
	}
	if (!w->whom) {
		w->whom = job->from;
		job->from = NULL;
	}
	w->quick = result >= 0 && time_boot_ms() == start;
	if (result < 0) {
		atomic_store(&j->broken, true);
		jobs_wake(j);
	}
}

/* With the lock held: another job begins at once and will, like the last one, be done in no time. */
static bool answers_can_wait(const struct worker *w)
{
	const struct jobs *j = w->jobs;
	bool create = j->creates.first && !j->creating;
	return w->quick && w->answers.len < ENOUGH_ANSWERS && j->quick.first && !create && !j->stopping;
}

/* With the lock held: whoever signs now will take what waits soon enough. */
static bool workers_suffice(const struct jobs *j)
{
	return j->light && (j->waiting <= j->signing * ENOUGH_LIGHT || j->signing >= j->enough);
}

/* With the lock held: a job for this worker; NULL if there is none or others will do. */
static struct job *job_take(struct jobs *j)
{
	struct job *job = j->creating ? NULL : queue_take(&j->creates);
	j->creating = j->creating || job;
	if (job || !j->waiting || (j->signing && workers_suffice(j)))
		return job;
	job = queue_take(&j->quick);
	j->waiting--;
	j->signing += job->verb == DRIVER_SIGN;
	return job;
}

/* With the lock held: jobs that have waited for too long are not light. */
static bool jobs_late(struct jobs *j)
{
	bool late = j->light && j->quick.first && time_boot_ms() - j->quick.first->added > LIGHT_MS;
	if (late) {
		j->light = false;
		pthread_cond_broadcast(&j->more);
	}
	return late;
}

/* With the lock held; who leaves jobs to others looks whether they do them. */
static void job_sleep(struct jobs *j)
{
	struct timespec until;
	if (!j->waiting) {
		pthread_cond_wait(&j->more, &j->lock);
		return;
	}
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += LIGHT_MS * 1000000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	if (pthread_cond_timedwait(&j->more, &j->lock, &until) != 0)
		jobs_late(j);
}

/* With the lock held, which it gives up meanwhile. */
static void answers_let_go(struct worker *w)
{
	pthread_mutex_unlock(&w->jobs->lock);
	answers_send(w);
	pthread_mutex_lock(&w->jobs->lock);
}

/* With the lock held: the next job; NULL when the workers are to stop. */
static struct job *job_wait(struct worker *w)
{
	struct jobs *j = w->jobs;
	if (w->whom && !answers_can_wait(w))
		answers_let_go(w);
	while (!j->stopping) {
		struct job *job = job_take(j);
		if (job)
			return job;
		if (w->whom)
			answers_let_go(w);
		else
			job_sleep(j);
	}
	return NULL;
}

/* With the lock held. */
static void job_over(struct worker *w, uint16_t verb)
{
	struct jobs *j = w->jobs;
	bool light = w->quick && w->own;
	j->in_flight--;
	j->signing -= verb == DRIVER_SIGN;
	if (verb == DRIVER_CREATE)
		j->creating = false;
	if (verb == DRIVER_CREATE || (j->light && !light))
		pthread_cond_broadcast(&j->more); /* also for those who waited for this one */
	j->light = light;
}

static void *worker_loop(void *of)
{
	struct worker *w = of;
	struct jobs *j = w->jobs;
	pthread_mutex_lock(&j->lock);
	for (struct job *job; (job = job_wait(w));) {
		pthread_mutex_unlock(&j->lock);
		job_run(w, job);
		uint16_t verb = job->verb;
		job_free(job);
		pthread_mutex_lock(&j->lock);
		job_over(w, verb);
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static int worker_start(struct jobs *j, unsigned number)
{
	struct worker *w = &j->workers[number];
	w->jobs = j;
	w->number = number;
	buf_init(&w->room.list, MAX_ANSWER);
	buf_init(&w->answers, MAX_ANSWER + ENOUGH_ANSWERS);
	if (pthread_create(&w->thread, NULL, worker_loop, w) != 0)
		return -1;
	j->started++;
	return 0;
}

struct jobs *jobs_start(const struct jobs_settings *settings, const struct key_operations *do_, void *token)
{
	struct jobs *j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	long processors = sysconf(_SC_NPROCESSORS_ONLN);
	*j = (struct jobs){ .settings = *settings,
			    .do_ = do_,
			    .token = token,
			    .enough = processors > 3 ? (unsigned)processors / 2 : 1 };
	j->quick.last = &j->quick.first;
	j->creates.last = &j->creates.first;
	pthread_mutex_init(&j->lock, NULL);
	pthread_condattr_t steady;
	pthread_condattr_init(&steady);
	pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
	pthread_cond_init(&j->more, &steady);
	pthread_condattr_destroy(&steady);
	for (unsigned i = 0; i < settings->workers; i++) {
		if (worker_start(j, i) == 0)
			continue;
		log_error("workers_failed", "started=%u wanted=%u", i, settings->workers);
		jobs_stop(j);
		return NULL;
	}
	return j;
}

static void queue_free(struct queue *q)
{
	for (struct job *job; (job = queue_take(q));)
		job_free(job);
}

void jobs_stop(struct jobs *j)
{
	pthread_mutex_lock(&j->lock);
	j->stopping = true;
	pthread_cond_broadcast(&j->more);
	pthread_mutex_unlock(&j->lock);
	for (unsigned i = 0; i < j->started; i++) {
		pthread_join(j->workers[i].thread, NULL);
		buf_free(&j->workers[i].room.list);
		buf_free(&j->workers[i].answers);
	}
	queue_free(&j->quick);
	queue_free(&j->creates);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->more);
	free(j);
}

static struct job *job_new(struct connection *from, const struct frame *f)
{
	struct job *job = malloc(sizeof(*job) + f->length);
	if (!job)
		return NULL;
	job->from = from;
	job->added = time_boot_ms();
	job->verb = f->verb;
	job->tag = f->tag;
	if (f->length)
		memcpy(job->body, f->body.at, f->length);
	connection_hold(from);
	return job;
}

int jobs_add(struct jobs *j, struct connection *from, const struct frame *f, const char **where)
{
	struct job *job = job_new(from, f);
	if (!job)
		return DRIVER_REFUSE_BUSY;
	if (!verb_decode(f->verb, (struct slice){ job->body, f->length }, &job->request, where)) {
		job_free(job);
		return DRIVER_REFUSE_MALFORMED;
	}
	pthread_mutex_lock(&j->lock);
	bool full = j->in_flight == MAX_IN_FLIGHT, create = f->verb == DRIVER_CREATE;
	if (!full) {
		queue_put(create ? &j->creates : &j->quick, job);
		j->in_flight++;
		j->waiting += !create;
		if (create || !workers_suffice(j))
			pthread_cond_signal(&j->more);
	}
	pthread_mutex_unlock(&j->lock);
	if (full)
		job_free(job);
	return full ? DRIVER_REFUSE_BUSY : 0;
}

int jobs_look(struct jobs *j)
{
	pthread_mutex_lock(&j->lock);
	bool held = !jobs_late(j) && j->light && j->waiting;
	pthread_mutex_unlock(&j->lock);
	return held ? LIGHT_MS : -1;
}

bool jobs_broken(struct jobs *j)
{
	return atomic_load(&j->broken);
}
