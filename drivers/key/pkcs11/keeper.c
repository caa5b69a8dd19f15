#include "key/pkcs11/keeper.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/log.h"
#include "base/ready.h"
#include "base/time.h"
#include "key/pkcs11/recovery.h"
#include "key/watchdog.h"

#define MAX_SCAN_MS 300000   /* then a new process: a module may keep what even C_Finalize doesn't clear */
#define MAX_TELL_SECONDS 12  /* the signer's longest pause between two connections, and some */
#define WIDEN_AFTER_MS 60000 /* what a token was short of may be there again */
#define REST_SECONDS 60	     /* between two looks at whether there is something to do at all */
#define AFTER_TOLD_MS 200    /* the answer leaves after the operation has returned */

/* How long bring-up may take is the operator's to say: somebody may have to walk to the token's keypad. */
static int bring_up(struct token *t)
{
	watchdog_arm(WATCHDOG_MAIN, "bring-up", t->settings->start_seconds);
	int status = token_bring_up(t);
	watchdog_disarm(WATCHDOG_MAIN);
	if (status == EXIT_PIN_LATCHED) {
		token_end(t, EXIT_PIN_LATCHED);
		ready_notify("STATUS=TOKEN_PIN_LATCHED: chancery-driver-pkcs11 --resume lets it try again");
	}
	return status;
}

/* The server's loop ends as it does when it is told to, and main() finds why. */
static void process_end(const struct token *t)
{
	log_warning("ending", "token=%s status=%d", t->label, atomic_load(&t->end));
	kill(getpid(), SIGTERM);
}

/* False when it is time to stop. */
static bool keeper_rest(struct keeper *k, unsigned seconds)
{
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	pthread_mutex_lock(&k->lock);
	while (!k->stopping && !k->told)
		if (pthread_cond_timedwait(&k->change, &k->lock, &until) != 0)
			break;
	bool on = !k->stopping;
	pthread_mutex_unlock(&k->lock);
	return on;
}

static void keeper_scan(struct keeper *k)
{
	struct token *t = k->token;
	int64_t start = time_boot_ms();
	while (atomic_load(&t->state) == TOKEN_AWAY && !atomic_load(&t->end) &&
	       keeper_rest(k, t->settings->scan_seconds)) {
		int status = bring_up(t);
		if (status == EXIT_CONFIG)
			token_end(t, EXIT_CONFIG);
		else if (status && time_boot_ms() - start > MAX_SCAN_MS)
			token_end(t, (enum driver_exit)status);
	}
}

/* Every session has a turn: some tokens forget each by itself. */
static void keeper_tend(struct keeper *k, int64_t *widened)
{
	struct token *t = k->token;
	watchdog_arm(WATCHDOG_MAIN, "keep-alive", t->settings->server.sign_seconds);
	if (time_boot_ms() - *widened > WIDEN_AFTER_MS) {
		*widened = time_boot_ms();
		token_widen(t);
	}
	for (unsigned i = 0; t->settings->keep_alive_seconds && i < atomic_load(&t->pool) && !atomic_load(&t->end); i++)
		token_tend(t, i);
	watchdog_disarm(WATCHDOG_MAIN);
}

static void *keeper_loop(void *of)
{
	struct keeper *k = of;
	struct token *t = k->token;
	const struct timespec after_told = { .tv_nsec = AFTER_TOLD_MS * 1000000L };
	unsigned every = t->settings->keep_alive_seconds;
	int64_t widened = time_boot_ms();
	keeper_scan(k);
	while (!atomic_load(&t->end) && keeper_rest(k, every ? every : REST_SECONDS))
		keeper_tend(k, &widened);
	if (atomic_load(&t->end) == EXIT_PIN_LATCHED && keeper_rest(k, MAX_TELL_SECONDS))
		nanosleep(&after_told, NULL);
	if (atomic_load(&t->end))
		process_end(t);
	return NULL;
}

int keeper_start(struct keeper *k, struct token *token)
{
	*k = (struct keeper){ .token = token };
	cond_init(&k->change);
	pthread_mutex_init(&k->lock, NULL);
	int status = bring_up(token);
	if (status == EXIT_CONFIG)
		return status;
	if (status == EXIT_TOKEN_AWAY || status == EXIT_TOKEN_FAILED)
		log_warning("token_awaited", "token=%s serial=%s scan_seconds=%u", token->settings->token.token,
			    token->settings->token.serial, token->settings->scan_seconds);
	if (pthread_create(&k->thread, NULL, keeper_loop, k) == 0)
		return 0;
	log_error("keeper_failed", "why=\"no thread\"");
	return EXIT_TOKEN_FAILED;
}

void keeper_told(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->told = true;
	pthread_cond_signal(&k->change);
	pthread_mutex_unlock(&k->lock);
}

void keeper_stop(struct keeper *k)
{
	pthread_mutex_lock(&k->lock);
	k->stopping = true;
	pthread_cond_signal(&k->change);
	pthread_mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	pthread_cond_destroy(&k->change);
	pthread_mutex_destroy(&k->lock);
}
