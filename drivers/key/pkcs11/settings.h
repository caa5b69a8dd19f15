/* driver.conf of the PKCS#11 driver: driver.conf(5) says what each setting means. */
#ifndef CHANCERY_KEY_PKCS11_SETTINGS_H
#define CHANCERY_KEY_PKCS11_SETTINGS_H

#include "key/pkcs11/uri.h"
#include "key/server.h"

#define MAX_LABEL_PREFIX 64 /* as much as a label in driver.def */
#define MAX_PATHS 32	    /* of either list: a vendor's client has a handful of folders */

struct conf;

struct settings {
	struct conf *conf; /* owns the texts */
	struct server_settings server;
	const char *name;
	const char *module;
	struct token_uri token; /* at least label or serial number */
	const char *pin_file;	/* "" if the token is to ask for itself */
	const char *init_args;	/* "" for none */
	const char *state_dir;
	const char *key_label_prefix;
	unsigned workers;
	bool require_local;
	bool imported_keys;   /* keys that were not made in a token may sign */
	unsigned login_tries; /* whose outcome nobody knows, before an operator must look */
	unsigned start_seconds, keep_alive_seconds, scan_seconds;
	bool landlock; /* hold the module to what follows and to what every driver needs */
	size_t read_count, write_count;
	const char *read_paths[MAX_PATHS], *write_paths[MAX_PATHS];
	char pin_path[4096];
};

/* 0, or -1 with every mistake logged with file and line. */
int settings_read(const char *path, struct settings *out);
void settings_free(struct settings *s);
/* Puts the group "environment" into this process's environment, for the module. 0 or -1, logged. */
int settings_environment(const struct settings *s);

#endif
