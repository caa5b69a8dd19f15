/* Records of the ledger in words: what happened and who wanted it. */
#ifndef CHANCERY_CLI_RECORD_H
#define CHANCERY_CLI_RECORD_H

#include <jansson.h>

#include "base/buf.h"

/* One sentence's worth about a record of GET /audit; of a type that it doesn't know, nothing. */
void record_words(const json_t *record, struct buf *out);
/* The actor from the front-end's context; "" if the record has none. Borrowed. */
const char *record_actor(const json_t *record);

#endif
