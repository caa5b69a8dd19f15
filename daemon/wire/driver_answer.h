/*
 * The answering half of the driver protocol: reads requests, writes replies. Every
 * verb of driver.def has answer_VERB_get(body, request, &where) and
 * answer_VERB_put(out, tag, reply).
 */
#ifndef CHANCERY_WIRE_DRIVER_ANSWER_H
#define CHANCERY_WIRE_DRIVER_ANSWER_H

#include "wire/frame.h"
#include "wire/driver.h"

#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	enum pack_refusal answer_##name##_get(struct slice body, struct name##_request *r, const char **where);        \
	void answer_##name##_put(struct buf *out, uint64_t tag, const struct name##_reply *r);
#include "wire/driver.def"
#undef VERB

/* The table's row for a verb number; NULL if there is none. */
const struct verb *driver_verb(uint16_t number);

#endif
