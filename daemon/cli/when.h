/* Times as people want them: the day, and how long from now. */
#ifndef CHANCERY_CLI_WHEN_H
#define CHANCERY_CLI_WHEN_H

#include "base/buf.h"

/* "2027-01-03 (in 42 days)", "2026-11-20 09:00 (3 hours ago)"; a text that is no RFC 3339 UTC time as it is. */
void when_put(struct buf *out, const char *text, int64_t now);
/* 259200 is "3 days", the largest unit that fits twice. */
void span_put(struct buf *out, int64_t seconds);

/* Reads an RFC 3339 UTC time, with or without a fraction of a second. */
bool when_parse(const char *text, int64_t *t);

#endif
