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

static int refused(const struct token *t, CK_RV rv)
{
	log_error("pin_refused",
		  "token=%s answer=%s why=\"put the PIN right, then run chancery-driver-pkcs11 --resume %s\"", t->label,
		  cryptoki_name(rv), t->settings->name);
	return EXIT_PIN_LATCHED;
}

/* The marker stays whatever goes wrong: only success tells that no try was lost. */
static int pin_try(struct token *t, CK_SESSION_HANDLE session)
{
	if (latch_close(t->settings) != 0)
		return EXIT_CONFIG;
	struct slice pin = t->pin ? secret_slice(t->pin) : (struct slice){ NULL, 0 };
	CK_RV rv = cryptoki_login(&t->module, session, pin);
	if (rv != CKR_OK && rv != CKR_USER_ALREADY_LOGGED_IN)
		return refused(t, rv);
	return latch_open(t->settings) == 0 ? 0 : EXIT_CONFIG;
}

int login_do(struct token *t, CK_SESSION_HANDLE session)
{
	CK_TOKEN_INFO info;
	CK_RV rv = cryptoki_token(&t->module, &info);
	if (rv != CKR_OK) {
		log_error("token_away", "token=%s answer=%s", t->label, cryptoki_name(rv));
		return EXIT_TOKEN_AWAY;
	}
	atomic_store(&t->flags, (unsigned)info.flags);
	if (!(info.flags & CKF_LOGIN_REQUIRED))
		return 0;
	if (!t->pin && !(info.flags & CKF_PROTECTED_AUTHENTICATION_PATH)) {
		log_error("pin_missing", "token=%s expected=\"pin_file or pin_credential in driver.conf\"", t->label);
		return EXIT_CONFIG;
	}
	int closed = latch_closed(t->settings);
	if (closed > 0) {
		log_error("pin_latched",
			  "name=%s why=\"a PIN was refused earlier, or the process died while it was tried; "
			  "put it right, then run chancery-driver-pkcs11 --resume %s\"",
			  t->settings->name, t->settings->name);
		return EXIT_PIN_LATCHED;
	}
	if (closed < 0)
		return EXIT_CONFIG;
	int stopped = flags_check(t, info.flags);
	return stopped ? stopped : pin_try(t, session);
}
