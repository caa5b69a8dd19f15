/*
 * Reading a request's JSON: every member known, of its type and within its
 * limits, or a 400 that names the member and says what would be accepted.
 */
#ifndef CHANCERY_FRONTD_INPUT_H
#define CHANCERY_FRONTD_INPUT_H

#include "frontd/call.h"

/* All answer 0, or positive after call_refuse(). A member that is null counts as absent. */

/* No member but these; the list ends with NULL. A call without a body has none. */
int input_members(struct call *c, const char *const *known);
/* The text of a member, visible, at most so many characters; *out NULL if it is absent. */
int input_text(struct call *c, const char *field, bool required, size_t longest, const char **out);
/* As input_text() for texts that may hold line breaks (PEM); only bytes are counted. */
int input_block(struct call *c, const char *field, size_t longest, const char **out);
/* A whole number; *there says whether the member is. */
int input_integer(struct call *c, const char *field, int64_t least, int64_t most, bool *there, int64_t *out);
int input_bool(struct call *c, const char *field, bool *out);

#endif
