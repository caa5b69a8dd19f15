/*
 * A backup: a folder with a copy of the database, of the ledger, of what the
 * last CRLs list, of the configuration, and a manifest that names each file
 * with its hash. Never a key: those are the token's.
 *
 *	manifest.json database.sqlite ledger/ crl/ conf/
 *
 * The database is copied first and the ledger after it, so that the ledger
 * knows all that the database does. The manifest is written last: a folder
 * without one is no backup.
 */
#ifndef CHANCERY_CLI_BACKUP_H
#define CHANCERY_CLI_BACKUP_H

#include <jansson.h>

#include "cli/verify.h"

#define MANIFEST "manifest.json"
#define BACKUP_FORMAT 1
#define MAX_MANIFEST (256UL << 20) /* bytes: a row a file; MAX_SEGMENTS of the ledger's take less */

struct backup {
	const struct cli *c;
	const char *path; /* the backup's folder */
	int folder;
	json_t *files;	  /* {path, size, sha256}, each path once, below the folder */
	json_t *left_out; /* {path, why}: configuration that isn't in it */
};

void backup_free(struct backup *b);
#define scoped_backup __attribute__((cleanup(backup_free))) struct backup

/* All the following: CLI_DONE, or told. */
int backup_subfolder(struct backup *b, const char *name);
/* Hashes a file of the backup that is there already, and notes it. */
int backup_note(struct backup *b, const char *name);
/* The ledger of this folder, and the CRLs' copies beside it. */
int backup_ledger(struct backup *b, const char *folder);
/* A folder of configuration: what may be in a backup of it, and a note of what may not. */
int backup_configuration(struct backup *b, const char *folder);

/* SHA-256 in hex, and the size, of an open file from its beginning. 0 or -1 (errno). */
int file_hash(int fd, char sha256[65], uint64_t *size);
/* The ledger in a backup, at rest, verified. */
int backup_ledger_verify(struct verification *v, const struct options *o, const char *path);
/* `chancery backup verify DIR` */
int backup_verify(struct cli *c, const struct options *o, const char *path);

#endif
