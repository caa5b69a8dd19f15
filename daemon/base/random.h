/* Random bytes from the kernel, for serial numbers, key ids and request ids. */
#ifndef CHANCERY_BASE_RANDOM_H
#define CHANCERY_BASE_RANDOM_H

#include <stddef.h>

/* Fills out with n bytes (n at most 256) by getrandom(); aborts if the kernel has none. */
void random_bytes(void *out, size_t n);

#endif
