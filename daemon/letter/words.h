/*
 * A checksum that people can read to each other over a telephone: eight words
 * out of 1024, which is 80 bits of a SHA-256. Whoever wants another file with
 * the same words has about 2^80 hashes to compute.
 */
#ifndef CHANCERY_LETTER_WORDS_H
#define CHANCERY_LETTER_WORDS_H

#include "ledger/hash.h"

#define WORDS 8
#define WORD_BITS 10
#define MAX_WORDS_TEXT 112 /* eight of the longest, with blanks and NUL */

/* "acorn basket …": of the first 80 bits. */
void words_of(const uint8_t hash[HASH_SIZE], char out[MAX_WORDS_TEXT]);

#endif
