#include "tokens/faulty/plan.h"

#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const call_names[] = {
#define PLAIN(name, away, n, types) #name,
#define SPECIAL(name, away, n, types) #name,
#include "tokens/faulty/functions.def"
#undef PLAIN
#undef SPECIAL
};

static const struct {
	const char *name;
	CK_ULONG value;
} words[] = {
#define NAME(name) { #name, name },
#include "tokens/faulty/names.def"
#undef NAME
};

/* Each with the one call that it can happen in; NULL: any. */
static const struct {
	const char *name;
	enum deed deed;
	const char *only;
} deeds[] = {
	{ "hang", DEED_HANG, NULL },
	{ "crash", DEED_CRASH, NULL },
	{ "sleep", DEED_SLEEP, NULL },
	{ "lose-sessions", DEED_LOSE_SESSIONS, NULL },
	{ "logout", DEED_LOGOUT, NULL },
	{ "flip", DEED_FLIP, "C_Sign" },
	{ "zero", DEED_ZERO, "C_Sign" },
	{ "short", DEED_SHORT, "C_Sign" },
	{ "other-key", DEED_OTHER_KEY, "C_SignInit" },
	{ "nothing", DEED_NOTHING, "C_FindObjects" },
	{ "doubled", DEED_DOUBLED, "C_FindObjects" },
	{ "says", DEED_SAYS, "C_GetAttributeValue" },
	{ "flags", DEED_FLAGS, "C_GetTokenInfo" },
	{ "lacks", DEED_LACKS, "C_GetMechanismInfo" },
};

struct reader {
	char *rest; /* of the line, cut into words on the way */
	char *why;
};

const char *call_name(enum call call)
{
	return call_names[call];
}

static int refuse(struct reader *r, const char *what, const char *word)
{
	snprintf(r->why, MAX_LINE, "%s: \"%.60s\"", what, word ? word : "");
	return -1;
}

static char *word_next(struct reader *r)
{
	return strtok_r(NULL, " \t", &r->rest);
}

/* A name of the standard that begins with prefix, or any number. */
static int value_read(struct reader *r, const char *prefix, const char *word, CK_ULONG *out)
{
	char *end;
	if (!word)
		return refuse(r, "a name or a number is missing, like", prefix);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(words[i].name, word) == 0 && strncmp(word, prefix, strlen(prefix)) == 0) {
			*out = words[i].value;
			return 0;
		}
	}
	*out = strtoul(word, &end, 0);
	return end != word && *end == '\0' ? 0 : refuse(r, "neither a number nor a name that is known", word);
}

static int count_read(struct reader *r, uint64_t *out)
{
	char *end, *word = word_next(r);
	*out = word ? strtoull(word, &end, 10) : 0;
	return word && end != word && *end == '\0' ? 0 : refuse(r, "not a count", word);
}

/* 5ms, 250us, 2s */
static int time_read(struct reader *r, uint64_t *out)
{
	char *end, *word = word_next(r);
	if (!word)
		return refuse(r, "a time is missing, like", "5ms");
	*out = strtoull(word, &end, 10);
	if (strcmp(end, "us") == 0)
		*out *= 1000;
	else if (strcmp(end, "ms") == 0)
		*out *= 1000000;
	else if (strcmp(end, "s") == 0)
		*out *= 1000000000;
	else
		return refuse(r, "not a time like 250us, 5ms or 2s", word);
	return 0;
}

/* CKA_LOCAL=0, =1 or =none; CKA_KEY_GEN_MECHANISM=CKM_NAME */
static int says_read(struct reader *r, struct fault *f)
{
	char *word = word_next(r), *value = word ? strchr(word, '=') : NULL;
	if (!value)
		return refuse(r, "not CKA_NAME=0, =1, =none or =CKM_NAME", word);
	*value++ = '\0';
	if (strncmp(value, "CKM_", 4) == 0 && value_read(r, "CKM_", value, &f->number) != 0)
		return -1;
	f->flag = strcmp(value, "1") == 0;
	f->absent = strcmp(value, "none") == 0;
	if (!f->flag && !f->absent && !f->number && strcmp(value, "0") != 0)
		return refuse(r, "not 0, 1, none or a mechanism", value);
	return value_read(r, "CKA_", word, &f->value);
}

/* +CKF_NAME and -CKF_NAME, as many as there are */
static int flags_read(struct reader *r, struct fault *f)
{
	while (r->rest && (*r->rest == '+' || *r->rest == '-')) {
		char *word = word_next(r);
		CK_ULONG flag;
		if (value_read(r, "CKF_", word + 1, &flag) != 0)
			return -1;
		if (*word == '+')
			f->value |= flag;
		else
			f->without |= flag;
	}
	return f->value | f->without ? 0 : refuse(r, "no flag like +CKF_NAME or -CKF_NAME", r->rest);
}

static int deed_read(struct reader *r, const char *word, struct fault *f)
{
	size_t n = sizeof(deeds) / sizeof(deeds[0]), i = 0;
	while (i < n && strcmp(deeds[i].name, word) != 0)
		i++;
	if (i == n) {
		f->deed = DEED_ANSWER;
		return value_read(r, "CKR_", word, &f->value);
	}
	f->deed = deeds[i].deed;
	for (int call = 0; deeds[i].only && call < CALL_COUNT; call++)
		if (f->calls[call] && strcmp(deeds[i].only, call_names[call]) != 0)
			return refuse(r, "that can't happen in this call, only in", deeds[i].only);
	switch (f->deed) {
	case DEED_SLEEP:
		return time_read(r, &f->nanoseconds);
	case DEED_SAYS:
		return says_read(r, f);
	case DEED_FLAGS:
		return flags_read(r, f);
	case DEED_LACKS:
		return value_read(r, "CKM_", word_next(r), &f->value);
	default:
		return 0;
	}
}

static int when_read(struct reader *r, struct fault *f)
{
	for (char *word; (word = word_next(r));) {
		uint64_t n;
		int refused = 0;
		if (strcmp(word, "skip") == 0) {
			refused = count_read(r, &f->skip);
		} else if (strcmp(word, "times") == 0) {
			refused = count_read(r, &f->times);
		} else if (strcmp(word, "after") == 0) {
			f->after = true;
		} else if (strcmp(word, "parallel") == 0 && f->deed == DEED_SLEEP) {
			refused = count_read(r, &n);
			f->parallel = n <= MAX_PARALLEL ? (unsigned)n : MAX_PARALLEL;
		} else {
			refused = refuse(r, "neither skip N, times N nor after", word);
		}
		if (refused)
			return -1;
	}
	return 0;
}

/* C_Sign, C_Sign*, or several with commas between them. */
static int calls_read(struct reader *r, char *word, struct fault *f)
{
	char *rest;
	for (char *one = strtok_r(word, ",", &rest); one; one = strtok_r(NULL, ",", &rest)) {
		bool any = false;
		for (int call = 0; call < CALL_COUNT; call++) {
			if (fnmatch(one, call_names[call], 0) != 0)
				continue;
			f->calls[call] = true;
			any = true;
		}
		if (!any)
			return refuse(r, "no such function", one);
	}
	return 0;
}

/* token away | keypad | open | other | pin-tries N | sessions N */
static int token_read(struct plan *plan, struct reader *r)
{
	char *word = word_next(r);
	uint64_t n = 0;
	if (!word)
		return refuse(r, "token what? away, keypad, open, other, pin-tries N, sessions N", word);
	if (strcmp(word, "away") == 0)
		plan->away = true;
	else if (strcmp(word, "keypad") == 0)
		plan->keypad = true;
	else if (strcmp(word, "open") == 0)
		plan->open = true;
	else if (strcmp(word, "other") == 0)
		plan->other = true;
	else if (strcmp(word, "pin-tries") != 0 && strcmp(word, "sessions") != 0)
		return refuse(r, "neither away, keypad, open, other, pin-tries nor sessions", word);
	else if (count_read(r, &n) != 0)
		return -1;
	else if (*word == 's')
		plan->sessions = (CK_ULONG)n;
	else
		plan->pin_tries = n < NO_PIN_LIMIT ? (unsigned)n : NO_PIN_LIMIT - 1;
	return 0;
}

int plan_add(struct plan *plan, const char *line, char why[MAX_LINE])
{
	char text[MAX_LINE];
	struct reader r = { .why = why };
	if (strlen(line) >= sizeof(text))
		return refuse(&r, "a line is too long", line);
	strcpy(text, line);
	char *word = strtok_r(text, " \t", &r.rest);
	if (!word || *word == '#')
		return 0;
	if (strcmp(word, "token") == 0)
		return token_read(plan, &r);
	if (plan->count == MAX_FAULTS)
		return refuse(&r, "more than 32 faults", word);
	struct fault *f = &plan->faults[plan->count];
	*f = (struct fault){ 0 };
	char *deed = word_next(&r);
	if (!deed)
		return refuse(&r, "a call and what happens in it", word);
	if (calls_read(&r, word, f) != 0 || deed_read(&r, deed, f) != 0 || when_read(&r, f) != 0)
		return -1;
	plan->count++;
	return 0;
}

int plan_read(struct plan *plan, const char *text, void (*complain)(unsigned line, const char *why))
{
	int bad = 0;
	*plan = (struct plan){ .pin_tries = NO_PIN_LIMIT };
	for (unsigned number = 1; *text; number++) {
		char line[MAX_LINE], why[MAX_LINE];
		size_t n = strcspn(text, "\n");
		snprintf(line, sizeof(line), "%.*s", (int)(n < MAX_LINE ? n : MAX_LINE), text);
		if (plan_add(plan, line, why) != 0) {
			bad++;
			if (complain)
				complain(number, why);
		}
		text += n + (text[n] == '\n');
	}
	return bad;
}
