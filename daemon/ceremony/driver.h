/*
 * The token's driver for the time of a ceremony: a process of its own, since
 * the vendor's code must not be loaded into what writes certificates. It gets
 * its PIN by a file in memory that is gone as soon as it has logged in.
 */
#ifndef CHANCERY_CEREMONY_DRIVER_H
#define CHANCERY_CEREMONY_DRIVER_H

#include "ceremony/home.h"

/*
 * Runs `then` in a child process beside a driver that is ready, and ends the
 * driver after it. The child's exit status; positive if the driver did not come up, said.
 * pin: NUL-terminated, wiped here; NULL: none is needed.
 */
int driver_beside(const struct home *h, char *pin, int (*then)(void *with), void *with);

#endif
