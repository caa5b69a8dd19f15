#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/member.h"

static int profile_fetch(struct cli *c, json_t **answer)
{
	scoped_buf path;
	path_init(&path, "/profiles");
	return client_list(c, &path, 0, answer);
}

static int profile_list(struct cli *c, const struct options *o)
{
	(void)o;
	static const struct column columns[] = {
		{ "NAME", "name", SHOW_TEXT },
		{ "DESCRIPTION", "description", SHOW_TEXT },
	};
	scoped_json *answer = NULL;
	int r = profile_fetch(c, &answer);
	if (r)
		return r;
	return c->json ? json_print(c, answer) : list_print(c, answer, columns, 2, "no profiles are open to you.");
}

static int profile_show(struct cli *c, const struct options *o)
{
	scoped_json *answer = NULL;
	int r = profile_fetch(c, &answer);
	if (r)
		return r;
	size_t i;
	const json_t *row;
	json_array_foreach(json_object_get(answer, "data"), i, row)
	{
		if (!member_is(row, "name", o->arguments[0]))
			continue;
		return c->json ? json_print(c, row) : detail_print(c, row, NULL);
	}
	return problem_tell(c, CLI_NOT_FOUND,
			    (struct problem){ .code = "not_found", .hint = "`chancery profile list` shows them." },
			    "there is no profile \"%s\".", o->arguments[0]);
}

static int profile_templates(struct cli *c, const struct options *o)
{
	(void)o;
	static const struct column columns[] = {
		{ "NAME", "name", SHOW_TEXT },
		{ "DESCRIPTION", "description", SHOW_TEXT },
	};
	scoped_buf path;
	path_init(&path, "/constraint-templates");
	scoped_json *answer = NULL;
	int r = client_list(c, &path, 0, &answer);
	if (r)
		return r;
	return c->json ? json_print(c, answer)
		       : list_print(c, answer, columns, 2, "no templates; constraints.conf(5) says how to write one.");
}

const struct command profile_commands[] = {
	{ "profile", "list", 0, 0, NULL, "List the profiles that leaves are issued under.", "chancery profile list",
	  NULL, profile_list },
	{ "profile", "show", 1, 1, "NAME", "Show what a profile allows.", "chancery profile show server", NULL,
	  profile_show },
	{ "profile", "templates", 0, 0, NULL, "List the templates of name constraints that CAs are made with.",
	  "chancery profile templates --json", NULL, profile_templates },
	{ .group = NULL },
};
