/*
 * The login-pending marker: a file in the driver's state folder that stands
 * from before a PIN is tried until it was accepted. A process that starts and
 * finds it doesn't try again, so that a supervisor's restarts never use up
 * the tries that a token allows.
 */
#ifndef CHANCERY_KEY_PKCS11_LATCH_H
#define CHANCERY_KEY_PKCS11_LATCH_H

#include "key/pkcs11/settings.h"

/* Positive if the marker stands, 0 if not; -1, logged, if that can't be told. */
int latch_closed(const struct settings *s);
/* Whether an operator has allowed that one try; latch_close() uses it up. */
bool latch_resumed(const struct settings *s);
/* Durable before it returns. 0 or -1, logged. */
int latch_close(const struct settings *s);
int latch_open(const struct settings *s);
/*
 * For --resume: removes the marker, or says who may, and allows one try even
 * where the token says that wrong PINs were tried. 0 or -1, logged.
 */
int latch_resume(const struct settings *s);

/*
 * One process for each token: takes a lock that lasts as long as the process.
 * 0; positive: another process has it; -1. Both are logged.
 */
int latch_lock(const struct settings *s);

#endif
