/*
 * chancery-signd --archive: moves segments whose certificates have all expired
 * to another folder (ledger/archive.h), while the signer runs or not.
 */
#ifndef CHANCERY_SIGND_ARCHIVE_H
#define CHANCERY_SIGND_ARCHIVE_H

struct config;

/* to: an absolute path. The process's exit status. */
int archive_command(const struct config *c, const char *to);

#endif
