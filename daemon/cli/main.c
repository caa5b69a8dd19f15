#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/groups.h"

static const struct command *const groups[] = {
	issuer_commands,  ca_commands,
	cert_commands,	  proposal_commands,
	profile_commands, status_commands,
	doctor_commands,  whoami_commands,
	audit_commands,	  backup_commands,
	import_commands,  export_commands,
	lint_commands,	  NULL,
};

static bool terminal_takes_colours(void)
{
	const char *term = getenv("TERM"), *no_colour = getenv("NO_COLOR");
	return isatty(STDOUT_FILENO) && !(no_colour && *no_colour) && term && *term && strcmp(term, "dumb") != 0;
}

/* COLUMNS is for whoever wants another width, or one without a terminal. */
static size_t terminal_width(void)
{
	const char *columns = getenv("COLUMNS");
	struct winsize size;
	char *end;
	unsigned long n = columns && *columns >= '0' && *columns <= '9' ? strtoul(columns, &end, 10) : 0;
	if (n && *end == '\0')
		return n;
	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

static void cli_open(struct cli *c)
{
	const char *socket = getenv("CHANCERY_SOCKET");
	setlocale(LC_CTYPE, "");
	signal(SIGPIPE, SIG_IGN); /* a reader that went away is an error like others */
	*c = (struct cli){ .socket = socket && *socket ? socket : DEFAULT_SOCKET, .wait = DEFAULT_WAIT };
	c->width = terminal_width();
	c->colour = terminal_takes_colours();
	c->lines = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

static int help_print(const struct cli *c, const char *group, const char *verb)
{
	scoped_buf out;
	buf_init(&out, 64 * 1024);
	if (help_put(&out, groups, group, verb))
		return output_print(c, &out);
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
			    "there is no command \"%s%s%s\"; `chancery help` lists them.", group, verb ? " " : "",
			    verb ? verb : "");
}

static int version_print(const struct cli *c)
{
	scoped_buf out;
	buf_init(&out, 64);
	buf_put_text(&out, "chancery " CHANCERY_VERSION "\n");
	return output_print(c, &out);
}

/* `chancery help ca create` */
static int help_words(const struct cli *c, int argc, char **argv)
{
	if (argc > 4)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" }, "help takes one command.");
	return help_print(c, argc > 2 ? argv[2] : NULL, argc > 3 ? argv[3] : NULL);
}

static int cli_run(struct cli *c, int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "help") == 0)
		return help_words(c, argc, argv);
	scoped_options o;
	int r = options_parse(c, groups, argc, argv, &o);
	if (r)
		return r;
	if (o.version)
		return version_print(c);
	if (o.help && o.command)
		return help_print(c, o.command->group, o.command->verb);
	if (o.help)
		return help_print(c, o.arguments[0], NULL);
	return o.command->run(c, &o);
}

int main(int argc, char **argv)
{
	struct cli c;
	cli_open(&c);
	int r = cli_run(&c, argc, argv);
	client_close(&c);
	return r;
}
