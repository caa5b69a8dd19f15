#include "cli/rotation.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/member.h"

#define MAX_DAYS 9999 /* of what is sent at all; which of them there may be is the server's to say */

static bool days_parse(const char *text, uint64_t *prepare, uint64_t *activate)
{
	return number_take(&text, '/', MAX_DAYS, prepare) && number_take(&text, '\0', MAX_DAYS, activate);
}

int rotation_read(const struct cli *c, const char *text, json_t **out)
{
	uint64_t prepare, activate;
	*out = NULL;
	if (strcmp(text, "off") == 0 || strcmp(text, "default") == 0)
		*out = json_string(text);
	else if (strcmp(text, "inherit") == 0)
		*out = json_null();
	else if (days_parse(text, &prepare, &activate))
		*out = json_pack("{s:i, s:i}", "prepare_days", (int)prepare, "activate_days", (int)activate);
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
