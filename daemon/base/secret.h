/*
 * A PIN: locked into memory, left out of cores and children, wiped on the way
 * out. Only drivers hold one. It is never printed, logged or copied elsewhere.
 */
#ifndef CHANCERY_BASE_SECRET_H
#define CHANCERY_BASE_SECRET_H

#include "base/buf.h"

#define MAX_SECRET 512 /* the longest PIN any of the known modules takes is 500 */

struct secret;

/*
 * Reads a secret from a file, without one trailing newline. The file must be
 * regular, not empty, at most MAX_SECRET bytes, closed to others, not to be
 * written by its group, and root's or this user's own.
 * 0, or -1 with the reason logged.
 */
int secret_read(const char *path, struct secret **out);
struct slice secret_slice(const struct secret *s);
void secret_free(struct secret *s);

#endif
