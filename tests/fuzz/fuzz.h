/*
 * What every harness has: the entry of libFuzzer, which replay.c calls too,
 * and a way to say what must hold. A harness never looks at time, chance or
 * anything else but its input, so that a finding repeats.
 */
#ifndef CHANCERY_TESTS_FUZZ_H
#define CHANCERY_TESTS_FUZZ_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

/* Once, before the first input. Answers 0. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
/* One input; answers 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* LeakSanitizer's own: what leaks in a library that isn't ours. A harness defines it if it has to. */
const char *__lsan_default_suppressions(void);

/* Ends the process with the input still at hand if something does not hold. */
#define REQUIRE(what)                                                                                                  \
	do {                                                                                                           \
		if (!(what)) {                                                                                         \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #what);                      \
			abort();                                                                                       \
		}                                                                                                      \
	} while (0)

/* Nothing that a decoder says of a bent input belongs on the terminal. */
static inline void fuzz_quiet(void)
{
	log_open("fuzz", LOG_LEVEL_SILENT);
}

#endif
