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
#define MAX_START_SECONDS 3600 /* somebody may have to find the token's keypad */
#define MAX_SCAN_SECONDS 60    /* who puts a token back waits for it */
#define MAX_KEEP_ALIVE_SECONDS 3600
#define MAX_LOGIN_TRIES 2 /* most tokens lock after three wrong PINs, and the last is never ours */

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

/* One of the token's names as a text of its own; the URI may have said it already. */
static void name_read(struct conf *c, const char *setting, char *out)
{
	const char *text = conf_text(c, setting, "");
	if (*text && *out)
		conf_reject(c, setting, "said once: in the URI, or here");
	else if (*text && !slice_to_text(slice_text(text), out, MAX_URI_VALUE + 1))
		conf_reject(c, setting, "at most 64 bytes");
}

static void token_name_read(struct conf *c, struct settings *s)
{
	const char *token = conf_text(c, "token", "");
	const char *expected = NULL;
	if (strncmp(token, URI_SCHEME, strlen(URI_SCHEME)) == 0)
		expected = uri_read(token, &s->token);
	else
		name_read(c, "token", s->token.token);
	name_read(c, "serial", s->token.serial);
	if (!*s->token.token && !*s->token.serial && !expected)
		expected = "the token's label or its RFC 7512 URI here, or its serial number in serial, or both";
	if (expected)
		conf_reject(c, "token", expected);
	if (conf_has(c, "slot"))
		conf_reject(c, "slot", "no slot: slots are numbered anew at each start; token, serial or both name it");
}

static void imported_read(struct conf *c, struct settings *s)
{
	const char *imported = conf_text(c, "imported_keys", "forbid");
	s->imported_keys = strcmp(imported, "warn") == 0;
	if (!s->imported_keys && strcmp(imported, "forbid") != 0)
		conf_reject(c, "imported_keys", "forbid or warn");
	s->require_local = conf_bool(c, "require_local", true);
}

static void patience_read(struct conf *c, struct settings *s)
{
	s->start_seconds = (unsigned)conf_int(c, "start_seconds", 1, MAX_START_SECONDS, 60);
	s->scan_seconds = (unsigned)conf_int(c, "scan_seconds", 1, MAX_SCAN_SECONDS, 3);
	s->keep_alive_seconds = (unsigned)conf_int(c, "keep_alive_seconds", 0, MAX_KEEP_ALIVE_SECONDS, 15);
	s->login_tries = (unsigned)conf_int(c, "login_tries", 1, MAX_LOGIN_TRIES, 2);
}

static void token_read(struct conf *c, struct settings *s)
{
	s->module = conf_text(c, "module", NULL);
	token_name_read(c, s);
	s->init_args = conf_text(c, "init_args", "");
	s->key_label_prefix = conf_text(c, "key_label_prefix", "");
	if (strlen(s->key_label_prefix) > MAX_LABEL_PREFIX)
		conf_reject(c, "key_label_prefix", "at most 64 bytes");
	s->workers = (unsigned)conf_int(c, "workers", 1, MAX_WORKERS, 2);
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
			conf_reject(c, "environment", "a group { NAME = \"value\"; } with short names");
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
	imported_read(c, out);
	patience_read(c, out);
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
