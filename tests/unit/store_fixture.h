/* A store of one's own for each test: a scratch folder, and what opens and removes it. After cmocka.h. */
#ifndef CHANCERY_TESTS_STORE_FIXTURE_H
#define CHANCERY_TESTS_STORE_FIXTURE_H

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "store/store.h"

static char folder[64];
static char path[96];

static inline int folder_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/ch.XXXXXX");
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/front.db", folder);
	return 0;
}

static inline int folder_remove(void **state)
{
	(void)state;
	static const char *const ends[] = { "", "-wal", "-shm", ".lock" };
	char name[128];
	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		snprintf(name, sizeof(name), "%s%s", path, ends[i]);
		unlink(name);
	}
	return rmdir(folder);
}

static inline struct store *opened(void)
{
	struct store *s = NULL;
	assert_int_equal(store_open(path, STORE_CACHE_MIB, &s), 0);
	return s;
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

#endif
