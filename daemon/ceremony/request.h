/* What both kinds of request have in common: who asks, of whom, what became of it before, and the file that goes back.
 */
#ifndef CHANCERY_CEREMONY_REQUEST_H
#define CHANCERY_CEREMONY_REQUEST_H

#include "ceremony/act.h"
#include "letter/letter.h"

#define MAX_MADE 524288 /* as a response has it */

/* Reads the letter and finds the root that is to sign, bound and in its token. 0 or positive: said. */
int request_read(const struct act *a, struct request_letter *r, const struct key **root);
/* Says who asks for what, checks the words with people, and the clock. ACT_DONE: all agree. */
enum act_end request_greet(const struct act *a, const struct request_letter *r);
/* Says it without asking: the letter alone; whether it was approved is not looked at. */
void request_tell(const struct request_letter *r, const uint8_t hash[HASH_SIZE]);
/* A list's table; whose: finds the name in a certificate by its serial number, or NULL. */
typedef const char *whose_find(const void *with, struct slice serial);
void crl_tell(const struct crl_letter *c, whose_find *whose, const void *with);
/* Writes the response with what was made, and says so. */
enum act_end request_answer(const struct act *a, const struct request_letter *r, struct slice made);

#endif
