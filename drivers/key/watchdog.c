#include "key/watchdog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "key/driver.h"

#define LOOK_EVERY_MS 50 /* deadlines are seconds */
#define MAX_LATE_MS 1000 /* a look that comes later still: the machine or this process stood still */

static struct {
	_Atomic(const char *) what;
	atomic_llong deadline; /* time_boot_ms(); 0 while nothing runs */
} watched[MAX_WATCHED];

static void deadlines_move(int64_t by)
{
	log_warning("time_lost", "ms=%lld why=\"this machine, or this process, stood still\"", (long long)by);
	for (unsigned i = 0; i < MAX_WATCHED; i++) {
		long long deadline = atomic_load(&watched[i].deadline);
		/* If it has changed meanwhile, it was set by a thread that runs again. */
		if (deadline)
			atomic_compare_exchange_strong(&watched[i].deadline, &deadline, deadline + by);
	}
}

static void deadlines_check(int64_t now)
{
	for (unsigned i = 0; i < MAX_WATCHED; i++) {
		int64_t deadline = atomic_load(&watched[i].deadline);
		if (deadline == 0 || now <= deadline)
			continue;
		log_error("token_hung", "thread=%u doing=%s", i, atomic_load(&watched[i].what));
		_exit(EXIT_TOKEN_HUNG);
	}
}

/* Time in which a virtual machine was paused or this process stopped is nobody's hang. */
static void *watchdog_loop(void *unused)
{
	const struct timespec pause = { .tv_nsec = LOOK_EVERY_MS * 1000000L };
	int64_t last = time_boot_ms();
	for (;;) {
		nanosleep(&pause, NULL);
		int64_t now = time_boot_ms();
		if (now - last > MAX_LATE_MS)
			deadlines_move(now - last);
		else
			deadlines_check(now);
		last = now;
	}
	return unused;
}

int watchdog_start(void)
{
	pthread_t thread;
	if (pthread_create(&thread, NULL, watchdog_loop, NULL) != 0) {
		log_error("watchdog_failed", "why=\"no thread\"");
		return -1;
	}
	pthread_detach(thread);
	return 0;
}

void watchdog_arm(unsigned slot, const char *what, unsigned seconds)
{
	atomic_store(&watched[slot].what, what);
	atomic_store(&watched[slot].deadline, time_boot_ms() + (int64_t)seconds * 1000);
}

void watchdog_disarm(unsigned slot)
{
	atomic_store(&watched[slot].deadline, 0);
}
