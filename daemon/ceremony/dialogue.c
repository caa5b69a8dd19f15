#include "ceremony/dialogue.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"

#define MAX_SAID 65536		 /* one call's text: a table row with many names */
#define MAX_TRANSCRIPT (8 << 20) /* bytes, to be read for its hash */

static int transcript = -1;
static char path[PATH_MAX];

static void transcript_put(const char *mark, struct slice line)
{
	char when[TIME_TEXT_SIZE];
	scoped_buf row = { .max = MAX_SAID + 64 };
	if (transcript < 0)
		return;
	time_text(time_now(), when);
	buf_printf(&row, "%s %s", when, mark);
	if (line.len) {
		buf_put_u8(&row, ' ');
		buf_put_slice(&row, line);
	}
	buf_put_u8(&row, '\n');
	fd_write_all(transcript, row.at, row.len);
}

static void lines_put(const char *mark, struct slice text)
{
	while (text.len) {
		const uint8_t *end = memchr(text.at, '\n', text.len);
		size_t n = end ? (size_t)(end - text.at) : text.len;
		transcript_put(mark, (struct slice){ text.at, n });
		n += end != NULL;
		text = (struct slice){ text.at + n, text.len - n };
	}
}

static void put(const char *mark, struct buf *text)
{
	buf_put_u8(text, '\n');
	fd_write_all(STDOUT_FILENO, text->at, text->len);
	if (text->len > 1)
		lines_put(mark, buf_slice(text));
	else
		transcript_put(mark, (struct slice){ NULL, 0 });
}

static void format_put(struct buf *out, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void format_put(struct buf *out, const char *format, va_list args)
{
	char text[MAX_SAID];
	int n = vsnprintf(text, sizeof(text), format, args);
	buf_put(out, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static void said(const char *mark, const char *format, va_list args) __attribute__((format(printf, 2, 0)));
static void said(const char *mark, const char *format, va_list args)
{
	scoped_buf text = { .max = MAX_SAID + 2 };
	format_put(&text, format, args);
	put(mark, &text);
}

void say(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	said("|", format, args);
	va_end(args);
}

void say_row(const char *label, const char *format, ...)
{
	scoped_buf value = { .max = MAX_SAID }, text = { .max = 2 * MAX_SAID };
	va_list args;
	va_start(args, format);
	format_put(&value, format, args);
	va_end(args);
	buf_printf(&text, "    %-26s ", label);
	for (size_t i = 0; i < value.len; i++) {
		buf_put_u8(&text, value.at[i]);
		if (value.at[i] == '\n')
			buf_printf(&text, "    %-26s ", "");
	}
	put("|", &text);
}

int say_wrong(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	said("!", format, args);
	va_end(args);
	return 1;
}

int dialogue_open(const char *folder, const char *act)
{
	char when[TIME_TEXT_SIZE];
	time_text(time_now(), when);
	for (int i = 0; i < 100 && transcript < 0; i++) {
		snprintf(path, sizeof(path), "%s/%s-%s%.*d.log", folder, when, act, i ? 3 : 0, i);
		transcript = open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
		if (transcript < 0 && errno != EEXIST)
			break;
	}
	return transcript >= 0 ? 0 : -say_wrong("No transcript can be written to %s: %s.", folder, strerror(errno));
}

const char *dialogue_path(void)
{
	return path;
}

/* A byte at a time: what follows the line is the next question's, also in another process. */
static int line_read(char *out, size_t size)
{
	size_t n = 0;
	for (;;) {
		char b;
		ssize_t got = read(STDIN_FILENO, &b, 1);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return -1;
		if (b == '\n')
			break;
		if (n + 1 < size)
			out[n++] = b;
	}
	if (n && out[n - 1] == '\r')
		n--;
	out[n] = '\0';
	return (int)n;
}

static void question_put(const char *question)
{
	fd_write_all(STDOUT_FILENO, question, strlen(question));
	fd_write_all(STDOUT_FILENO, " ", 1);
	lines_put("?", slice_text(question));
}

/* What was typed stands on a terminal already; behind a pipe it is shown. */
static void answer_put(const char *answer)
{
	scoped_buf text = { .max = MAX_ANSWER_LINE + 2 };
	buf_put_text(&text, answer);
	buf_put_u8(&text, '\n');
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		fd_write_all(STDOUT_FILENO, text.at, text.len);
	transcript_put(">", slice_text(answer));
}

int ask_line(const char *question, char out[MAX_ANSWER_LINE])
{
	question_put(question);
	int n = line_read(out, MAX_ANSWER_LINE);
	if (n < 0) {
		transcript_put("!", slice_text("nobody answered"));
		fd_write_all(STDOUT_FILENO, "\n", 1);
		return -1;
	}
	if (!text_visible(slice_text(out)))
		snprintf(out, MAX_ANSWER_LINE, "(something that can't be shown)");
	answer_put(out);
	return 0;
}

int ask_yes(const char *question)
{
	char answer[MAX_ANSWER_LINE];
	if (ask_line(question, answer) != 0)
		return -1;
	return strcmp(answer, "yes") == 0;
}

int ask_pin(const char *question, char out[MAX_PIN])
{
	struct termios shown, hidden;
	bool terminal = tcgetattr(STDIN_FILENO, &shown) == 0;
	question_put(question);
	if (terminal) {
		hidden = shown;
		hidden.c_lflag &= ~(tcflag_t)ECHO;
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
	}
	int n = line_read(out, MAX_PIN);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
	fd_write_all(STDOUT_FILENO, "(not shown)\n", 12);
	transcript_put(">", slice_text(n < 0 ? "(nobody answered)" : "(not shown)"));
	return n;
}

int dialogue_close(uint8_t hash[HASH_SIZE])
{
	scoped_buf all = { .max = MAX_TRANSCRIPT }, sum = { .max = PATH_MAX };
	char hex[2 * HASH_SIZE + 1], beside[PATH_MAX + 16];
	const char *name = strrchr(path, '/');
	if (transcript < 0 || fsync(transcript) != 0)
		return -1;
	fd_close(&transcript);
	if (fd_read_file(path, MAX_TRANSCRIPT, &all) != 0)
		return -1;
	hash_of(buf_slice(&all), hash);
	hex_encode(hash, HASH_SIZE, hex);
	buf_printf(&sum, "%s  %s\n", hex, name + 1);
	snprintf(beside, sizeof(beside), "%s.sha256", path);
	return fd_replace_file(beside, buf_slice(&sum), 0600);
}
