/* Who agreed, and what is said of it on the ledger and to the caller. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "ceremony/act.h"
#include "ceremony/dialogue.h"
#include "letter/telling.h"

#define MAX_NAME_SHOWN 40

static bool name_fits(const char *name, char taken[][MAX_ANSWER_LINE], unsigned count)
{
	size_t n = strlen(name);
	if (n == 0 || n > MAX_NAME_SHOWN || strpbrk(name, "\"\\,;")) {
		say("A name has 1 to %d bytes, without quotes, commas and backslashes.", MAX_NAME_SHOWN);
		return false;
	}
	for (unsigned i = 0; i < count; i++)
		if (strcasecmp(name, taken[i]) == 0) {
			say("%s has answered already; it takes another person.", name);
			return false;
		}
	return true;
}

enum act_end act_clock(void)
{
	char now[MAX_TELL_TIME];
	tell_time(time_now(), now);
	say("The clock of this machine says %s.", now);
	if (ask_yes("Compare it with a watch, and mind the time zone: UTC is the time of London in winter. Is it\n"
		    "right, to a few minutes? Type yes:") == 1)
		return ACT_DONE;
	say("Put the clock right first. Nothing is done.");
	return ACT_DECLINED;
}

enum act_end act_consent(struct act *a, const char *question)
{
	char names[MAX_PEOPLE][MAX_ANSWER_LINE], ask[2 * MAX_ANSWER_LINE];
	unsigned people = a->home->people;
	a->agreed[0] = '\0';
	for (unsigned i = 0; i < people; i++) {
		snprintf(ask, sizeof(ask), "Person %u of %u, your name:", i + 1, people);
		do
			if (ask_line(ask, names[i]) != 0)
				return ACT_DECLINED;
		while (!name_fits(names[i], names, i));
		snprintf(ask, sizeof(ask), "%s, %s Type yes if you agree:", names[i], question);
		if (ask_yes(ask) != 1) {
			say("%s did not agree. Nothing is done.", names[i]);
			return ACT_DECLINED;
		}
		size_t used = strlen(a->agreed);
		snprintf(a->agreed + used, sizeof(a->agreed) - used, "%s%s", i ? ", " : "", names[i]);
	}
	return ACT_DONE;
}

void act_context(const struct act *a, struct buf *out)
{
	char hex[2 * HASH_SIZE + 1];
	hex_encode(a->wish->hash, HASH_SIZE, hex);
	buf_printf(out, "{\"op\":\"ceremony\",\"actor\":\"%s\"", a->agreed);
	if (a->wish->letter.len)
		buf_printf(out, ",\"request\":\"%s\"", hex);
	buf_put_u8(out, '}');
}

enum act_end act_refused(int code, struct slice field)
{
	if (code < 0)
		say_wrong("The signer failed; the log in the state folder says why.");
	else if (field.len)
		say_wrong("The signer refuses (%d, %.*s): %s", code, (int)field.len, (const char *)field.at,
			  inner_refusal_sentence((uint16_t)code));
	else
		say_wrong("The signer refuses (%d): %s", code, inner_refusal_sentence((uint16_t)code));
	return ACT_FAILED;
}

int act_write(const struct act *a, struct slice content)
{
	if (fd_replace_file(a->wish->out, content, 0644) == 0)
		return 0;
	return say_wrong("The file %s can't be written: %s. What was signed is on this ledger; the same command writes "
			 "it again.",
			 a->wish->out, strerror(errno));
}
