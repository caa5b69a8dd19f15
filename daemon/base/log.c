#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "base/time.h"

#define MAX_LINE 2048	  /* a longer event is cut: the log is for people */
#define MAX_CHALLENGE 256 /* words, a ledger's id and 32 random bytes take about 100 */

static const char *log_program = "chancery";
static enum log_level log_lowest = LOG_LEVEL_INFO;
static bool log_priorities;
static const char *const priorities[] = { "<3>", "<4>", "<6>", "<7>" }; /* as syslog(3) has them */
static const char *const level_names[] = { "error", "warning", "info", "debug" };

/*
 * Whether standard error is the journal's own stream, as the service manager says (systemd.exec(5), JOURNAL_STREAM).
 * It then takes a line's priority from the number before it.
 */
static bool to_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	struct stat st;
	char mine[64];
	if (!stream || fstat(STDERR_FILENO, &st) != 0)
		return false;
	snprintf(mine, sizeof(mine), "%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	return strcmp(mine, stream) == 0;
}

void log_open(const char *program, enum log_level level)
{
	log_priorities = to_journal();
	log_program = program;
	log_lowest = level;
}

void log_set_level(enum log_level level)
{
	log_lowest = level;
}

bool log_wanted(enum log_level level)
{
	return level <= log_lowest;
}

bool log_level_parse(const char *text, enum log_level *level)
{
	for (unsigned i = 0; i < 4; i++) {
		if (strcmp(text, level_names[i]) == 0) {
			*level = (enum log_level)i;
			return true;
		}
	}
	return false;
}

/* A line break inside a value would forge an event. */
static void flatten(char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)line[i] < 0x20 || line[i] == 0x7f)
			line[i] = '?';
}

/* The same second is written many times over. */
static const char *now_text(void)
{
	static _Thread_local int64_t second;
	static _Thread_local char text[TIME_TEXT_SIZE];
	int64_t now = time_now();
	if (now != second || !text[0])
		time_text(now, text);
	second = now;
	return text;
}

void log_event(enum log_level level, const char *event, const char *format, ...)
{
	if (!log_wanted(level))
		return;
	int saved = errno;
	char line[MAX_LINE];
	int head = snprintf(line, sizeof(line) - 1, "%s%s %s %s %s ", log_priorities ? priorities[level] : "",
			    now_text(), log_program, level_names[level], event);
	va_list args;
	va_start(args, format);
	int tail = vsnprintf(line + head, sizeof(line) - 1 - (size_t)head, format, args);
	va_end(args);
	size_t n = (size_t)head + (tail > 0 ? (size_t)tail : 0);
	if (n > sizeof(line) - 2)
		n = sizeof(line) - 2;
	flatten(line, n);
	line[n] = '\n';
	ssize_t written = write(STDERR_FILENO, line, n + 1);
	(void)written; /* a log that is gone must not stop the signer */
	errno = saved;
}

void log_challenge(struct slice message)
{
	char hex[2 * MAX_CHALLENGE + 1];
	if (log_lowest < LOG_LEVEL_DEBUG || message.len > MAX_CHALLENGE)
		return;
	hex_encode(message.at, message.len, hex);
	log_debug("key_challenge", "message=%s", hex);
}

const char *log_errno(void)
{
	static _Thread_local char text[128];
	return strerror_r(errno, text, sizeof(text));
}
