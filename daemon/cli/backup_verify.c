/* A backup held against its manifest, and its ledger against itself. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/backup.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/member.h"
#include "cli/pem.h"

int backup_ledger_verify(struct verification *v, const struct options *o, const char *path)
{
	char folder[PATH_MAX];
	if (snprintf(folder, sizeof(folder), "%s/ledger", path) >= (int)sizeof(folder))
		return problem_tell(v->c, CLI_USAGE, (struct problem){ .code = "usage" }, "%s is too long.", path);
	v->inspection.at_rest = true;
	int r = verification_prepare(v, o, folder);
	return r ? r : verification_run(v);
}

/* A path of a manifest stays below its folder. */
static bool path_good(const char *path)
{
	return *path && *path != '/' && strncmp(path, "../", 3) != 0 && !strstr(path, "/../");
}

static void file_verify(struct verification *v, int folder, const json_t *row)
{
	const char *path = member_text(row, "path");
	char sha256[65];
	uint64_t size;
	if (!path_good(path)) {
		verification_find(v, true, "manifest_form", "The manifest has a row without a good path.");
		return;
	}
	scoped_fd int fd = openat(folder, path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || file_hash(fd, sha256, &size) != 0)
		verification_find(v, true, "file_missing", "%.200s can't be read: %s.", path, strerror(errno));
	else if (!member_is(row, "sha256", sha256))
		verification_find(v, true, "file_differs",
				  "%.200s is not the file that was written (%" PRIu64 " bytes).", path, size);
}

static int manifest_read(const struct cli *c, const char *path, json_t **out)
{
	char name[PATH_MAX];
	scoped_buf text;
	buf_init(&text, MAX_MANIFEST);
	struct problem p = { .code = "no_manifest", .field = "DIR" };
	p.hint = "a backup that was not finished has none; what it holds is nothing to rely on.";
	if (snprintf(name, sizeof(name), "%s/" MANIFEST, path) >= (int)sizeof(name) || file_drain(name, &text) != 0)
		return problem_tell(c, CLI_NOT_FOUND, p, "can't read %s/" MANIFEST ": %s.", path, strerror(errno));
	*out = json_loadb((const char *)text.at, text.len, JSON_REJECT_DUPLICATES, NULL);
	if (json_integer_value(json_object_get(*out, "chancery_backup")) == BACKUP_FORMAT)
		return CLI_DONE;
	p = (struct problem){ .code = "manifest_form", .field = "DIR" };
	return problem_tell(c, CLI_CRITICAL, p, "%s is no manifest of format %d.", name, BACKUP_FORMAT);
}

static int files_verify(struct verification *v, const char *path, const json_t *manifest)
{
	size_t i;
	const json_t *row;
	bool database = false;
	scoped_fd int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	json_array_foreach(member_list(manifest, "files"), i, row)
	{
		file_verify(v, folder, row);
		database = database || member_is(row, "path", "database.sqlite");
	}
	if (!database)
		verification_find(v, true, "file_missing", "There is no database in it.");
	return CLI_DONE;
}

/* The ledger's own findings: a batch that was being written when it was copied is to be expected. */
static int verdict_exit(const struct verification *v)
{
	size_t i, torn = 0;
	const json_t *f;
	json_array_foreach(v->findings, i, f) torn += member_is(f, "code", inspection_code_text(INSPECTION_TAIL_TORN));
	return v->errors ? CLI_CRITICAL : v->warnings > torn ? CLI_WARNINGS : CLI_DONE;
}

static int verdict_print(const struct cli *c, const struct verification *v, const json_t *manifest, const char *path)
{
	scoped_buf out;
	buf_init(&out, MAX_TABLE_TEXT);
	if (c->json) {
		scoped_json *all = verification_json(v);
		json_object_set(all, "made_at", json_object_get(manifest, "made_at"));
		return json_print(c, all);
	}
	verification_findings(v, &out);
	buf_printf(&out, "%s: made %s, %zu files, a ledger of %" PRIu64 " records: %s.\n", path,
		   member_text(manifest, "made_at"), json_array_size(member_list(manifest, "files")),
		   v->inspection.size, v->errors ? "NOT GOOD" : "good");
	return output_print(c, &out);
}

int backup_verify(struct cli *c, const struct options *o, const char *path)
{
	scoped_json *manifest = NULL;
	scoped_verification v;
	verification_init(&v, c);
	int r = manifest_read(c, path, &manifest);
	if (r == CLI_DONE)
		r = files_verify(&v, path, manifest);
	if (r == CLI_DONE)
		r = backup_ledger_verify(&v, o, path);
	if (r == CLI_DONE && (json_int_t)v.inspection.size != json_integer_value(json_object_get(manifest, "records")))
		verification_find(&v, true, "records_differ", "The manifest says another number of records.");
	if (r == CLI_DONE)
		r = verdict_print(c, &v, manifest, path);
	return r ? r : verdict_exit(&v);
}
