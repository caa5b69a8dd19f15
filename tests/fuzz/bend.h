/*
 * Bends inputs where libFuzzer's own bending rarely leads anywhere: one value
 * inside DER, or one field of a packed struct, is changed and every length
 * around it is right again. For LLVMFuzzerCustomMutator(); a replay never calls it.
 */
#ifndef CHANCERY_TESTS_BEND_H
#define CHANCERY_TESTS_BEND_H

#include "base/pack.h"

/* libFuzzer's: bends bytes in place. Not there when inputs are replayed. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size) __attribute__((weak));
/* A harness's own, which libFuzzer calls instead. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

struct dice {
	uint64_t state;
};
/* 0 to sides - 1. */
uint32_t dice_roll(struct dice *d, uint32_t sides);

/* Each appends the bent bytes to out, at most `max` of them. */
void bytes_bend(struct slice bytes, size_t max, struct buf *out);
void der_bend(struct dice *d, struct slice der, size_t max, struct buf *out);
/* false: the message is not of these fields; out is as it was. */
bool fields_bend(struct dice *d, const struct pack_field *fields, struct slice message, struct buf *out);

/* LLVMFuzzerCustomMutator() where an input is DER. */
size_t der_mutate(uint8_t *data, size_t size, size_t max_size, unsigned seed);
/* Copies what was bent over the input, for LLVMFuzzerCustomMutator() to return. */
size_t bent(const struct buf *out, uint8_t *data, size_t max_size);

#endif
