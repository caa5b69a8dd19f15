#include "frontd/rule.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DAY 86400
#define DEFAULT_PREPARE 30 /* days: enough to hand the new certificate out */
#define DEFAULT_ACTIVATE 7 /* days: enough to notice that nothing took over */
#define MAX_RULE_DAYS 3650

static int refuse_form(struct call *c)
{
	return call_refuse(c, 400, "bad_field", RULE_FIELD,
			   "rotation must be \"off\", \"default\", or {\"prepare_days\": 30, \"activate_days\": 7}.");
}

static int read_days(struct call *c, json_t *rule, const char *member, int64_t least, int64_t most, int64_t *out)
{
	json_t *value = json_object_get(rule, member);
	char field[64];
	*out = json_integer_value(value);
	if (json_is_integer(value) && *out >= least && *out <= most)
		return 0;
	snprintf(field, sizeof(field), RULE_FIELD ".%s", member);
	return call_refuse(c, 400, value ? "bad_field" : "missing_field", field,
			   "%s must be a whole number from %lld to %lld.", field, (long long)least, (long long)most);
}

static int read_object(struct call *c, json_t *rule, char out[RULE_TEXT])
{
	int64_t prepare, activate;
	size_t known = (json_object_get(rule, "prepare_days") != NULL) +
		       (size_t)(json_object_get(rule, "activate_days") != NULL);
	if (json_object_size(rule) != known)
		return call_refuse(c, 400, "unknown_field", RULE_FIELD,
				   "rotation takes prepare_days and activate_days.");
	int r = read_days(c, rule, "prepare_days", 1, MAX_RULE_DAYS, &prepare);
	if (!r)
		r = read_days(c, rule, "activate_days", 0, MAX_RULE_DAYS - 1, &activate);
	if (!r && activate >= prepare)
		return call_refuse(c, 400, "bad_field", RULE_FIELD ".activate_days",
				   "rotation.activate_days must be less than prepare_days: a successor is made before "
				   "it takes over.");
	if (!r)
		snprintf(out, RULE_TEXT, "%d/%d", (int)prepare, (int)activate);
	return r;
}

int rule_read(struct call *c, bool *there, char out[RULE_TEXT])
{
	json_t *rule = json_object_get(c->body, RULE_FIELD);
	const char *word = json_string_value(rule);
	*there = rule != NULL;
	*out = '\0';
	if (!rule || json_is_null(rule))
		return 0;
	if (json_is_object(rule))
		return read_object(c, rule, out);
	if (!word || (strcmp(word, "off") != 0 && strcmp(word, "default") != 0))
		return refuse_form(c);
	snprintf(out, RULE_TEXT, "%s", word);
	return 0;
}

static bool days_parse(const char *text, uint64_t *prepare, uint64_t *activate)
{
	return number_take(&text, '/', MAX_RULE_DAYS, prepare) && number_take(&text, '\0', MAX_RULE_DAYS, activate);
}

/* False for an empty text. */
static bool rule_parse(struct slice text, struct rule *out)
{
	char copy[RULE_TEXT];
	uint64_t prepare = DEFAULT_PREPARE, activate = DEFAULT_ACTIVATE;
	if (!text.len || !slice_to_text(text, copy, sizeof(copy)))
		return false;
	out->off = strcmp(copy, "off") == 0;
	if (!out->off && strcmp(copy, "default") != 0 && !days_parse(copy, &prepare, &activate))
		return false;
	out->prepare = (int64_t)prepare * DAY;
	out->activate = (int64_t)activate * DAY;
	return true;
}

struct rule rule_of(struct slice ca, struct slice issuer)
{
	struct rule rule = { .prepare = DEFAULT_PREPARE * DAY, .activate = DEFAULT_ACTIVATE * DAY };
	if (!rule_parse(ca, &rule))
		rule_parse(issuer, &rule);
	return rule;
}

json_t *rule_view(struct slice text)
{
	struct rule rule;
	if (!rule_parse(text, &rule))
		return json_null();
	if (rule.off || slice_equal(text, slice_text("default")))
		return json_string(rule.off ? "off" : "default");
	return json_pack("{s:I, s:I}", "prepare_days", (json_int_t)(rule.prepare / DAY), "activate_days",
			 (json_int_t)(rule.activate / DAY));
}
