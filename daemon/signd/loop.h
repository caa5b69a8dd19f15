/* The signer's one loop: descriptors and what to do when they are ready, and a tick. */
#ifndef CHANCERY_SIGND_LOOP_H
#define CHANCERY_SIGND_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#define MAX_READY 64 /* descriptors served in one round */

/* Stands inside its owner. */
struct watch {
	int fd;
	void (*ready)(void *of, uint32_t events); /* EPOLLIN, EPOLLOUT, ... */
	void *of;
};

struct loop;
struct loop *loop_new(void);
void loop_free(struct loop *l);
/* 0 or -1, logged. */
int loop_add(struct loop *l, struct watch *w, uint32_t events);
void loop_change(struct loop *l, struct watch *w, uint32_t events);
/* Afterwards it is not called again, not even in this round; the descriptor stays open. */
void loop_remove(struct loop *l, struct watch *w);
/* Serves until somebody calls loop_stop() meanwhile; tick is called after each round and at least every idle_ms. */
void loop_run(struct loop *l, int idle_ms, void (*tick)(void *of), void *of);
void loop_stop(struct loop *l);

#endif
