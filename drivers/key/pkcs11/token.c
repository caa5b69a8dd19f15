#include "key/pkcs11/token.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "key/pkcs11/keys.h"
#include "key/pkcs11/latch.h"
#include "key/pkcs11/login.h"

#define MAX_STRIKES 2 /* the second failure in a row without a cure ends the process */

static int module_load(struct token *t)
{
	const struct settings *s = t->settings;
	const char *args = *s->init_args ? s->init_args : NULL;
	if (cryptoki_load(&t->module, s->module) != 0)
		return EXIT_CONFIG;
	t->ctx = PKCS11_CTX_new();
	if (!t->ctx)
		return EXIT_TOKEN_FAILED;
	PKCS11_CTX_init_args(t->ctx, args);
	if (PKCS11_CTX_load(t->ctx, s->module) != 0) {
		log_error("module_failed", "module=%s why=\"%s\"", s->module, ERR_reason_error_string(ERR_get_error()));
		return EXIT_TOKEN_FAILED;
	}
	CK_RV rv = cryptoki_initialize(&t->module, args);
	if (rv == CKR_OK)
		return 0;
	log_error("module_failed", "module=%s call=C_Initialize answer=%s", s->module, cryptoki_name(rv));
	return EXIT_TOKEN_FAILED;
}

static bool token_matches(const struct settings *s, const PKCS11_TOKEN *token)
{
	if (!token->initialized || (*s->token && strcmp(token->label, s->token) != 0))
		return false;
	return !*s->serial || strcmp(token->serialnr, s->serial) == 0;
}

/* Text from a token is shown only if it is text. */
static void text_copy(char *out, const char *from)
{
	out[0] = '\0';
	if (from && text_valid(slice_text(from)))
		slice_to_text(slice_text(from), out, MAX_TOKEN_TEXT + 1);
}

static void slot_take(struct token *t, PKCS11_SLOT *slot)
{
	t->module.slot = PKCS11_get_slotid_from_slot(slot);
	text_copy(t->label, slot->token->label);
	text_copy(t->serial, slot->token->serialnr);
	text_copy(t->manufacturer, slot->token->manufacturer);
	text_copy(t->model, slot->token->model);
}

/* By label and serial number, never by slot number: those change. */
static int slot_find(struct token *t)
{
	const struct settings *s = t->settings;
	unsigned found = 0;
	if (PKCS11_enumerate_slots(t->ctx, &t->slots, &t->slot_count) != 0) {
		log_error("module_failed", "module=%s call=C_GetSlotList why=\"%s\"", s->module,
			  ERR_reason_error_string(ERR_get_error()));
		return EXIT_TOKEN_FAILED;
	}
	for (unsigned i = 0; i < t->slot_count; i++) {
		if (!t->slots[i].token || !token_matches(s, t->slots[i].token))
			continue;
		slot_take(t, &t->slots[i]);
		found++;
	}
	if (found == 1)
		return 0;
	if (found == 0)
		log_error("token_missing", "token=%s serial=%s module=%s slots=%u", s->token, s->serial, s->module,
			  t->slot_count);
	else
		log_error("token_ambiguous", "token=%s found=%u expected=\"serial in driver.conf\"", s->token, found);
	return found ? EXIT_CONFIG : EXIT_TOKEN_AWAY;
}

/* As many as the token gives, at least one; one more is needed for a while when a key is made. */
static int sessions_open(struct token *t)
{
	t->workers = 0;
	CK_RV rv = CKR_OK;
	while (t->workers < t->settings->workers && rv == CKR_OK) {
		rv = cryptoki_open(&t->module, false, &t->sessions[t->workers]);
		t->workers += rv == CKR_OK;
	}
	if (rv != CKR_OK)
		log_warning("sessions_short", "opened=%u wanted=%u answer=%s", t->workers, t->settings->workers,
			    cryptoki_name(rv));
	return t->workers ? 0 : EXIT_TOKEN_FAILED;
}

static bool mechanism_fits(struct token *t, CK_MECHANISM_TYPE type, CK_FLAGS flag, const struct algorithm *a)
{
	CK_MECHANISM_INFO info;
	if (cryptoki_mechanism(&t->module, type, &info) != CKR_OK || !(info.flags & flag))
		return false;
	/* Tokens disagree on what the size of an Edwards key is; and some state no size at all. */
	if (a->family == FAMILY_EDWARDS || info.ulMaxKeySize == 0)
		return true;
	return a->bits >= info.ulMinKeySize && a->bits <= info.ulMaxKeySize;
}

static void algorithms_read(struct token *t)
{
	static const CK_MECHANISM_TYPE make[] = { [FAMILY_EC] = CKM_EC_KEY_PAIR_GEN,
						  [FAMILY_RSA] = CKM_RSA_PKCS_KEY_PAIR_GEN,
						  [FAMILY_EDWARDS] = CKM_EC_EDWARDS_KEY_PAIR_GEN };
	static const CK_MECHANISM_TYPE sign[] = {
		[FAMILY_EC] = CKM_ECDSA, [FAMILY_RSA] = CKM_RSA_PKCS, [FAMILY_EDWARDS] = CKM_EDDSA
	};
	const struct algorithm *a;
	for (size_t i = 0; (a = algorithm_at(i)); i++)
		if (mechanism_fits(t, make[a->family], CKF_GENERATE_KEY_PAIR, a) &&
		    mechanism_fits(t, sign[a->family], CKF_SIGN, a))
			t->algorithms |= 1U << a->number;
}

static int token_bring_up(struct token *t)
{
	int (*const steps[])(struct token *) = { module_load, slot_find, sessions_open };
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int status = steps[i](t);
		if (status)
			return status;
	}
	bool resumed = latch_resumed(t->settings);
	int status = login_do(t, t->sessions[0]);
	atomic_store(&t->resumed, status == 0 && resumed);
	if (status == 0)
		algorithms_read(t);
	return status;
}

struct token *token_open(const struct settings *settings, int *status)
{
	struct token *t = calloc(1, sizeof(*t));
	*status = EXIT_TOKEN_FAILED;
	if (!t)
		return NULL;
	t->settings = settings;
	pthread_mutex_init(&t->keys_lock, NULL);
	pthread_rwlockattr_t attributes;
	pthread_rwlockattr_init(&attributes);
	/* With the default, signers that never pause would keep recovery waiting for ever. */
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&t->life, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	*status = login_prepare(t) == 0 ? token_bring_up(t) : EXIT_CONFIG;
	if (*status == 0) {
		t->since = time_now();
		log_info("token_ready", "token=%s serial=%s workers=%u algorithms=0x%x", t->label, t->serial,
			 t->workers, t->algorithms);
		return t;
	}
	token_close(t);
	return NULL;
}

void token_close(struct token *t)
{
	if (t->workers)
		cryptoki_close_all(&t->module);
	if (t->slots)
		PKCS11_release_all_slots(t->ctx, t->slots, t->slot_count);
	if (t->ctx) {
		PKCS11_CTX_unload(t->ctx);
		PKCS11_CTX_free(t->ctx);
	}
	secret_free(t->pin);
	keys_free(t);
	pthread_rwlock_destroy(&t->life);
	pthread_mutex_destroy(&t->keys_lock);
	free(t);
}

/* With life held for writing. */
static int recover(struct token *t)
{
	unsigned workers = t->workers;
	log_warning("token_recovery", "token=%s epoch=%u", t->label, t->epoch + 1);
	keys_forget(t);
	t->epoch++;
	atomic_fetch_add(&t->recoveries, 1);
	cryptoki_close_all(&t->module); /* if it fails, what follows shows it */
	if (sessions_open(t) != 0 || t->workers < workers)
		return -1;
	return login_do(t, t->sessions[0]) == 0 ? 0 : -1;
}

/* Sessions, login and handles anew, once for all who lost them in the same epoch. */
static int token_recover(struct token *t, unsigned epoch)
{
	pthread_rwlock_wrlock(&t->life);
	int result = t->epoch == epoch ? recover(t) : 0;
	pthread_rwlock_unlock(&t->life);
	return result;
}

int attempt_failed(struct attempt *a, const char *call, CK_RV rv)
{
	a->rv = rv;
	atomic_fetch_add(&a->token->failures, 1);
	log_warning("token_error", "token=%s call=%s answer=%s", a->token->label, call, cryptoki_name(rv));
	return cryptoki_class(rv) == CRYPTOKI_AWAY ? DRIVER_REFUSE_TOKEN_AWAY : DRIVER_REFUSE_TOKEN_FAILED;
}

static int attempt_run(struct token *t, unsigned worker, token_act act, void *what, struct attempt *a)
{
	pthread_rwlock_rdlock(&t->life);
	*a = (struct attempt){ .token = t, .session = t->sessions[worker], .epoch = t->epoch, .rv = CKR_OK };
	int result = act(a, what);
	pthread_rwlock_unlock(&t->life);
	return result;
}

/* What the second failure, or one without a cure, comes to. */
static int attempt_judge(struct token *t, const struct attempt *a, int result)
{
	enum cryptoki_class class = cryptoki_class(a->rv);
	if (class == CRYPTOKI_FINE || class == CRYPTOKI_ASKED) {
		atomic_store(&t->strikes, 0);
		return result;
	}
	if (class == CRYPTOKI_BROKEN && atomic_fetch_add(&t->strikes, 1) + 1 < MAX_STRIKES)
		return result;
	log_error("token_beyond_cure", "token=%s answer=%s", t->label, cryptoki_name(a->rv));
	return KEY_FATAL(result);
}

int token_run(struct token *t, unsigned worker, token_act act, void *what)
{
	struct attempt a;
	int result = attempt_run(t, worker, act, what, &a);
	if (cryptoki_class(a.rv) == CRYPTOKI_LOST) {
		if (token_recover(t, a.epoch) != 0)
			return KEY_FATAL(DRIVER_REFUSE_TOKEN_FAILED);
		if (a.final)
			return result;
		result = attempt_run(t, worker, act, what, &a);
	}
	return attempt_judge(t, &a, result);
}
