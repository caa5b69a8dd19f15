#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/member.h"

static int whoami_show(struct cli *c, const struct options *o)
{
	(void)o;
	scoped_buf path;
	path_init(&path, "/whoami");
	scoped_json *answer = NULL;
	int r = client_get(c, &path, &answer);
	if (r)
		return r;
	return c->json ? json_print(c, answer) : detail_print(c, answer, NULL);
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
	int r = detail_print(c, answer, left_out);
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
