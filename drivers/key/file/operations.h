/* The key protocol's verbs over a folder of PEM files. */
#ifndef CHANCERY_KEY_FILE_OPERATIONS_H
#define CHANCERY_KEY_FILE_OPERATIONS_H

#include <stdatomic.h>

#include "key/file/folder.h"
#include "key/jobs.h"

/* The key that a worker signed with last: who issues asks for the same one over and over. */
struct kept {
	EVP_PKEY *key; /* NULL: none yet */
	const struct algorithm *algorithm;
	struct folder_mark mark;
	size_t id_len;
	uint8_t id[MAX_DRIVER_KEY];
};

struct file_token {
	struct folder folder;
	const char *name, *path;
	unsigned workers;
	atomic_ullong signatures, failures;
	int64_t since; /* the start */
	struct kept kept[MAX_WORKERS];
};

/* Frees the workers' keys; none of them runs any more. */
void file_token_forget(struct file_token *t);

extern const struct key_operations file_operations;

#endif
