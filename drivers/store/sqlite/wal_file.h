/*
 * The database's files, as SQLite's own layer for Unix has them, with one
 * difference: what is written to the write-ahead log is gathered and goes to
 * the file in one call. SQLite writes each page of a commit in two calls.
 * Nobody reads the log before it is flushed: with synchronous=FULL a commit is
 * told to readers only after that, and whatever else is done to the file writes
 * out first what was gathered. Never for `synchronous` NORMAL or OFF.
 */
#ifndef CHANCERY_STORE_SQLITE_WAL_FILE_H
#define CHANCERY_STORE_SQLITE_WAL_FILE_H

/* The name for sqlite3_open_v2(); NULL if SQLite has no layer that this one could stand on. */
const char *wal_file_layer(void);

#endif
