/* chancery doctor: what is wrong and what to do, for somebody who was woken up. */
#include <stdio.h>
#include <string.h>

#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/member.h"
#include "cli/plain.h"
#include "cli/table.h"

#define LINE 96 /* code points: long enough to read, short enough for any terminal */
#define MARGIN 12

/* Paragraph in lines that begin under each other; the first goes on where the line stands. */
static void wrap_put(struct buf *out, const char *text)
{
	size_t at = MARGIN;
	while (*text) {
		size_t n = strcspn(text, " ");
		if (at > MARGIN && at + 1 + n > LINE) {
			buf_printf(out, "\n%*s", MARGIN, "");
			at = MARGIN;
		} else if (at > MARGIN) {
			buf_put_u8(out, ' ');
			at++;
		}
		buf_put(out, text, n);
		at += n;
		text += n + (text[n] == ' ');
	}
	buf_put_u8(out, '\n');
}

static void member_wrap(struct buf *out, const json_t *o, const char *name)
{
	scoped_buf plain;
	buf_init(&plain, 8 * MAX_PLAIN);
	plain_put(&plain, slice_text(member_text(o, name)), MAX_PLAIN);
	wrap_put(out, buf_text(&plain));
}

static void finding_print(const struct cli *c, const json_t *finding, struct buf *out)
{
	bool critical = member_is(finding, "severity", "critical");
	const char *word = critical ? "CRITICAL" : "warning";
	buf_put_text(out, "  ");
	style_put(out, c->colour, critical ? STYLE_BAD : STYLE_WARN, slice_text(word));
	buf_printf(out, "%*s", MARGIN - 2 - (int)strlen(word), "");
	member_wrap(out, finding, "what");
	buf_printf(out, "%*s", MARGIN, "do: ");
	member_wrap(out, finding, "do");
}

/* The findings of one group, the worst first. The number of them. */
static size_t group_print(const struct cli *c, const json_t *findings, const char *group, struct buf *out)
{
	static const char *const severities[] = { "critical", "warning" };
	size_t count = 0, i;
	const json_t *finding;
	for (size_t severity = 0; severity < 2; severity++) {
		json_array_foreach(findings, i, finding)
		{
			if (!member_is(finding, "group", group) ||
			    !member_is(finding, "severity", severities[severity]))
				continue;
			if (count++ == 0) {
				style_put(out, c->colour, STYLE_HEAD, slice_text(group));
				buf_put_u8(out, '\n');
			}
			finding_print(c, finding, out);
		}
	}
	return count;
}

static void looked_print(const json_t *looked, struct buf *out)
{
	size_t i;
	const json_t *one;
	json_array_foreach(looked, i, one)
	{
		scoped_buf plain;
		buf_init(&plain, 256);
		plain_put(&plain, slice_text(member_text(one, "group")), MARGIN - 3);
		buf_printf(out, "  %-*s", MARGIN - 2, buf_text(&plain));
		member_wrap(out, one, "what");
	}
}

static int diagnosis_print(const struct cli *c, const json_t *answer)
{
	static const char *const groups[] = { "signer", "tokens", "keys", "cas",   "crls",
					      "ledger", "duties", "disk", "clock", "sockets" };
	const json_t *findings = member_list(answer, "findings");
	size_t told = 0;
	scoped_buf out;
	buf_init(&out, MAX_ANSWER);
	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
		told += group_print(c, findings, groups[i], &out);
	/* A newer server may know more groups. */
	if (told < json_array_size(findings))
		buf_printf(&out, "And %zu more: see --json.\n", json_array_size(findings) - told);
	style_put(&out, c->colour, STYLE_HEAD, slice_text(told ? "looked at" : "Nothing is wrong. Looked at"));
	buf_put_u8(&out, '\n');
	looked_print(member_list(answer, "looked_at"), &out);
	return output_print(c, &out);
}

static int doctor_run(struct cli *c, const struct options *o)
{
	(void)o;
	scoped_buf path;
	path_init(&path, "/doctor");
	scoped_json *answer = NULL;
	int r = client_get(c, &path, &answer);
	if (!r)
		r = c->json ? json_print(c, answer) : diagnosis_print(c, answer);
	if (r)
		return r;
	if (member_is(answer, "state", "fine"))
		return CLI_DONE;
	return member_is(answer, "state", "warning") ? CLI_WARNINGS : CLI_CRITICAL;
}

const struct command doctor_commands[] = {
	{ "doctor", NULL, 0, 0, NULL, "Say what is wrong and what to do.", "chancery doctor", NULL, doctor_run },
	{ .group = NULL },
};
