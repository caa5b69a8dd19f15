#include "key/pkcs11/login.h"

#include "base/log.h"
#include "key/pkcs11/latch.h"

int login_prepare(struct token *t)
{
	const char *file = t->settings->pin_file;
	return *file ? secret_read(file, &t->pin) : 0;
}

/*
 * Tokens count wrong PINs: a try is made only while none was wasted. Many
 * count down until a login succeeds, so the operator's --resume allows one
 * try more, but never the last.
 */
static int flags_check(const struct token *t, CK_FLAGS flags)
{
	static const struct {
		CK_FLAGS flag;
		const char *name;
	} stops[] = {
		{ CKF_USER_PIN_LOCKED, "CKF_USER_PIN_LOCKED" },
		{ CKF_USER_PIN_FINAL_TRY, "CKF_USER_PIN_FINAL_TRY" },
		{ CKF_USER_PIN_COUNT_LOW, "CKF_USER_PIN_COUNT_LOW" },
	};
	for (size_t i = 0; i < sizeof(stops) / sizeof(stops[0]); i++) {
		if (!(flags & stops[i].flag) || (stops[i].flag == CKF_USER_PIN_COUNT_LOW && latch_resumed(t->settings)))
			continue;
		log_error(
			"pin_not_tried",
			"token=%s flag=%s why=\"wrong PINs were tried; put the PIN right, then run "
			"chancery-driver-pkcs11 --resume %s, or, for the last try, log in with the token's own tool\"",
			t->label, stops[i].name, t->settings->name);
		return EXIT_PIN_LATCHED;
	}
	return 0;
}

static int pin_refused(const struct token *t, CK_RV rv)
{
	log_error("pin_refused",
		  "token=%s answer=%s why=\"put the PIN right, then run chancery-driver-pkcs11 --resume %s\"", t->label,
		  cryptoki_name(rv), t->settings->name);
	return latch_close(t->settings, cryptoki_name(rv)) == 0 ? EXIT_PIN_LATCHED : EXIT_CONFIG;
}

/* Answers that a token gives only when it has not compared the PIN. What isn't here may stand for a wrong one. */
static bool pin_not_judged(CK_RV rv)
{
	switch (cryptoki_class(rv)) {
	case CRYPTOKI_LOST:
	case CRYPTOKI_STALE:
	case CRYPTOKI_AWAY:
	case CRYPTOKI_EXHAUSTED:
	case CRYPTOKI_DEAD:
		return true;
	default:
		return rv == CKR_DEVICE_ERROR || rv == CKR_FUNCTION_CANCELED ||
		       rv == CKR_USER_ANOTHER_ALREADY_LOGGED_IN;
	}
}

static int pin_unanswered(const struct token *t, CK_RV rv, unsigned pending)
{
	log_error("login_failed", "token=%s answer=%s", t->label, cryptoki_name(rv));
	if (pin_not_judged(rv) && (pending ? latch_pend(t->settings, pending) : latch_open(t->settings)) != 0)
		return EXIT_CONFIG;
	return cryptoki_class(rv) == CRYPTOKI_AWAY ? EXIT_TOKEN_AWAY : EXIT_TOKEN_FAILED;
}

/* The marker stands while the token thinks: if this process dies now, the next one knows of the try. */
static int pin_try(struct token *t, CK_SESSION_HANDLE session, unsigned pending)
{
	if (latch_pend(t->settings, pending + 1) != 0)
		return EXIT_CONFIG;
	struct slice pin = t->pin ? secret_slice(t->pin) : (struct slice){ NULL, 0 };
	CK_RV rv = cryptoki_login(&t->module, session, pin);
	if (cryptoki_class(rv) == CRYPTOKI_PIN)
		return pin_refused(t, rv);
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		return pin_unanswered(t, rv, pending);
	return latch_open(t->settings) == 0 ? 0 : EXIT_CONFIG;
}

static int latch_check(const struct token *t, unsigned *pending)
{
	int closed = latch_closed(t->settings, pending);
	if (closed == 0)
		return 0;
	if (closed > 0)
		log_error("pin_latched",
			  "name=%s why=\"a PIN was refused earlier, or nobody knows how %u logins ended; "
			  "put it right, then run chancery-driver-pkcs11 --resume %s\"",
			  t->settings->name, *pending, t->settings->name);
	return closed > 0 ? EXIT_PIN_LATCHED : EXIT_CONFIG;
}

int login_do(struct token *t, CK_SESSION_HANDLE session)
{
	CK_TOKEN_INFO info;
	unsigned pending;
	CK_RV rv = cryptoki_token(&t->module, &info);
	if (rv != CKR_OK || !token_same(t, &info)) {
		log_error("token_away", "token=%s answer=%s", t->label,
			  rv == CKR_OK ? "another-token" : cryptoki_name(rv));
		return EXIT_TOKEN_AWAY;
	}
	atomic_store(&t->flags, (unsigned)info.flags);
	if (!(info.flags & CKF_LOGIN_REQUIRED))
		return 0;
	if (!t->pin && !(info.flags & CKF_PROTECTED_AUTHENTICATION_PATH)) {
		log_error("pin_missing", "token=%s expected=\"pin_file or pin_credential in driver.conf\"", t->label);
		return EXIT_CONFIG;
	}
	if (info.flags & CKF_USER_PIN_TO_BE_CHANGED)
		log_warning("pin_to_be_changed", "token=%s why=\"the token says that its PIN is a default or expired\"",
			    t->label);
	int stopped = latch_check(t, &pending);
	if (!stopped)
		stopped = flags_check(t, info.flags);
	return stopped ? stopped : pin_try(t, session, pending);
}

bool login_stands(struct token *t, CK_SESSION_HANDLE session)
{
	CK_STATE state;
	if (!(atomic_load(&t->flags) & CKF_LOGIN_REQUIRED))
		return true;
	return cryptoki_session(&t->module, session, &state) == CKR_OK &&
	       (state == CKS_RO_USER_FUNCTIONS || state == CKS_RW_USER_FUNCTIONS);
}
