/* frontd/config: frontd.conf with its roles, which are groups within lists; see conf.c. */
#include "frontd/config.h"
#include "fuzz/conf_file.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	conf_file_make();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	conf_file_fill(data, size);
	struct config c;
	int r = config_read(conf_path, &c);
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
