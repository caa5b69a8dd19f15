/*
 * The asking half of the driver protocol: writes requests, reads replies. Every
 * verb of driver.def has ask_VERB_put(out, tag, request) and
 * ask_VERB_get(body, reply, &where), with pack_get()'s answers.
 */
#ifndef CHANCERY_WIRE_DRIVER_ASK_H
#define CHANCERY_WIRE_DRIVER_ASK_H

#include "wire/frame.h"
#include "wire/driver.h"

#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	void ask_##name##_put(struct buf *out, uint64_t tag, const struct name##_request *r);                          \
	enum pack_refusal ask_##name##_get(struct slice body, struct name##_reply *r, const char **where);
#include "wire/driver.def"
#undef VERB

#endif
