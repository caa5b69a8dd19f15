/* What is told in words (letter/telling.h) as rows on the screen and in the transcript, and what people compare. */
#ifndef CHANCERY_CEREMONY_SCREEN_H
#define CHANCERY_CEREMONY_SCREEN_H

#include "letter/telling.h"

extern const struct teller on_screen;

/* Eight words, on a line of their own, and what they are for. */
void screen_words(const char *of, const uint8_t hash[HASH_SIZE]);

#endif
