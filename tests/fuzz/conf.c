/*
 * base/conf with its two strictest readers: an input is read as signd.conf and
 * as a profile. Both come from files of root's; what is held here is that a
 * mistake in one is an error and never a crash.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "fuzz/conf_file.h"
#include "policy/profile_load.h"

/* The file's own level would have all its mistakes on the terminal. */
#define log_open(program, level) ((void)(level))
#include "signd/config.c"
#undef log_open

#define FOLDER "/tmp/ch.fuzz.XXXXXX"

static char folder[] = FOLDER;
static char path[sizeof(FOLDER) + 16];

static void folder_remove(void)
{
	unlink(path);
	rmdir(folder);
}

/* The file lies in memory; a folder and a name that ends in .conf lead to it. */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	conf_file_make();
	REQUIRE(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/fuzz.conf", folder);
	REQUIRE(symlink(conf_path, path) == 0);
	atexit(folder_remove);
	return 0;
}

static void signd_read(void)
{
	struct config c;
	int r = config_read(path, &c);
	REQUIRE(r == 0 || r == -1);
	if (r == 0) {
		REQUIRE(c.token_count >= 1 && c.token_count <= MAX_SLOTS && c.state_dir && c.socket);
		REQUIRE(c.verifiers >= 1 && c.max_unbound >= 1 && c.max_unsigned >= 16 && c.checkpoint_ms >= 1000);
		for (int i = 0; i < CLASS_COUNT; i++)
			REQUIRE((c.classes[i].kinds & ~(1U << KIND_LEAF | 1U << KIND_CA | 1U << KIND_OCSP_RESPONDER |
							1U << KIND_SUBCA_FOREIGN)) == 0 &&
				c.classes[i].longest[KIND_LEAF] > 0 && c.classes[i].backdate >= 0);
	}
	config_free(&c);
}

static void profile_try(void)
{
	const struct profile_site site = { .has_base_url = true };
	struct profile_row row;
	int r = profile_load(path, &site, NULL, NULL, &row);
	REQUIRE(r == 0 || r == -1);
	if (r == 0) {
		const struct profile *p = &row.profile;
		REQUIRE(strcmp(p->name, "fuzz") == 0 && p->algorithms && p->name_types && p->key_usage);
		REQUIRE(p->default_ttl >= 60 && p->default_ttl <= p->longest_ttl && (p->key_usage & ~31) == 0);
		REQUIRE(list_valid(p->ext_key_usage, 64) && list_valid(p->policies, 64));
		REQUIRE(list_valid(p->extensions, 4096) && p->extensions.count <= MAX_PROFILE_EXTENSIONS);
		REQUIRE(list_valid(p->urls, MAX_PROFILE_URL) && p->pattern_count <= MAX_PROFILE_PATTERNS);
	}
	profile_row_free(&row);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	conf_file_fill(data, size);
	signd_read();
	profile_try();
	return 0;
}
