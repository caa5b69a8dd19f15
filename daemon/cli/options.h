/*
 * The command line as a table: each command says which arguments and options
 * it takes, and from that come the parser, the help and the usage errors.
 */
#ifndef CHANCERY_CLI_OPTIONS_H
#define CHANCERY_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"

#define MAX_ARGUMENTS 64 /* files that one lint takes; no other command takes more than two */
#define MAX_GIVEN 1024	 /* options on one command line: a thousand subtrees, well under what a certificate takes */

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,   /* not empty */
	OPTION_MANY,   /* the same, repeatable */
	OPTION_NUMBER, /* a decimal integer of 64 bits */
	OPTION_SPAN,   /* seconds: 90d, 12h, 30m, 3600 or 3600s */
};

struct option_spec {
	const char *name; /* without the dashes; NULL ends a list */
	enum option_kind kind;
	const char *value; /* what the help calls its value */
	const char *help;
};

struct options;

struct command {
	const char *group;     /* "ca"; NULL ends a list */
	const char *verb;      /* "create"; NULL: the group is the command */
	size_t least, most;    /* arguments besides the options */
	const char *arguments; /* what the help calls them */
	const char *summary;
	const char *example;
	const struct option_spec *options; /* NULL: none of its own */
	int (*run)(struct cli *c, const struct options *o);
};

struct option_given {
	const struct option_spec *spec;
	const char *text;
	int64_t number; /* of a NUMBER or a SPAN */
};

struct options {
	const struct command *command;
	const char *arguments[MAX_ARGUMENTS]; /* NULL past the last */
	size_t argument_count;
	struct option_given *given; /* in order */
	size_t given_count;
	bool help, version;
};

/* The command's and the program's own options are read into o and c. CLI_DONE or CLI_USAGE, told. */
int options_parse(struct cli *c, const struct command *const groups[], int argc, char **argv, struct options *o);
void options_free(struct options *o);
#define scoped_options __attribute__((cleanup(options_free))) struct options

/* NULL if not given. */
const char *option_text(const struct options *o, const char *name);
bool option_flag(const struct options *o, const char *name);
/* False if not given. */
bool option_number(const struct options *o, const char *name, int64_t *out);
/* The i-th value of a repeatable option; NULL past the last. */
const char *option_many(const struct options *o, const char *name, size_t i);
/* CLI_DONE, or CLI_USAGE, told, if an option that the command can't do without is absent. */
int option_need(const struct cli *c, const struct options *o, const char *name);

/* "90d" and the like in seconds; false if it is anything else, zero, or does not fit. */
bool span_parse(const char *text, int64_t *seconds);

/* Help for one command, for one group (verb NULL), for all (group NULL). False if there is no such thing. */
bool help_put(struct buf *out, const struct command *const groups[], const char *group, const char *verb);

#endif
