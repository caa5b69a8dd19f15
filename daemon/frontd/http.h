/*
 * HTTP/1.1 on a Unix socket, with libmicrohttpd: who is calling, a bounded
 * body, headers that mean one thing only, and the answer's bytes. One server
 * a socket, with a few threads for all connections, which never wait for the
 * signer or the database: a connection sleeps meanwhile, and what does wait
 * runs on threads of its own (frontd/workers.h).
 *
 * Every byte that comes in is hostile. Knows no route and no role.
 */
#ifndef CHANCERY_FRONTD_HTTP_H
#define CHANCERY_FRONTD_HTTP_H

#include "frontd/call.h"

struct front;
struct http_server;

struct http_request {
	struct front *front;
	const char *method;
	const char *path;	  /* as sent, still percent-encoded */
	const char *content_type; /* NULL if absent */
	size_t query_count;
	const char *(*query_name)(const struct http_request *r, size_t i);
	/* A header's value, NULL if absent; *repeated is set if it is there twice. */
	const char *(*header)(const struct http_request *r, const char *name, bool *repeated);
	struct call call; /* who, body_bytes, query and request_id are set; whoever serves sets the answer */
	char allow[64];	  /* the answer's Allow header; empty: none */
};

/* Serves a request that was taken in whole: call.error.status set means refused. May wait. */
typedef void http_serve(struct http_request *r);

/* The same without waiting, for the requests where that can be. */
enum http_begun {
	HTTP_ANSWERED, /* the call has its answer */
	HTTP_WAITS,    /* call.start() is to be called, and calls call.finished() in the end */
	HTTP_BLOCKS,   /* nothing was done: serve() it */
};
typedef enum http_begun http_begin(struct http_request *r);

struct http_options {
	const char *name; /* "api", for the log */
	int socket;	  /* listens; taken over */
	struct front *front;
	http_serve *serve;
	http_serve *refused; /* NULL; or gives what this room refused (413 above all) another form */
	http_begin *begin;   /* NULL: every request blocks */
	unsigned threads;    /* for connections; 0: one */
	bool no_store;	     /* Cache-Control: no-store on every answer */
	struct authz *authz; /* gives callers their roles; NULL: nobody asks who calls */
};

/* 0, or -1 with the reason logged. */
int http_start(const struct http_options *options, struct http_server **out);
/* Takes no new connection; requests in flight have until the deadline (time_boot_ms()). */
void http_drain(struct http_server *s, int64_t deadline);
void http_stop(struct http_server *s);

#endif
