#include "signd/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"

struct loop {
	int epoll;
	bool stopped;
	int count, current; /* of this round */
	struct epoll_event ready[MAX_READY];
};

struct loop *loop_new(void)
{
	struct loop *l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll >= 0)
		return l;
	free(l);
	return NULL;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	fd_close(&l->epoll);
	free(l);
}

int loop_add(struct loop *l, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	if (epoll_ctl(l->epoll, EPOLL_CTL_ADD, w->fd, &e) == 0)
		return 0;
	log_error("watch_failed", "why=\"%s\"", log_errno());
	return -1;
}

void loop_change(struct loop *l, struct watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	epoll_ctl(l->epoll, EPOLL_CTL_MOD, w->fd, &e);
}

void loop_remove(struct loop *l, struct watch *w)
{
	epoll_ctl(l->epoll, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = l->current; i < l->count; i++)
		if (l->ready[i].data.ptr == w)
			l->ready[i].data.ptr = NULL;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}

void loop_run(struct loop *l, int idle_ms, void (*tick)(void *of), void *of)
{
	l->stopped = false;
	while (!l->stopped) {
		l->count = epoll_wait(l->epoll, l->ready, MAX_READY, idle_ms);
		for (l->current = 0; l->current < l->count; l->current++) {
			struct watch *w = l->ready[l->current].data.ptr;
			if (w)
				w->ready(w->of, l->ready[l->current].events);
		}
		l->count = 0;
		tick(of);
	}
}
