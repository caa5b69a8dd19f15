#include "frontd/workers.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/log.h"

#define STACK_SIZE (512 * 1024)

struct workers {
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	struct worker_task *first, **last;
	unsigned threads, idle, most;
	unsigned waiting; /* tasks in the list */
	bool stopping;
};

static struct worker_task *task_take(struct workers *w)
{
	w->idle++;
	while (!w->first && !w->stopping)
		pthread_cond_wait(&w->work, &w->lock);
	w->idle--;
	struct worker_task *task = w->first;
	if (!task)
		return NULL;
	w->first = task->next;
	if (!w->first)
		w->last = &w->first;
	w->waiting--;
	return task;
}

static void *worker_run(void *of)
{
	struct workers *w = of;
	struct worker_task *task;
	pthread_mutex_lock(&w->lock);
	while ((task = task_take(w))) {
		pthread_mutex_unlock(&w->lock);
		task->run(task);
		pthread_mutex_lock(&w->lock);
	}
	w->threads--;
	pthread_cond_signal(&w->ended);
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* The lock is held. */
static bool worker_start(struct workers *w)
{
	pthread_t thread;
	pthread_attr_t attributes;
	pthread_attr_init(&attributes);
	pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	bool started = pthread_create(&thread, &attributes, worker_run, w) == 0;
	pthread_attr_destroy(&attributes);
	w->threads += started;
	return started;
}

struct workers *workers_start(unsigned most)
{
	struct workers *w = calloc(1, sizeof(*w));
	if (!w)
		return NULL;
	w->most = most;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->ended, NULL);
	pthread_mutex_lock(&w->lock);
	bool started = worker_start(w);
	pthread_mutex_unlock(&w->lock);
	if (started)
		return w;
	log_error("workers_failed", "why=\"no thread could be started\"");
	workers_stop(w);
	return NULL;
}

void workers_add(struct workers *w, struct worker_task *task)
{
	task->next = NULL;
	pthread_mutex_lock(&w->lock);
	*w->last = task;
	w->last = &task->next;
	w->waiting++;
	/* Where no thread can be had, those that are there take it in turn. */
	if (w->waiting > w->idle && w->threads < w->most && !worker_start(w))
		log_warning("workers_failed", "threads=%u most=%u", w->threads, w->most);
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

void workers_stop(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->work);
	while (w->threads)
		pthread_cond_wait(&w->ended, &w->lock);
	pthread_mutex_unlock(&w->lock);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->ended);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
