#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"

static int object_show(struct cli *c, const char *where)
{
	scoped_buf path;
	path_init(&path, where);
	scoped_json *answer = NULL;
	int r = client_get(c, &path, &answer);
	if (r)
		return r;
	return c->json ? json_print(c, answer) : detail_print(c, answer, NULL);
}

static int status_show(struct cli *c, const struct options *o)
{
	(void)o;
	return object_show(c, "/status");
}

static int whoami_show(struct cli *c, const struct options *o)
{
	(void)o;
	return object_show(c, "/whoami");
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
