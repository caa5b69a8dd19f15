#include "tokens/faulty/faults.h"

#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define MAX_SLOTS 16

CK_FUNCTION_LIST *real;
atomic_ulong faults_sessions;

static char control[PATH_MAX]; /* empty: no faults, ever */
static struct state *state;
/* plan is the one that stands; an older one is freed by the last call that began under it, none never: one user stays.
 */
static struct plan none = { .pin_tries = NO_PIN_LIMIT, .users = 1 };
static struct plan *plan;
static struct plan_mark plan_mark;
static pthread_mutex_t plan_lock = PTHREAD_MUTEX_INITIALIZER;

/* The real modules abort if sessions are closed while another thread uses one. */
static pthread_rwlock_t sessions;

/* When each of the token's parallel operations is through, line by line. */
static uint64_t lanes[MAX_FAULTS][MAX_PARALLEL];

void faults_start(void)
{
	const char *folder = getenv("FAULTY_DIR");
	pthread_rwlockattr_t attributes;
	pthread_rwlockattr_init(&attributes);
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&sessions, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	plan = &none;
	state = folder ? state_open(folder) : NULL;
	if (folder)
		snprintf(control, sizeof(control), "%.*s/control", PATH_MAX - 16, folder);
	if (folder && !state)
		fprintf(stderr, "faulty: %s/state can't be written: what is used up is forgotten with the process\n",
			folder);
	if (!state)
		state = state_private();
}

/* The module is unloaded, and what it alone knew of would be lost. */
__attribute__((destructor)) static void faults_end(void)
{
	pthread_mutex_lock(&plan_lock);
	if (plan && plan->users == 0) {
		free(plan);
		plan = &none;
	}
	pthread_mutex_unlock(&plan_lock);
}

struct state *faults_state(void)
{
	return state;
}

static void complain(unsigned line, const char *why)
{
	fprintf(stderr, "faulty: control line %u: %s\n", line, why);
}

static struct plan *control_read(struct stat *st)
{
	char text[MAX_PLAN + 1];
	int fd = open(control, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, st) != 0) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	ssize_t n = read(fd, text, MAX_PLAN);
	close(fd);
	struct plan *new = n < 0 ? NULL : calloc(1, sizeof(*new));
	if (!new)
		return NULL;
	text[n] = '\0';
	plan_read(new, text, complain);
	return new;
}

/* With plan_lock held. One stat() a call, as long as nothing was told. True: the token was taken away just now. */
static bool plan_refresh(void)
{
	struct stat st;
	if (!control[0] || stat(control, &st) != 0)
		return false;
	struct plan_mark now = plan_mark_of(&st);
	if (plan_mark_same(&now, &plan_mark))
		return false;
	struct plan *new = control_read(&st);
	if (!new)
		return false;
	bool removed = new->away && !plan->away;
	if (plan->users == 0)
		free(plan);
	plan = new;
	plan_mark = plan_mark_of(&st);
	memset(lanes, 0, sizeof(lanes));
	state_take_plan(state, &plan_mark);
	return removed;
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * With plan_lock held. The operation begins when a lane is free and is over
 * exactly its time later, however late the thread wakes: n lanes of 5 ms give
 * n * 200 a second and not one more, and a queue in front costs nothing.
 */
static uint64_t lane_take(const struct fault *f, uint64_t *lane)
{
	uint64_t begin = now_ns();
	unsigned best = 0;
	for (unsigned i = 1; i < f->parallel; i++)
		if (lane[i] < lane[best])
			best = i;
	if (f->parallel && lane[best] > begin)
		begin = lane[best];
	if (f->parallel)
		lane[best] = begin + f->nanoseconds;
	return begin + f->nanoseconds;
}

/* With plan_lock held. */
static void due_collect(struct passage *p)
{
	p->plan = plan;
	plan->users++;
	for (unsigned i = 0; i < plan->count; i++) {
		const struct fault *f = &plan->faults[i];
		if (!f->calls[p->call])
			continue;
		uint64_t seen = atomic_fetch_add(&state->used[i], 1);
		if (seen < f->skip || (f->times && seen - f->skip >= f->times))
			continue;
		p->due[p->count++] = f;
		uint64_t until = f->deed == DEED_SLEEP ? lane_take(f, lanes[i]) : 0;
		if (until > p->until)
			p->until = until;
	}
}

static void plan_leave(struct plan *left)
{
	pthread_mutex_lock(&plan_lock);
	if (--left->users == 0 && left != plan)
		free(left);
	pthread_mutex_unlock(&plan_lock);
}

const struct fault *passage_fault(const struct passage *p, enum deed deed)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->due[i]->deed == deed)
			return p->due[i];
	return NULL;
}

static void sessions_lose(void)
{
	CK_SLOT_ID slots[MAX_SLOTS];
	CK_ULONG n = MAX_SLOTS;
	pthread_rwlock_wrlock(&sessions);
	if (real->C_GetSlotList(CK_TRUE, slots, &n) == CKR_OK)
		for (CK_ULONG i = 0; i < n; i++)
			real->C_CloseAllSessions(slots[i]);
	atomic_store(&faults_sessions, 0);
	pthread_rwlock_unlock(&sessions);
}

static void session_logout(CK_SESSION_HANDLE session)
{
	pthread_rwlock_wrlock(&sessions);
	real->C_Logout(session);
	pthread_rwlock_unlock(&sessions);
}

/* True: *answer is the answer. */
static bool deed_do(const struct fault *f, CK_ULONG first, CK_RV *answer)
{
	switch (f->deed) {
	case DEED_ANSWER:
		*answer = f->value;
		return true;
	case DEED_HANG:
		for (;;)
			pause();
	case DEED_CRASH:
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		abort();
	case DEED_LOSE_SESSIONS:
		sessions_lose();
		return false;
	case DEED_LOGOUT:
		session_logout(first);
		return false;
	default: /* what changes the outcome of one call: faulty/special.c */
		return false;
	}
}

/*
 * A C_Sign that fails has ended its operation, so it is the real one that is
 * made and whose answer is lost; else the session's next C_SignInit would fail.
 */
static bool comes_after(const struct passage *p, const struct fault *f)
{
	return f->after || (p->call == CALL_C_Sign && f->deed == DEED_ANSWER);
}

static bool deeds_do(const struct passage *p, bool after, CK_ULONG first, CK_RV *answer)
{
	bool answered = false;
	for (unsigned i = 0; i < p->count; i++)
		if (comes_after(p, p->due[i]) == after)
			answered |= deed_do(p->due[i], first, answer);
	return answered;
}

static void rest_until(uint64_t until)
{
	static _Thread_local bool exact;
	struct timespec t = { (time_t)(until / 1000000000), (long)(until % 1000000000) };
	if (!exact)
		prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); /* 50 us late is one in a hundred of 5 ms */
	exact = true;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0)
		continue;
}

static void passage_end(struct passage *p)
{
	if (p->until)
		rest_until(p->until);
	plan_leave(p->plan);
}

bool faults_before(struct passage *p, enum call call, enum about about, CK_ULONG first, CK_RV *answer)
{
	*p = (struct passage){ .call = call };
	atomic_fetch_add(&state->calls[call], 1);
	pthread_mutex_lock(&plan_lock);
	bool removed = plan_refresh();
	due_collect(p);
	pthread_mutex_unlock(&plan_lock);
	if (removed)
		sessions_lose();
	bool answered = deeds_do(p, false, first, answer);
	if (!answered && p->plan->away && about != ABOUT_LIBRARY) {
		*answer = about == ABOUT_SLOT ? CKR_TOKEN_NOT_PRESENT : CKR_DEVICE_REMOVED;
		answered = true;
	}
	if (answered)
		passage_end(p);
	else
		pthread_rwlock_rdlock(&sessions);
	return answered;
}

CK_RV faults_after(struct passage *p, CK_ULONG first, CK_RV answer)
{
	pthread_rwlock_unlock(&sessions);
	deeds_do(p, true, first, &answer);
	passage_end(p);
	return answer;
}
