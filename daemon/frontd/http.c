#include "frontd/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/cond.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "frontd/authz.h"
#include "frontd/front.h"
#include "frontd/acceptor.h"
#include "frontd/metrics.h"
#include "frontd/route.h"
#include "frontd/workers.h"

#define MAX_BODY (256 * 1024)	       /* a CSR of 64 KiB, escaped, in its object fits four times over */
#define MAX_DRAIN (16 * 1024 * 1024)   /* read and thrown away, so that the client gets to read the refusal */
#define MAX_CONNECTIONS 512	       /* each a few pages, mostly idle */
#define MAX_WORKERS 128		       /* requests that wait for the signer, the database or a key at a time */
#define MAX_PER_UID 256		       /* one caller can't take all of them */
#define MAX_QUERIES 16		       /* no route knows more than ten */
#define MAX_IDEMPOTENCY_KEY 128	       /* a UUID with room to spare */
#define MAX_HEADERS_MEMORY (16 * 1024) /* of one connection, wiped at each request: headers, a window of the body */
#define IDLE_SECONDS 60		       /* without a byte in either direction */
#define REQUEST_SECONDS 60	       /* for the whole body */
#define THREAD_STACK (512 * 1024)

struct http_server {
	struct http_options options;
	struct MHD_Daemon *daemon;
	struct acceptor *acceptor;
	pthread_mutex_t lock;
	pthread_cond_t idle;
	unsigned in_flight, suspended;
	bool draining; /* whoever gets an answer is told to close */
	bool stopping; /* nobody is to sleep any more */
	struct workers *workers;
	struct connection *connections; /* all that are open */
};

struct connection {
	struct caller who;
	int socket;    /* the library's */
	bool admitted; /* the kernel said who, and it isn't the overflow uid */
	struct connection *next;
};

struct exchange {
	struct http_request request;
	struct http_server *server;
	struct MHD_Connection *connection;
	int64_t started; /* time_boot_ms() */
	struct buf body;
	size_t taken;  /* bytes of body seen, kept or not */
	bool close;    /* the connection can't be trusted to be in step */
	bool answered; /* by whoever waited for it */
	struct worker_task task;
	size_t query_count;
	struct {
		char *name, *value; /* decoded, owned */
	} queries[MAX_QUERIES];
};

struct headers {
	unsigned host, length, encoding, key, type;
	bool chunked, expect;
	unsigned long long length_value;
};

/* Whoever is refused before a handler sees him reads one of these. */
static bool request_reject(struct exchange *x, unsigned status, const char *code, const char *message)
{
	if (!x->request.call.error.status)
		call_refuse(&x->request.call, status, code, NULL, "%s", message);
	return false;
}

static enum MHD_Result header_note(void *to, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct headers *h = to;
	(void)kind;
	value = value ? value : "";
	if (strcasecmp(name, "Host") == 0) {
		h->host++;
	} else if (strcasecmp(name, "Content-Length") == 0) {
		h->length++;
		h->length_value = strtoull(value, NULL, 10);
	} else if (strcasecmp(name, "Transfer-Encoding") == 0) {
		h->encoding++;
		h->chunked = strcasecmp(value, "chunked") == 0;
	} else if (strcasecmp(name, "Idempotency-Key") == 0) {
		h->key++;
	} else if (strcasecmp(name, "Content-Type") == 0) {
		h->type++;
	} else if (strcasecmp(name, "Expect") == 0) {
		h->expect = true;
	}
	return MHD_YES;
}

/* Headers that leave open where the body ends, or whom it is for (RFC 9112 3.2, 6.3), are refused. */
static bool headers_check(struct exchange *x, const struct headers *h, bool http11)
{
	if (h->length > 1 || h->encoding > 1 || (h->length && h->encoding) || (h->encoding && !h->chunked)) {
		x->close = true;
		return request_reject(x, 400, "bad_framing",
				      "A request has either one Content-Length or Transfer-Encoding: chunked.");
	}
	if (h->host > 1 || (http11 && h->host == 0))
		return request_reject(x, 400, "bad_host", "A request has exactly one Host header; any value will do.");
	if (h->key > 1 || h->type > 1)
		return request_reject(x, 400, "bad_header", "Content-Type and Idempotency-Key must not be repeated.");
	if (h->length_value > MAX_BODY)
		return request_reject(x, 413, "body_too_large", "The body is longer than 262144 bytes.");
	return true;
}

static bool key_check(struct exchange *x)
{
	const char *key = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Idempotency-Key");
	if (!key)
		return true;
	size_t n = strlen(key);
	bool visible = n > 0 && n <= MAX_IDEMPOTENCY_KEY;
	for (size_t i = 0; i < n && visible; i++)
		visible = key[i] > ' ' && key[i] < 0x7f;
	if (!visible)
		return request_reject(x, 400, "bad_idempotency_key",
				      "Idempotency-Key must be 1 to 128 visible ASCII characters without spaces.");
	x->request.call.idempotency_key = key;
	return true;
}

static const char *query_get(struct call *c, const char *name)
{
	const struct exchange *x = c->http;
	for (size_t i = 0; i < x->query_count; i++)
		if (strcmp(x->queries[i].name, name) == 0)
			return x->queries[i].value;
	return NULL;
}

static const char *query_name(const struct http_request *r, size_t i)
{
	const struct exchange *x = r->call.http;
	return x->queries[i].name;
}

static enum MHD_Result query_take(void *to, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct exchange *x = to;
	(void)kind;
	if (x->query_count == MAX_QUERIES) {
		request_reject(x, 400, "bad_query", "The query has too many parameters.");
		return MHD_NO;
	}
	char *n = strdup(name), *v = strdup(value ? value : "");
	x->queries[x->query_count].name = n;
	x->queries[x->query_count].value = v;
	/* '+' was made a space by the library, before it hands over what is still escaped. */
	bool good = n && v && route_decode(n, false) && route_decode(v, false);
	if (!good)
		request_reject(x, 400, "bad_query",
			       "The query must be percent-encoded UTF-8 without control characters.");
	else if (query_get(&x->request.call, n))
		request_reject(x, 400, "bad_query", "A query parameter is given twice.");
	x->query_count++;
	return good ? MHD_YES : MHD_NO;
}

struct header_wanted {
	const char *name, *value;
	unsigned count;
};

static enum MHD_Result header_take(void *to, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct header_wanted *w = to;
	(void)kind;
	if (strcasecmp(name, w->name) == 0) {
		w->value = value;
		w->count++;
	}
	return MHD_YES;
}

static const char *header_get(const struct http_request *r, const char *name, bool *repeated)
{
	const struct exchange *x = r->call.http;
	struct header_wanted w = { .name = name };
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, header_take, &w);
	*repeated = *repeated || w.count > 1;
	return w.value;
}

static void id_make(char out[17])
{
	uint8_t bytes[8];
	random_bytes(bytes, sizeof(bytes));
	hex_encode(bytes, sizeof(bytes), out);
}

static struct connection *connection_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static void in_flight_add(struct http_server *s, int change)
{
	pthread_mutex_lock(&s->lock);
	s->in_flight += (unsigned)change;
	if (s->in_flight == 0)
		pthread_cond_signal(&s->idle);
	pthread_mutex_unlock(&s->lock);
}

static struct exchange *exchange_new(struct http_server *s, struct MHD_Connection *c, const char *method,
				     const char *path)
{
	const struct connection *from = connection_of(c);
	struct exchange *x = from ? calloc(1, sizeof(*x)) : NULL;
	if (!x)
		return NULL;
	x->server = s;
	x->connection = c;
	x->started = time_boot_ms();
	buf_init(&x->body, MAX_BODY);
	struct http_request *r = &x->request;
	r->front = s->options.front;
	r->method = method;
	r->path = path;
	r->query_name = query_name;
	r->header = header_get;
	r->call.who = &from->who;
	r->call.query = query_get;
	r->call.http = x;
	id_make(r->call.request_id);
	if (!from->admitted)
		request_reject(x, 403, "forbidden", "The kernel could not name this caller, so nothing is allowed.");
	in_flight_add(s, 1);
	return x;
}

/* The first look, at the headers alone. False: the refusal must not wait for the body. */
static bool exchange_begin(struct exchange *x, const char *version)
{
	struct headers h = { .host = 0 };
	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, header_note, &h);
	if (headers_check(x, &h, strcmp(version, "HTTP/1.0") != 0) && key_check(x))
		MHD_get_connection_values(x->connection, MHD_GET_ARGUMENT_KIND, query_take, x);
	x->request.query_count = x->query_count;
	x->request.content_type = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "Content-Type");
	bool refused = x->request.call.error.status != 0;
	return !(refused && (h.expect || h.length_value > MAX_DRAIN));
}

static enum MHD_Result body_take(struct exchange *x, const char *data, size_t *size)
{
	x->taken += *size;
	if (x->taken > MAX_DRAIN || time_boot_ms() - x->started > REQUEST_SECONDS * 1000)
		return MHD_NO;
	if (x->taken > MAX_BODY)
		request_reject(x, 413, "body_too_large", "The body is longer than 262144 bytes.");
	if (!x->request.call.error.status)
		buf_put(&x->body, data, *size);
	*size = 0;
	return MHD_YES;
}

static char *error_text(const struct call *c)
{
	const struct call_error *e = &c->error;
	json_t *error = json_pack("{s:{s:s, s:s, s:s?}}", "error", "code", e->code, "message", e->message, "field",
				  e->field[0] ? e->field : NULL);
	char *text = json_dumps(error, JSON_COMPACT);
	json_decref(error);
	return text;
}

/* The answer's bytes, malloc'd; *type and *status are what goes with them. */
static char *answer_text(struct call *c, unsigned *status, const char **type, size_t *len)
{
	*type = CALL_JSON;
	*status = c->error.status ? c->error.status : c->status;
	char *text = NULL;
	if (c->error.status) {
		text = error_text(c);
	} else if (c->reply) {
		text = json_dumps(c->reply, JSON_COMPACT);
	} else if (c->text) {
		text = c->text;
		c->text = NULL;
		*type = c->content_type;
		*len = c->text_len;
		return text;
	}
	*len = text ? strlen(text) : 0;
	return text;
}

static void header_put(struct MHD_Response *r, const char *name, const char *value)
{
	if (value && *value)
		MHD_add_response_header(r, name, value);
}

/* Nothing more comes: the library notices that only if it comes by itself, not together with the request's last bytes.
 */
static bool client_ended(const struct exchange *x)
{
	char next;
	const struct connection *from = connection_of(x->connection);
	return from && recv(from->socket, &next, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void time_put(struct MHD_Response *r, const char *name, int64_t when)
{
	char text[64];
	struct tm tm;
	time_t t = (time_t)when;
	if (gmtime_r(&t, &tm) && strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm))
		header_put(r, name, text);
}

/* RFC 5019 6.2. */
static void freshness_put(struct MHD_Response *r, const struct call_freshness *f)
{
	char text[96];
	int64_t left = f->until - time_now();
	if (f->uncached)
		header_put(r, "Cache-Control", "no-store");
	if (!f->until || f->uncached)
		return;
	snprintf(text, sizeof(text), "max-age=%lld, public, no-transform, must-revalidate",
		 (long long)(left > 0 ? left : 0));
	header_put(r, "Cache-Control", text);
	header_put(r, "ETag", f->etag);
	time_put(r, "Last-Modified", f->made);
	time_put(r, "Expires", f->until);
}

/* RFC 9110 13.1.2: the client has it already. */
static bool client_has(const struct exchange *x, unsigned status)
{
	const char *etag = x->request.call.fresh.etag;
	if (status != 200 || !*etag || strcmp(x->request.method, "POST") == 0)
		return false;
	const char *known = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "If-None-Match");
	return known && (strcmp(known, "*") == 0 || strstr(known, etag));
}

/* A file is closed with its response; what the client has already is not sent again. */
static struct MHD_Response *bytes_make(struct exchange *x, unsigned *status, const char **type, size_t *len)
{
	struct call *c = &x->request.call;
	struct stat st;
	if (c->has_file && !c->error.status && !client_has(x, c->status)) {
		if (fstat(c->file, &st) != 0)
			return NULL;
		*status = c->status;
		*type = c->content_type;
		*len = (size_t)st.st_size;
		struct MHD_Response *r = MHD_create_response_from_fd64((uint64_t)st.st_size, c->file);
		c->has_file = r == NULL;
		return r;
	}
	char *text = answer_text(c, status, type, len);
	if (client_has(x, *status)) {
		*status = 304;
		*len = 0;
	}
	struct MHD_Response *r = MHD_create_response_from_buffer(*len, text, MHD_RESPMEM_MUST_FREE);
	if (!r)
		free(text);
	return r;
}

static struct MHD_Response *response_make(struct exchange *x, unsigned *status)
{
	struct call *c = &x->request.call;
	const char *type;
	size_t len;
	struct MHD_Response *r = bytes_make(x, status, &type, &len);
	if (!r)
		return NULL;
	header_put(r, "Content-Type", len ? type : NULL);
	header_put(r, "X-Content-Type-Options", "nosniff");
	header_put(r, "X-Request-Id", c->request_id);
	header_put(r, "Cache-Control", x->server->options.no_store ? "no-store" : NULL);
	freshness_put(r, &c->fresh);
	header_put(r, "Allow", *status == 405 ? x->request.allow : NULL);
	bool close = x->close || x->server->draining || client_ended(x);
	header_put(r, "Connection", close ? "close" : NULL);
	if (c->error.retry_after) {
		char seconds[16];
		snprintf(seconds, sizeof(seconds), "%u", c->error.retry_after);
		header_put(r, "Retry-After", seconds);
	}
	return r;
}

static void answer_note(const struct exchange *x, unsigned status)
{
	const struct call *c = &x->request.call;
	const char *route = c->route ? c->route : "none";
	int64_t ms = time_boot_ms() - x->started;
	metrics_http(x->server->options.front->metrics, x->server->options.name, route, x->request.method, status, ms);
	if (c->error.status)
		metrics_refused(x->server->options.front->metrics, c->error.code);
	/* Scrapers and probes would drown the rest. */
	enum log_level level = x->server->options.authz ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG;
	log_event(level, "request", "id=%s actor=%s route=\"%s %s\" status=%u code=%s ms=%lld", c->request_id,
		  c->who->actor, c->route ? x->request.method : "-", route, status,
		  c->error.status ? c->error.code : "-", (long long)ms);
}

static enum MHD_Result exchange_answer(struct exchange *x)
{
	unsigned status;
	if (x->request.call.error.status && !x->answered && x->server->options.refused)
		x->server->options.refused(&x->request);
	struct MHD_Response *r = response_make(x, &status);
	if (!r)
		return MHD_NO;
	answer_note(x, status);
	enum MHD_Result done = MHD_queue_response(x->connection, status, r);
	MHD_destroy_response(r);
	return done;
}

/* The connection sleeps until exchange_wake(). False: the server ends, and nobody would wake it. */
static bool exchange_suspend(struct exchange *x)
{
	struct http_server *s = x->server;
	pthread_mutex_lock(&s->lock);
	bool stopping = s->stopping;
	s->suspended += !stopping;
	pthread_mutex_unlock(&s->lock);
	if (!stopping)
		MHD_suspend_connection(x->connection);
	return !stopping;
}

/* Its answer is there: on_request() is called once more. Here the exchange may be gone as soon as that is said. */
static void exchange_wake(struct exchange *x)
{
	struct http_server *s = x->server;
	x->answered = true;
	MHD_resume_connection(x->connection);
	pthread_mutex_lock(&s->lock);
	if (--s->suspended == 0)
		pthread_cond_signal(&s->idle);
	pthread_mutex_unlock(&s->lock);
}

static void on_finished(struct call *c)
{
	exchange_wake(c->http);
}

static void on_worker(struct worker_task *task)
{
	struct exchange *x = (struct exchange *)((char *)task - offsetof(struct exchange, task));
	x->server->options.serve(&x->request);
	exchange_wake(x);
}

static enum MHD_Result exchange_serve(struct exchange *x)
{
	const struct http_options *options = &x->server->options;
	struct call *c = &x->request.call;
	c->finished = on_finished;
	enum http_begun begun = options->begin ? options->begin(&x->request) : HTTP_BLOCKS;
	if (begun == HTTP_ANSWERED)
		return exchange_answer(x);
	/* Before anybody else knows of it, who might be done before it sleeps. */
	if (!exchange_suspend(x)) {
		request_reject(x, 503, "stopping", "The front-end is stopping; ask again when it is back.");
		return exchange_answer(x);
	}
	x->task.run = on_worker;
	if (begun == HTTP_WAITS)
		c->start(c);
	else
		workers_add(x->server->workers, &x->task);
	return MHD_YES;
}

static enum MHD_Result on_request(void *server, struct MHD_Connection *c, const char *path, const char *method,
				  const char *version, const char *data, size_t *size, void **state)
{
	struct http_server *s = server;
	struct exchange *x = *state;
	if (!x) {
		x = exchange_new(s, c, method, path);
		*state = x;
		if (!x)
			return MHD_NO;
		if (exchange_begin(x, version))
			return MHD_YES;
		x->close = true;
		return exchange_answer(x);
	}
	if (*size)
		return body_take(x, data, size);
	x->request.call.body_bytes = buf_slice(&x->body);
	return x->answered || x->request.call.error.status ? exchange_answer(x) : exchange_serve(x);
}

static void on_completed(void *server, struct MHD_Connection *c, void **state, enum MHD_RequestTerminationCode code)
{
	struct exchange *x = *state;
	(void)c;
	(void)code;
	if (!x)
		return;
	call_clear(&x->request.call);
	for (size_t i = 0; i < x->query_count; i++) {
		free(x->queries[i].name);
		free(x->queries[i].value);
	}
	/* A body may have been a private key by mistake. */
	if (x->body.at)
		explicit_bzero(x->body.at, x->body.cap);
	buf_free(&x->body);
	free(x);
	*state = NULL;
	in_flight_add(server, -1);
}

static void connection_add(struct http_server *s, struct connection *n, int fd)
{
	unsigned same = 0;
	pthread_mutex_lock(&s->lock);
	for (const struct connection *i = s->connections; i; i = i->next)
		same += i->who.peer.uid == n->who.peer.uid;
	n->next = s->connections;
	s->connections = n;
	pthread_mutex_unlock(&s->lock);
	if (same >= MAX_PER_UID) {
		log_warning("too_many_connections", "socket=%s uid=%u most=%d", s->options.name, n->who.peer.uid,
			    MAX_PER_UID);
		shutdown(fd, SHUT_RDWR);
	}
}

static void connection_remove(struct http_server *s, struct connection *gone)
{
	pthread_mutex_lock(&s->lock);
	struct connection **at = &s->connections;
	while (*at && *at != gone)
		at = &(*at)->next;
	if (*at)
		*at = gone->next;
	pthread_mutex_unlock(&s->lock);
	authz_forget(&gone->who);
	free(gone);
}

static void on_connection(void *server, struct MHD_Connection *c, void **context,
			  enum MHD_ConnectionNotificationCode code)
{
	struct http_server *s = server;
	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (*context)
			connection_remove(s, *context);
		*context = NULL;
		return;
	}
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *n = info ? calloc(1, sizeof(*n)) : NULL;
	if (!n)
		return;
	n->socket = info->connect_fd;
	n->admitted = peer_of(info->connect_fd, &n->who.peer) == 0;
	authz_identify(n->admitted ? s->options.authz : NULL, &n->who);
	if (!n->admitted)
		log_warning("peer_unknown", "socket=%s uid=%u", s->options.name, n->who.peer.uid);
	connection_add(s, n, info->connect_fd);
	*context = n;
}

/* Paths and queries are decoded by frontd/route.c, piece by piece. */
static size_t leave_escaped(void *server, struct MHD_Connection *c, char *text)
{
	(void)server;
	(void)c;
	return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void on_library_log(void *server, const char *format, va_list args)
{
	const struct http_server *s = server;
	char line[256];
	/* Twice an answer: it tries on a Unix socket what only TCP knows. */
	if (!log_wanted(LOG_LEVEL_DEBUG))
		return;
	vsnprintf(line, sizeof(line), format, args);
	log_debug("http", "socket=%s why=\"%.*s\"", s->options.name, (int)strcspn(line, "\n"), line);
}

/*
 * Epoll: with poll and select the library reads on when a connection wakes up,
 * takes the end of a client that has said all for his going away, and drops the
 * answer.
 */
static struct MHD_Daemon *daemon_start(struct http_server *s)
{
	unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC | MHD_USE_ERROR_LOG |
			 MHD_USE_NO_LISTEN_SOCKET;
	unsigned threads = s->options.threads > 1 ? s->options.threads : 0; /* the library knows no pool of one */
	return MHD_start_daemon(flags, 0, NULL, NULL, on_request, s, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, s,
				MHD_OPTION_NOTIFY_COMPLETED, on_completed, s, MHD_OPTION_NOTIFY_CONNECTION,
				on_connection, s, MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, s,
				MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
				(unsigned)IDLE_SECONDS, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MAX_HEADERS_MEMORY,
				MHD_OPTION_THREAD_STACK_SIZE, (size_t)THREAD_STACK, MHD_OPTION_THREAD_POOL_SIZE,
				threads, MHD_OPTION_END);
}

static bool take_in(void *server, int fd, const struct sockaddr *address, socklen_t size)
{
	struct http_server *s = server;
	return MHD_add_connection(s->daemon, fd, address, size) == MHD_YES;
}

static int server_failed(struct http_server *s)
{
	log_error("http_failed", "socket=%s why=\"%s\"", s->options.name, log_errno());
	if (s->daemon)
		MHD_stop_daemon(s->daemon);
	workers_stop(s->workers);
	free(s);
	return -1;
}

int http_start(const struct http_options *options, struct http_server **out)
{
	struct http_server *s = calloc(1, sizeof(*s));
	if (!s)
		return -1;
	s->options = *options;
	pthread_mutex_init(&s->lock, NULL);
	cond_init(&s->idle);
	s->workers = workers_start(MAX_WORKERS);
	s->daemon = s->workers ? daemon_start(s) : NULL;
	s->acceptor = s->daemon ? acceptor_start(options->socket, take_in, s) : NULL;
	if (!s->acceptor)
		return server_failed(s);
	*out = s;
	return 0;
}

void http_drain(struct http_server *s, int64_t deadline)
{
	acceptor_pause(s->acceptor);
	int64_t left = deadline - time_boot_ms();
	struct timespec until;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += left > 0 ? (left + 999) / 1000 : 0;
	pthread_mutex_lock(&s->lock);
	s->draining = true;
	int late = 0;
	while (s->in_flight && !late)
		late = pthread_cond_timedwait(&s->idle, &s->lock, &until);
	if (s->in_flight)
		log_warning("requests_abandoned", "socket=%s count=%u", s->options.name, s->in_flight);
	pthread_mutex_unlock(&s->lock);
}

void http_stop(struct http_server *s)
{
	if (!s)
		return;
	/* The library can't end while a connection sleeps; every wait has a deadline of its own. */
	pthread_mutex_lock(&s->lock);
	s->stopping = true;
	while (s->suspended)
		pthread_cond_wait(&s->idle, &s->lock);
	pthread_mutex_unlock(&s->lock);
	acceptor_stop(s->acceptor);
	MHD_stop_daemon(s->daemon);
	workers_stop(s->workers);
	pthread_cond_destroy(&s->idle);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
