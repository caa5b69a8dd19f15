/* Members of the server's objects, whatever they are: absent, or of another type, is empty. */
#ifndef CHANCERY_CLI_MEMBER_H
#define CHANCERY_CLI_MEMBER_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"

/* The text, borrowed from the object; "" if it is no string or o no object. */
const char *member_text(const json_t *o, const char *name);
bool member_is(const json_t *o, const char *name, const char *value);
/* Borrowed; NULL if it is no array. */
const json_t *member_list(const json_t *o, const char *name);
/* Appends a string, number or boolean as people read it; an array's members with commas; null is nothing. */
void value_put(struct buf *out, const json_t *value);
/* The same for a member of an object as a C string, valid until the buffer changes. */
const char *member_shown(struct buf *scratch, const json_t *o, const char *name);
/* Sets a member of a body to be sent and takes value; if that fails (no UTF-8, no memory) the body is freed and NULL.
 */
void member_set(json_t **body, const char *name, json_t *value);
/* The buffer as a C string; "" if it is broken. */
const char *buf_text(struct buf *b);

#endif
