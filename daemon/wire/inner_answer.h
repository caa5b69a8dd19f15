/*
 * The answering half of the inner protocol: reads requests, writes replies. Every
 * verb of inner.def has answer_VERB_get(body, request, &where) and
 * answer_VERB_put(out, tag, reply). report_NAME_put(list, &count, state, report) appends a
 * report of reports.def to a list.
 */
#ifndef CHANCERY_WIRE_INNER_ANSWER_H
#define CHANCERY_WIRE_INNER_ANSWER_H

#include "wire/frame.h"
#include "wire/inner.h"

#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	enum pack_refusal answer_##name##_get(struct slice body, struct name##_request *r, const char **where);        \
	void answer_##name##_put(struct buf *out, uint64_t tag, const struct name##_reply *r);
#include "wire/inner.def"
#undef VERB

#define REPORT(name, fields)                                                                                           \
	void report_##name##_put(struct buf *list, uint16_t *count, uint8_t state, const struct name##_report *r);
#include "wire/reports.def"
#undef REPORT

/* The table's row for a verb number; NULL if there is none. */
const struct verb *inner_verb(uint16_t number);

#endif
