/*
 * JSON written straight into a buffer, for what is written at every issuance.
 * Everything else is built with jansson.
 */
#ifndef CHANCERY_FRONTD_JSON_TEXT_H
#define CHANCERY_FRONTD_JSON_TEXT_H

#include "base/buf.h"

/* Appends the text as a JSON string, with its quotes; it must be UTF-8. */
void json_text_put(struct buf *out, struct slice text);
/* Appends a member of an object: a comma unless one or '{' is there or the buffer is empty, its name, its text. */
void json_member_put(struct buf *out, const char *name, struct slice text);

#endif
