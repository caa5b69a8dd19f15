#include "cli/profile_check.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/client.h"
#include "cli/detail.h"
#include "cli/member.h"
#include "cli/plain.h"
#include "policy/profile_load.h"
#include "policy/templates.h"

#define MAX_CHECKED 1024	    /* files of one run: four times as many as a front-end reads */
#define MAX_CHECK_TEXT (16UL << 20) /* bytes: a few for each of a thousand mistakes in each file */

const struct option_spec profile_check_options[] = {
	{ "no-base-url", OPTION_FLAG, NULL, "judge for a front-end without pki_base_url" },
	{ "settings", OPTION_FLAG, NULL, "list all settings, and look at no file" },
	{ .name = NULL },
};

struct check_run {
	const struct cli *c;
	struct profile_site site;
	struct buf out;	  /* for people */
	json_t *results;  /* for programs */
	json_t *mistakes; /* of the file at hand */
	size_t files, wrong, unreadable;
};

static void fault_text(struct check_run *run, const struct conf_fault *f)
{
	plain_put(&run->out, slice_text(f->file), MAX_PLAIN);
	if (f->line)
		buf_printf(&run->out, ":%u", f->line);
	buf_put_text(&run->out, ": ");
	if (*f->setting) {
		plain_put(&run->out, slice_text(f->setting), MAX_PLAIN);
		buf_put_text(&run->out, ": ");
	}
	if (f->kind == CONF_INVALID)
		buf_put_text(&run->out, *f->setting && !f->line ? "it is missing; expected " : "expected ");
	plain_put(&run->out, slice_text(f->expected), MAX_PLAIN);
	buf_put_u8(&run->out, '\n');
}

static void fault_json(struct check_run *run, const struct conf_fault *f)
{
	static const char *const kinds[] = {
		[CONF_UNREADABLE] = "unreadable", [CONF_SYNTAX] = "syntax", [CONF_INVALID] = "setting"
	};
	json_t *line = f->line ? json_integer(f->line) : json_null();
	json_array_append_new(run->mistakes, json_pack("{s:s, s:o, s:s, s:s}", "kind", kinds[f->kind], "line", line,
						       "setting", f->setting, "expected", f->expected));
}

static void fault_hear(const struct conf_fault *f, void *with)
{
	struct check_run *run = with;
	run->wrong += f->kind != CONF_UNREADABLE;
	run->unreadable += f->kind == CONF_UNREADABLE;
	if (run->c->json)
		fault_json(run, f);
	else
		fault_text(run, f);
}

/* What a file turned out to be; constraints.conf holds the templates that lie beside profiles. */
static void file_check(struct check_run *run, const char *path)
{
	const char *slash = strrchr(path, '/');
	bool templates = strcmp(slash ? slash + 1 : path, TEMPLATES_FILE) == 0;
	run->files++;
	run->mistakes = json_array();
	if (templates) {
		templates_check(path, fault_hear, run);
	} else {
		struct profile_row row;
		profile_load(path, &run->site, fault_hear, run, &row);
		profile_row_free(&row);
	}
	json_array_append_new(run->results, json_pack("{s:s, s:s, s:o}", "file", path, "kind",
						      templates ? "templates" : "profile", "mistakes", run->mistakes));
	run->mistakes = NULL;
}

static int is_conf(const struct dirent *e)
{
	size_t n = strlen(e->d_name);
	return e->d_name[0] != '.' && n > 5 && strcmp(e->d_name + n - 5, ".conf") == 0;
}

static void path_fault(struct check_run *run, const char *path, const char *why)
{
	const struct conf_fault f = { .kind = CONF_UNREADABLE, .file = path, .setting = "", .expected = why };
	run->mistakes = json_array();
	fault_hear(&f, run);
	json_array_append_new(run->results,
			      json_pack("{s:s, s:s, s:o}", "file", path, "kind", "unknown", "mistakes", run->mistakes));
	run->mistakes = NULL;
}

/* All files of a folder that the front-end would read. */
static void folder_check(struct check_run *run, const char *folder)
{
	struct dirent **entries;
	int n = scandir(folder, &entries, is_conf, alphasort);
	if (n < 0) {
		path_fault(run, folder, strerror(errno));
		return;
	}
	if (n == 0)
		path_fault(run, folder, "there is no profile in it, NAME.conf");
	for (int i = 0; i < n; i++) {
		char path[4096];
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		if (run->files < MAX_CHECKED)
			file_check(run, path);
		free(entries[i]);
	}
	free(entries);
}

static int settings_print(const struct cli *c)
{
	static const struct column columns[] = { { "SETTING", "setting", SHOW_TEXT },
						 { "IS A", "is_a", SHOW_TEXT },
						 { "WITHOUT IT", "default", SHOW_TEXT },
						 { "WHAT IT SAYS", "sentence", SHOW_TEXT } };
	json_t *list = json_array();
	const struct profile_setting *s;
	for (size_t i = 0; (s = profile_setting(i)); i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s?, s:s}", "setting", s->name, "is_a", s->kind,
						      "default", s->otherwise, "sentence", s->sentence));
	scoped_json *all = json_pack("{s:o}", "data", list);
	return list_print(c, all, columns, 4, "none.");
}

static int run_print(struct check_run *run)
{
	if (run->c->json) {
		scoped_json *all = json_pack("{s:O, s:I, s:I}", "results", run->results, "mistakes",
					     (json_int_t)run->wrong, "unreadable", (json_int_t)run->unreadable);
		return json_print(run->c, all);
	}
	buf_printf(&run->out, "%zu looked at: ", run->files);
	if (run->wrong || !run->unreadable)
		buf_printf(&run->out, "%zu mistake%s", run->wrong, run->wrong == 1 ? "" : "s");
	if (run->unreadable)
		buf_printf(&run->out, "%s%zu can't be read", run->wrong ? ", " : "", run->unreadable);
	buf_put_u8(&run->out, '\n');
	return output_print(run->c, &run->out);
}

static void run_free(struct check_run *run)
{
	buf_free(&run->out);
	json_decref(run->results);
}

int profile_check(struct cli *c, const struct options *o)
{
	if (option_flag(o, "settings"))
		return settings_print(c);
	if (!o->argument_count)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
				    "a file or a folder is needed, or --settings.");
	__attribute__((cleanup(run_free))) struct check_run run = { .c = c, .results = json_array() };
	run.site.has_base_url = !option_flag(o, "no-base-url");
	buf_init(&run.out, MAX_CHECK_TEXT);
	for (size_t i = 0; i < o->argument_count; i++) {
		struct stat status;
		if (stat(o->arguments[i], &status) == 0 && S_ISDIR(status.st_mode))
			folder_check(&run, o->arguments[i]);
		else
			file_check(&run, o->arguments[i]);
	}
	int r = run_print(&run);
	return r ? r : run.wrong ? CLI_CRITICAL : run.unreadable ? CLI_USAGE : CLI_DONE;
}
