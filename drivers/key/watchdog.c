#include "key/watchdog.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/time.h"
#include "key/driver.h"

#define LOOK_EVERY_MS 50 /* deadlines are seconds */

static struct {
	_Atomic(const char *) what;
	atomic_llong deadline; /* time_boot_ms(); 0 while nothing runs */
} watched[MAX_WATCHED];

static void *watchdog_loop(void *unused)
{
	const struct timespec pause = { .tv_nsec = LOOK_EVERY_MS * 1000000L };
	for (;;) {
		nanosleep(&pause, NULL);
		int64_t now = time_boot_ms();
		for (unsigned i = 0; i < MAX_WATCHED; i++) {
			int64_t deadline = atomic_load(&watched[i].deadline);
			if (deadline == 0 || now <= deadline)
				continue;
			log_error("token_hung", "thread=%u doing=%s", i, atomic_load(&watched[i].what));
			_exit(EXIT_TOKEN_HUNG);
		}
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
