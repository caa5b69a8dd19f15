#include "ceremony/screen.h"

#include "ceremony/dialogue.h"
#include "letter/words.h"

static void row_say(void *with, const char *label, const char *text)
{
	(void)with;
	say_row(label, "%s", text);
}

const struct teller on_screen = { row_say, NULL };

void screen_words(const char *of, const uint8_t hash[HASH_SIZE])
{
	char words[MAX_WORDS_TEXT];
	words_of(hash, words);
	say("Checksum of %s, to be read aloud:\n\n        %s\n", of, words);
}
