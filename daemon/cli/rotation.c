#include "cli/rotation.h"

#include <stdio.h>
#include <string.h>

#include "cli/member.h"

int rotation_read(const struct cli *c, const char *text, json_t **out)
{
	int prepare, activate, end = 0;
	*out = NULL;
	if (strcmp(text, "off") == 0 || strcmp(text, "default") == 0)
		*out = json_string(text);
	else if (strcmp(text, "inherit") == 0)
		*out = json_null();
	else if (sscanf(text, "%4d/%4d%n", &prepare, &activate, &end) == 2 && !text[end])
		*out = json_pack("{s:i, s:i}", "prepare_days", prepare, "activate_days", activate);
	if (*out)
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage", .field = "rotation" },
			    "--rotation takes two numbers of days such as 30/7, off, default or inherit, not \"%s\".",
			    text);
}

int body_rotation(const struct cli *c, const struct options *o, json_t **body)
{
	json_t *rule;
	const char *text = option_text(o, "rotation");
	int r = text ? rotation_read(c, text, &rule) : CLI_DONE;
	if (r == CLI_DONE && text)
		member_set(body, "rotation", rule);
	return r;
}
