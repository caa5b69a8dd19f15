/*
 * frontd/http: raw bytes on a connection, as anybody may send them. Each input
 * is one connection: written whole, then, once it is read, closed for writing;
 * what answers is read to its end. Behind it stands a small table of routes, no store and no signer.
 */
#include <errno.h>
#include <linux/sockios.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/time.h>

#include "frontd/http.c"
#include "fuzz/fuzz.h"

#define MAX_SENT 65536

static struct http_server *server;
static struct front front;

static int echo(struct front *f, struct call *c)
{
	(void)f;
	const char *x = c->query(c, "x");
	return call_reply(c, 200,
			  json_pack("{s:s?, s:s?, s:s?, s:i}", "id", c->param[0], "x", x, "key", c->idempotency_key,
				    "size", (int)c->body_bytes.len));
}

static const struct route table[] = {
	{ "GET", "/a", 0, "x", echo },
	{ "POST", "/a", 0, "x,y", echo },
	{ "GET", "/a/{id}", 0, "", echo },
	{ "PATCH", "/a/{id}/b/{id}", 0, "x", echo },
};

static void serve(struct http_request *r)
{
	struct route_match match;
	enum route_answer answer = route_find(table, sizeof(table) / sizeof(table[0]), r->method, r->path, &match);
	memcpy(r->call.param, match.param, sizeof(match.param));
	if (answer == ROUTE_FOUND)
		match.route->handler(r->front, &r->call);
	else
		call_refuse(&r->call, answer == ROUTE_UNKNOWN ? 404 : 405, "not_found", NULL, "There is no such path.");
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	front.metrics = metrics_new();
	int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	REQUIRE(listening >= 0 &&
		bind(listening, &(struct sockaddr){ .sa_family = AF_UNIX }, sizeof(sa_family_t)) == 0 &&
		listen(listening, 1) == 0);
	const struct http_options options = { .name = "fuzz", .socket = listening, .front = &front, .serve = serve };
	REQUIRE(http_start(&options, &server) == 0);
	return 0;
}

/* An answer begins as HTTP does, and never says that we are at fault; the library has a 501 and a 505 of its own. */
static void answer_holds(const char *text, size_t len)
{
	if (len == 0)
		return;
	REQUIRE(len > 12 && memcmp(text, "HTTP/1.", 7) == 0);
	REQUIRE(text[9] != '5' || !memmem(text, len, "application/json", 16));
}

/* Until the server has read all: an end that comes together with bytes is noticed only when the connection is idle for
 * long. */
static void wait_until_read(int fd)
{
	int unread = 1;
	for (int i = 0; i < 100000 && unread > 0; i++) {
		REQUIRE(ioctl(fd, SIOCOUTQ, &unread) == 0);
		sched_yield();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct timeval patience = { 10, 0 };
	char text[4096];
	size_t len = 0;
	int pair[2];
	if (size > MAX_SENT)
		return 0;
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	ssize_t n = size ? send(pair[0], data, size, MSG_NOSIGNAL) : 0;
	REQUIRE(MHD_add_connection(server->daemon, pair[1], &(struct sockaddr){ .sa_family = AF_UNIX },
				   sizeof(sa_family_t)) == MHD_YES);
	wait_until_read(pair[0]);
	shutdown(pair[0], SHUT_WR);
	while ((n = recv(pair[0], text + len, sizeof(text) - len, 0)) > 0)
		len = len + (size_t)n == sizeof(text) ? 16 : len + (size_t)n;
	REQUIRE(n == 0 || errno == ECONNRESET); /* not a timeout: the connection has come to its end */
	answer_holds(text, len);
	close(pair[0]);
	return 0;
}
