#include "key/pkcs11/token.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "key/pkcs11/audit.h"
#include "key/pkcs11/keys.h"
#include "key/pkcs11/latch.h"
#include "key/pkcs11/login.h"

#define SCANS_A_LINE 20 /* a minute, as long as driver.conf doesn't say otherwise */

/* What keeps a token away is the same at every scan: it is said at the first one and then now and then. */
static bool scan_says(const struct token *t)
{
	return t->scans % SCANS_A_LINE == 1;
}

static int module_failed(struct token *t, const char *call, const char *why)
{
	health_trouble(&t->health, call, why);
	if (scan_says(t))
		log_error("module_failed", "module=%s call=%s why=\"%s\"", t->settings->module, call, why);
	return EXIT_TOKEN_FAILED;
}

static int module_load(struct token *t)
{
	const struct settings *s = t->settings;
	const char *args = *s->init_args ? s->init_args : NULL;
	if (cryptoki_load(&t->module, s->module) != 0)
		return EXIT_CONFIG;
	CK_RV rv = cryptoki_initialize(&t->module, args);
	if (rv != CKR_OK)
		return module_failed(t, "C_Initialize", cryptoki_name(rv));
	if (t->module.one_thread)
		log_warning("module_one_thread", "module=%s answer=CKR_CANT_LOCK workers=1", s->module);
	t->ctx = PKCS11_CTX_new();
	if (!t->ctx)
		return EXIT_TOKEN_FAILED;
	PKCS11_CTX_init_args(t->ctx, args);
	if (PKCS11_CTX_load(t->ctx, s->module) == 0)
		return 0;
	PKCS11_CTX_free(t->ctx); /* it was not loaded, so it must not be unloaded */
	t->ctx = NULL;
	return module_failed(t, "C_Initialize", ERR_reason_error_string(ERR_get_error()));
}

/* What driver.conf doesn't say fits everything. */
static bool text_fits(const char *wanted, const char *got)
{
	return !*wanted || (got && strcmp(wanted, got) == 0);
}

static bool token_matches(const struct token_uri *wanted, const PKCS11_TOKEN *token)
{
	return token->initialized && text_fits(wanted->token, token->label) &&
	       text_fits(wanted->serial, token->serialnr) && text_fits(wanted->manufacturer, token->manufacturer) &&
	       text_fits(wanted->model, token->model);
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

/* By what the token says of itself, never by slot number: those change. */
static int slot_find(struct token *t)
{
	const struct token_uri *wanted = &t->settings->token;
	unsigned found = 0;
	if (PKCS11_enumerate_slots(t->ctx, &t->slots, &t->slot_count) != 0)
		return module_failed(t, "C_GetSlotList", ERR_reason_error_string(ERR_get_error()));
	for (unsigned i = 0; i < t->slot_count; i++) {
		if (!t->slots[i].token || !token_matches(wanted, t->slots[i].token))
			continue;
		slot_take(t, &t->slots[i]);
		found++;
	}
	if (found == 1)
		return 0;
	if (found == 0)
		health_trouble(&t->health, "C_GetSlotList", cryptoki_name(CKR_TOKEN_NOT_PRESENT));
	if (found == 0 && scan_says(t))
		log_error("token_missing", "token=%s serial=%s module=%s slots=%u", wanted->token, wanted->serial,
			  t->settings->module, t->slot_count);
	else if (found)
		log_error("token_ambiguous", "token=%s found=%u expected=\"serial in driver.conf\"", wanted->token,
			  found);
	return found ? EXIT_CONFIG : EXIT_TOKEN_AWAY;
}

/* A field of CK_TOKEN_INFO is padded with spaces; what is no text was not taken over. */
static bool field_same(const char *known, const CK_UTF8CHAR *field, size_t size)
{
	while (size && field[size - 1] == ' ')
		size--;
	return !*known || slice_equal(slice_text(known), (struct slice){ field, size });
}

bool token_same(const struct token *t, const CK_TOKEN_INFO *info)
{
	return field_same(t->label, info->label, sizeof(info->label)) &&
	       field_same(t->serial, info->serialNumber, sizeof(info->serialNumber));
}

/* What the token allows, but for one that is opened for a while when a key is made. */
static unsigned sessions_allowed(struct token *t, unsigned wanted)
{
	CK_TOKEN_INFO info;
	if (t->module.one_thread)
		wanted = 1;
	t->one_session = false;
	if (cryptoki_token(&t->module, &info) != CKR_OK || info.ulMaxSessionCount == CK_EFFECTIVELY_INFINITE ||
	    info.ulMaxSessionCount > LONG_MAX) /* not known, and how some write it */
		return wanted;
	t->one_session = info.ulMaxSessionCount == 1;
	CK_ULONG most = t->one_session ? 1 : info.ulMaxSessionCount - 1;
	return wanted < most ? wanted : (unsigned)most;
}

int sessions_open(struct token *t, unsigned wanted)
{
	unsigned n = 0, allowed = sessions_allowed(t, wanted);
	CK_RV rv = CKR_OK;
	while (n < allowed && rv == CKR_OK) {
		rv = cryptoki_open(&t->module, t->one_session, &t->sessions[n].handle);
		n += rv == CKR_OK;
	}
	atomic_store(&t->pool, n);
	if (n < wanted && !t->module.one_thread)
		log_warning("sessions_short", "opened=%u wanted=%u answer=%s", n, wanted, cryptoki_name(rv));
	if (n)
		return 0;
	health_trouble(&t->health, "C_OpenSession", cryptoki_name(rv));
	return cryptoki_class(rv) == CRYPTOKI_AWAY ? EXIT_TOKEN_AWAY : EXIT_TOKEN_FAILED;
}

static int pool_open(struct token *t)
{
	return sessions_open(t, t->settings->workers);
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

static int algorithms_read(struct token *t)
{
	static const CK_MECHANISM_TYPE make[] = { [FAMILY_EC] = CKM_EC_KEY_PAIR_GEN,
						  [FAMILY_RSA] = CKM_RSA_PKCS_KEY_PAIR_GEN,
						  [FAMILY_EDWARDS] = CKM_EC_EDWARDS_KEY_PAIR_GEN };
	static const CK_MECHANISM_TYPE sign[] = {
		[FAMILY_EC] = CKM_ECDSA, [FAMILY_RSA] = CKM_RSA_PKCS, [FAMILY_EDWARDS] = CKM_EDDSA
	};
	const struct algorithm *a;
	t->algorithms = 0;
	for (size_t i = 0; (a = algorithm_at(i)); i++)
		if (mechanism_fits(t, make[a->family], CKF_GENERATE_KEY_PAIR, a) &&
		    mechanism_fits(t, sign[a->family], CKF_SIGN, a))
			t->algorithms |= 1U << a->number;
	return 0;
}

static int pin_enter(struct token *t)
{
	return login_do(t, t->sessions[0].handle);
}

/* The other way round; every step by itself may not have been reached. */
static void token_undo(struct token *t)
{
	keys_forget(t);
	if (atomic_exchange(&t->pool, 0))
		cryptoki_close_all(&t->module);
	if (t->slots)
		PKCS11_release_all_slots(t->ctx, t->slots, t->slot_count);
	t->slots = NULL;
	if (t->ctx) {
		PKCS11_CTX_unload(t->ctx);
		PKCS11_CTX_free(t->ctx);
	}
	t->ctx = NULL;
	cryptoki_unload(&t->module);
}

int token_bring_up(struct token *t)
{
	int (*const steps[])(struct token *) = { module_load, slot_find, pool_open, pin_enter, algorithms_read, audit };
	t->scans++;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		int status = steps[i](t);
		if (status == 0)
			continue;
		token_undo(t);
		return status;
	}
	atomic_store(&t->resumed, latch_untold(t->settings));
	health_turn(&t->health);
	atomic_store(&t->state, TOKEN_READY);
	log_info("token_ready", "token=%s serial=%s sessions=%u algorithms=0x%x", t->label, t->serial,
		 atomic_load(&t->pool), t->algorithms);
	return 0;
}

struct token *token_new(const struct settings *settings)
{
	struct token *t = calloc(1, sizeof(*t));
	if (!t)
		return NULL;
	t->settings = settings;
	atomic_store(&t->state, TOKEN_AWAY);
	health_init(&t->health);
	pthread_mutex_init(&t->keys_lock, NULL);
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		pthread_mutex_init(&t->sessions[i].busy, NULL);
	pthread_rwlockattr_t attributes;
	pthread_rwlockattr_init(&attributes);
	/* With the default, signers that never pause would keep recovery waiting for ever. */
	pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&t->life, &attributes);
	pthread_rwlockattr_destroy(&attributes);
	if (login_prepare(t) == 0)
		return t;
	token_free(t);
	return NULL;
}

void token_free(struct token *t)
{
	token_undo(t);
	secret_free(t->pin);
	keys_free(t);
	for (unsigned i = 0; i < MAX_WORKERS; i++)
		pthread_mutex_destroy(&t->sessions[i].busy);
	pthread_rwlock_destroy(&t->life);
	pthread_mutex_destroy(&t->keys_lock);
	health_free(&t->health);
	free(t);
}
