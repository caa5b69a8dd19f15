/* frontd: routes, name patterns, metrics, and HTTP's framing over a real socket. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/time.h"
#include "frontd/authz.h"
#include "frontd/front.h"
#include "frontd/http.h"
#include "frontd/json_text.h"
#include "frontd/metrics.h"
#include "frontd/route.h"
#include "names/name.h"

static int handler(struct front *f, struct call *c)
{
	(void)f;
	(void)c;
	return 0;
}

static const struct route table[] = {
	{ "GET", "/a", 0, "x,yy", handler },
	{ "POST", "/a", 0, "", handler },
	{ "GET", "/a/{id}/b/{n}", 0, "", handler },
};

static enum route_answer find(const char *method, const char *path, struct route_match *m)
{
	return route_find(table, 3, method, path, m);
}

static void routes_are_found(void **state)
{
	(void)state;
	struct route_match m;
	assert_int_equal(find("GET", "/a", &m), ROUTE_FOUND);
	assert_int_equal(find("HEAD", "/a", &m), ROUTE_FOUND);
	assert_int_equal(find("PUT", "/a", &m), ROUTE_WRONG_METHOD);
	assert_string_equal(m.allow, "GET, HEAD, POST");
	assert_int_equal(find("GET", "/a/", &m), ROUTE_UNKNOWN);
	assert_int_equal(find("GET", "/ab", &m), ROUTE_UNKNOWN);
	assert_int_equal(find("GET", "", &m), ROUTE_UNKNOWN);
	assert_int_equal(find("GET", "/a/1%2F2/b/%41", &m), ROUTE_FOUND);
	assert_string_equal(m.param[0], "1/2");
	assert_string_equal(m.param[1], "A");
	assert_null(m.param[2]);
	assert_int_equal(find("GET", "/a//b/1", &m), ROUTE_UNKNOWN);
	assert_int_equal(find("GET", "/a/%00/b/1", &m), ROUTE_UNKNOWN);
	assert_int_equal(find("GET", "/a/%4/b/1", &m), ROUTE_UNKNOWN);
	assert_int_equal(find("GET", "/a/%ff/b/1", &m), ROUTE_UNKNOWN);
	assert_true(route_takes(&table[0], "x") && route_takes(&table[0], "yy"));
	assert_false(route_takes(&table[0], "y") || route_takes(&table[0], "") || route_takes(&table[1], "x"));
}

static void paths_have_a_limit(void **state)
{
	(void)state;
	struct route_match m;
	char path[MAX_PATH + 2] = "/a/";
	memset(path + 3, 'i', MAX_PATH - 3 - 4);
	strcpy(path + MAX_PATH - 4, "/b/1");
	assert_int_equal(find("GET", path, &m), ROUTE_FOUND);
	strcpy(path + MAX_PATH - 4, "/b/11");
	assert_int_equal(find("GET", path, &m), ROUTE_UNKNOWN);
}

static bool matches(const char *pattern, const char *name)
{
	struct name_pattern p;
	const char *why = "";
	uint8_t type;
	scoped_buf value;
	buf_init(&value, MAX_NAME);
	assert_true(name_pattern_parse(pattern, &p, &why));
	assert_true(name_parse(AS_NAME, name, &type, &value, &why));
	bool answer = name_pattern_matches(&p, type, buf_slice(&value));
	buf_free(&p.value);
	return answer;
}

static void name_patterns_limit(void **state)
{
	(void)state;
	assert_true(matches("*", "dns:a.b"));
	assert_true(matches("dns:*.example.com", "dns:a.EXAMPLE.com"));
	assert_true(matches("dns:*.example.com", "dns:a.b.example.com"));
	assert_false(matches("dns:*.example.com", "dns:example.com"));
	assert_false(matches("dns:*.example.com", "dns:notexample.com"));
	assert_true(matches("dns:example.com", "dns:example.com"));
	assert_false(matches("dns:example.com", "dns:a.example.com"));
	assert_true(matches("ip:10.0.0.0/8", "ip:10.1.2.3"));
	assert_false(matches("ip:10.0.0.0/8", "ip:11.1.2.3"));
	assert_false(matches("dns:*.example.com", "email:a@x.example.com"));
	assert_true(matches("uri:spiffe://td/ns/*", "uri:spiffe://td/ns/a"));
	assert_false(matches("uri:spiffe://td/ns/*", "uri:spiffe://td/nsx/a"));
	assert_false(matches("uri:spiffe://td/a", "uri:spiffe://td/a/b"));
}

static void refusals_end_with_a_whole_character(void **state)
{
	(void)state;
	struct call c = { .status = 0 };
	char field[2 * sizeof(c.error.field)] = "x", sentence[2 * sizeof(c.error.message)] = "x";
	for (size_t i = 1; i + 2 < sizeof(field); i += 2)
		memcpy(field + i, "\xc3\xbc", 3);
	for (size_t i = 1; i + 2 < sizeof(sentence); i += 2)
		memcpy(sentence + i, "\xc3\xbc", 3);
	assert_int_equal(call_refuse(&c, 400, "a", field, "%s", sentence), 1);
	assert_int_equal(strlen(c.error.field), sizeof(c.error.field) - 1);
	assert_int_equal(strlen(c.error.message), sizeof(c.error.message) - 1);
	call_refuse(&c, 400, "a", field + 1, "%s", sentence + 1);
	assert_int_equal(strlen(c.error.field), sizeof(c.error.field) - 2);
	assert_int_equal(strlen(c.error.message), sizeof(c.error.message) - 2);
}

static void metrics_escape_labels(void **state)
{
	(void)state;
	struct metrics *m = metrics_new();
	scoped_buf out;
	buf_init(&out, 1 << 20);
	metrics_hierarchy(m, CREATE_ROOT, "a\"b\\c\nd");
	metrics_hierarchy(m, CREATE_ROOT, "a\"b\\c\nd");
	metrics_print(m, 7, true, &out);
	buf_put_u8(&out, 0);
	assert_non_null(strstr((char *)out.at, "chancery_hierarchy_operations_total{operation=\"create_root\","
					       "issuer=\"a\\\"b\\\\c\\nd\"} 2\n"));
	assert_non_null(strstr((char *)out.at, "\nchancery_signer_up 1\n"));
	metrics_free(m);
}

static void echo(struct http_request *r)
{
	call_reply(&r->call, 200, json_pack("{s:I}", "bytes", (json_int_t)r->call.body_bytes.len));
}

/* The status line's number for these bytes, sent as they are, then a shut-down. */
static int status_of(const char *path, const char *head, size_t body)
{
	scoped_fd int fd = fd_connect(path);
	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, head, strlen(head)), 0);
	char *fill = calloc(1, body + 1);
	assert_int_equal(fd_write_all(fd, fill, body), 0);
	free(fill);
	shutdown(fd, SHUT_WR);
	char line[16] = "";
	assert_int_equal(fd_read_all(fd, line, 12), 0);
	return atoi(line + 9);
}

static int post_of(const char *path, size_t body)
{
	char head[128];
	snprintf(head, sizeof(head), "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", body);
	return status_of(path, head, body);
}

static void framing_means_one_thing(void **state)
{
	(void)state;
	char folder[] = "/tmp/ch.XXXXXX", path[64];
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/s", folder);
	struct front front = { .metrics = metrics_new() };
	struct http_options options = { .name = "t", .socket = fd_listen(path, 0600), .front = &front, .serve = echo };
	struct http_server *s;
	log_open("test", LOG_LEVEL_ERROR);
	assert_int_equal(http_start(&options, &s), 0);
	assert_int_equal(status_of(path, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 0), 200);
	assert_int_equal(status_of(path, "GET / HTTP/1.0\r\n\r\n", 0), 200);
	assert_int_equal(status_of(path, "GET / HTTP/1.1\r\n\r\n", 0), 400);
	assert_int_equal(status_of(path, "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 0), 400);
	assert_int_equal(status_of(path, "GET /?a=1&a=2 HTTP/1.1\r\nHost: x\r\n\r\n", 0), 400);
	assert_int_equal(status_of(path, "GET /?a=%00 HTTP/1.1\r\nHost: x\r\n\r\n", 0), 400);
	assert_int_equal(
		status_of(path, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}", 0),
		400);
	assert_int_equal(
		status_of(path,
			  "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 7\r\nTransfer-Encoding: chunked\r\n\r\n"
			  "2\r\n{}\r\n0\r\n\r\n",
			  0),
		400);
	assert_int_equal(status_of(path,
				   "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "2\r\n{}\r\n0\r\n\r\n",
				   0),
			 200);
	assert_int_equal(post_of(path, 256 * 1024), 200);
	assert_int_equal(post_of(path, 256 * 1024 + 1), 413);
	assert_int_equal(post_of(path, 16 * 1024 * 1024), 413);
	http_drain(s, time_boot_ms() + 5000);
	http_stop(s);
	metrics_free(front.metrics);
	unlink(path);
	rmdir(folder);
}

static void *finish_soon(void *call)
{
	struct call *c = call;
	struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	nanosleep(&pause, NULL);
	call_reply(c, 201, json_pack("{s:s}", "from", "another thread"));
	c->finished(c);
	return NULL;
}

static void start_thread(struct call *c)
{
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, finish_soon, c), 0);
	pthread_detach(thread);
}

static void start_done(struct call *c)
{
	call_reply(c, 202, json_pack("{s:s}", "from", "the start itself"));
	c->finished(c);
}

/* /thread and /done wait, /here is answered at once, the rest is for serve(). */
static enum http_begun begin(struct http_request *r)
{
	if (strcmp(r->path, "/here") == 0) {
		call_reply(&r->call, 203, json_pack("{}"));
		return HTTP_ANSWERED;
	}
	r->call.start = strcmp(r->path, "/thread") == 0 ? start_thread : start_done;
	return strcmp(r->path, "/echo") == 0 ? HTTP_BLOCKS : HTTP_WAITS;
}

struct echo_server {
	char folder[32], path[64];
	struct front front;
	struct http_server *server;
};

static void echo_start(struct echo_server *e)
{
	strcpy(e->folder, "/tmp/ch.XXXXXX");
	assert_non_null(mkdtemp(e->folder));
	snprintf(e->path, sizeof(e->path), "%s/s", e->folder);
	e->front = (struct front){ .metrics = metrics_new() };
	struct http_options options = { .name = "t",
					.socket = fd_listen(e->path, 0600),
					.front = &e->front,
					.serve = echo,
					.begin = begin,
					.threads = 2 };
	assert_int_equal(http_start(&options, &e->server), 0);
}

static void echo_stop(struct echo_server *e)
{
	http_drain(e->server, time_boot_ms());
	http_stop(e->server);
	metrics_free(e->front.metrics);
	unlink(e->path);
	rmdir(e->folder);
}

static void answers_may_come_later(void **state)
{
	struct echo_server e;
	const char *path = e.path;
	(void)state;
	echo_start(&e);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(status_of(path, "GET /echo HTTP/1.1\r\nHost: x\r\n\r\n", 0), 200);
		assert_int_equal(status_of(path, "GET /thread HTTP/1.1\r\nHost: x\r\n\r\n", 0), 201);
		assert_int_equal(status_of(path, "GET /done HTTP/1.1\r\nHost: x\r\n\r\n", 0), 202);
		assert_int_equal(status_of(path, "GET /here HTTP/1.1\r\nHost: x\r\n\r\n", 0), 203);
	}
	echo_stop(&e);
}

/* What is on its way when the server ends is waited for, deadline or not, and refused where it comes too late. */
static void ends_at_any_moment(void **state)
{
	const char *request = "GET /thread HTTP/1.1\r\nHost: x\r\n\r\n";
	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		struct echo_server e;
		echo_start(&e);
		scoped_fd int fd = fd_connect(e.path);
		assert_int_equal(fd_write_all(fd, request, strlen(request)), 0);
		for (volatile unsigned moment = 0; moment < i * 1000; moment++)
			;
		echo_stop(&e);
	}
}

static void json_is_escaped(void **state)
{
	(void)state;
	scoped_buf out = { .max = 256 };
	buf_put_u8(&out, '{');
	json_member_put(&out, "a", slice_text("\"\\\n\t\x01z\xc3\xbc"));
	json_member_put(&out, "b", slice_text(""));
	buf_put_u8(&out, '}');
	buf_put_u8(&out, 0);
	assert_string_equal((char *)out.at, "{\"a\":\"\\\"\\\\\\n\\u0009\\u0001z\xc3\xbc\",\"b\":\"\"}");
	json_t *read = json_loads((char *)out.at, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(read, "a")), "\"\\\n\t\x01z\xc3\xbc");
	json_decref(read);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(routes_are_found),
		cmocka_unit_test(paths_have_a_limit),
		cmocka_unit_test(name_patterns_limit),
		cmocka_unit_test(metrics_escape_labels),
		cmocka_unit_test(framing_means_one_thing),
		cmocka_unit_test(answers_may_come_later),
		cmocka_unit_test(ends_at_any_moment),
		cmocka_unit_test(json_is_escaped),
		cmocka_unit_test(refusals_end_with_a_whole_character),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
