/*
 * A load for an HTTP server: some clients, each with a connection that it
 * keeps, send the same POST over and over for some seconds. Every answer must
 * have the status that is expected. The same program drives Chancery over its
 * Unix socket and other servers over TCP, so that what the client itself
 * costs is the same on either side; it is one thread for all clients, so that
 * this is little: the server is measured, not the client.
 *
 *	http_load unix:PATH|tcp:PORT URL-PATH BODY-FILE STATUS SECONDS CLIENTS [LEAST]
 *
 * LEAST: so many bytes must each answer have, for where a refusal has the
 * same status. GET in BODY-FILE's place: GETs without a body; @FILE in
 * URL-PATH's place: one path a line, each in turn.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/time.h"

#define MAX_CLIENTS 256
#define MAX_BODY (256 * 1024)
#define MAX_ANSWER (64 * 1024)

struct client {
	int fd;
	size_t len;
	char answer[MAX_ANSWER + 1];
};

static const char *where;
static int status;
static size_t least;
static struct buf requests = { .max = 64 * 1024 * 1024 };
static size_t *ends, request_count, request_next; /* of each in requests */
static int64_t end;

static void die(const char *what, const char *detail)
{
	fprintf(stderr, "http_load: %s\n%s\n", what, detail);
	exit(1);
}

static int server_connect(void)
{
	if (strncmp(where, "unix:", 5) == 0)
		return fd_connect(where + 5);
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(where + 4)),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0 ? fd : -1;
}

static void request_add(const char *path, const struct buf *body)
{
	if (!body)
		buf_printf(&requests, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	else
		buf_printf(&requests,
			   "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
			   "Content-Length: %zu\r\n\r\n",
			   path, body->len);
	if (body)
		buf_put(&requests, body->at, body->len);
	ends = realloc(ends, (request_count + 1) * sizeof(*ends));
	if (!ends || !buf_ok(&requests))
		die("too many requests", path);
	ends[request_count++] = requests.len;
}

static void requests_make(const char *path, const char *file)
{
	scoped_buf body = { .max = MAX_BODY };
	bool get = strcmp(file, "GET") == 0;
	if (!get && fd_read_file(file, MAX_BODY, &body) != 0)
		die("no body", file);
	FILE *list = *path == '@' ? fopen(path + 1, "r") : NULL;
	char line[4096];
	if (*path != '@')
		request_add(path, get ? NULL : &body);
	while (list && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = 0;
		request_add(line, get ? NULL : &body);
	}
	if (list)
		fclose(list);
	if (!request_count)
		die("no path", path);
}

static void answer_more(struct client *c)
{
	ssize_t n = c->len < MAX_ANSWER ? read(c->fd, c->answer + c->len, MAX_ANSWER - c->len) : -1;
	if (n <= 0)
		die("the server closed the connection or said too much", c->answer);
	c->len += (size_t)n;
	c->answer[c->len] = 0;
}

/* The offset of the body's end once all of it is there; 0: not yet. Chunked bodies are JSON, so a last chunk's mark is
 * one. */
static size_t answer_end(const struct client *c)
{
	const char *head_end = strstr(c->answer, "\r\n\r\n");
	if (!head_end)
		return 0;
	const char *length = strcasestr(c->answer, "\r\nContent-Length:");
	if (length && length < head_end) {
		size_t size = (size_t)(head_end + 4 - c->answer) + strtoul(length + 17, NULL, 10);
		return c->len >= size ? size : 0;
	}
	const char *last = strstr(head_end, "\r\n0\r\n\r\n");
	return last ? (size_t)(last + 7 - c->answer) : 0;
}

static void client_ask(struct client *c)
{
	c->len = 0;
	c->answer[0] = 0;
	size_t from = request_next ? ends[request_next - 1] : 0;
	if (fd_write_all(c->fd, requests.at + from, ends[request_next] - from) != 0)
		die("could not be sent", where);
	request_next = (request_next + 1) % request_count;
}

/* Takes what has come; true: an answer is whole. */
static bool client_take(struct client *c)
{
	answer_more(c);
	size_t answer = answer_end(c);
	if (!answer)
		return false;
	if (answer != c->len || answer < least || strncmp(c->answer, "HTTP/1.1 ", 9) != 0 ||
	    atoi(c->answer + 9) != status)
		die("another answer than expected", c->answer);
	return true;
}

/* Answers taken until the end; what is under way then is taken too. */
static unsigned long load_run(int epoll, size_t open)
{
	unsigned long done = 0;
	while (open) {
		struct epoll_event ready[MAX_CLIENTS];
		int n = epoll_wait(epoll, ready, MAX_CLIENTS, -1);
		bool on = time_boot_ms() < end;
		for (int i = 0; i < n; i++) {
			if (!client_take(ready[i].data.ptr))
				continue;
			done++;
			if (on)
				client_ask(ready[i].data.ptr);
			else
				open--;
		}
	}
	return done;
}

int main(int argc, char **argv)
{
	if (argc != 7 && argc != 8)
		return 64;
	least = argc == 8 ? strtoul(argv[7], NULL, 10) : 0;
	where = argv[1];
	status = atoi(argv[4]);
	size_t count = strtoul(argv[6], NULL, 10);
	struct client *clients = count && count <= MAX_CLIENTS ? calloc(count, sizeof(*clients)) : NULL;
	if (!clients)
		return 64;
	int epoll = epoll_create1(EPOLL_CLOEXEC);
	requests_make(argv[2], argv[3]);
	for (size_t i = 0; i < count; i++) {
		struct epoll_event in = { .events = EPOLLIN, .data.ptr = &clients[i] };
		clients[i].fd = server_connect();
		if (clients[i].fd < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, clients[i].fd, &in) != 0)
			die("no server", where);
	}
	int64_t start = time_boot_ms();
	end = start + (int64_t)(1000 * atof(argv[5]));
	for (size_t i = 0; i < count; i++)
		client_ask(&clients[i]);
	unsigned long sum = load_run(epoll, count);
	printf("done=%lu rate=%.1f\n", sum, 1000.0 * (double)sum / (double)(time_boot_ms() - start));
	free(clients);
	free(ends);
	buf_free(&requests);
	return 0;
}
