/*
 * The folder of PEM files, and which names in it are keys. It stands in the
 * file driver's process; it must never follow a link, leave the folder, or
 * write over a file.
 */
#ifndef CHANCERY_KEY_FILE_FOLDER_H
#define CHANCERY_KEY_FILE_FOLDER_H

#include <openssl/evp.h>
#include <sys/stat.h>

#include "key/driver.h"

#define MAX_KEY_NAME 64 /* driver.def: a key's id has at most as many bytes */

struct secret;

struct folder {
	int fd;
	struct secret *passphrase; /* NULL: encrypted files are refused */
};

/* Of a key's file, so that one which was changed, replaced, closed or opened to others is seen. */
struct folder_mark {
	ino_t inode;
	struct timespec changed; /* its status: nothing happens to a file without it */
};

/* 1 to 64 of A-Z a-z 0-9 _ - and dots, the first not a dot. */
bool folder_name_valid(struct slice name);
/* The id of a file's key: sixteen bytes for a name of 32 lower-case hex digits, else the name. */
struct slice folder_id(const char *name, uint8_t *room);
/*
 * The private key of an id: the file whose name is the id in lower-case hex,
 * else the one whose name is the id. 0 with *out, a positive refusal with the
 * reason logged where it isn't KEY_UNKNOWN.
 */
int folder_load(const struct folder *f, struct slice id, EVP_PKEY **out);
/* The mark of the file that folder_load() would read now; false if there is none. */
bool folder_mark(const struct folder *f, struct slice id, struct folder_mark *out);
bool folder_mark_same(const struct folder_mark *a, const struct folder_mark *b);
/* Writes a key under its id in hex, whole and durable or not at all. 0, KEY_EXISTS, or TOKEN_FAILED, logged. */
int folder_store(const struct folder *f, struct slice id, EVP_PKEY *key);

#endif
