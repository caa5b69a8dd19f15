/*
 * Another clock and repeatable chance for a program under test: a library to
 * preload. No program is built for it; it takes the place of libc's functions.
 *
 * CHANCERY_SHIM_CLOCK names a file of one line, which the test rewrites in
 * place while programs run (tests/shim/clock.sh):
 *
 *     SINCE PASSED STEP RATE SINCE PASSED STEP RATE
 *
 * From the true time SINCE on (milliseconds), wall clock and time since boot
 * are PASSED milliseconds ahead, and time runs RATE thousandths as fast as it
 * does. STEP milliseconds are added to the wall clock alone, as when somebody
 * sets it. With a RATE below 1000 the time since boot goes on truly: a held
 * clock is a wall clock that is held, and no deadline waits for ever. The line
 * says everything twice, so that half of a rewritten one is not believed.
 *
 * CHANCERY_SHIM_SEED makes getrandom() repeatable, by seed, program and number
 * of the call, where the program itself asks; libraries, libcrypto among them,
 * have true chance.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define LINE_SIZE 256 /* the file's; the rest of the line is blank */
#define LONGEST_SLEEP_MS 100

struct setting {
	long long since, passed, step, rate;
};

/* Mapped once: the program may give up opening files later. */
static const volatile char *line;
static const char *seed;
static void *program; /* where the program itself is loaded */

static void *loaded_at(const void *address)
{
	Dl_info info;
	return dladdr(address, &info) ? info.dli_fbase : NULL;
}

__attribute__((constructor)) static void shim_start(void)
{
	const char *path = getenv("CHANCERY_SHIM_CLOCK");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *at = fd < 0 ? MAP_FAILED : mmap(NULL, LINE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0)
		close(fd);
	if (path && at == MAP_FAILED) {
		fprintf(stderr, "shim: %s can't be mapped\n", path);
		_exit(99);
	}
	line = path ? at : NULL;
	seed = getenv("CHANCERY_SHIM_SEED");
	/* The kernel's own word for the program: its header lies in its first page. */
	program = loaded_at((const void *)getauxval(AT_PHDR)); // NOLINT(performance-no-int-to-ptr)
}

static bool setting_read(struct setting *s)
{
	char text[LINE_SIZE];
	struct setting again;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = line[i];
	text[sizeof(text) - 1] = '\0';
	return sscanf(text, "%lld %lld %lld %lld %lld %lld %lld %lld", &s->since, &s->passed, &s->step, &s->rate,
		      &again.since, &again.passed, &again.step, &again.rate) == 8 &&
	       memcmp(s, &again, sizeof(again)) == 0;
}

static long long true_ms(clockid_t clock)
{
	struct timespec t;
	syscall(SYS_clock_gettime, clock, &t);
	return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* How far ahead of the truth this clock is shown. */
static long long ahead_ms(bool wall)
{
	struct setting s;
	if (!line)
		return 0;
	while (!setting_read(&s))
		sched_yield();
	long long gone = true_ms(CLOCK_REALTIME) - s.since;
	if (wall)
		return s.passed + s.step + gone * (s.rate - 1000) / 1000;
	return s.passed + (s.rate > 1000 ? gone * (s.rate - 1000) / 1000 : 0);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
	if (!line || (!wall && clock != CLOCK_BOOTTIME))
		return (int)syscall(SYS_clock_gettime, clock, t);
	long long ms = ahead_ms(wall);
	if (syscall(SYS_clock_gettime, clock, t) != 0)
		return -1;
	/* Milliseconds are the finest that a shifted clock shows. */
	ms += (long long)t->tv_sec * 1000 + t->tv_nsec / 1000000;
	t->tv_sec = (time_t)(ms / 1000);
	t->tv_nsec = (long)(ms % 1000) * 1000000;
	return 0;
}

/* Whoever sleeps until a time by the true clock looks at the shown one often, as if woken for nothing. */
int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
			   const struct timespec *restrict until)
{
	bool wall = until->tv_sec > 1000000000; /* nobody has been up for thirty years */
	long long end = (long long)until->tv_sec * 1000 + until->tv_nsec / 1000000;
	long long soon = true_ms(CLOCK_MONOTONIC) + LONGEST_SLEEP_MS;
	if (!line || wall || end <= soon)
		return pthread_cond_clockwait(cond, mutex, wall ? CLOCK_REALTIME : CLOCK_MONOTONIC, until);
	const struct timespec at = { .tv_sec = (time_t)(soon / 1000), .tv_nsec = (long)(soon % 1000) * 1000000 };
	int r = pthread_cond_clockwait(cond, mutex, CLOCK_MONOTONIC, &at);
	return r == ETIMEDOUT ? 0 : r;
}

time_t time(time_t *out)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	if (out)
		*out = t.tv_sec;
	return t.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec t;
	(void)zone;
	clock_gettime(CLOCK_REALTIME, &t);
	*out = (struct timeval){ t.tv_sec, t.tv_nsec / 1000 };
	return 0;
}

/* SplitMix64 over the seed's, the program's and the call's number: unlike for each, and no secret. */
static uint64_t mix(uint64_t x)
{
	x += UINT64_C(0x9e3779b97f4a7c15);
	x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
	return x ^ (x >> 31);
}

static uint64_t text_number(const char *text)
{
	uint64_t n = 0;
	for (; *text; text++)
		n = mix(n ^ (unsigned char)*text);
	return n;
}

static void fill(unsigned char *out, size_t n)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	static uint64_t calls;
	pthread_mutex_lock(&mutex);
	uint64_t state = text_number(seed) ^ mix(text_number(program_invocation_short_name)) ^ mix(++calls);
	pthread_mutex_unlock(&mutex);
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)(mix(state + i / 8) >> (8 * (i % 8)));
}

ssize_t getrandom(void *out, size_t n, unsigned flags)
{
	if (!seed || !program || loaded_at(__builtin_return_address(0)) != program)
		return syscall(SYS_getrandom, out, n, flags);
	fill(out, n);
	return (ssize_t)n;
}
