#include "cli/client.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/member.h"

#define ANSWER_TIMEOUT 120 /* seconds: creating an RSA key in a token may take sixty, and may queue */
#define FILE_TIMEOUT 900   /* seconds without a byte of a file: the server copies a large database before it sends it */

struct attempt {
	const char *method;
	const char *path;
	const char *body; /* NULL: none */
	char key[2 * KEY_BYTES + 1];
	/* the answer */
	CURLcode result;
	long status;
	int64_t retry_after;
	int os_error;
	struct buf answer;
	CURL *http;
	int file; /* -1: none; else what an answer of status 200 goes to instead */
	bool file_failed;
};

static void attempt_free(struct attempt *a)
{
	buf_free(&a->answer);
}

void path_init(struct buf *path, const char *start)
{
	buf_init(path, MAX_URL);
	buf_put_text(path, "/api/v1");
	buf_put_text(path, start);
}

static void path_encode(struct buf *path, const char *text)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_~";
	for (; *text; text++) {
		if (strchr(plain, *text))
			buf_put(path, text, 1);
		else
			buf_printf(path, "%%%02X", (unsigned char)*text);
	}
}

void path_add(struct buf *path, const char *segment)
{
	buf_put_text(path, "/");
	path_encode(path, segment);
}

void path_query(struct buf *path, const char *name, const char *value)
{
	bool first = !path->len || !memchr(path->at, '?', path->len);
	buf_printf(path, "%c%s=", first ? '?' : '&', name);
	path_encode(path, value);
}

static size_t answer_write(char *bytes, size_t size, size_t n, void *attempt)
{
	struct attempt *a = attempt;
	long status = 0;
	curl_easy_getinfo(a->http, CURLINFO_RESPONSE_CODE, &status);
	if (a->file >= 0 && status == 200) {
		a->file_failed = fd_write_all(a->file, bytes, size * n) != 0;
		return a->file_failed ? 0 : size * n;
	}
	buf_put(&a->answer, bytes, size * n);
	return buf_ok(&a->answer) ? size * n : 0;
}

static struct curl_slist *headers_make(const struct attempt *a)
{
	char key[sizeof(a->key) + 32];
	snprintf(key, sizeof(key), "Idempotency-Key: %s", a->key);
	struct curl_slist *list = curl_slist_append(NULL, "Accept: application/json");
	if (!a->body)
		return list;
	/* curl would wait for a "100 Continue" that costs a round trip and protects from nothing here. */
	list = curl_slist_append(list, "Expect:");
	list = curl_slist_append(list, "Content-Type: application/json");
	return curl_slist_append(list, key);
}

static void http_configure(CURL *http, struct cli *c, struct attempt *a, const char *url, struct curl_slist *headers)
{
	curl_easy_reset(http);
	curl_easy_setopt(http, CURLOPT_URL, url);
	curl_easy_setopt(http, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	curl_easy_setopt(http, CURLOPT_PATH_AS_IS, 1L); /* an id of ".." is the server's to refuse */
	curl_easy_setopt(http, CURLOPT_PROXY, "");	/* nor does the environment send us elsewhere */
	curl_easy_setopt(http, CURLOPT_NOSIGNAL, 1L);
	if (a->file < 0)
		curl_easy_setopt(http, CURLOPT_TIMEOUT, (long)ANSWER_TIMEOUT);
	curl_easy_setopt(http, CURLOPT_LOW_SPEED_LIMIT, 1L); /* a file may take long, but not without a byte */
	curl_easy_setopt(http, CURLOPT_LOW_SPEED_TIME, (long)FILE_TIMEOUT);
	curl_easy_setopt(http, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(http, CURLOPT_USERAGENT, "chancery/" CHANCERY_VERSION);
	curl_easy_setopt(http, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(http, CURLOPT_WRITEFUNCTION, answer_write);
	curl_easy_setopt(http, CURLOPT_WRITEDATA, a);
	curl_easy_setopt(http, CURLOPT_CUSTOMREQUEST, a->method);
	if (a->body)
		curl_easy_setopt(http, CURLOPT_COPYPOSTFIELDS, a->body);
}

/* One request and its answer, whatever it is. CLI_BROKEN, told, only for what is wrong on our side. */
static int attempt_run(struct cli *c, struct attempt *a)
{
	char url[MAX_URL + 32];
	if (!c->http)
		c->http = curl_easy_init();
	struct curl_slist *headers = headers_make(a);
	if (!c->http || !headers)
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
	snprintf(url, sizeof(url), "http://localhost%s", a->path);
	buf_free(&a->answer);
	buf_init(&a->answer, MAX_ANSWER);
	a->http = c->http;
	http_configure(c->http, c, a, url, headers);
	a->result = curl_easy_perform(c->http);
	curl_slist_free_all(headers);
	long os_error = 0;
	curl_off_t retry_after = 0;
	curl_easy_getinfo(c->http, CURLINFO_RESPONSE_CODE, &a->status);
	curl_easy_getinfo(c->http, CURLINFO_OS_ERRNO, &os_error);
	curl_easy_getinfo(c->http, CURLINFO_RETRY_AFTER, &retry_after);
	a->os_error = (int)os_error;
	a->retry_after = retry_after;
	return CLI_DONE;
}

static bool connection_lost(CURLcode result)
{
	return result == CURLE_GOT_NOTHING || result == CURLE_RECV_ERROR || result == CURLE_SEND_ERROR ||
	       result == CURLE_PARTIAL_FILE;
}

static int connect_tell(const struct cli *c, const struct attempt *a)
{
	const char *hint = "is chancery-frontd running, and is this its socket? Set CHANCERY_SOCKET or --socket.";
	if (a->os_error == EACCES)
		hint = "the socket is there but not open to you: see its owner and group with `ls -l`.";
	return problem_tell(c, CLI_NO_CONNECTION, (struct problem){ .code = "cannot_connect", .hint = hint },
			    "can't connect to %s: %s.", c->socket,
			    a->os_error ? strerror(a->os_error) : curl_easy_strerror(a->result));
}

/* Why there is no whole answer. */
static int transport_tell(const struct cli *c, const struct attempt *a)
{
	if (a->result == CURLE_COULDNT_CONNECT)
		return connect_tell(c, a);
	if (a->result == CURLE_OPERATION_TIMEDOUT)
		return problem_tell(c, CLI_UNAVAILABLE, (struct problem){ .code = "no_answer" },
				    "the front-end did not answer within %d seconds.", ANSWER_TIMEOUT);
	if (connection_lost(a->result))
		return problem_tell(
			c, CLI_UNAVAILABLE,
			(struct problem){
				.code = "connection_lost",
				.hint = a->body ? "it may or may not have been done: look before you repeat it."
						: NULL },
			"the front-end closed the connection before its answer was complete.");
	if (a->file_failed)
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "write_failed" },
				    "the answer could not be written: %s.", strerror(errno));
	if (a->result == CURLE_WRITE_ERROR)
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "answer_too_large" },
				    "the answer is larger than %lu MiB.", MAX_ANSWER >> 20);
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "bad_answer" },
			    "the front-end's answer is not HTTP: %s.", curl_easy_strerror(a->result));
}

static int exit_of_status(long status)
{
	switch (status) {
	case 401:
	case 403:
		return CLI_FORBIDDEN;
	case 404:
		return CLI_NOT_FOUND;
	case 409:
		return CLI_CONFLICT;
	case 429:
	case 502:
	case 503:
	case 504:
		return CLI_UNAVAILABLE;
	default:
		return status >= 400 && status < 500 ? CLI_REFUSED : CLI_BROKEN;
	}
}

static const char *hint_of_status(long status)
{
	switch (status) {
	case 403:
		return "`chancery whoami` shows who the front-end takes you for and which roles you have.";
	case 429:
		return "try again a little later.";
	case 503:
		return "`chancery status` shows which part is away; --wait SECONDS tries for longer.";
	default:
		return NULL;
	}
}

/* What the server said against it; its sentence is shown, however odd the rest of the answer is. */
static int error_tell(const struct cli *c, const struct attempt *a)
{
	scoped_json *answer = json_loadb((const char *)a->answer.at, a->answer.len, 0, NULL);
	const json_t *error = json_object_get(answer, "error");
	const char *message = member_text(error, "message"), *code = member_text(error, "code");
	char fallback[32];
	snprintf(fallback, sizeof(fallback), "http_%ld", a->status);
	struct problem p = { .code = *code ? code : fallback, .field = member_text(error, "field") };
	p.hint = hint_of_status(a->status);
	if (!*p.field)
		p.field = NULL;
	if (*message)
		return problem_tell(c, exit_of_status(a->status), p, "%s", message);
	return problem_tell(c, exit_of_status(a->status), p,
			    "the front-end answered with HTTP status %ld and no reason.", a->status);
}

static void wait_seconds(int64_t seconds)
{
	struct timespec t = { .tv_sec = (time_t)seconds };
	while (nanosleep(&t, &t) != 0 && errno == EINTR)
		;
}

/* How many seconds to wait before the next try; 0: this was the last one. */
static int64_t retry_wait(const struct attempt *a, bool tried_before, int64_t left)
{
	bool lost = connection_lost(a->result) || (tried_before && a->result == CURLE_COULDNT_CONNECT);
	bool away = a->result == CURLE_OK && a->status == 503 && a->retry_after > 0;
	if (!a->body || (!lost && !away) || left <= 0)
		return 0;
	int64_t wait = away ? a->retry_after : 1;
	return wait <= left ? wait : 0;
}

static int attempt_repeat(struct cli *c, struct attempt *a)
{
	int64_t end = time_boot_ms() + c->wait * 1000;
	bool told = false;
	for (;;) {
		int r = attempt_run(c, a);
		if (r)
			return r;
		int64_t wait = retry_wait(a, told, (end - time_boot_ms()) / 1000);
		if (wait == 0)
			break;
		if (!told && !c->json && isatty(STDERR_FILENO))
			fprintf(stderr, "chancery: the service is away; trying again for up to %lld seconds\n",
				(long long)c->wait);
		told = true;
		wait_seconds(wait);
	}
	if (a->result != CURLE_OK)
		return transport_tell(c, a);
	return a->status >= 200 && a->status < 300 ? CLI_DONE : error_tell(c, a);
}

static int socket_check(const struct cli *c)
{
	size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;
	if (strlen(c->socket) <= most)
		return CLI_DONE;
	return problem_tell(c, CLI_USAGE, (struct problem){ .code = "socket_path_too_long", .field = "socket" },
			    "the socket's path has %zu bytes; a Unix socket's path has at most %zu.", strlen(c->socket),
			    most);
}

static int client_call(struct cli *c, const char *method, struct buf *path, const char *body, int file,
		       struct buf *answer)
{
	buf_put_u8(path, 0);
	int r = socket_check(c);
	if (r)
		return r;
	if (!buf_ok(path))
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" }, "the arguments are too long.");
	struct attempt a = { .method = method, .path = (const char *)path->at, .body = body, .file = file };
	uint8_t key[KEY_BYTES];
	random_bytes(key, sizeof(key));
	hex_encode(key, sizeof(key), a.key);
	if (c->key)
		snprintf(a.key, sizeof(a.key), "%s", c->key);
	r = attempt_repeat(c, &a);
	c->retry_after = a.retry_after;
	if (r)
		attempt_free(&a);
	else
		*answer = a.answer;
	return r;
}

static int answer_decode(const struct cli *c, const struct buf *text, json_t **answer)
{
	*answer = json_loadb((const char *)text->at, text->len, 0, NULL);
	if (json_is_object(*answer))
		return CLI_DONE;
	json_decref(*answer);
	*answer = NULL;
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "bad_answer" },
			    "the front-end's answer is not a JSON object.");
}

int client_get_text(struct cli *c, struct buf *path, struct buf *text)
{
	return client_call(c, "GET", path, NULL, -1, text);
}

int client_get_file(struct cli *c, struct buf *path, int file)
{
	scoped_buf text;
	buf_init(&text, MAX_ANSWER);
	return client_call(c, "GET", path, NULL, file, &text);
}

int client_get(struct cli *c, struct buf *path, json_t **answer)
{
	scoped_buf text;
	buf_init(&text, MAX_ANSWER);
	int r = client_call(c, "GET", path, NULL, -1, &text);
	return r ? r : answer_decode(c, &text, answer);
}

int client_send(struct cli *c, const char *method, struct buf *path, json_t *body, json_t **answer)
{
	char *sent = body ? json_dumps(body, JSON_COMPACT) : NULL;
	json_decref(body);
	if (!sent)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "usage" },
				    "the arguments are not UTF-8 text.");
	scoped_buf text;
	buf_init(&text, MAX_ANSWER);
	int r = client_call(c, method, path, sent, -1, &text);
	free(sent);
	return r ? r : answer_decode(c, &text, answer);
}

static int list_shape_tell(const struct cli *c)
{
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "bad_answer" },
			    "the front-end's answer has no list \"data\".");
}

/* Appends the next page's rows to the first's. */
static int page_join(const struct cli *c, json_t *all, json_t *page)
{
	json_t *rows = json_object_get(page, "data"), *cursor = json_object_get(page, "next_cursor");
	if (!json_is_array(rows))
		return list_shape_tell(c);
	if (json_array_extend(json_object_get(all, "data"), rows) != 0)
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "internal" }, "out of memory.");
	if (cursor && json_array_size(rows))
		json_object_set(all, "next_cursor", cursor);
	else
		json_object_del(all, "next_cursor"); /* an empty page is the last one, whatever it says */
	return CLI_DONE;
}

int client_list(struct cli *c, struct buf *path, int64_t limit, json_t **answer)
{
	size_t want = limit > 0 && limit < MAX_ROWS ? (size_t)limit : MAX_ROWS, start = path->len;
	json_t *all = NULL;
	int r = client_get(c, path, &all);
	if (r == CLI_DONE && !json_is_array(json_object_get(all, "data")))
		r = list_shape_tell(c);
	while (r == CLI_DONE && json_array_size(json_object_get(all, "data")) < want &&
	       *member_text(all, "next_cursor")) {
		path->len = start;
		path_query(path, "cursor", member_text(all, "next_cursor"));
		scoped_json *page = NULL;
		r = client_get(c, path, &page);
		if (r == CLI_DONE)
			r = page_join(c, all, page);
	}
	json_t *rows = json_object_get(all, "data");
	while (r == CLI_DONE && json_array_size(rows) > want)
		json_array_remove(rows, json_array_size(rows) - 1);
	if (r)
		json_decref(all);
	else
		*answer = all;
	return r;
}

static int page_walk(const struct cli *c, const json_t *page, client_row *take, void *with)
{
	size_t i;
	json_t *row, *rows = json_object_get(page, "data");
	int r = json_is_array(rows) ? CLI_DONE : list_shape_tell(c);
	json_array_foreach(rows, i, row)
	{
		if (r)
			break;
		r = take(with, row);
	}
	return r;
}

int client_walk(struct cli *c, struct buf *path, client_row *take, void *with)
{
	size_t start = path->len;
	for (bool more = true; more;) {
		scoped_json *page = NULL;
		int r = client_get(c, path, &page);
		if (r == CLI_DONE)
			r = page_walk(c, page, take, with);
		if (r)
			return r;
		const char *cursor = member_text(page, "next_cursor");
		more = *cursor && json_array_size(json_object_get(page, "data"));
		path->len = start;
		if (more)
			path_query(path, "cursor", cursor);
	}
	return CLI_DONE;
}

void client_close(struct cli *c)
{
	curl_easy_cleanup(c->http);
	c->http = NULL;
}
