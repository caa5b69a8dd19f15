/* The key protocol's verbs over a folder of PEM files. */
#ifndef CHANCERY_KEY_FILE_OPERATIONS_H
#define CHANCERY_KEY_FILE_OPERATIONS_H

#include <stdatomic.h>

#include "key/file/folder.h"

struct file_token {
	struct folder folder;
	const char *name, *path;
	unsigned workers;
	atomic_ullong signatures, failures;
	int64_t since; /* the start */
};

extern const struct key_operations file_operations;

#endif
