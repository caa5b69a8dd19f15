#include "letter/words.h"

#include <stdio.h>
#include <string.h>

static const char *const words[] = {
#define WORD(text) text,
#include "letter/words.def"
#undef WORD
};
_Static_assert(sizeof(words) / sizeof(words[0]) == 1 << WORD_BITS, "as many words as ten bits number");

/* Bits in the order of the hash, the highest of each byte first. */
static unsigned number_at(const uint8_t *hash, unsigned bit)
{
	unsigned n = 0;
	for (unsigned i = bit; i < bit + WORD_BITS; i++)
		n = n << 1 | (hash[i / 8] >> (7 - i % 8) & 1);
	return n;
}

void words_of(const uint8_t hash[HASH_SIZE], char out[MAX_WORDS_TEXT])
{
	size_t len = 0;
	for (unsigned i = 0; i < WORDS; i++)
		len += (size_t)snprintf(out + len, MAX_WORDS_TEXT - len, "%s%s", i ? " " : "",
					words[number_at(hash, i * WORD_BITS)]);
}
