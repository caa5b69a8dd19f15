#include "key/pkcs11/settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/conf.h"
#include "base/log.h"
#include "key/jobs.h"
#include "key/server_settings.h"

#define MAX_VARIABLES 64

static void pin_read(struct conf *c, struct settings *s)
{
	const char *credential = conf_text(c, "pin_credential", "");
	const char *folder = getenv("CREDENTIALS_DIRECTORY");
	s->pin_file = conf_text(c, "pin_file", "");
	if (!*credential)
		return;
	if (*s->pin_file)
		conf_reject(c, "pin_credential", "only one of pin_file and pin_credential");
	else if (strchr(credential, '/'))
		conf_reject(c, "pin_credential", "the name of a credential, without a slash");
	else if (!folder)
		conf_reject(c, "pin_credential", "a service manager that sets CREDENTIALS_DIRECTORY; or use pin_file");
	else if (snprintf(s->pin_path, sizeof(s->pin_path), "%s/%s", folder, credential) >= (int)sizeof(s->pin_path))
		conf_reject(c, "pin_credential", "a shorter path");
	s->pin_file = s->pin_path;
}

static void token_read(struct conf *c, struct settings *s)
{
	s->module = conf_text(c, "module", NULL);
	s->token = conf_text(c, "token", "");
	s->serial = conf_text(c, "serial", "");
	if (!*s->token && !*s->serial)
		conf_reject(c, "token", "the token's label here, or its serial number in serial, or both");
	s->init_args = conf_text(c, "init_args", "");
	s->key_label_prefix = conf_text(c, "key_label_prefix", "");
	if (strlen(s->key_label_prefix) > MAX_LABEL_PREFIX)
		conf_reject(c, "key_label_prefix", "at most 64 bytes");
	s->workers = (unsigned)conf_int(c, "workers", 1, MAX_WORKERS, 2);
	s->require_local = conf_bool(c, "require_local", true);
	const char *imported = conf_text(c, "imported_keys", "refuse");
	s->imported_keys = strcmp(imported, "allow") == 0;
	if (!s->imported_keys && strcmp(imported, "refuse") != 0)
		conf_reject(c, "imported_keys", "refuse or allow");
}

static void state_read(struct conf *c, struct settings *s)
{
	struct stat st;
	s->state_dir = conf_text(c, "state_dir", NULL);
	if (*s->state_dir && (stat(s->state_dir, &st) != 0 || !S_ISDIR(st.st_mode)))
		conf_reject(c, "state_dir", "a folder that exists");
}

static size_t paths_read(struct conf *c, const char *list, const char *out[MAX_PATHS])
{
	char item[32];
	size_t n = conf_count(c, list);
	if (n > MAX_PATHS) {
		conf_reject(c, list, "at most 32 paths");
		n = MAX_PATHS;
	}
	for (size_t i = 0; i < n; i++) {
		snprintf(item, sizeof(item), "%s.[%zu]", list, i);
		out[i] = conf_text(c, item, NULL);
		if (*out[i] != '/')
			conf_reject(c, item, "a path that begins with /");
	}
	return n;
}

static void landlock_read(struct conf *c, struct settings *s)
{
	s->landlock = conf_bool(c, "landlock", false);
	s->read_count = paths_read(c, "read_paths", s->read_paths);
	s->write_count = paths_read(c, "write_paths", s->write_paths);
	if (!s->landlock && s->read_count + s->write_count)
		conf_reject(c, s->read_count ? "read_paths" : "write_paths", "landlock = true beside it");
}

/* Reads the values too, so that a value that is no text is found with its line. */
static void environment_check(struct conf *c)
{
	size_t n = conf_count(c, "environment");
	if (n > MAX_VARIABLES)
		conf_reject(c, "environment", "at most 64 variables");
	for (size_t i = 0; i < n && i < MAX_VARIABLES; i++) {
		char path[160];
		const char *name = conf_member(c, "environment", i);
		if (!name || snprintf(path, sizeof(path), "environment.%s", name) >= (int)sizeof(path)) {
			conf_reject(c, "environment", "a group { NAME = \\\"value\\\"; } with short names");
			return;
		}
		conf_text(c, path, "");
	}
}

int settings_read(const char *path, struct settings *out)
{
	*out = (struct settings){ .conf = conf_open(path) };
	struct conf *c = out->conf;
	if (!c)
		return -1;
	out->name = server_settings_read(c, &out->server);
	token_read(c, out);
	pin_read(c, out);
	state_read(c, out);
	environment_check(c);
	landlock_read(c, out);
	if (conf_finish(c) == 0)
		return 0;
	settings_free(out);
	return -1;
}

void settings_free(struct settings *s)
{
	conf_close(s->conf);
	s->conf = NULL;
}

int settings_environment(const struct settings *s)
{
	size_t n = conf_count(s->conf, "environment");
	for (size_t i = 0; i < n; i++) {
		char path[160];
		const char *name = conf_member(s->conf, "environment", i);
		snprintf(path, sizeof(path), "environment.%s", name);
		if (setenv(name, conf_text(s->conf, path, ""), 1) != 0) {
			log_error("environment_failed", "name=%s why=\"%s\"", name, log_errno());
			return -1;
		}
	}
	return 0;
}
