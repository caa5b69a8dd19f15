#include "cli/body.h"

#include "cli/client.h"
#include "cli/member.h"

void body_text(json_t **body, const char *member, const struct options *o, const char *option)
{
	if (option_text(o, option))
		member_set(body, member, json_string(option_text(o, option)));
}

void body_number(json_t **body, const char *member, const struct options *o, const char *option)
{
	int64_t n;
	if (option_number(o, option, &n))
		member_set(body, member, json_integer(n));
}

void body_many(json_t **body, const char *member, const struct options *o, const char *option)
{
	if (!option_many(o, option, 0))
		return;
	json_t *list = json_array();
	for (size_t i = 0; option_many(o, option, i); i++)
		if (json_array_append_new(list, json_string(option_many(o, option, i))) != 0) {
			json_decref(list);
			list = NULL;
			break;
		}
	member_set(body, member, list);
}

void path_dry_run(struct buf *path, const struct options *o)
{
	if (option_flag(o, "dry-run"))
		path_query(path, "dry_run", "true");
}
