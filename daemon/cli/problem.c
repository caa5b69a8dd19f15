#include "cli/cli.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "cli/plain.h"

#define MAX_PROBLEM (64 * 1024) /* bytes: a sentence, and the candidates of an ambiguous name */

static void problem_json(struct buf *out, const struct problem *p, const char *sentence)
{
	json_t *o = json_pack("{s:{s:s,s:s,s:s?}}", "error", "code", p->code, "message", sentence, "field", p->field);
	char *text = o ? json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII) : NULL;
	buf_put_text(out, text ? text : "{\"error\":{\"code\":\"internal\",\"message\":\"out of memory\"}}");
	buf_put_text(out, "\n");
	free(text);
	json_decref(o);
}

static void problem_text(struct buf *out, const struct problem *p, const char *sentence)
{
	buf_put_text(out, "chancery: ");
	plain_put(out, slice_text(sentence), MAX_PLAIN);
	buf_put_text(out, " (");
	if (p->field && *p->field) {
		buf_put_text(out, "field ");
		plain_put(out, slice_text(p->field), MAX_PLAIN_CELL);
		buf_put_text(out, ", ");
	}
	plain_put(out, slice_text(p->code), MAX_PLAIN_CELL);
	buf_put_text(out, ")\n");
	if (p->hint) {
		buf_put_text(out, "  hint: ");
		plain_put(out, slice_text(p->hint), MAX_PLAIN);
		buf_put_text(out, "\n");
	}
}

int problem_tell(const struct cli *c, int exit_code, struct problem p, const char *format, ...)
{
	char *sentence = NULL;
	va_list args;
	va_start(args, format);
	if (vasprintf(&sentence, format, args) < 0)
		sentence = NULL;
	va_end(args);
	scoped_buf out;
	buf_init(&out, MAX_PROBLEM);
	if (c->json)
		problem_json(&out, &p, sentence ? sentence : "out of memory");
	else
		problem_text(&out, &p, sentence ? sentence : "out of memory");
	free(sentence);
	fflush(stdout);
	if (buf_ok(&out) && c->problems)
		buf_put(c->problems, out.at, out.len);
	else if (buf_ok(&out))
		(void)!fd_write_all(STDERR_FILENO, out.at, out.len);
	return exit_code;
}

int output_print(const struct cli *c, const struct buf *text)
{
	if (!buf_ok(text))
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
	if (fd_write_all(STDOUT_FILENO, text->at, text->len) != 0)
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "output_failed" },
				    "can't write to standard output: %s.", strerror(errno));
	return CLI_DONE;
}
