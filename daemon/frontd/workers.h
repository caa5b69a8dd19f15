/*
 * Threads for what has to wait: each runs one task at a time. They are started
 * as they are needed, up to a limit; beyond it tasks wait for their turn.
 */
#ifndef CHANCERY_FRONTD_WORKERS_H
#define CHANCERY_FRONTD_WORKERS_H

struct workers;

/* Belongs to whoever adds it, until run() is called. */
struct worker_task {
	void (*run)(struct worker_task *task);
	struct worker_task *next; /* the workers' own */
};

/* With one thread to begin with; NULL with the reason logged. */
struct workers *workers_start(unsigned most);
void workers_add(struct workers *w, struct worker_task *task);
/* Runs what was added, then ends all threads. */
void workers_stop(struct workers *w);

#endif
