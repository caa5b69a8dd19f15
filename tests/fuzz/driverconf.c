/* drivers/key/pkcs11/settings: driver.conf, with what it may say of the module's environment and of folders; see
 * conf.c. */
#include <stdlib.h>
#include <string.h>

#include "fuzz/conf_file.h"

static char variable[256];

/* A variable of the module's: looked at, and never set for the fuzzer itself. */
static int variable_set(const char *name, const char *value, int overwrite)
{
	REQUIRE(name && value && overwrite);
	snprintf(variable, sizeof(variable), "%s=%s", name, value);
	return 0;
}

static char *credentials(const char *name)
{
	static char folder[] = "/run/credentials/chancery";
	return strcmp(name, "CREDENTIALS_DIRECTORY") == 0 ? folder : NULL;
}

#define setenv variable_set
#define getenv credentials
#include "key/pkcs11/settings.c"
#undef setenv
#undef getenv

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	conf_file_make();
	return 0;
}

static void settings_hold(const struct settings *s)
{
	REQUIRE(strlen(s->name) <= MAX_DRIVER_NAME && *s->module && (*s->token.token || *s->token.serial) &&
		s->state_dir);
	REQUIRE(s->workers >= 1 && s->workers <= MAX_WORKERS && strlen(s->key_label_prefix) <= MAX_LABEL_PREFIX);
	REQUIRE(s->read_count <= MAX_PATHS && s->write_count <= MAX_PATHS);
	REQUIRE(s->landlock || s->read_count + s->write_count == 0);
	for (size_t i = 0; i < s->read_count; i++)
		REQUIRE(*s->read_paths[i] == '/');
	for (size_t i = 0; i < s->write_count; i++)
		REQUIRE(*s->write_paths[i] == '/');
	REQUIRE(s->server.peers.count && s->server.sign_seconds && s->server.create_seconds && *s->server.socket);
	REQUIRE(settings_environment(s) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct settings s;
	conf_file_fill(data, size);
	int r = settings_read(conf_path, &s);
	REQUIRE(r == 0 || r == -1);
	if (r == 0)
		settings_hold(&s);
	settings_free(&s);
	return 0;
}
