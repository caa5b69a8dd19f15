#include "ceremony/screen.h"

#include "base/time.h"
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

int screen_clock(void)
{
	char now[MAX_TELL_TIME];
	tell_time(time_now(), now);
	say("The clock of this machine says %s.", now);
	return ask_yes("Compare it with a watch, and mind the time zone: UTC is the time of London in winter. Is it\n"
		       "right, to a few minutes? Type yes:");
}
