/* Seeds of one harness each, for seeds.c. */
#ifndef CHANCERY_TESTS_SEEDS_SIGNER_H
#define CHANCERY_TESTS_SEEDS_SIGNER_H

#include "base/buf.h"

void signer_seeds(void);
/* One input of a harness; seeds.c has it. */
void seed_write(const char *harness, const char *name, struct slice bytes);

#endif
