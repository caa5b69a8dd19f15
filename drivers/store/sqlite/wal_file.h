/*
 * The database's files, as SQLite's own layer for Unix has them, with one
 * difference: what is written to the write-ahead log is gathered and goes to
 * the file in one call, and a commit's flush can be put off. SQLite writes each
 * page of a commit in two calls. Nobody reads the log before it is written: with
 * synchronous=FULL a commit is told to readers only after it was asked to be
 * flushed, and whatever else is done to the file writes out first what was
 * gathered. Never for `synchronous` NORMAL or OFF; and only with
 * checkpoint_fullfsync=ON, by which a commit's flush is known from the others,
 * which are never put off.
 */
#ifndef CHANCERY_STORE_SQLITE_WAL_FILE_H
#define CHANCERY_STORE_SQLITE_WAL_FILE_H

#include <sqlite3.h>
#include <stdbool.h>

/* The name for sqlite3_open_v2(); NULL if SQLite has no layer that this one could stand on. */
const char *wal_file_layer(void);

/*
 * From now on what this connection commits is only written, for any process to
 * read and whatever becomes of this one; or it is flushed, with all before it.
 */
void wal_file_spare(sqlite3 *db, bool spare);
/*
 * Flushes what was spared. 0; -1 if that failed, logged: then nobody knows what of it a power loss would leave, and
 * nothing is written any more.
 */
int wal_file_flush(sqlite3 *db);

#endif
