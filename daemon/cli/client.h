/*
 * HTTP over the front-end's Unix socket (libcurl), JSON in and out (jansson).
 * Nothing that comes back is believed: it is bounded, it must be JSON of the
 * stated outer shape, and it may still lack any member or have it of any type.
 */
#ifndef CHANCERY_CLI_CLIENT_H
#define CHANCERY_CLI_CLIENT_H

#include <jansson.h>

#include "cli/cli.h"

#define MAX_ANSWER                                                                                                     \
	(64UL << 20)	/* bytes: a page of certificates takes a few hundred KiB, an unpaged list of CAs some MiB */
#define MAX_ROWS 100000 /* a list for people or a script; whoever wants more asks for pages */
#define MAX_URL 8192	/* what HTTP servers take in a request line */
#define KEY_BYTES 16	/* of an Idempotency-Key */

/* All paths begin with /api/v1; a segment or a value is percent-encoded. */
void path_init(struct buf *path, const char *start);
void path_add(struct buf *path, const char *segment);
void path_query(struct buf *path, const char *name, const char *value);

/* CLI_DONE and the answer, a JSON object the caller frees; else told. The path is a path_init() buffer. */
int client_get(struct cli *c, struct buf *path, json_t **answer);
/* A text that is not JSON (PEM), in an empty buffer of the caller's. */
int client_get_text(struct cli *c, struct buf *path, struct buf *text);
/* Any bytes of any length, to an open file. */
int client_get_file(struct cli *c, struct buf *path, int file);
/*
 * POST or PATCH of body, which is taken (NULL: out of memory, told), with one Idempotency-Key for all tries: a
 * 503 that says when to come back, and a connection lost before the answer, are tried again within c->wait.
 */
int client_send(struct cli *c, const char *method, struct buf *path, json_t *body, json_t **answer);
/*
 * All rows of a list, page by page, up to limit (0: MAX_ROWS): an object whose
 * "data" is an array. As the server sent it if that was one page.
 */
int client_list(struct cli *c, struct buf *path, int64_t limit, json_t **answer);
/* Each row of a list, however many there are, while take() answers CLI_DONE; what else it answers comes back. */
typedef int client_row(void *with, json_t *row);
int client_walk(struct cli *c, struct buf *path, client_row *take, void *with);

void client_close(struct cli *c);

static inline void json_release(json_t **j)
{
	json_decref(*j);
}
#define scoped_json __attribute__((cleanup(json_release))) json_t

#endif
