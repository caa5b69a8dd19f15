/*
 * How an operation is run inside the module, and what is done when the module
 * answers with an error: one cure for each class of answers (cryptoki.h), each
 * at most once or twice for one operation. What has no cure ends the process,
 * unanswered: its supervisor starts a new one, and the signer asks that.
 */
#ifndef CHANCERY_KEY_PKCS11_RECOVERY_H
#define CHANCERY_KEY_PKCS11_RECOVERY_H

#include "key/pkcs11/token.h"

/* One try of an operation, inside the module. */
struct attempt {
	struct token *token;
	CK_SESSION_HANDLE session;
	unsigned epoch;
	CK_RV rv;	 /* the module's answer that made it fail; CKR_OK if none did */
	struct key *key; /* that it was about, or NULL */
	bool final;	 /* something was changed in the token: never try again */
};

typedef int (*token_act)(struct attempt *a, void *what);

/*
 * Runs act with the worker's session. When sessions or handles are gone they
 * are made anew and act is run once more; what has no cure is KEY_FATAL.
 */
int token_run(struct token *t, unsigned worker, token_act act, void *what);
/* For an act: remembers and logs what the module answered; returns the refusal that it comes to. */
int attempt_failed(struct attempt *a, const char *call, CK_RV rv);
/* For an act that found nothing: 0 if the token is there and logged in, so that there is nothing. */
int attempt_sound(struct attempt *a);

/* This process is done with the token, for this reason; the first one counts. Always negative. */
int token_end(struct token *t, enum driver_exit status);
/* As token_run(), if nobody uses the session now; 0 if somebody does. */
int token_tend(struct token *t, unsigned session);
/* After an exhaustion is over: one session more, up to what driver.conf wants. */
void token_widen(struct token *t);

#endif
