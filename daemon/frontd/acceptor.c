#include "frontd/acceptor.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/fd.h"
#include "base/log.h"

#define STACK_SIZE (64 * 1024)
#define FULL_MS 50 /* how long to wait when there is no room, or the kernel has nothing left to give */

struct acceptor {
	int listening, enough; /* enough: readable once nobody is to be taken */
	acceptor_take *take;
	void *of;
	pthread_t thread;
	bool running;
};

/* False: there was somebody who could not be taken. */
static bool take_one(struct acceptor *a)
{
	struct sockaddr_storage address;
	socklen_t size = sizeof(address);
	int fd = accept4(a->listening, (struct sockaddr *)&address, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		return a->take(a->of, fd, (struct sockaddr *)&address, size);
	if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
		return true;
	log_warning("accept_failed", "why=\"%s\"", log_errno());
	return false;
}

static void *acceptor_run(void *of)
{
	struct acceptor *a = of;
	bool full = false;
	for (;;) {
		struct pollfd fds[] = { { .fd = a->enough, .events = POLLIN },
					{ .fd = full ? -1 : a->listening, .events = POLLIN } };
		int n = poll(fds, 2, full ? FULL_MS : -1);
		if (fds[0].revents)
			return NULL;
		full = n > 0 && fds[1].revents && !take_one(a);
	}
}

struct acceptor *acceptor_start(int listening, acceptor_take *take, void *of)
{
	struct acceptor *a = calloc(1, sizeof(*a));
	pthread_attr_t attributes;
	if (!a) {
		fd_close(&listening);
		return NULL;
	}
	*a = (struct acceptor){ .listening = listening, .take = take, .of = of };
	a->enough = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_SIZE);
	a->running = a->enough >= 0 && fd_nonblock(listening) == 0 &&
		     pthread_create(&a->thread, &attributes, acceptor_run, a) == 0;
	pthread_attr_destroy(&attributes);
	if (a->running)
		return a;
	log_error("acceptor_failed", "why=\"%s\"", log_errno());
	acceptor_stop(a);
	return NULL;
}

void acceptor_pause(struct acceptor *a)
{
	if (!a->running)
		return;
	eventfd_write(a->enough, 1);
	pthread_join(a->thread, NULL);
	a->running = false;
}

void acceptor_stop(struct acceptor *a)
{
	if (!a)
		return;
	acceptor_pause(a);
	fd_close(&a->listening);
	fd_close(&a->enough);
	free(a);
}
