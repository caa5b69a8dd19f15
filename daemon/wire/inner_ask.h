/*
 * The asking half of the inner protocol: writes requests, reads replies. Every
 * verb of inner.def has ask_VERB_put(out, tag, request) and
 * ask_VERB_get(body, reply, &where), with pack_get()'s answers. A report of reports.def
 * is read by report_NAME_get(item, report), false if it does not fit the table.
 */
#ifndef CHANCERY_WIRE_INNER_ASK_H
#define CHANCERY_WIRE_INNER_ASK_H

#include "wire/frame.h"
#include "wire/inner.h"

#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	void ask_##name##_put(struct buf *out, uint64_t tag, const struct name##_request *r);                          \
	enum pack_refusal ask_##name##_get(struct slice body, struct name##_reply *r, const char **where);
#include "wire/inner.def"
#undef VERB

#define REPORT(name, fields) bool report_##name##_get(struct slice item, struct name##_report *r);
#include "wire/reports.def"
#undef REPORT

#endif
