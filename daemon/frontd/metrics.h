/*
 * Counters for Prometheus, in its text format 0.0.4. Labels never come
 * unescaped and never in unbounded number: a label set past the limit is
 * counted under "other".
 */
#ifndef CHANCERY_FRONTD_METRICS_H
#define CHANCERY_FRONTD_METRICS_H

#include "base/buf.h"

struct metrics;

enum hierarchy_operation { CREATE_ROOT, CREATE_CHILD, RETIRE_RETIRING, RETIRE_RETIRED };

struct metrics *metrics_new(void);
void metrics_free(struct metrics *m);

/* Appends name="value", escaped, after a comma if there is something already. */
void metrics_label(struct buf *out, const char *name, const char *value);

void metrics_hierarchy(struct metrics *m, enum hierarchy_operation op, const char *issuer_id);
/* ms: from the checked request to the durable certificate */
void metrics_issued(struct metrics *m, const char *ca_id, const char *profile, int64_t ms);
void metrics_refused(struct metrics *m, const char *code);
/* One answer: the route's pattern, never the path. */
void metrics_http(struct metrics *m, const char *socket, const char *route, const char *method, unsigned status,
		  int64_t ms);

/* Appends all counters, and the gauges of a process that started then (Unix seconds). */
void metrics_print(struct metrics *m, int64_t started, bool signer_up, struct buf *out);

#endif
