/* The PIN's way into the token: tried once, and never where a try could lock the token. */
#ifndef CHANCERY_KEY_PKCS11_LOGIN_H
#define CHANCERY_KEY_PKCS11_LOGIN_H

#include "key/pkcs11/token.h"

/* Reads the PIN, if driver.conf names one. 0, or -1 with the reason logged. */
int login_prepare(struct token *t);
/*
 * Logs the token in on a session. 0, or an enum driver_exit, logged:
 * EXIT_PIN_LATCHED from then on until an operator resumes it.
 */
int login_do(struct token *t, CK_SESSION_HANDLE session);
/* Whether a session of a token that wants a PIN is logged in; true for one that wants none. */
bool login_stands(struct token *t, CK_SESSION_HANDLE session);

#endif
