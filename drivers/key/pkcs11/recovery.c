#include "key/pkcs11/recovery.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "key/pkcs11/keys.h"
#include "key/pkcs11/latch.h"
#include "key/pkcs11/login.h"

#define MAX_STRIKES 2	  /* the second failure in a row without a cure ends the process */
#define MAX_EXHAUSTIONS 4 /* within one operation; each time after a longer pause: 50, 100, 200, 400 ms */
#define FIRST_PAUSE_MS 50

/* What was tried already for one operation. */
struct cures {
	unsigned recoveries, renewals, exhaustions, failures;
};

int token_end(struct token *t, enum driver_exit status)
{
	int none = 0;
	if (atomic_compare_exchange_strong(&t->end, &none, (int)status)) {
		atomic_store(&t->state, status == EXIT_PIN_LATCHED ? TOKEN_PIN_LATCHED : TOKEN_AWAY);
		health_turn(&t->health);
		log_error("token_given_up", "token=%s status=%d", t->label, (int)status);
	}
	return -1;
}

int attempt_failed(struct attempt *a, const char *call, CK_RV rv)
{
	a->rv = rv;
	atomic_fetch_add(&a->token->failures, 1);
	health_trouble(&a->token->health, call, cryptoki_name(rv));
	log_warning("token_error", "token=%s call=%s answer=%s", a->token->label, call, cryptoki_name(rv));
	switch (cryptoki_class(rv)) {
	case CRYPTOKI_AWAY:
		return DRIVER_REFUSE_TOKEN_AWAY;
	case CRYPTOKI_ASKED:
		return DRIVER_REFUSE_TOKEN_REFUSED;
	default:
		return DRIVER_REFUSE_TOKEN_FAILED;
	}
}

/* With life held for writing: nobody is inside the module. */
static int sessions_renew(struct token *t)
{
	log_warning("token_recovery", "token=%s epoch=%u", t->label, t->epoch + 1);
	keys_forget(t);
	t->epoch++;
	cryptoki_close_all(&t->module); /* if it fails, what follows shows it */
	int status = sessions_open(t, atomic_load(&t->pool));
	if (status == 0)
		status = login_do(t, t->sessions[0].handle);
	if (status != 0)
		return token_end(t, (enum driver_exit)status);
	atomic_fetch_add(&t->recoveries, 1);
	health_turn(&t->health);
	return 0;
}

/* Sessions, login and handles anew, once for all who lost them in the same epoch. */
static int token_recover(struct token *t, unsigned epoch)
{
	pthread_rwlock_wrlock(&t->life);
	int result = atomic_load(&t->end) ? -1 : t->epoch == epoch ? sessions_renew(t) : 0;
	pthread_rwlock_unlock(&t->life);
	return result;
}

static struct session *session_enter(struct token *t, unsigned worker)
{
	pthread_rwlock_rdlock(&t->life);
	unsigned pool = atomic_load(&t->pool); /* 0 only after a recovery that failed: the module will say so */
	struct session *s = &t->sessions[pool ? worker % pool : 0];
	pthread_mutex_lock(&s->busy);
	return s;
}

static void session_leave(struct token *t, struct session *s)
{
	pthread_mutex_unlock(&s->busy);
	pthread_rwlock_unlock(&t->life);
}

/* One session in another's place. The new one first: with its last session a token forgets the login. */
static int session_replace(struct token *t, unsigned worker)
{
	CK_SESSION_HANDLE fresh;
	struct session *s = session_enter(t, worker);
	CK_RV rv = cryptoki_open(&t->module, t->one_session, &fresh);
	if (rv == CKR_OK) {
		cryptoki_close(&t->module, s->handle);
		s->handle = fresh;
	}
	session_leave(t, s);
	log_warning("session_replaced", "token=%s answer=%s", t->label, cryptoki_name(rv));
	return rv == CKR_OK ? 0 : -1;
}

/* Half of the sessions, at least one. False if there is only one already. */
static bool pool_shrink(struct token *t)
{
	pthread_rwlock_wrlock(&t->life);
	unsigned before = atomic_load(&t->pool), after = before / 2 ? before / 2 : 1;
	for (unsigned i = after; i < before; i++)
		cryptoki_close(&t->module, t->sessions[i].handle);
	atomic_store(&t->pool, after);
	pthread_rwlock_unlock(&t->life);
	if (after < before)
		log_warning("sessions_fewer", "token=%s sessions=%u", t->label, after);
	return after < before;
}

void token_widen(struct token *t)
{
	if (atomic_load(&t->pool) == t->settings->workers || t->module.one_thread || t->one_session)
		return;
	pthread_rwlock_wrlock(&t->life);
	unsigned n = atomic_load(&t->pool);
	CK_RV rv = cryptoki_open(&t->module, false, &t->sessions[n].handle);
	if (rv == CKR_OK)
		atomic_store(&t->pool, n + 1);
	pthread_rwlock_unlock(&t->life);
	if (rv == CKR_OK)
		log_info("sessions_more", "token=%s sessions=%u", t->label, n + 1);
}

static void pause_ms(long ms)
{
	const struct timespec pause = { ms / 1000, ms % 1000 * 1000000L };
	nanosleep(&pause, NULL);
}

/* The cures: 0: try again; positive: the answer stands as a refusal; negative: the process ends. */

static int cure_lost(struct token *t, const struct attempt *a, struct cures *c)
{
	if (c->recoveries++)
		return token_end(t, EXIT_TOKEN_FAILED);
	return token_recover(t, a->epoch);
}

static int cure_exhausted(struct token *t, const struct attempt *a, struct cures *c)
{
	if (c->exhaustions == MAX_EXHAUSTIONS)
		return 1;
	pause_ms(FIRST_PAUSE_MS << c->exhaustions++);
	if (pool_shrink(t))
		return 0;
	/* Some modules say so when the login is gone (NSS: CKR_HOST_MEMORY). */
	return c->recoveries++ ? 1 : token_recover(t, a->epoch);
}

static int cure_stale(struct token *t, unsigned worker, const struct attempt *a, struct cures *c)
{
	if (c->renewals++ == 0 && session_replace(t, worker) == 0)
		return 0;
	/* Again, in a new session: this module can't do two things at a time. */
	return cure_exhausted(t, a, c);
}

static int cure_broken(struct token *t, const struct attempt *a, struct cures *c)
{
	unsigned failures = a->final ? atomic_fetch_add(&t->strikes, 1) + 1 : ++c->failures;
	return failures >= MAX_STRIKES ? token_end(t, EXIT_TOKEN_FAILED) : 0;
}

static int cure_pin(struct token *t, const struct attempt *a)
{
	latch_close(t->settings, cryptoki_name(a->rv));
	return token_end(t, EXIT_PIN_LATCHED);
}

static int cure(struct token *t, unsigned worker, const struct attempt *a, struct cures *c)
{
	switch (cryptoki_class(a->rv)) {
	case CRYPTOKI_LOST:
		return cure_lost(t, a, c);
	case CRYPTOKI_STALE:
		return cure_stale(t, worker, a, c);
	case CRYPTOKI_EXHAUSTED:
		return cure_exhausted(t, a, c);
	case CRYPTOKI_BROKEN:
		return cure_broken(t, a, c);
	case CRYPTOKI_PIN:
		return cure_pin(t, a);
	case CRYPTOKI_AWAY:
		return token_end(t, EXIT_TOKEN_AWAY);
	case CRYPTOKI_DEAD:
		return token_end(t, EXIT_TOKEN_FAILED);
	default:
		return 1;
	}
}

static int attempt_run(struct token *t, unsigned worker, token_act act, void *what, struct attempt *a)
{
	struct session *s = session_enter(t, worker);
	*a = (struct attempt){ .token = t, .session = s->handle, .epoch = t->epoch, .rv = CKR_OK };
	int result = act(a, what);
	session_leave(t, s);
	return result;
}

/* What is refused of one key again and again is not asked of the token for ever. */
static void key_count(const struct attempt *a)
{
	if (!a->key)
		return;
	if (a->rv == CKR_OK)
		atomic_store(&a->key->strikes, 0);
	else if (atomic_fetch_add(&a->key->strikes, 1) + 1 == MAX_KEY_STRIKES)
		keys_latched(a->token, a->key, cryptoki_name(a->rv));
}

int token_run(struct token *t, unsigned worker, token_act act, void *what)
{
	struct cures cures = { 0 };
	struct attempt a;
	for (;;) {
		/* Unanswered: the signer asks the process that follows. */
		if (atomic_load(&t->end))
			return KEY_FATAL(DRIVER_REFUSE_TOKEN_AWAY);
		if (atomic_load(&t->state) != TOKEN_READY)
			return DRIVER_REFUSE_TOKEN_AWAY;
		int result = attempt_run(t, worker, act, what, &a);
		int cured = a.rv == CKR_OK ? 1 : cure(t, worker, &a, &cures);
		if (cured < 0)
			return KEY_FATAL(result);
		if (cured == 0 && !a.final)
			continue;
		if (a.rv == CKR_OK)
			atomic_store(&t->strikes, 0);
		key_count(&a);
		return result;
	}
}

int attempt_sound(struct attempt *a)
{
	CK_TOKEN_INFO info;
	CK_RV rv = cryptoki_token(&a->token->module, &info);
	if (rv != CKR_OK)
		return attempt_failed(a, "C_GetTokenInfo", rv);
	if (!token_same(a->token, &info))
		return attempt_failed(a, "C_GetTokenInfo", CKR_TOKEN_NOT_RECOGNIZED);
	/* A wrong PIN is somebody else's by now: who watches the counters hears of it. */
	atomic_store(&a->token->flags, (unsigned)info.flags);
	return login_stands(a->token, a->session) ? 0 : attempt_failed(a, "C_GetSessionInfo", CKR_USER_NOT_LOGGED_IN);
}

static int tend_act(struct attempt *a, void *unused)
{
	(void)unused;
	bool random = atomic_load(&a->token->flags) & CKF_RNG;
	CK_RV rv = random ? cryptoki_random(&a->token->module, a->session) : CKR_OK;
	return rv == CKR_OK ? attempt_sound(a) : attempt_failed(a, "C_GenerateRandom", rv);
}

int token_tend(struct token *t, unsigned session)
{
	struct session *s = &t->sessions[session];
	if (pthread_mutex_trylock(&s->busy) != 0)
		return 0;
	pthread_mutex_unlock(&s->busy);
	return token_run(t, session, tend_act, NULL);
}
