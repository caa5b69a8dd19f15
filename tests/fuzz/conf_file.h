/* The configuration file that an input is: it lies in memory, and a path leads to it. For the harnesses of settings. */
#ifndef CHANCERY_TESTS_CONF_FILE_H
#define CHANCERY_TESTS_CONF_FILE_H

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

static int conf_file;
static char conf_path[32];

/* libconfig 1.5 loses the text before a syntax error, a few bytes; who reads such a file ends at once. */
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig_yylex\nleak:strbuf_append";
}

static inline void conf_file_make(void)
{
	conf_file = memfd_create("conf", MFD_CLOEXEC);
	snprintf(conf_path, sizeof(conf_path), "/proc/self/fd/%d", conf_file);
	REQUIRE(conf_file >= 0);
}

static inline void conf_file_fill(const uint8_t *data, size_t size)
{
	REQUIRE(ftruncate(conf_file, 0) == 0 && pwrite(conf_file, data, size, 0) == (ssize_t)size);
}

#endif
