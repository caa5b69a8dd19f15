#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/member.h"
#include "cli/plain.h"

static int whoami_show(struct cli *c, const struct options *o)
{
	(void)o;
	scoped_buf path;
	path_init(&path, "/whoami");
	scoped_json *answer = NULL;
	int r = client_get(c, &path, &answer);
	return r ? r : detail_print(c, answer, NULL);
}

/* The drivers as rows; what their tokens say of themselves stands in the row too. */
static json_t *driver_rows(const json_t *answer)
{
	json_t *rows = json_array();
	size_t i;
	const json_t *driver;
	json_array_foreach(member_list(json_object_get(answer, "signer"), "drivers"), i, driver)
	{
		json_t *row = json_copy((json_t *)driver);
		json_object_update_missing(row, json_object_get(driver, "token"));
		json_array_append_new(rows, row);
	}
	return json_pack("{s:o}", "data", rows);
}

/* What is wrong, a line each, and what to do about it. */
struct verdict {
	struct buf lines;
	bool colour;
	size_t count;
};

static void wrong(struct verdict *v, enum table_style style, const char *what, const char *why, const char *then)
{
	scoped_buf safe, head;
	buf_init(&safe, 2048);
	buf_init(&head, 512);
	plain_put(&safe, slice_text(why), 400);
	plain_put(&head, slice_text(what), 100);
	style_put(&v->lines, v->colour, style, buf_slice(&head));
	buf_printf(&v->lines, ": %s%s%s\n", buf_text(&safe), *then ? "\n    " : "", then);
	v->count++;
}

static void signer_judge(struct verdict *v, const json_t *signer)
{
	size_t i;
	const json_t *one;
	if (!json_is_true(json_object_get(signer, "ready")))
		wrong(v, STYLE_BAD, "the signer is away", member_text(signer, "why"),
		      "nothing is signed: look at `systemctl status chancery-signd` and its journal.");
	json_array_foreach(member_list(signer, "latches"), i, one)
		wrong(v, STYLE_BAD, "latched", json_string_value(one) ? json_string_value(one) : "",
		      "find out why, then `chancery-signd --resume REASON`: see LATCHES in chancery-signd(8).");
	json_array_foreach(member_list(signer, "drivers"), i, one)
	{
		char what[80];
		if (member_is(one, "state", "ready"))
			continue;
		snprintf(what, sizeof(what), "token %.32s is %.16s", member_text(one, "name"),
			 member_text(one, "state"));
		wrong(v, STYLE_BAD, what, member_text(one, "detail"),
		      "its keys sign nothing meanwhile: see chancery-driver-pkcs11(8).");
	}
}

static void rest_judge(struct verdict *v, const json_t *answer)
{
	size_t i;
	const json_t *one;
	if (json_is_false(json_object_get(json_object_get(answer, "store"), "writable")))
		wrong(v, STYLE_BAD, "the database", "can't be written",
		      "nothing is issued: look at its disk, and at the journal of chancery-frontd.");
	json_array_foreach(member_list(json_object_get(answer, "rotation"), "waiting"), i, one)
		wrong(v, STYLE_WARN, "rotation waits", member_text(one, "why"), "");
	json_array_foreach(member_list(json_object_get(answer, "crls"), "late"), i, one)
	{
		char what[100];
		snprintf(what, sizeof(what), "a CRL of %.64s is late", member_text(one, "ca_id"));
		wrong(v, STYLE_WARN, what, "it is due and can't be made; the last one is served until it ends",
		      "is its token there? The journal of chancery-frontd has crl_failed.");
	}
}

/* First what somebody who was woken up needs; the numbers stand below. */
static int verdict_print(struct cli *c, const json_t *answer)
{
	struct verdict v = { .colour = c->colour };
	scoped_buf out;
	buf_init(&v.lines, 256 * 1024);
	buf_init(&out, 256 * 1024 + 64);
	signer_judge(&v, json_object_get(answer, "signer"));
	rest_judge(&v, answer);
	if (v.count == 0)
		style_put(&out, c->colour, STYLE_GOOD, slice_text("all is well"));
	else
		buf_printf(&out, "%zu thing%s to look at; `chancery doctor` looks further", v.count,
			   v.count == 1 ? "" : "s");
	buf_put_text(&out, "\n");
	buf_put_slice(&out, buf_slice(&v.lines));
	buf_put_text(&out, "\n");
	buf_free(&v.lines);
	return output_print(c, &out);
}

static int status_print(struct cli *c, const json_t *answer)
{
	static const char *const left_out[] = { "drivers", NULL };
	static const struct column columns[] = {
		{ "TOKEN", "name", SHOW_TEXT },	       { "STATE", "state", SHOW_STATE },
		{ "SINCE", "since", SHOW_TIME },       { "SERIAL", "serial", SHOW_TEXT },
		{ "WAITING", "waiting", SHOW_TEXT },   { "SIGNATURES", "signatures", SHOW_TEXT },
		{ "FAILURES", "failures", SHOW_TEXT }, { "RECOVERIES", "recoveries", SHOW_TEXT },
		{ "DETAIL", "detail", SHOW_TEXT },
	};
	scoped_json *rows = driver_rows(answer);
	int r = verdict_print(c, answer);
	if (r == CLI_DONE)
		r = detail_print(c, answer, left_out);
	if (r || json_array_size(json_object_get(rows, "data")) == 0)
		return r;
	scoped_buf line = { .max = 1 };
	buf_put_u8(&line, '\n');
	r = output_print(c, &line);
	return r ? r : list_print(c, rows, columns, sizeof(columns) / sizeof(columns[0]), "");
}

static int status_show(struct cli *c, const struct options *o)
{
	(void)o;
	scoped_buf path;
	path_init(&path, "/status");
	scoped_json *answer = NULL;
	int r = client_get(c, &path, &answer);
	if (r)
		return r;
	return c->json ? json_print(c, answer) : status_print(c, answer);
}

const struct command status_commands[] = {
	{ "status", NULL, 0, 0, NULL, "Show the health of all parts.", "chancery status", NULL, status_show },
	{ .group = NULL },
};

const struct command whoami_commands[] = {
	{ "whoami", NULL, 0, 0, NULL, "Show who the front-end takes you for, and your roles.", "chancery whoami", NULL,
	  whoami_show },
	{ .group = NULL },
};
