#include "cli/view.h"

#include <string.h>
#include <unistd.h>

#include "base/time.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/page.h"
#include "cli/tree.h"

const struct option_spec ca_tree_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "format", OPTION_TEXT, "FORMAT", "text, json (the API's tree) or html (a page of its own)" },
	{ "color", OPTION_TEXT, "WHEN", "auto, always or never" },
	{ "from", OPTION_TEXT, "FILE", "draw what --format json has written; - for standard input" },
	{ .name = NULL },
};

enum tree_format { TREE_TEXT, TREE_JSON, TREE_HTML, TREE_FORMATS };
static const char *const format_names[TREE_FORMATS] = { "text", "json", "html" };

static int format_take(const struct cli *c, const struct options *o, enum tree_format *format)
{
	const char *name = option_text(o, "format");
	*format = TREE_TEXT;
	while (name && *format < TREE_FORMATS && strcmp(name, format_names[*format]) != 0)
		(*format)++;
	if (*format < TREE_FORMATS)
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage", .field = "format" },
			    "--format takes text, json or html, not \"%s\".", name);
}

static int colour_take(struct cli *c, const struct options *o)
{
	const char *when = option_text(o, "color");
	if (when && strcmp(when, "always") == 0)
		c->colour = true;
	else if (when && strcmp(when, "never") == 0)
		c->colour = false;
	else if (when && strcmp(when, "auto") != 0)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage", .field = "color" },
				    "--color takes auto, always or never, not \"%s\".", when);
	return CLI_DONE;
}

/* What an earlier call has written, or the API's answer itself. */
static int tree_read(const struct cli *c, const char *path, json_t **answer)
{
	json_error_t why;
	bool standard = strcmp(path, "-") == 0;
	*answer = standard ? json_loadf(stdin, 0, &why) : json_load_file(path, 0, &why);
	if (*answer && member_list(*answer, "data"))
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "bad_file", .field = "from" }, "%s: %s.", path,
			    *answer ? "there is no list \"data\" in it" : why.text);
}

static bool any_is(const json_t *list, bool (*is)(const json_t *ca))
{
	size_t i;
	const json_t *ca;
	json_array_foreach((json_t *)list, i, ca) if (is(ca)) return true;
	return false;
}

/* What the words behind a state mean, where they stand. */
static void words_put(const json_t *list, struct buf *out)
{
	bool outside = any_is(list, tree_outside), cut_off = any_is(list, tree_cut_off);
	if (outside || cut_off)
		buf_put_u8(out, '\n');
	if (outside)
		buf_put_text(out, "outside: over somebody else's key; what it signs is not on this ledger.\n");
	if (cut_off)
		buf_put_text(out, "cut off: a CA above it is revoked, so nobody takes what it signs.\n");
}

static int tree_print(const struct cli *c, const json_t *list)
{
	scoped_table t;
	table_init(&t, tree_heads, TREE_COLUMNS, c->colour);
	t.width = c->width;
	t.cut = TREE_CONSTRAINTS;
	tree_fill(&t, list, c->lines);
	scoped_buf out;
	buf_init(&out, 4 * MAX_TABLE_TEXT);
	if (table_rows(&t)) {
		table_render(&t, &out);
		words_put(list, &out);
	} else
		buf_put_text(&out, "no CAs yet; `chancery ca create` makes one.\n");
	return output_print(c, &out);
}

static int page_print(const struct cli *c, const json_t *list)
{
	scoped_buf out;
	buf_init(&out, MAX_PAGE);
	page_put(&out, list, time_now());
	return output_print(c, &out);
}

static int ca_tree_print(const struct cli *c, const json_t *answer, enum tree_format format)
{
	if (format == TREE_JSON || (format == TREE_TEXT && c->json))
		return json_print(c, answer);
	scoped_json *list = tree_flatten(json_object_get(answer, "data"));
	if (!list)
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
	return format == TREE_HTML ? page_print(c, list) : tree_print(c, list);
}

int ca_tree(struct cli *c, const struct options *o)
{
	const char *issuer = option_text(o, "issuer"), *from = option_text(o, "from");
	enum tree_format format;
	scoped_json *answer = NULL;
	int r = format_take(c, o, &format);
	if (r == CLI_DONE)
		r = colour_take(c, o);
	if (r == CLI_DONE && from && issuer)
		r = problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage", .field = "from" },
				 "--from draws all that is in the file, so --issuer can't go with it.");
	if (r)
		return r;
	if (from)
		r = tree_read(c, from, &answer);
	else if (format == TREE_JSON)
		r = ca_tree_fetch(c, issuer, &answer);
	else
		r = ca_list_fetch(c, issuer, &answer);
	return r ? r : ca_tree_print(c, answer, format);
}
