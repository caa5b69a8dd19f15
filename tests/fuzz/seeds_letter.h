/* Seeds of one harness, for seeds.c. */
#ifndef CHANCERY_TESTS_SEEDS_LETTER_H
#define CHANCERY_TESTS_SEEDS_LETTER_H

#include "fuzz/seeds_signer.h"

void letter_seeds(void);

#endif
