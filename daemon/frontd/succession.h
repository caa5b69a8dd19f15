/*
 * From one generation of a CA to the next: the successor is made with a key of
 * its own in the same token, under the same parent, with the same limits; for a
 * while both are valid; then it takes over, and the old one signs no more.
 * For whoever asks by hand and for the scheduler alike; each step is taken
 * once, however many ask for it.
 */
#ifndef CHANCERY_FRONTD_SUCCESSION_H
#define CHANCERY_FRONTD_SUCCESSION_H

#include "frontd/call.h"
#include "store/store.h"

struct front;

/* By rule only a successor that ends later than the CA is of any use; by hand there may be other reasons. */
enum succession_reason { BY_HAND, BY_RULE };
/* Answers with the CA's successor: 201 if it was made, 200 if it was there. */
int succession_prepare(struct front *f, struct call *c, const char *ca_id, enum succession_reason reason);
/* The CA goes to retiring, its successor takes over; answers 200 with the successor, also if that was done before. */
int succession_activate(struct front *f, struct call *c, const char *ca_id);

/*
 * In the committer, where a CA goes to retiring: if it was its issuer's issuing CA and has a successor, that is it
 * now. Positive never.
 */
int succession_take(struct store_session *s, const struct ca_row *ca, int64_t now);

#endif
