/*
 * How the signer and its tokens are, as it last said so, for those who watch:
 * readiness and metrics. Asked of the signer once a second at most, however
 * often anybody asks here.
 */
#ifndef CHANCERY_FRONTD_TOKENS_H
#define CHANCERY_FRONTD_TOKENS_H

#include <jansson.h>

#include "base/buf.h"

struct front;

/* An array of { name, ready, why }; NULL: out of memory. *any: whether one of them is ready. */
json_t *tokens_json(struct front *f, bool *any);
/* Appends a gauge or counter of each token, and of the signer. */
void tokens_metrics(struct front *f, struct buf *out);

#endif
