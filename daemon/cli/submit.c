/*
 * chancery-submit: certmonger's way to Chancery. The daemon starts it with a
 * request in the environment and reads its standard output and exit status
 * (certmonger's doc/helpers.txt). It runs as whoever certmonger runs as, holds
 * nothing, and speaks to the front-end's socket only.
 *
 * What the service was too busy for is asked again with the same
 * Idempotency-Key, which certmonger keeps as its cookie: a request whose answer
 * was lost is not signed twice.
 */
#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/random.h"
#include "base/text.h"
#include "cli/client.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/pem.h"

#define MAX_PROBLEMS (64 * 1024) /* bytes: certmonger keeps them with the request */
#define MAX_CHAIN 16		 /* certificates: longer ones are not made */
#define DELAY 60		 /* seconds until the next try if the service doesn't say */
#define MAX_DELAY 3600		 /* whatever it says: a renewal has not for ever */

enum submit_status {
	SUBMIT_ISSUED = 0,
	SUBMIT_REJECTED = 2,
	SUBMIT_UNREACHABLE = 3,
	SUBMIT_UNCONFIGURED = 4,
	SUBMIT_WAIT = 5, /* so many seconds, and then with this cookie */
	SUBMIT_UNSUPPORTED = 6,
};
#define NOT_KNOWN (-1) /* an operation that there is not: beside the exit codes of the command line */

struct submit {
	struct cli cli;
	struct buf problems;
	const char *ca, *issuer, *profile;
	int64_t ttl; /* 0: the profile's */
	char key[2 * KEY_BYTES + 1];
};

static const char *environment(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

static int told(const struct submit *s, const char *why)
{
	return problem_tell(&s->cli, CLI_USAGE, (struct problem){ .code = "unconfigured" }, "%s", why);
}

/* A CA by name, or an issuer, whose issuing CA signs: of these getcert's own -X is the CA. */
static int target_path(struct submit *s, struct buf *path)
{
	const char *ca = environment("CERTMONGER_CA_ISSUER");
	char id[MAX_ID];
	if (!ca)
		ca = s->ca;
	if (!ca && !s->issuer)
		return told(s, "neither --ca nor --issuer is given, and no issuer with the request (getcert -X).");
	path_init(path, ca ? "/intermediates" : "/issuers");
	int r = ca ? lookup_ca(&s->cli, ca, s->issuer, id) : lookup_issuer(&s->cli, s->issuer, id);
	path_add(path, r ? "" : id);
	return r;
}

static int request_body(const struct submit *s, json_t **body)
{
	const char *csr = environment("CERTMONGER_CSR"), *profile = environment("CERTMONGER_CA_PROFILE");
	if (!profile)
		profile = s->profile;
	if (!csr)
		return told(s, "there is no request in CERTMONGER_CSR.");
	if (!profile)
		return told(s, "neither --profile is given nor a profile with the request (getcert -T).");
	*body = json_object();
	member_set(body, "csr_pem", json_string(csr));
	member_set(body, "profile", json_string(profile));
	if (s->ttl)
		member_set(body, "ttl_seconds", json_integer(s->ttl));
	return CLI_DONE;
}

/* The certificate first, then what is between it and the root. */
static int certificates_print(const struct submit *s, const json_t *answer)
{
	int r = pem_write(&s->cli, NULL, "certificate_pem", member_text(answer, "certificate_pem"));
	if (r == CLI_DONE && *member_text(answer, "chain_pem"))
		r = pem_write(&s->cli, NULL, "chain_pem", member_text(answer, "chain_pem"));
	return r;
}

/* The key of an earlier try, if certmonger hands one back that can be ours. */
static void key_choose(struct submit *s)
{
	const char *cookie = environment("CERTMONGER_CA_COOKIE");
	uint8_t bytes[KEY_BYTES];
	size_t n = cookie ? strcspn(cookie, "\n") : 0;
	if (n == sizeof(s->key) - 1 && strspn(cookie, "0123456789abcdef") == n) {
		snprintf(s->key, sizeof(s->key), "%.*s", (int)n, cookie);
	} else {
		random_bytes(bytes, sizeof(bytes));
		hex_encode(bytes, sizeof(bytes), s->key);
	}
	s->cli.key = s->key;
}

static int submit(struct submit *s)
{
	scoped_buf path;
	buf_init(&path, MAX_URL);
	json_t *body = NULL;
	scoped_json *answer = NULL;
	int r = request_body(s, &body);
	if (r == CLI_DONE)
		r = target_path(s, &path);
	if (r) {
		json_decref(body);
		return r;
	}
	buf_put_text(&path, "/certificates");
	key_choose(s);
	r = client_send(&s->cli, "POST", &path, body, &answer);
	return r ? r : certificates_print(s, answer);
}

static int identify(struct submit *s)
{
	(void)s;
	return puts("chancery-submit " CHANCERY_VERSION) < 0 ? CLI_BROKEN : CLI_DONE;
}

static int profiles_print(struct submit *s)
{
	scoped_buf path, out;
	scoped_json *list = NULL;
	size_t i;
	const json_t *row;
	path_init(&path, "/profiles");
	buf_init(&out, MAX_ANSWER);
	int r = client_list(&s->cli, &path, 0, &list);
	json_array_foreach(json_object_get(list, "data"), i, row) buf_printf(&out, "%s\n", member_text(row, "name"));
	return r ? r : output_print(&s->cli, &out);
}

static int profile_default_print(struct submit *s)
{
	return s->profile && puts(s->profile) < 0 ? CLI_BROKEN : CLI_DONE;
}

static int requirements_print(struct submit *s)
{
	fputs("CERTMONGER_CSR\n", stdout);
	if (!s->profile)
		fputs("CERTMONGER_CA_PROFILE\n", stdout);
	if (!s->ca && !s->issuer)
		fputs("CERTMONGER_CA_ISSUER\n", stdout);
	return CLI_DONE;
}

/* The PEM blocks of a chain, this CA first and the root last. 0: it isn't that. */
static size_t chain_split(const char *text, struct slice blocks[MAX_CHAIN])
{
	static const char end[] = "-----END CERTIFICATE-----\n";
	size_t n = 0;
	for (const char *next; n < MAX_CHAIN && (next = strstr(text, end)) != NULL; text = next) {
		next += strlen(end);
		blocks[n++] = (struct slice){ (const uint8_t *)text, (size_t)(next - text) };
	}
	return *text ? 0 : n;
}

/* The root, no others that are trusted, then the CAs between; an empty line ends each. */
static int roots_put(const struct submit *s, const char *text, struct buf *out)
{
	struct slice blocks[MAX_CHAIN];
	size_t n = chain_split(text, blocks);
	if (!n)
		return problem_tell(&s->cli, CLI_BROKEN, (struct problem){ .code = "bad_answer" },
				    "the front-end's chain is not of 1 to %d certificates.", MAX_CHAIN);
	buf_put_text(out, "chancery root\n");
	buf_put_slice(out, blocks[n - 1]);
	buf_put_text(out, "\n");
	for (size_t i = 0; i + 1 < n; i++) {
		buf_printf(out, "\nchancery %zu\n", i + 1);
		buf_put_slice(out, blocks[i]);
	}
	return CLI_DONE;
}

/* Over a Unix socket whose other end is the front-end's: nobody else could answer. */
static int roots_print(struct submit *s)
{
	scoped_buf path, text, out;
	buf_init(&path, MAX_URL);
	buf_init(&text, MAX_ANSWER);
	buf_init(&out, MAX_ANSWER);
	if (!s->ca)
		return NOT_KNOWN;
	int r = target_path(s, &path);
	buf_put_text(&path, "/chain");
	if (r == CLI_DONE)
		r = client_get_text(&s->cli, &path, &text);
	if (r == CLI_DONE)
		r = roots_put(s, buf_text(&text), &out);
	return r ? r : output_print(&s->cli, &out);
}

static const struct operation {
	const char *name;
	int (*run)(struct submit *s);
} operations[] = {
	{ "SUBMIT", submit },
	{ "POLL", submit },
	{ "IDENTIFY", identify },
	{ "GET-SUPPORTED-TEMPLATES", profiles_print },
	{ "GET-DEFAULT-TEMPLATE", profile_default_print },
	{ "GET-NEW-REQUEST-REQUIREMENTS", requirements_print },
	{ "GET-RENEW-REQUEST-REQUIREMENTS", requirements_print },
	{ "FETCH-ROOTS", roots_print },
};

static enum submit_status status_of(int r)
{
	switch (r) {
	case NOT_KNOWN:
		return SUBMIT_UNSUPPORTED;
	case CLI_DONE:
		return SUBMIT_ISSUED;
	case CLI_REFUSED:
	case CLI_FORBIDDEN:
	case CLI_CONFLICT:
		return SUBMIT_REJECTED;
	case CLI_USAGE:
	case CLI_NOT_FOUND:
		return SUBMIT_UNCONFIGURED;
	case CLI_UNAVAILABLE:
		return SUBMIT_WAIT;
	default:
		return SUBMIT_UNREACHABLE;
	}
}

/* Standard output is what certmonger shows or keeps; with a cookie on it the reason goes to its log. */
static int finish(struct submit *s, int r)
{
	enum submit_status status = status_of(r);
	int64_t delay = s->cli.retry_after > 0 ? s->cli.retry_after : DELAY;
	bool waits = status == SUBMIT_WAIT && s->cli.key;
	if (status == SUBMIT_WAIT && !waits)
		status = SUBMIT_UNREACHABLE; /* what changes nothing is just asked again */
	if (waits)
		printf("%" PRId64 "\n%s\n", delay < MAX_DELAY ? delay : MAX_DELAY, s->key);
	if (fflush(stdout) != 0)
		status = SUBMIT_UNREACHABLE;
	(void)!fd_write_all(waits ? STDERR_FILENO : STDOUT_FILENO, s->problems.at, s->problems.len);
	return (int)status;
}

static int operation_run(struct submit *s)
{
	const char *name = environment("CERTMONGER_OPERATION");
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(operations[i].name, name ? name : "SUBMIT") == 0)
			return operations[i].run(s);
	return NOT_KNOWN;
}

static const char usage[] =
	"usage: chancery-submit [--socket PATH] [--ca CA] [--issuer ISSUER] [--profile NAME] [--ttl TIME]\n"
	"       chancery-submit --version | --help\n"
	"\n"
	"For certmonger, which says in its environment what is to be done; see chancery-submit(8):\n"
	"    getcert add-ca -c chancery -e 'chancery-submit --ca issuing --profile server'\n";

/* -1: go on; else what to exit with. */
static int options_read(struct submit *s, int argc, char **argv)
{
	static const struct option options[] = {
		{ "socket", required_argument, NULL, 's' }, { "ca", required_argument, NULL, 'c' },
		{ "issuer", required_argument, NULL, 'i' }, { "profile", required_argument, NULL, 'p' },
		{ "ttl", required_argument, NULL, 't' },    { "version", no_argument, NULL, 'V' },
		{ "help", no_argument, NULL, 'h' },	    { NULL, 0, NULL, 0 },
	};
	int option;
	bool good = true;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 's')
			s->cli.socket = optarg;
		else if (option == 'c')
			s->ca = optarg;
		else if (option == 'i')
			s->issuer = optarg;
		else if (option == 'p')
			s->profile = optarg;
		else if (option == 'V')
			return identify(s);
		else if (option == 'h')
			return fputs(usage, stdout) < 0;
		else
			good = option == 't' && span_parse(optarg, &s->ttl) && good;
	}
	if (good && optind == argc)
		return -1;
	fputs(usage, stdout);
	return SUBMIT_UNCONFIGURED;
}

int main(int argc, char **argv)
{
	const char *socket = environment("CHANCERY_SOCKET");
	struct submit s = { .cli = { .socket = socket ? socket : DEFAULT_SOCKET, .problems = &s.problems } };
	signal(SIGPIPE, SIG_IGN);
	int r = options_read(&s, argc, argv);
	if (r >= 0)
		return r;
	buf_init(&s.problems, MAX_PROBLEMS);
	r = finish(&s, operation_run(&s));
	client_close(&s.cli);
	buf_free(&s.problems);
	return r;
}
