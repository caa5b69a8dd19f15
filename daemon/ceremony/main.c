/*
 * chancery-ceremony: the offline root of a tree, on a host without a network
 * and without daemons. It is the signer's own rooms with people in the place of
 * the front-end: they see in words what would be signed, and agree or don't.
 *
 * It listens nowhere, loads no vendor's code and holds no PIN past the login.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time.h"
#include "ceremony/act.h"
#include "ceremony/desk.h"
#include "ceremony/dialogue.h"
#include "ceremony/driver.h"
#include "ceremony/request.h"
#include "ceremony/screen.h"
#include "signd/serve.h"

#define EXIT_USAGE 2
#define TOKEN_MS 60000 /* somebody may still have to put it in */
#define DEFAULT_STATE "/var/lib/chancery-ceremony"

static const char usage[] =
	"Usage: chancery-ceremony [--state DIR] init --module FILE --token LABEL [--people N]\n"
	"       chancery-ceremony [--state DIR] root --subject NAME --out FILE [--days N] [--path-len N]\n"
	"       chancery-ceremony [--state DIR] sign REQUEST --out RESPONSE\n"
	"       chancery-ceremony [--state DIR] crl REQUEST --out RESPONSE\n"
	"       chancery-ceremony [--state DIR] destroy KEY\n"
	"       chancery-ceremony [--state DIR] show [FILE]\n"
	"       chancery-ceremony --version | --help\n"
	"\n"
	"  --state DIR        the root's folder; " DEFAULT_STATE " unless stated\n"
	"  --people N         init: how many must agree to each signature; 1 unless stated\n"
	"  --serial NUMBER    init: the token's serial number, beside its label or instead\n"
	"  --approver NAME=FILE  init: a public key, in PEM, that may approve requests beforehand\n"
	"  --approvals N      init: how many approvals a request must bring; by default one of each approver\n"
	"  --keypad           init: the token asks for its PIN itself\n"
	"  --driver FILE      init: the driver's program\n"
	"  --algorithm NAME   root: the kind of key; ECDSA-P384 unless stated\n"
	"  --days N           root: how long it is valid; 7300 unless stated\n"
	"  --path-len N       root: how many levels of CAs may stand below it; any unless stated\n"
	"  --permit NAMES, --exclude NAMES\n"
	"                     root: what may, and may not, be certified below it: dns:example.com\n"
	"\n"
	"See chancery-ceremony(8).\n";

struct command {
	const char *name, *state, *file;
	struct home_wish home;
	struct act_wish wish;
	char out[PATH_MAX];
	struct buf letter;
	enum act_end (*run)(struct act *a);
	enum act_number number;
	const struct home *at;
};

static int usage_told(const char *what)
{
	if (what)
		fprintf(stderr, "chancery-ceremony: %s\n", what);
	fputs(usage, what ? stderr : stdout);
	return what ? EXIT_USAGE : EXIT_SUCCESS;
}

static bool number_read(const char *text, int64_t least, int64_t most, int64_t *out)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	*out = n;
	return *text && !*end && errno == 0 && n >= least && n <= most;
}

static bool names_add(struct buf *raw, uint16_t *count, const char *text)
{
	scoped_buf value = { .max = MAX_NAME };
	uint8_t type;
	const char *why;
	if (*count == MAX_SUBTREES || !name_parse(AS_SUBTREE, text, &type, &value, &why))
		return false;
	list_put(raw, count, type, buf_slice(&value));
	return true;
}

enum {
	OPTION_STATE = 256,
	OPTION_MODULE,
	OPTION_TOKEN,
	OPTION_SERIAL,
	OPTION_KEYPAD,
	OPTION_PEOPLE,
	OPTION_APPROVER,
	OPTION_APPROVALS,
	OPTION_DRIVER,
	OPTION_SUBJECT,
	OPTION_ALGORITHM,
	OPTION_DAYS,
	OPTION_PATH_LEN,
	OPTION_PERMIT,
	OPTION_EXCLUDE,
	OPTION_OUT,
	OPTION_VERSION
};

static const struct option options[] = {
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "module", required_argument, NULL, OPTION_MODULE },
	{ "token", required_argument, NULL, OPTION_TOKEN },
	{ "serial", required_argument, NULL, OPTION_SERIAL },
	{ "keypad", no_argument, NULL, OPTION_KEYPAD },
	{ "people", required_argument, NULL, OPTION_PEOPLE },
	{ "approver", required_argument, NULL, OPTION_APPROVER },
	{ "approvals", required_argument, NULL, OPTION_APPROVALS },
	{ "driver", required_argument, NULL, OPTION_DRIVER },
	{ "subject", required_argument, NULL, OPTION_SUBJECT },
	{ "algorithm", required_argument, NULL, OPTION_ALGORITHM },
	{ "days", required_argument, NULL, OPTION_DAYS },
	{ "path-len", required_argument, NULL, OPTION_PATH_LEN },
	{ "permit", required_argument, NULL, OPTION_PERMIT },
	{ "exclude", required_argument, NULL, OPTION_EXCLUDE },
	{ "out", required_argument, NULL, OPTION_OUT },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ 0 },
};

static bool approver_add(struct home_wish *w, char *value)
{
	char *file = strchr(value, '=');
	if (!file || file == value || !file[1] || w->approver_count == MAX_APPROVALS)
		return false;
	*file++ = '\0';
	w->approvers[w->approver_count].name = value;
	w->approvers[w->approver_count++].file = file;
	return true;
}

/* NULL, or what is wrong with the option's value. */
static const char *option_take(struct command *c, int option, char *value)
{
	struct act_wish *w = &c->wish;
	switch (option) {
	case OPTION_STATE:
		c->state = value;
		return NULL;
	case OPTION_MODULE:
		c->home.module = value;
		return value[0] == '/' ? NULL : "--module takes an absolute path.";
	case OPTION_TOKEN:
		c->home.token = value;
		return NULL;
	case OPTION_SERIAL:
		c->home.serial = value;
		return NULL;
	case OPTION_KEYPAD:
		c->home.keypad = true;
		return NULL;
	case OPTION_PEOPLE:
		return number_read(value, 1, MAX_PEOPLE, &c->home.people) ? NULL : "--people takes 1 to 16.";
	case OPTION_APPROVER:
		return approver_add(&c->home, value) ? NULL : "--approver takes NAME=FILE, at most 16 times.";
	case OPTION_APPROVALS:
		return number_read(value, 0, MAX_APPROVALS, &c->home.approvals) ? NULL : "--approvals takes 0 to 16.";
	case OPTION_DRIVER:
		c->home.driver = value;
		return value[0] == '/' ? NULL : "--driver takes an absolute path.";
	case OPTION_SUBJECT:
		w->subject = value;
		return NULL;
	case OPTION_ALGORITHM:
		w->algorithm = value;
		return NULL;
	case OPTION_DAYS:
		return number_read(value, 1, 18300, &w->days) ? NULL : "--days takes 1 to 18300.";
	case OPTION_PATH_LEN:
		return number_read(value, 1, 255, &w->path_len) ? NULL : "--path-len takes 1 to 255.";
	case OPTION_PERMIT:
		return names_add(&w->permitted, &w->permitted_count, value)
			       ? NULL
			       : "--permit takes names such as dns:example.com.";
	case OPTION_EXCLUDE:
		return names_add(&w->excluded, &w->excluded_count, value)
			       ? NULL
			       : "--exclude takes names such as dns:example.com.";
	case OPTION_OUT:
		w->out = value;
		return NULL;
	}
	return "There is no such option.";
}

static const struct {
	const char *name;
	enum act_end (*run)(struct act *a);
	enum act_number number;
	bool file, out;
} commands[] = {
	{ "init", NULL, ACT_INIT, false, false },
	{ "root", act_root, ACT_ROOT, false, true },
	{ "sign", act_sign, ACT_INTERMEDIATE, true, true },
	{ "crl", act_crl, ACT_CRL, true, true },
	{ "destroy", act_destroy, ACT_DESTROY, true, false },
	{ "show", act_show, 0, false, false },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

/* NULL, or what is wrong. */
static const char *command_check(struct command *c, int count, char **words)
{
	size_t i = 0;
	while (i < COMMANDS && (count == 0 || strcmp(commands[i].name, words[0]) != 0))
		i++;
	if (i == COMMANDS)
		return "Say what to do: init, root, sign, crl, destroy or show.";
	c->name = commands[i].name;
	c->run = commands[i].run;
	c->number = commands[i].number;
	c->file = count > 1 ? words[1] : NULL;
	bool shows = strcmp(c->name, "show") == 0;
	if (commands[i].file && !c->file)
		return c->number == ACT_DESTROY ? "Say which key, by the digits that its number begins with."
						: "Name the request's file.";
	if (count > (commands[i].file || shows ? 2 : 1))
		return "There is a word too many.";
	if (commands[i].out && !c->wish.out)
		return "Say with --out which file to write.";
	if (c->number == ACT_INIT && (!c->home.module || !(c->home.token || c->home.serial)))
		return "init needs --module and --token.";
	if (c->home.approvals > (int64_t)c->home.approver_count)
		return "--approvals takes no more than there are approvers.";
	if (c->number == ACT_ROOT && !c->wish.subject)
		return "root needs --subject.";
	return NULL;
}

/* A relative path would mean another file once folders are closed. */
static int out_settle(struct command *c)
{
	char here[PATH_MAX];
	if (!c->wish.out)
		return 0;
	int n = c->wish.out[0] == '/'	 ? snprintf(c->out, sizeof(c->out), "%s", c->wish.out)
		: getcwd(here, PATH_MAX) ? snprintf(c->out, sizeof(c->out), "%s/%s", here, c->wish.out)
					 : -1;
	c->wish.out = c->out;
	return n > 0 && n < (int)sizeof(c->out) ? 0 : say_wrong("The path of the file to write is too long.");
}

static int letter_read(struct command *c, const char *what)
{
	scoped_buf text = { .max = MAX_LETTER_TEXT + 1 };
	buf_init(&c->letter, MAX_LETTER + 4);
	if (fd_read_file(c->file, MAX_LETTER_TEXT, &text) != 0)
		return say_wrong("The file %s can't be read: %s.", c->file, strerror(errno));
	enum letter_refusal r = armour_get(buf_slice(&text), what, &c->letter, c->wish.hash);
	if (r == LETTER_OK) {
		struct request_letter request;
		c->wish.letter = buf_slice(&c->letter);
		/* Its approvals are no part of what it is known by. */
		if (request_letter_get(c->wish.letter, &request) == LETTER_OK)
			request_letter_hash(&request, c->wish.hash);
		return 0;
	}
	return say_wrong("The file %s %s (%s_%s).", c->file, letter_refusal_text(r),
			 strcmp(what, "REQUEST") == 0 ? "request" : "response",
			 r == LETTER_ALTERED ? "altered" : "malformed");
}

static void ask_tell(const struct request_letter *r)
{
	struct intermediate_letter i;
	struct crl_letter c;
	struct asked_key key;
	if (r->kind == LETTER_CRL && crl_letter_get(r->ask, &c) == LETTER_OK)
		crl_tell(&c, NULL, NULL);
	if (r->kind != LETTER_INTERMEDIATE || intermediate_letter_get(r->ask, &i) != LETTER_OK)
		return;
	if (asked_key_read(i.csr, &key) != 0)
		say_wrong("It does not prove that whoever wrote it has the key of that CA (no_proof).");
	else
		tell_intermediate(&on_screen, &i, buf_slice(&key.public_key));
	asked_key_free(&key);
}

/* A letter by itself, without any folder. */
static int letter_show(struct command *c)
{
	scoped_buf text = { .max = MAX_LETTER_TEXT + 1 };
	struct request_letter request;
	struct response_letter response;
	char when[MAX_TELL_TIME];
	bool read = fd_read_file(c->file, MAX_LETTER_TEXT, &text) == 0 && text.len;
	bool answers = read && memmem(text.at, text.len, "BEGIN CHANCERY RESPONSE", 23);
	if (read && memmem(text.at, text.len, "BEGIN CERTIFICATE-", 18))
		return certificate_show(buf_slice(&text));
	if (letter_read(c, answers ? "RESPONSE" : "REQUEST") != 0)
		return ACT_FAILED;
	enum letter_refusal r =
		answers ? response_letter_get(c->wish.letter, &response) : request_letter_get(c->wish.letter, &request);
	if (r)
		return say_wrong("The file %s.", letter_refusal_text(r));
	if (!answers) {
		request_tell(&request, c->wish.hash);
		ask_tell(&request);
		return ACT_DONE;
	}
	tell_time(response.created, when);
	say("A response of an offline root, of %s: %s of %zu bytes.\n", when,
	    response.kind == LETTER_CRL ? "a revocation list" : "a certificate", response.made.len);
	screen_words("the response", c->wish.hash);
	return ACT_DONE;
}

/* The last word: what was seen and said, by its hash, on the ledger. */
static int transcript_end(struct act *a, const struct command *c, enum act_end end)
{
	struct ceremony_record r = { .act = (uint8_t)a->number, .outcome = end == ACT_DONE ? a->outcome : 0 };
	scoped_buf words = { .max = 400 }, body = { .max = 4096 }, note = { .max = MAX_NOTE };
	uint64_t seq;
	char hex[2 * HASH_SIZE + 1];
	say(end == ACT_DONE ? "\nThe ceremony is over." : "\nThe ceremony is over; nothing came of it.");
	if (dialogue_close(r.transcript) != 0)
		return say_wrong("The transcript could not be closed: %s.", strerror(errno));
	hex_encode(r.transcript, HASH_SIZE, hex);
	buf_printf(&words, "%s: %s", c->name,
		   end != ACT_DONE ? "nothing came of it"
		   : a->agreed[0]  ? a->agreed
				   : "done");
	r.words = (struct slice){ words.at, text_cut(buf_slice(&words), 400) };
	memcpy(r.request, a->wish->letter.len ? a->wish->hash : (const uint8_t[HASH_SIZE]){ 0 }, HASH_SIZE);
	record_ceremony_put(&body, &r);
	if (desk_record(a->signer, RECORD_CEREMONY, buf_slice(&body), &seq) != 0)
		return say_wrong("The transcript could not be recorded; the log in the state folder says why.");
	desk_checkpoint(a->signer, &note);
	say("Its transcript is\n    %s\nwith the SHA-256, which is record %llu of this ledger,\n    %s",
	    dialogue_path(), (unsigned long long)seq, hex);
	return 0;
}

/* In a process of its own: the ledger that it makes is locked until that ends. */
static int ledger_make(const struct home *h)
{
	struct config config;
	char path[PATH_MAX];
	int status;
	pid_t child = fork();
	if (child == 0) {
		int r = config_read(home_path(h, "signer.conf", path), &config) == 0 ? serve_init(&config)
										     : EXIT_FAILURE;
		exit(r);
	}
	if (child > 0 && waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return say_wrong("The ledger could not be made; %s/log says why.", h->folder);
}

static enum act_end act_init(struct act *a)
{
	char id[2 * LEDGER_ID_SIZE + 1];
	hex_encode(a->signer->config.ledger_id, LEDGER_ID_SIZE, id);
	say("The folder of an offline root was made:\n    %s\n"
	    "What is done with the root is recorded in its ledger, which has the number\n    %s\n"
	    "and a key of its own in the token, so that nobody can change a record unnoticed.\n"
	    "%u %s must agree to each signature.",
	    a->home->folder, id, a->home->people, a->home->people == 1 ? "person" : "people");
	if (a->home->approvals)
		say("Each request must be approved beforehand by %u of the %zu whose public keys are here.",
		    a->home->approvals, a->signer->config.approvers.count[ROLE_APPROVER]);
	return ACT_DONE;
}

static int act_within(struct command *c, struct signer *s)
{
	struct act a = { .home = c->at, .signer = s, .wish = &c->wish, .number = c->number };
	bool shows = c->number == 0;
	enum act_end end = ACT_FAILED;
	if (!shows && !desk_token(s, TOKEN_MS))
		say_wrong("The token is not there; %s/log says what its driver found.", c->at->folder);
	else
		end = c->number == ACT_INIT ? act_init(&a) : c->run(&a);
	int closed = shows ? 0 : transcript_end(&a, c, end);
	return closed ? ACT_FAILED : (int)end;
}

static int act_run(void *with)
{
	struct command *c = with;
	static struct signer s = { .crl_folder = -1 };
	char path[PATH_MAX];
	if (c->number == ACT_INIT && ledger_make(c->at) != 0)
		return ACT_FAILED;
	if (config_read(home_path(c->at, "signer.conf", path), &s.config) != 0)
		return say_wrong("%s has mistakes; %s/log says which.", path, c->at->folder);
	/* The keys of CAs below an offline root are never here. */
	for (int i = 0; i < CLASS_COUNT; i++)
		s.config.classes[i].outside_cas = true;
	int r = desk_open(&s, c->wish.out ? c->wish.out : "") == 0
			? act_within(c, &s)
			: say_wrong("The signer does not start; %s/log says why.", c->at->folder);
	desk_close(&s);
	config_free(&s.config);
	return r;
}

/* What the rooms log goes to a file: the screen is for people. */
static int log_take(const struct home *h)
{
	char path[PATH_MAX];
	scoped_fd int fd = open(home_path(h, "log", path), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && dup2(fd, STDERR_FILENO) >= 0)
		return 0;
	return say_wrong("%s can't be written: %s.", path, strerror(errno));
}

/* What this is, for whoever was never there before. */
static void intro_say(const struct command *c, const struct home *h)
{
	static const char *const what[] = {
		[ACT_INIT] = "A folder for a root is prepared. A root is the key at the beginning of a tree of "
			     "certificates:\n"
			     "whoever trusts it trusts all that it signs.",
		[ACT_ROOT] = "A root is made: a key in a token (a device or a file that keeps it and does not give it "
			     "away),\n"
			     "and the certificate by which others will know it.",
		[ACT_INTERMEDIATE] =
			"A root is asked to sign a certificate. Somebody has brought the request in a file.",
		[ACT_CRL] =
			"A root is asked to sign the list of what it no longer stands for. Somebody has brought the\n"
			"request in a file.",
		[ACT_DESTROY] = "The key of a root is destroyed.",
	};
	say("%s\n", what[c->number]);
	say("All of it is written down, with the time (UTC). In that transcript a line with | was shown, one\n"
	    "with ? was asked, one with > is an answer, and one with ! says what went wrong.\n"
	    "In names, CN is the name itself, O an organization and C a country.\n");
	say("chancery-ceremony " CHANCERY_VERSION ", %s, in %s\n", c->name, h->folder);
}

static int command_within(struct command *c, struct home *h)
{
	char path[PATH_MAX], pin[MAX_PIN];
	c->at = h;
	if (c->number == 0)
		return act_run(c);
	if (dialogue_open(home_path(h, "transcripts", path), c->name) != 0)
		return ACT_FAILED;
	intro_say(c, h);
	if ((c->number == ACT_INTERMEDIATE || c->number == ACT_CRL) && letter_read(c, "REQUEST") != 0)
		return ACT_FAILED;
	if (h->pin && ask_pin("The PIN of the root's token:", pin) <= 0)
		return say_wrong("Without its PIN the token does nothing.");
	return driver_beside(h, h->pin ? pin : NULL, act_run, c);
}

static int command_run(struct command *c)
{
	struct home h = { .people = 1 }, made = { .people = 1 };
	if (strcmp(c->name, "show") == 0 && c->file)
		return letter_show(c);
	if (c->number == ACT_DESTROY)
		c->wish.key = c->file;
	if (out_settle(c) != 0 || (c->number == ACT_INIT && home_make(c->state, &c->home) != 0))
		return ACT_FAILED;
	snprintf(made.folder, sizeof(made.folder), "%s", c->state);
	if (access(c->state, F_OK) == 0 && log_take(&made) != 0)
		return ACT_FAILED;
	int r = home_open(c->state, &h) ? ACT_FAILED : command_within(c, &h);
	c->at = NULL;
	home_close(&h);
	return r;
}

int main(int argc, char **argv)
{
	struct command c = {
		.state = DEFAULT_STATE,
		.home = { .driver = CHANCERY_SBINDIR "/chancery-driver-pkcs11", .people = 1, .approvals = -1 },
		.wish = { .algorithm = "ECDSA-P384", .days = 7300, .path_len = -1 }
	};
	const char *wrong = NULL;
	int option;
	buf_init(&c.wish.permitted, MAX_SUBTREES * (MAX_NAME + 3));
	buf_init(&c.wish.excluded, MAX_SUBTREES * (MAX_NAME + 3));
	log_open("chancery-ceremony", LOG_LEVEL_INFO);
	/* No openssl.cnf: it could load foreign code into what writes certificates. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
	while (!wrong && (option = getopt_long(argc, argv, "h", options, NULL)) != -1) {
		if (option == 'h')
			return usage_told(NULL);
		if (option == OPTION_VERSION)
			return puts("chancery-ceremony " CHANCERY_VERSION) < 0;
		wrong = option_take(&c, option, optarg);
	}
	if (!wrong)
		wrong = command_check(&c, argc - optind, argv + optind);
	int r = wrong ? usage_told(wrong) : command_run(&c);
	buf_free(&c.letter);
	buf_free(&c.wish.permitted);
	buf_free(&c.wish.excluded);
	return r;
}
