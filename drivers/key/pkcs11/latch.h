/*
 * The login-pending marker: a file in the driver's state folder that stands
 * from before a PIN is tried until it was accepted, and says how that went. A
 * process that starts and finds that the PIN was refused never tries it again,
 * so that a supervisor's restarts don't use up the tries that a token allows.
 * Where nobody knows how it went, because the process died or the token's
 * answer wasn't about the PIN, it counts: driver.conf's login_tries of these in
 * a row and no more.
 */
#ifndef CHANCERY_KEY_PKCS11_LATCH_H
#define CHANCERY_KEY_PKCS11_LATCH_H

#include "key/pkcs11/settings.h"

/* Positive if no PIN may be tried, 0 if one may, with *pending, the tries before it; -1, logged: can't be told. */
int latch_closed(const struct settings *s, unsigned *pending);
/* Whether an operator has allowed one try where the token counts wrong ones; latch_pend() uses it up. */
bool latch_resumed(const struct settings *s);
/* Before a try: there are so many now without an outcome. Durable before it returns, as all of these. 0 or -1, logged.
 */
int latch_pend(const struct settings *s, unsigned pending);
/* The PIN was refused, in these words. */
int latch_close(const struct settings *s, const char *why);
/* The PIN was accepted. */
int latch_open(const struct settings *s);
/*
 * For --resume: removes the marker, or says who may, and allows one try even
 * where the token says that wrong PINs were tried. 0 or -1, logged.
 */
int latch_resume(const struct settings *s);

/* Whether a --resume is still to be told to the signer; and that it was. */
bool latch_untold(const struct settings *s);
void latch_told(const struct settings *s);

/*
 * One process for each token: takes a lock that lasts as long as the process.
 * 0; positive: another process has it; -1. Both are logged.
 */
int latch_lock(const struct settings *s);

#endif
