/*
 * What all commands of the command line share. The program runs as whoever
 * calls it and holds nothing: it knows the front-end's socket and no other,
 * and believes nothing that comes back from it.
 */
#ifndef CHANCERY_CLI_CLI_H
#define CHANCERY_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define DEFAULT_SOCKET "/run/chancery/api.sock"
#define DEFAULT_WAIT 30 /* seconds: a driver that ended itself is back in less */
#define MAX_WAIT 3600	/* seconds: longer is a job for cron */

/*
 * What the program exits with. A function whose failure ends the command
 * answers one of these and has told the caller why; the value goes up untouched.
 */
enum exit_code {
	CLI_DONE = 0,
	CLI_BROKEN = 1,	       /* an error on either side that no argument cures */
	CLI_USAGE = 2,	       /* the command line itself */
	CLI_REFUSED = 3,       /* bad request: 400, 413, 422 */
	CLI_FORBIDDEN = 4,     /* 403 */
	CLI_NOT_FOUND = 5,     /* 404, or no such name */
	CLI_CONFLICT = 6,      /* 409 */
	CLI_UNAVAILABLE = 7,   /* 503, 429, or no answer in time */
	CLI_NO_CONNECTION = 8, /* nobody answers at the socket */
	CLI_WARNINGS = 9,      /* doctor, lint: something wants looking at */
	CLI_CRITICAL = 10,     /* doctor, lint: something doesn't work, or breaks a rule */
};

struct cli {
	const char *socket;
	int64_t wait; /* seconds in which a 503 is tried again */
	bool json;    /* the server's JSON instead of tables */
	bool colour;  /* standard output is a terminal that takes colours */
	bool lines;   /* UTF-8 box lines instead of ASCII */
	size_t width; /* columns of the terminal; 0: any number */
	void *http;   /* the HTTP room's own handle */

	const char *key;      /* the Idempotency-Key of what is sent; NULL: a new one for each */
	int64_t retry_after;  /* seconds that the last answer asked for; 0: none */
	struct buf *problems; /* takes what is told; NULL: standard error */
};

struct problem {
	const char *code;  /* stable, "cannot_connect" */
	const char *field; /* the option or member it is about; NULL: none */
	const char *hint;  /* what to try; NULL: none */
};

/* Tells people one or two lines, programs one line of JSON, on standard error. Answers the exit code that it was given.
 */
int problem_tell(const struct cli *c, int exit_code, struct problem p, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* Writes to standard output; CLI_BROKEN, told, if that fails or the buffer is broken. */
int output_print(const struct cli *c, const struct buf *text);

#endif
