#include "cli/letters.h"

#include <errno.h>
#include <string.h>

#include "cli/body.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/pem.h"
#include "letter/letter.h"
#include "letter/words.h"

static const char *const left_out[] = { "request", "certificate_pem", NULL };

const struct option_spec ca_request_options[] = {
	{ "issuer", OPTION_TEXT, "ISSUER", "only the CAs of this issuer" },
	{ "out", OPTION_TEXT, "FILE", "the file to carry to the ceremony (needed)" },
	{ "open-days", OPTION_NUMBER, "N", "how long a ceremony may answer it, 30 by default" },
	{ "days", OPTION_NUMBER, "N", "of a root's CRL: for how long it shall be good, 365 by default" },
	{ "number", OPTION_NUMBER, "N", "of a root's CRL: the least number that it may have" },
	{ .name = NULL },
};

const struct option_spec ca_import_options[] = {
	{ "dry-run", OPTION_FLAG, NULL, "check everything and take nothing" },
	{ .name = NULL },
};

/* What was written is what people will compare: its words are made here, not taken from the answer. */
static int letter_check(const struct cli *c, const char *text, const char *what, char words[MAX_WORDS_TEXT])
{
	scoped_buf letter = { .max = MAX_LETTER + 4 };
	uint8_t hash[HASH_SIZE];
	enum letter_refusal r = armour_get(slice_text(text), what, &letter, hash);
	if (r == LETTER_OK) {
		words_of(hash, words);
		return CLI_DONE;
	}
	bool answer = strcmp(what, "RESPONSE") == 0;
	return problem_tell(c, answer ? CLI_USAGE : CLI_BROKEN,
			    (struct problem){ .code = !answer		    ? "bad_answer"
						      : r == LETTER_ALTERED ? "response_altered"
									    : "response_malformed" },
			    "%s %s.", answer ? "the response" : "the request that the front-end answered",
			    letter_refusal_text(r));
}

static int words_tell(const struct cli *c, const char *of, const char *words)
{
	scoped_buf text = { .max = 1024 };
	buf_printf(&text, "Checksum of the %s, to be read aloud and compared:\n\n    %s\n\n", of, words);
	return c->json ? CLI_DONE : output_print(c, &text);
}

int ca_request(struct cli *c, const struct options *o)
{
	scoped_buf path;
	char words[MAX_WORDS_TEXT];
	buf_init(&path, MAX_URL);
	int r = option_need(c, o, "out");
	if (r == CLI_DONE)
		r = pem_target_check(c, "out", option_text(o, "out"));
	if (r == CLI_DONE)
		r = ca_path(c, o, "/request", &path);
	if (r)
		return r;
	json_t *body = json_object();
	body_number(&body, "open_days", o, "open-days");
	body_number(&body, "days", o, "days");
	body_number(&body, "number", o, "number");
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, body, &answer);
	if (r)
		return r;
	const char *text = member_text(answer, "request");
	r = letter_check(c, text, "REQUEST", words);
	if (r == CLI_DONE)
		r = pem_write_letter(c, option_text(o, "out"), text);
	if (r == CLI_DONE)
		r = words_tell(c, "request", words);
	return r ? r : detail_print(c, answer, left_out);
}

static int response_read(const struct cli *c, const char *path, struct buf *text)
{
	if (file_drain(path, text) != 0)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "response_unreadable" },
				    "can't read the response from %s: %s.", path, strerror(errno));
	return CLI_DONE;
}

int ca_import(struct cli *c, const struct options *o)
{
	scoped_buf path, text;
	char words[MAX_WORDS_TEXT];
	path_init(&path, "/responses");
	buf_init(&text, MAX_LETTER_TEXT + 1);
	int r = response_read(c, o->arguments[0], &text);
	if (r == CLI_DONE)
		r = letter_check(c, buf_text(&text), "RESPONSE", words);
	if (r == CLI_DONE)
		r = words_tell(c, "response", words);
	if (r)
		return r;
	path_dry_run(&path, o);
	json_t *body = json_object();
	member_set(&body, "response_pem", json_string(buf_text(&text)));
	scoped_json *answer = NULL;
	r = client_send(c, "POST", &path, body, &answer);
	return r ? r : detail_print(c, answer, left_out);
}
