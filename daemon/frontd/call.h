/*
 * One API call, from whatever the HTTP room took in to what it sends back.
 * Handlers see this and nothing of HTTP.
 */
#ifndef CHANCERY_FRONTD_CALL_H
#define CHANCERY_FRONTD_CALL_H

#include <jansson.h>

#include "base/peer.h"

/* ROLE_APPROVES: may hand in approvals. What counts is the signature, by a key that signd.conf pins. */
enum role { ROLE_ADMIN = 1, ROLE_ISSUER = 2, ROLE_AUDITOR = 4, ROLE_OPERATOR = 8, ROLE_APPROVES = 16 };

struct caller {
	struct peer peer;
	char actor[96];		   /* "uid:1000(alice)" */
	unsigned roles;		   /* mask of enum role */
	const struct grant *grant; /* what its issuer role is limited to (authz.h); NULL: nothing stated */
};

#define MAX_PATH_PARAMETERS 4

struct call_error {
	unsigned status; /* HTTP */
	char code[48];	 /* stable, "path_len_exceeded" */
	char field[64];	 /* the request's member it is about; empty: none */
	char message[512];
	unsigned retry_after; /* seconds; 0: not sent */
};

/* What caches are told of a reply (RFC 9111). */
struct call_freshness {
	int64_t made, until; /* Unix time; until 0: nothing is said */
	char etag[72];	     /* quoted */
	bool uncached;	     /* no-store */
};

struct call {
	const struct caller *who;
	const char *param[MAX_PATH_PARAMETERS]; /* the {…} of the route in order; NULL past the last */
	json_t *body;				/* the request's object; NULL for GET. Borrowed. */
	struct slice body_bytes;		/* as it came, for hashes. */
	bool dry_run;				/* ?dry_run=true: every check, no effect */
	const char *idempotency_key;		/* the header; NULL if absent */
	const char *(*query)(struct call *c, const char *name); /* a query parameter; NULL if absent */
	void *http;						/* the HTTP room's own */
	uint8_t signing_id[16]; /* request id for the signer, if given: a retry has that of the first try */
	bool signing_id_given;
	bool resumed;	      /* there was a try before, whose fate was not known */
	struct call *running; /* idempotency.c's own */
	char request_id[24];  /* as in the log and in the answer's X-Request-Id */
	const char *route;    /* the pattern that the path matched; NULL: none */

	/* the answer */
	unsigned status;
	json_t *reply; /* owned by the call; sent as JSON */
	char *text;    /* or: owned, sent as is with content_type (a PEM chain) */
	size_t text_len;
	const char *content_type;
	bool has_file; /* or: a file, open and owned by the call, sent as is */
	int file;
	struct call_freshness fresh;
	struct call_error error; /* filled in by call_refuse() */

	/* of a handler that answered CALL_WAITS */
	void (*start)(struct call *c);	  /* the handler's: goes on; to be called once */
	void (*finished)(struct call *c); /* the server's: called once the answer is there, on any thread */
	void *handling;			  /* the handler's own */
	void *waiter;			  /* call_wait()'s own */
};

/*
 * Answers 0: done, status and reply are set; positive: refused, error is set;
 * negative: broken, logged; CALL_WAITS: there is nothing more to do before
 * others have answered, and nobody needs to wait for them.
 */
struct front;
typedef int call_handler(struct front *f, struct call *c);
#define CALL_WAITS 2
/* Starts a call whose handler answered CALL_WAITS, and waits until it has its answer. */
void call_wait(struct call *c);

#define CALL_JSON "application/json"

/* Fills in the error and answers 1, for `return call_refuse(...)`. field may be NULL. */
int call_refuse(struct call *c, unsigned status, const char *code, const char *field, const char *format, ...)
	__attribute__((format(printf, 5, 6)));
/* Hands a reply over: takes the reference. Answers 0, or -1 if reply is NULL (out of memory). */
int call_reply(struct call *c, unsigned status, json_t *reply);
int call_reply_text(struct call *c, unsigned status, char *text, const char *content_type);
/* The same for bytes that may hold NUL (DER); takes them over from the buffer. */
int call_reply_bytes(struct call *c, unsigned status, struct buf *bytes, const char *content_type);
/* The same for an open file, which is taken over. */
int call_reply_file(struct call *c, unsigned status, int file, const char *content_type);
/* Frees the reply, text and error; the call can be answered anew. */
void call_clear(struct call *c);

#endif
