/*
 * The verbs of driver.def as a driver's server handles them: how a request is
 * decoded, and how an operation of key/driver.h becomes a reply or a refusal.
 */
#ifndef CHANCERY_KEY_VERBS_H
#define CHANCERY_KEY_VERBS_H

#include "key/driver.h"
#include "wire/driver_answer.h"

union driver_request {
#define VERB(number, NAME, name, who, most, request, reply) struct name##_request name;
#include "wire/driver.def"
#undef VERB
};

/* Decodes a body, which the request then points into. False with *where, the field that doesn't fit. */
bool verb_decode(uint16_t verb, struct slice body, union driver_request *r, const char **where);

/* Whether it goes to a worker: it may use the token, and take its time. */
bool verb_is_work(uint16_t verb);

/*
 * Runs the operation and appends its reply, or its refusal, to out. Negative
 * if the token is beyond cure: then nothing is answered, and the signer asks
 * the process that follows.
 */
int verb_act(const struct key_operations *do_, void *token, unsigned worker, uint16_t verb, uint64_t tag,
	     const union driver_request *r, struct key_room *room, struct buf *out);

void verb_refuse(struct buf *out, uint16_t verb, uint64_t tag, enum driver_refusal code, const char *field);

#endif
