/*
 * Configuration files, read with libconfig. A getter checks type and range;
 * what is wrong is logged with file, line, setting and what was expected, and
 * remembered: read everything, then ask conf_finish() once. A setting that no
 * getter asked for is an error too, so that a typo never goes unnoticed.
 *
 * A path names a setting: "peers.front", "tokens.[1].name".
 */
#ifndef CHANCERY_BASE_CONF_H
#define CHANCERY_BASE_CONF_H

#include <sys/types.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/peer.h"

struct conf;

/* One mistake in a file. */
struct conf_fault {
	enum { CONF_UNREADABLE, CONF_SYNTAX, CONF_INVALID } kind;
	const char *file;
	unsigned line;	      /* 0: what is wrong is not there */
	const char *setting;  /* "" if it is about the whole file */
	const char *expected; /* CONF_INVALID: what would be right; else: why it can't be read */
};
/* Hears of each mistake as it is found. */
typedef void conf_listener(const struct conf_fault *fault, void *with);

/* NULL, with the reason logged, if the file can't be read or parsed. */
struct conf *conf_open(const char *path);
/* The same, with the mistakes told to listener instead of the log. */
struct conf *conf_open_told(const char *path, conf_listener *listener, void *with);
/* How a mistake is logged where nobody listens. */
void conf_fault_log(const struct conf_fault *fault);
void conf_close(struct conf *c);
/* 0 if all that was asked for was there and right, and nothing else was there; else -1. */
int conf_finish(struct conf *c);

/* How many mistakes were found so far. */
size_t conf_faults(const struct conf *c);

/* It counts as asked for. */
bool conf_has(struct conf *c, const char *path);
/* Members of a list, array or group; 0 if it isn't there. */
size_t conf_count(struct conf *c, const char *path);
/* The name of the i-th member of a group; NULL past its end. */
const char *conf_member(struct conf *c, const char *path, size_t i);

/* The text, owned by c; fallback if it isn't there, and with a NULL fallback that is an error and gives "". */
const char *conf_text(struct conf *c, const char *path, const char *fallback);
/* A whole number from least to most. A literal above 2147483647 needs the suffix L. */
int64_t conf_int(struct conf *c, const char *path, int64_t least, int64_t most, int64_t fallback);
/* As conf_int, but the setting must be there. */
int64_t conf_int_required(struct conf *c, const char *path, int64_t least, int64_t most);
bool conf_bool(struct conf *c, const char *path, bool fallback);
/* File permissions as text, "0660". */
mode_t conf_mode(struct conf *c, const char *path, mode_t fallback);
/* The lowest level that the log writes, "info" if there is none; it holds from here on. */
void conf_log_level(struct conf *c);
/* A list of peer rules (base/peer.h); an absent list admits nobody. */
void conf_peers(struct conf *c, const char *path, struct peer_rules *out);
/* 2n hex digits into out; required. */
void conf_hex(struct conf *c, const char *path, uint8_t *out, size_t n);

/* Says what is wrong with a setting that a getter has accepted. */
void conf_reject(struct conf *c, const char *path, const char *expected);

#endif
