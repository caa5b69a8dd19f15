/*
 * The ledger's files as an auditor has them: a folder, or a copy of one; notes
 * with heads that were kept elsewhere; the log key. Read-only, and nothing of
 * it is believed: ledger/inspection.h finds out what the records are worth.
 */
#ifndef CHANCERY_CLI_BOOKS_H
#define CHANCERY_CLI_BOOKS_H

#include <jansson.h>

#include "cli/options.h"
#include "ledger/checkpoint.h"
#include "ledger/inspection.h"

#define DEFAULT_LEDGER "/var/lib/chancery-signd/ledger"
#define MAX_HEADS 100000	    /* a head every ten seconds, for eleven days; older ones need not all be kept */
#define MAX_HEADS_FILE (64UL << 20) /* bytes of one file of them */
#define MAX_LOG_KEY 2048	    /* bytes of a SubjectPublicKeyInfo: RSA-4096 has 550 */

/*
 * The folder: of the argument or option, else CHANCERY_LEDGER's, else the
 * default; of a signer's state folder the ledger below it. out has PATH_MAX
 * bytes. CLI_DONE; told: CLI_NOT_FOUND, CLI_FORBIDDEN, CLI_BROKEN.
 */
int books_folder(const struct cli *c, const char *given, char *out);
/* What errno says of the ledger's folder, told, as an exit code. */
int books_unreadable(const struct cli *c, const char *folder);

struct head {
	struct buf note;
	char name[256];	     /* for people: "checkpoint", "heads.txt" with a number */
	struct checkpoint c; /* what it says, if parsed */
	bool parsed;
	bool holds, fails; /* neither: what it is over can't be told */
	size_t mark;	   /* of its size */
};
struct heads {
	struct head *all;
	size_t count;
	struct inspection_mark *marks; /* their sizes, ascending */
	size_t mark_count;
};
void heads_free(struct heads *h);
#define scoped_heads __attribute__((cleanup(heads_free))) struct heads

/* Adds all notes of a file ("-": standard input), or one that is there already. CLI_DONE or told. */
int heads_read(const struct cli *c, const char *path, struct heads *h);
int heads_add(const struct cli *c, struct heads *h, const char *name, struct slice note);
/* Fills marks, once all are read; also for further sizes. */
int heads_mark(const struct cli *c, struct heads *h, const uint64_t *sizes, size_t count);
/* The mark of a size that has one. */
const struct inspection_mark *heads_find_mark(const struct heads *h, uint64_t size);

/* The log key from a file, PEM or DER, as its SubjectPublicKeyInfo. CLI_DONE or told. */
int log_key_read(const struct cli *c, const char *path, struct buf *out);
/* Its SHA-256 in hex; text has 65 bytes. */
void log_key_print(struct slice key, char *text);

/* A line that moves on standard error while files are read, if that is a terminal. */
struct progress {
	bool shown;
	int64_t started, last;
};
void progress_begin(const struct cli *c, struct progress *p);
void progress_show(struct progress *p, uint64_t bytes, uint64_t of);
/* The same of things that are counted. */
void progress_count(struct progress *p, uint64_t done, uint64_t of);
void progress_end(struct progress *p);

#endif
