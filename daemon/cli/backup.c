#include "cli/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"

#define DATABASE "database.sqlite"

void backup_free(struct backup *b)
{
	fd_close(&b->folder);
	json_decref(b->files);
	json_decref(b->left_out);
}

static int folder_tell(const struct cli *c, const char *path, int code)
{
	struct problem p = { .code = "backup_folder", .field = "DIR" };
	if (code == ENOTEMPTY)
		p.hint = "each backup is a folder of its own, such as one named by `date +%F`.";
	return problem_tell(c, code == ENOTEMPTY ? CLI_CONFLICT : CLI_BROKEN, p, "can't write a backup to %s: %s.",
			    path, strerror(code));
}

/* A new folder, or an empty one. Others have no business there: it holds names, and who asked for them. */
static int backup_open(struct backup *b)
{
	if (mkdir(b->path, 0700) != 0 && errno != EEXIST)
		return folder_tell(b->c, b->path, errno);
	if (rmdir(b->path) != 0)
		return folder_tell(b->c, b->path, errno == EEXIST ? ENOTEMPTY : errno);
	if (mkdir(b->path, 0700) != 0)
		return folder_tell(b->c, b->path, errno);
	b->folder = open(b->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	b->files = json_array();
	b->left_out = json_array();
	return b->folder >= 0 ? CLI_DONE : folder_tell(b->c, b->path, errno);
}

static int database_fetch(struct cli *c, struct backup *b)
{
	scoped_buf path;
	path_init(&path, "/backup/database");
	scoped_fd int file = openat(b->folder, DATABASE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (file < 0)
		return folder_tell(c, b->path, errno);
	int r = client_get_file(c, &path, file);
	if (r == CLI_DONE && fsync(file) != 0)
		return folder_tell(c, b->path, errno);
	return r ? r : backup_note(b, DATABASE);
}

/* With the ledger as it stands in the backup. */
static int manifest_write(struct backup *b, const struct verification *v)
{
	char now[TIME_TEXT_SIZE];
	time_text(time_now(), now);
	scoped_json *ledger = verification_json(v);
	scoped_json *all =
		json_pack("{s:i, s:s, s:s, s:O, s:O, s:O, s:O, s:O}", "chancery_backup", BACKUP_FORMAT, "version",
			  CHANCERY_VERSION, "made_at", now, "ledger_id", json_object_get(ledger, "ledger_id"),
			  "records", json_object_get(ledger, "records"), "root", json_object_get(ledger, "root"),
			  "files", b->files, "left_out", b->left_out);
	char *text = all ? json_dumps(all, JSON_INDENT(2)) : NULL;
	if (!text)
		return problem_tell(b->c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" MANIFEST, b->path);
	errno = ENAMETOOLONG;
	int r = n < (int)sizeof(path) ? fd_replace_file(path, slice_text(text), 0600) : -1;
	free(text);
	return r == 0 ? CLI_DONE : folder_tell(b->c, b->path, errno);
}

static int backup_tell(const struct cli *c, const struct backup *b, const struct verification *v)
{
	scoped_buf out;
	buf_init(&out, MAX_TABLE_TEXT);
	size_t i;
	const json_t *one;
	if (c->json) {
		scoped_json *all = json_pack("{s:s, s:I, s:I, s:O}", "folder", b->path, "files",
					     (json_int_t)json_array_size(b->files), "records",
					     (json_int_t)v->inspection.size, "left_out", b->left_out);
		return json_print(c, all);
	}
	buf_printf(&out, "%s: %zu files, a ledger of %" PRIu64 " records.\n", b->path, json_array_size(b->files),
		   v->inspection.size);
	json_array_foreach(b->left_out, i, one)
		buf_printf(&out, "left out: %s: %s\n", json_string_value(json_object_get(one, "path")),
			   json_string_value(json_object_get(one, "why")));
	return output_print(c, &out);
}

/* A ledger that is damaged can't be backed up, and must not take the place of a good backup. */
static int ledger_judge(const struct cli *c, struct verification *v)
{
	scoped_buf out;
	buf_init(&out, MAX_TABLE_TEXT);
	if (!v->errors)
		return CLI_DONE;
	verification_findings(v, &out);
	output_print(c, &out);
	return problem_tell(c, CLI_CRITICAL, (struct problem){ .code = "ledger_damaged", .field = "ledger" },
			    "the ledger isn't good, so this is no backup: see `chancery audit verify`.");
}

static int backup_make(struct cli *c, const struct options *o, const char *path)
{
	scoped_backup b = { .c = c, .path = path, .folder = -1 };
	scoped_verification v;
	verification_init(&v, c);
	char ledger[PATH_MAX];
	const char *conf = option_text(o, "conf");
	int r = books_folder(c, option_text(o, "ledger"), ledger);
	if (r == CLI_DONE)
		r = backup_open(&b);
	if (r == CLI_DONE)
		r = database_fetch(c, &b);
	if (r == CLI_DONE)
		r = backup_ledger(&b, ledger);
	if (r == CLI_DONE)
		r = backup_configuration(&b, conf ? conf : CHANCERY_CONFDIR);
	if (r == CLI_DONE)
		r = backup_ledger_verify(&v, o, path);
	if (r == CLI_DONE)
		r = ledger_judge(c, &v);
	if (r == CLI_DONE)
		r = manifest_write(&b, &v);
	if (r == CLI_DONE)
		r = backup_tell(c, &b, &v);
	return r ? r : json_array_size(b.left_out) ? CLI_WARNINGS : CLI_DONE;
}

static int backup_run(struct cli *c, const struct options *o)
{
	bool verify = strcmp(o->arguments[0], "verify") == 0;
	struct problem p = { .code = "usage", .field = "DIR" };
	if (verify && o->argument_count == 2)
		return backup_verify(c, o, o->arguments[1]);
	if (verify || o->argument_count == 2)
		return problem_tell(
			c, CLI_USAGE, p,
			"it is `chancery backup DIR` or `chancery backup verify DIR`; a folder named verify "
			"is ./verify.");
	return backup_make(c, o, o->arguments[0]);
}

static const struct option_spec backup_options[] = {
	{ "ledger", OPTION_TEXT, "DIR", "the ledger's folder, or the signer's state folder above it" },
	{ "conf", OPTION_TEXT, "DIR", "the folder with the configuration (default " CHANCERY_CONFDIR ")" },
	{ "head", OPTION_MANY, "FILE", "signed heads that were kept elsewhere: the ledger must contain each" },
	{ "key", OPTION_TEXT, "FILE", "the log key as it was kept elsewhere (`chancery audit key`)" },
	{ .name = NULL },
};

const struct command backup_commands[] = {
	{ "backup", NULL, 1, 2, "[verify] DIR",
	  "Copy database, ledger and configuration to a folder while all runs, or verify such a folder.",
	  "chancery backup /srv/backup/2026-05-01", backup_options, backup_run },
	{ .group = NULL },
};
