/*
 * Speaks the asking half of the key protocol to a real driver, for the tests:
 * one verb a run, and what comes back on standard output.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "wire/driver_ask.h"

#define MAX_MESSAGE (2 * 1024 * 1024)
#define MAX_SHOWN 4096

static int usage(void)
{
	fputs("usage: driver-client SOCKET LEDGER_ID hello|list|status\n"
	      "       driver-client SOCKET LEDGER_ID create KEY ALGORITHM LABEL   (public key in hex)\n"
	      "       driver-client SOCKET LEDGER_ID public KEY                   (algorithm, attributes, public key)\n"
	      "       driver-client SOCKET LEDGER_ID sign KEY ALGORITHM DATA      (signature in hex)\n"
	      "       driver-client SOCKET LEDGER_ID bench KEY ALGORITHM DATA SECONDS IN_FLIGHT\n"
	      "       driver-client SOCKET - raw HEX                              (what comes back, in hex)\n"
	      "KEY and DATA in hex. Exit status 1 for a refusal, 2 for a closed connection.\n",
	      stderr);
	return 64;
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* Of an argument of this program, in whose place the bytes then stand. */
static struct slice hex(char *text)
{
	size_t n = strlen(text) / 2;
	uint8_t *at = (uint8_t *)text;
	if (!hex_decode(text, strlen(text), at, n)) {
		fputs("not hex\n", stderr);
		exit(64);
	}
	return (struct slice){ at, n };
}

static void hex_print(struct slice s)
{
	for (size_t i = 0; i < s.len; i++)
		printf("%02x", s.at[i]);
	putchar('\n');
}

static void text_print(const char *name, struct slice s)
{
	printf("%s=%.*s\n", name, (int)s.len, (const char *)s.at);
}

static uint8_t algorithm(const char *name)
{
	const struct algorithm *a = algorithm_by_name(name);
	return a ? a->number : (uint8_t)atoi(name);
}

/* The next frame; it stays at the front of in until the next call. */
static struct frame frame_next(int fd, struct buf *in, size_t *taken)
{
	struct frame f;
	buf_drop(in, *taken);
	*taken = 0;
	while (frame_peek(buf_slice(in), &f) == FRAME_PARTIAL) {
		uint8_t *room = buf_room(in, 65536);
		ssize_t n = room ? read(fd, room, 65536) : -1;
		if (n == 0) {
			fputs("closed\n", stderr);
			exit(2);
		}
		if (n < 0)
			die("read");
		in->len += (size_t)n;
	}
	*taken = frame_size(&f);
	return f;
}

static void refusal_print(struct slice body)
{
	struct refusal_message r;
	if (refusal_get(body, &r) != PACK_OK)
		puts("refusal: malformed");
	else
		printf("refused=%u retry_after=%u field=%.*s sentence=%.*s\n", r.code, r.retry_after, (int)r.field.len,
		       (const char *)r.field.at, (int)r.sentence.len, (const char *)r.sentence.at);
}

static struct frame exchange(int fd, const struct buf *out, struct buf *in, size_t *taken, bool any)
{
	if (fd_write_all(fd, out->at, out->len) != 0)
		die("write");
	struct frame f = frame_next(fd, in, taken);
	if (f.kind == FRAME_REPLY || any)
		return f;
	refusal_print(f.body);
	exit(1);
}

static void hello_put(struct buf *out, const char *ledger)
{
	struct driver_hello_request r = { .version = DRIVER_VERSION };
	if (!hex_decode(ledger, strlen(ledger), r.ledger_id, sizeof(r.ledger_id)))
		exit(usage());
	ask_driver_hello_put(out, 1, &r);
}

static void hello_show(struct slice body)
{
	struct driver_hello_reply r;
	const char *where;
	if (ask_driver_hello_get(body, &r, &where) != PACK_OK)
		exit(3);
	printf("version=%u\nworkers=%u\nalgorithms=0x%x\n", r.version, r.workers, r.algorithms);
	text_print("name", r.name);
	text_print("label", r.label);
	text_print("serial", r.serial);
	text_print("manufacturer", r.manufacturer);
	text_print("model", r.model);
	printf("resumed=%u\n", r.resumed);
}

static bool request_put(struct buf *out, int argc, char **argv)
{
	const char *verb = argv[0];
	if (strcmp(verb, "list") == 0 && argc == 1)
		ask_driver_list_put(out, 2, &(struct driver_list_request){});
	else if (strcmp(verb, "status") == 0 && argc == 1)
		ask_driver_status_put(out, 2, &(struct driver_status_request){});
	else if (strcmp(verb, "create") == 0 && argc == 4)
		ask_driver_create_put(
			out, 2,
			&(struct driver_create_request){ hex(argv[1]), algorithm(argv[2]), slice_text(argv[3]) });
	else if (strcmp(verb, "public") == 0 && argc == 2)
		ask_driver_public_put(out, 2, &(struct driver_public_request){ hex(argv[1]) });
	else if (strcmp(verb, "sign") == 0 && argc == 4)
		ask_driver_sign_put(out, 2,
				    &(struct driver_sign_request){ hex(argv[1]), algorithm(argv[2]), hex(argv[3]) });
	else
		return false;
	return buf_ok(out);
}

static void list_show(struct slice body)
{
	struct driver_list_reply r;
	const char *where;
	uint8_t tag;
	struct slice id;
	if (ask_driver_list_get(body, &r, &where) != PACK_OK)
		exit(3);
	while (list_next(&r.keys, &tag, &id))
		hex_print(id);
}

static void public_show(struct slice body)
{
	struct driver_public_reply r;
	const char *where;
	if (ask_driver_public_get(body, &r, &where) != PACK_OK)
		exit(3);
	printf("algorithm=%s\nattributes=0x%02x\n", algorithm_by_number(r.algorithm)->name, r.attributes);
	hex_print(r.public_key);
}

static void reply_show(const struct frame *f)
{
	struct driver_create_reply create;
	struct driver_sign_reply sign;
	struct driver_status_reply status;
	const char *where;
	if (f->verb == DRIVER_LIST) {
		list_show(f->body);
	} else if (f->verb == DRIVER_PUBLIC) {
		public_show(f->body);
	} else if (f->verb == DRIVER_CREATE && ask_driver_create_get(f->body, &create, &where) == PACK_OK) {
		hex_print(create.public_key);
		fprintf(stderr, "dropped=%.*s\n", (int)create.dropped.len, (const char *)create.dropped.at);
	} else if (f->verb == DRIVER_SIGN && ask_driver_sign_get(f->body, &sign, &where) == PACK_OK) {
		hex_print(sign.signature);
	} else if (f->verb == DRIVER_STATUS && ask_driver_status_get(f->body, &status, &where) == PACK_OK) {
		printf("state=%u\nsignatures=%llu\nfailures=%llu\nrecoveries=%llu\nflags=0x%x\nsessions=%u\n",
		       status.state, (unsigned long long)status.signatures, (unsigned long long)status.failures,
		       (unsigned long long)status.recoveries, status.token_flags, status.sessions);
		text_print("detail", status.detail);
	} else {
		exit(3);
	}
}

/* Keeps in_flight requests going for some seconds; every answer must be a signature. */
static int bench(int fd, char **argv, struct buf *in, size_t *taken)
{
	struct driver_sign_request r = { hex(argv[1]), algorithm(argv[2]), hex(argv[3]) };
	scoped_buf one = { .max = MAX_MESSAGE };
	unsigned long done = 0, sent = 0, in_flight = strtoul(argv[5], NULL, 10);
	int64_t start = time_boot_ms(), end = start + 1000 * atol(argv[4]);
	while (time_boot_ms() < end || done < sent) {
		buf_clear(&one);
		for (; time_boot_ms() < end && sent - done < in_flight; sent++)
			ask_driver_sign_put(&one, sent, &r);
		if (one.len && fd_write_all(fd, one.at, one.len) != 0)
			die("write");
		if (done == sent)
			break;
		struct frame f = frame_next(fd, in, taken);
		if (f.kind != FRAME_REPLY) {
			refusal_print(f.body);
			return 1;
		}
		done++;
	}
	printf("signatures=%lu rate=%.0f\n", done, 1000.0 * (double)done / (double)(time_boot_ms() - start));
	return 0;
}

static int raw(int fd, char *bytes)
{
	struct slice s = hex(bytes);
	uint8_t back[MAX_SHOWN];
	if (send(fd, s.at, s.len, MSG_NOSIGNAL) < 0)
		die("send");
	ssize_t n;
	while ((n = read(fd, back, sizeof(back))) > 0)
		hex_print((struct slice){ back, (size_t)n });
	return n == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
	if (argc < 4)
		return usage();
	signal(SIGPIPE, SIG_IGN);
	scoped_fd int fd = fd_connect(argv[1]);
	if (fd < 0)
		die(argv[1]);
	if (strcmp(argv[3], "raw") == 0 && argc == 5)
		return raw(fd, argv[4]);
	scoped_buf out = { .max = MAX_MESSAGE }, in = { .max = MAX_MESSAGE };
	size_t taken = 0;
	hello_put(&out, argv[2]);
	/* A driver whose token is away refuses the HELLO, and yet says in STATUS why. */
	struct frame f = exchange(fd, &out, &in, &taken, strcmp(argv[3], "status") == 0);
	if (strcmp(argv[3], "hello") == 0) {
		hello_show(f.body);
		return 0;
	}
	if (strcmp(argv[3], "bench") == 0 && argc == 9)
		return bench(fd, argv + 3, &in, &taken);
	buf_clear(&out);
	if (!request_put(&out, argc - 3, argv + 3))
		return usage();
	f = exchange(fd, &out, &in, &taken, false);
	reply_show(&f);
	return 0;
}
