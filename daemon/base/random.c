#include "base/random.h"

#include <stdlib.h>
#include <sys/random.h>

void random_bytes(void *out, size_t n)
{
	/* Up to 256 bytes come whole and uninterrupted: getrandom(2). */
	if (n > 256 || getrandom(out, n, 0) != (ssize_t)n)
		abort();
}
