#include "cli/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct option_spec global_options[] = {
	{ "socket", OPTION_TEXT, "PATH", "the front-end's socket (default: CHANCERY_SOCKET, else " DEFAULT_SOCKET ")" },
	{ "wait", OPTION_SPAN, "SECONDS", "how long to try again while the service is away (default 30)" },
	{ "json", OPTION_FLAG, NULL, "print the server's JSON, for programs" },
	{ "help", OPTION_FLAG, NULL, "show this help" },
	{ .name = NULL },
};

static const struct option_spec version_option = { "version", OPTION_FLAG, NULL, "show the version" };

#define USAGE(option) ((struct problem){ .code = "usage", .field = (option) })

void options_free(struct options *o)
{
	free(o->given);
	*o = (struct options){ 0 };
}

static bool number_parse(const char *text, int64_t *out)
{
	char *end;
	errno = 0;
	*out = strtoll(text, &end, 10);
	bool starts = (*text >= '0' && *text <= '9') || (*text == '-' && text[1] >= '0' && text[1] <= '9');
	return starts && *end == '\0' && errno == 0;
}

bool span_parse(const char *text, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { '\0', 1 }, { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	char *end;
	errno = 0;
	int64_t n = strtoll(text, &end, 10);
	if (*text < '0' || *text > '9' || errno != 0 || (*end && end[1]))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].unit == *end)
			return n > 0 && !__builtin_mul_overflow(n, units[i].seconds, seconds);
	return false;
}

/* The name ends at the NUL or at "=". */
static bool name_is(const char *text, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(text, name, len) == 0;
}

static const struct option_spec *spec_in(const struct option_spec *list, const char *name, size_t len)
{
	for (; list && list->name; list++)
		if (name_is(name, len, list->name))
			return list;
	return NULL;
}

static const struct option_spec *spec_find(const struct command *command, const char *name, size_t len)
{
	const struct option_spec *spec = command ? spec_in(command->options, name, len) : NULL;
	if (!spec)
		spec = spec_in(global_options, name, len);
	if (!spec && !command && name_is(name, len, version_option.name))
		spec = &version_option;
	return spec;
}

static const struct option_given *given_find(const struct options *o, const char *name)
{
	for (size_t i = 0; i < o->given_count; i++)
		if (strcmp(o->given[i].spec->name, name) == 0)
			return &o->given[i];
	return NULL;
}

const char *option_text(const struct options *o, const char *name)
{
	const struct option_given *g = given_find(o, name);
	return g ? g->text : NULL;
}

bool option_flag(const struct options *o, const char *name)
{
	return given_find(o, name) != NULL;
}

bool option_number(const struct options *o, const char *name, int64_t *out)
{
	const struct option_given *g = given_find(o, name);
	if (g)
		*out = g->number;
	return g != NULL;
}

const char *option_many(const struct options *o, const char *name, size_t i)
{
	for (size_t at = 0; at < o->given_count; at++)
		if (strcmp(o->given[at].spec->name, name) == 0 && i-- == 0)
			return o->given[at].text;
	return NULL;
}

int option_need(const struct cli *c, const struct options *o, const char *name)
{
	if (option_flag(o, name))
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, USAGE(name), "--%s is needed; `chancery %s %s --help` shows the options.",
			    name, o->command->group, o->command->verb ? o->command->verb : "");
}

/* Reads a value by its kind. */
static int value_check(const struct cli *c, struct option_given *g)
{
	const struct option_spec *spec = g->spec;
	if (spec->kind == OPTION_FLAG)
		return CLI_DONE;
	if (!*g->text)
		return problem_tell(c, CLI_USAGE, USAGE(spec->name), "--%s has an empty value.", spec->name);
	if (spec->kind == OPTION_NUMBER && !number_parse(g->text, &g->number))
		return problem_tell(c, CLI_USAGE, USAGE(spec->name), "--%s takes a whole number, not \"%s\".",
				    spec->name, g->text);
	if (spec->kind == OPTION_SPAN && strcmp(g->text, "0") == 0)
		g->number = 0;
	else if (spec->kind == OPTION_SPAN && !span_parse(g->text, &g->number))
		return problem_tell(c, CLI_USAGE, USAGE(spec->name),
				    "--%s takes a time such as 90d, 12h, 30m or 3600, not \"%s\".", spec->name,
				    g->text);
	return CLI_DONE;
}

static int global_apply(struct cli *c, struct options *o, const struct option_given *g)
{
	const char *name = g->spec->name;
	if (strcmp(name, "socket") == 0)
		c->socket = g->text;
	else if (strcmp(name, "json") == 0)
		c->json = true;
	else if (strcmp(name, "help") == 0)
		o->help = true;
	else if (strcmp(name, "version") == 0)
		o->version = true;
	else if (strcmp(name, "wait") == 0 && g->number <= MAX_WAIT)
		c->wait = g->number;
	else if (strcmp(name, "wait") == 0)
		return problem_tell(c, CLI_USAGE, USAGE(name), "--wait takes at most %d seconds.", MAX_WAIT);
	return CLI_DONE;
}

/* One option at argv[*i], with or without its value in the next. */
static int option_take(struct cli *c, struct options *o, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *equals = strchr(name, '=');
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	struct option_given g = { .spec = spec_find(o->command, name, len), .text = equals ? equals + 1 : "" };
	if (!g.spec)
		return problem_tell(c, CLI_USAGE, USAGE(NULL),
				    "there is no option --%.*s here; --help shows those there are.", (int)len, name);
	if (g.spec->kind == OPTION_FLAG && equals)
		return problem_tell(c, CLI_USAGE, USAGE(g.spec->name), "--%s takes no value.", g.spec->name);
	if (g.spec->kind != OPTION_FLAG && !equals && *i + 1 >= argc)
		return problem_tell(c, CLI_USAGE, USAGE(g.spec->name), "--%s needs a value: %s.", g.spec->name,
				    g.spec->value);
	if (g.spec->kind != OPTION_FLAG && !equals)
		g.text = argv[++*i];
	if (g.spec->kind != OPTION_MANY && g.spec->kind != OPTION_FLAG && given_find(o, g.spec->name))
		return problem_tell(c, CLI_USAGE, USAGE(g.spec->name), "--%s is given twice.", g.spec->name);
	if (o->given_count == MAX_GIVEN)
		return problem_tell(c, CLI_USAGE, USAGE(NULL), "more than %d options are too many.", MAX_GIVEN);
	int r = value_check(c, &g);
	o->given[o->given_count++] = g;
	return r ? r : global_apply(c, o, &g);
}

static int argument_take(struct cli *c, struct options *o, const char *text)
{
	if (o->argument_count >= o->command->most)
		return problem_tell(c, CLI_USAGE, USAGE(NULL), "there is one argument too many: \"%s\".", text);
	if (!*text)
		return problem_tell(c, CLI_USAGE, USAGE(NULL), "an argument is empty.");
	o->arguments[o->argument_count++] = text;
	return CLI_DONE;
}

static bool group_exists(const struct command *const groups[], const char *group)
{
	for (; *groups; groups++)
		if (strcmp((*groups)->group, group) == 0)
			return true;
	return false;
}

static const struct command *command_find(const struct command *const groups[], const char *group, const char *verb)
{
	for (; *groups; groups++)
		for (const struct command *at = *groups; at->group; at++)
			if (strcmp(at->group, group) == 0 && (!at->verb || (verb && strcmp(at->verb, verb) == 0)))
				return at;
	return NULL;
}

/* A word before the command is known: the group, or its verb. The group waits in arguments[0]. */
static int word_take(struct cli *c, const struct command *const groups[], struct options *o, const char *word)
{
	const char *group = o->arguments[0] ? o->arguments[0] : word;
	if (!group_exists(groups, group))
		return problem_tell(c, CLI_USAGE, USAGE(NULL),
				    "there is no command \"%s\"; `chancery help` lists them.", group);
	o->command = command_find(groups, group, o->arguments[0] ? word : NULL);
	if (!o->command && o->arguments[0])
		return problem_tell(c, CLI_USAGE, USAGE(NULL),
				    "there is no command \"%s %s\"; `chancery %s --help` lists them.", group, word,
				    group);
	o->arguments[0] = o->command ? NULL : group;
	return CLI_DONE;
}

static int arguments_check(const struct cli *c, const struct options *o)
{
	const struct command *command = o->command;
	if (o->help || o->version)
		return CLI_DONE;
	if (!command && o->arguments[0])
		return problem_tell(c, CLI_USAGE, USAGE(NULL),
				    "\"%s\" needs one more word; `chancery %s --help` lists them.", o->arguments[0],
				    o->arguments[0]);
	if (!command)
		return problem_tell(c, CLI_USAGE, USAGE(NULL), "a command is needed; `chancery help` lists them.");
	if (o->argument_count < command->least)
		return problem_tell(c, CLI_USAGE, USAGE(NULL), "an argument is missing: chancery %s %s %s.",
				    command->group, command->verb ? command->verb : "", command->arguments);
	return CLI_DONE;
}

int options_parse(struct cli *c, const struct command *const groups[], int argc, char **argv, struct options *o)
{
	*o = (struct options){ .given = calloc(MAX_GIVEN, sizeof(struct option_given)) };
	if (!o->given)
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
	bool words_only = false;
	for (int i = 1; i < argc; i++) {
		int r = CLI_DONE;
		const char *word = argv[i];
		if (!words_only && strcmp(word, "--") == 0)
			words_only = true;
		else if (!words_only && strcmp(word, "-h") == 0)
			o->help = true;
		else if (!words_only && strncmp(word, "--", 2) == 0)
			r = option_take(c, o, argc, argv, &i);
		else if (!words_only && word[0] == '-' && word[1])
			r = problem_tell(c, CLI_USAGE, USAGE(NULL),
					 "there is no option %s; options begin with two dashes.", word);
		else
			r = o->command ? argument_take(c, o, word) : word_take(c, groups, o, word);
		if (r)
			return r;
	}
	return arguments_check(c, o);
}

static void help_options(struct buf *out, const struct option_spec *list)
{
	for (; list && list->name; list++) {
		scoped_buf left;
		buf_init(&left, 256);
		buf_printf(&left, "--%s%s%s", list->name, list->value ? " " : "", list->value ? list->value : "");
		buf_printf(out, "  %-26.*s  %s%s\n", (int)left.len, (const char *)left.at, list->help,
			   list->kind == OPTION_MANY ? " (repeatable)" : "");
	}
}

static void help_usage(struct buf *out, const struct command *command)
{
	buf_printf(out, "chancery %s", command->group);
	if (command->verb)
		buf_printf(out, " %s", command->verb);
	if (command->arguments)
		buf_printf(out, " %s", command->arguments);
}

static void help_command(struct buf *out, const struct command *command)
{
	buf_put_text(out, "usage: ");
	help_usage(out, command);
	buf_printf(out, " [options]\n\n%s\n", command->summary);
	if (command->options)
		buf_put_text(out, "\noptions:\n");
	help_options(out, command->options);
	buf_put_text(out, "\nfor all commands:\n");
	help_options(out, global_options);
	buf_printf(out, "\nexample:\n  %s\n", command->example);
}

/* One line a command; of one group, or of all. */
static void help_list(struct buf *out, const struct command *const groups[], const char *group)
{
	for (; *groups; groups++)
		for (const struct command *at = *groups; at->group; at++) {
			if (group && strcmp(group, at->group) != 0)
				continue;
			scoped_buf usage;
			buf_init(&usage, 256);
			help_usage(&usage, at);
			buf_printf(out, "  %-38.*s  %s\n", (int)usage.len, (const char *)usage.at, at->summary);
		}
}

bool help_put(struct buf *out, const struct command *const groups[], const char *group, const char *verb)
{
	const struct command *command = group ? command_find(groups, group, verb) : NULL;
	if (command) {
		help_command(out, command);
		return true;
	}
	if (group && (verb || !group_exists(groups, group)))
		return false;
	buf_printf(out, "usage: chancery %s [options]\n\n", group ? group : "COMMAND");
	help_list(out, groups, group);
	if (!group)
		buf_put_text(
			out,
			"  chancery help [COMMAND]                 show this, or one command's options and an example\n"
			"  chancery --version                      show the version\n");
	buf_put_text(out, "\nfor all commands:\n");
	help_options(out, global_options);
	if (!group)
		buf_put_text(out, "\nCA and ISSUER are ids or names. Exit codes and files: man chancery.\n");
	return true;
}
