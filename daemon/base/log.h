/*
 * The log: one event a line, `event key=value ...`, on standard error, where
 * the supervisor picks it up. Never request bytes, never a secret. The log is
 * not the ledger: nothing relies on it.
 */
#ifndef CHANCERY_BASE_LOG_H
#define CHANCERY_BASE_LOG_H

#include "base/buf.h"

/* SILENT, as the lowest level, writes nothing at all. */
enum log_level { LOG_LEVEL_SILENT = -1, LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* The program's name before each line, and the lowest level that is written. */
void log_open(const char *program, enum log_level level);
/* The lowest level alone. */
void log_set_level(enum log_level level);
/* Whether events of this level are written: for who would have to make up what to say. */
bool log_wanted(enum log_level level);
/* "error", "warning", "info", "debug"; false for anything else. */
bool log_level_parse(const char *text, enum log_level *level);

void log_event(enum log_level level, const char *event, const char *format, ...) __attribute__((format(printf, 3, 4)));
#define log_error(...) log_event(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) log_event(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...) log_event(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_event(LOG_LEVEL_DEBUG, __VA_ARGS__)

/*
 * What a key signs to prove itself stands on no ledger. Who holds a token's own count of signatures against the
 * ledger's finds these in a log of level debug.
 */
void log_challenge(struct slice message); /* of 256 bytes at most */

/* What errno says, for `why="%s"`. Thread-safe. */
const char *log_errno(void);

#endif
