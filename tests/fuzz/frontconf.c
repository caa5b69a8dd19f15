/* frontd/config: frontd.conf with its roles, which are groups within lists; see conf.c. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "frontd/config.h"
#include "fuzz/fuzz.h"

static int file;
static char path[32];

/* libconfig 1.5 loses the text before a syntax error, a few bytes; who reads such a file ends at once. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig_yylex\nleak:strbuf_append";
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	file = memfd_create("conf", MFD_CLOEXEC);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	REQUIRE(file >= 0);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	REQUIRE(ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
	struct config c;
	int r = config_read(path, &c);
	REQUIRE(r == 0 || r == -1);
	if (r == 0) {
		struct caller who = { .actor = "" };
		authz_identify(c.front.authz, &who);
		REQUIRE((who.roles & ~(unsigned)(ROLE_ADMIN | ROLE_ISSUER | ROLE_AUDITOR | ROLE_OPERATOR)) == 0);
		authz_forget(&who);
		REQUIRE(c.front.root_days >= 1 && c.front.ca_days >= 1 && c.front.ask_timeout >= 1);
	}
	config_free(&c);
	return 0;
}
