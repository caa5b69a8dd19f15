/* Approving a request to an offline root before it is carried there; no front-end is asked for anything. */
#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "cli/approval.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/letters.h"
#include "cli/member.h"
#include "cli/pem.h"
#include "cli/proposal.h"
#include "letter/letter.h"
#include "letter/telling.h"
#include "letter/words.h"

const struct option_spec ca_approve_options[] = {
	{ "key", OPTION_TEXT, "FILE", "sign here with the private key in this PEM file" },
	{ "signature", OPTION_TEXT, "FILE", "add a signature that was made elsewhere" },
	{ "public-key", OPTION_TEXT, "FILE", "whose signature that is: a public key or certificate in PEM" },
	{ "bytes", OPTION_TEXT, "FILE", "write what approvers sign to a file instead" },
	{ "yes", OPTION_FLAG, NULL, "don't ask at the terminal whether it was read" },
	{ .name = NULL },
};

struct approving {
	struct buf bytes, bare, more; /* the letter; what is signed; the approvals with the new one */
	struct request_letter request;
};

static void approving_free(struct approving *a)
{
	buf_free(&a->bytes);
	buf_free(&a->bare);
	buf_free(&a->more);
}
#define scoped_approving __attribute__((cleanup(approving_free))) struct approving

static int request_problem(const struct cli *c, const char *path, enum letter_refusal r)
{
	return problem_tell(c, CLI_USAGE,
			    (struct problem){ .code = r == LETTER_ALTERED ? "request_altered" : "request_malformed" },
			    "%s %s.", path, letter_refusal_text(r));
}

static int request_read(const struct cli *c, const char *path, struct approving *a)
{
	scoped_buf text = { .max = MAX_LETTER_TEXT + 1 };
	uint8_t hash[HASH_SIZE];
	if (file_drain(path, &text) != 0)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "request_unreadable" },
				    "can't read the request from %s: %s.", path, strerror(errno));
	enum letter_refusal r = armour_get(buf_slice(&text), "REQUEST", &a->bytes, hash);
	if (!r)
		r = request_letter_get(buf_slice(&a->bytes), &a->request);
	if (r)
		return request_problem(c, path, r);
	request_letter_bare(&a->bare, &a->request);
	return CLI_DONE;
}

static void row_put(void *with, const char *label, const char *text)
{
	struct buf *out = with;
	buf_printf(out, "    %-26s ", label);
	for (; *text; text++) {
		buf_put_u8(out, (uint8_t)*text);
		if (*text == '\n')
			buf_printf(out, "    %-26s ", "");
	}
	buf_put_u8(out, '\n');
}

/* What it asks for; positive: that is not of its form. */
static enum letter_refusal ask_tell(const struct teller *t, const struct request_letter *r)
{
	struct intermediate_letter i;
	struct crl_letter crl;
	struct revoked_entry e;
	struct asked_key key;
	enum letter_refusal refusal = r->kind == LETTER_CRL ? crl_letter_get(r->ask, &crl)
							     : intermediate_letter_get(r->ask, &i);
	if (!refusal && r->kind == LETTER_CRL) {
		tell_crl(t, &crl);
		for (struct list l = crl.revoked; revoked_next(&l, &e);)
			tell_revoked(t, &e, NULL);
	}
	if (refusal || r->kind == LETTER_CRL)
		return refusal;
	refusal = asked_key_read(i.csr, &key) == 0 ? LETTER_OK : LETTER_MALFORMED;
	if (!refusal)
		tell_intermediate(t, &i, buf_slice(&key.public_key));
	asked_key_free(&key);
	return refusal;
}

static int words_print(const struct cli *c, const char *path, const struct approving *a)
{
	scoped_buf out = { .max = 4 * MAX_LETTER };
	const struct teller t = { row_put, &out };
	uint8_t hash[HASH_SIZE];
	char words[MAX_WORDS_TEXT];
	buf_put_text(&out, "A request to an offline root:\n");
	tell_request(&t, &a->request);
	buf_put_text(&out, "What would be signed:\n");
	enum letter_refusal r = ask_tell(&t, &a->request);
	if (r || request_letter_hash(&a->request, hash) != 0)
		return request_problem(c, path, r ? r : LETTER_MALFORMED);
	words_of(hash, words);
	buf_printf(&out, "Checksum of the request:\n\n    %s\n\n", words);
	return c->json ? CLI_DONE : output_print(c, &out);
}

static int request_write(const struct cli *c, const char *path, struct approving *a, const struct approval *signature)
{
	scoped_buf bytes = { .max = MAX_LETTER }, text = { .max = MAX_LETTER_TEXT };
	uint8_t key[HASH_SIZE];
	hex_decode(signature->id, strlen(signature->id), key, sizeof(key));
	const struct letter_approval one = { SLICE_OF(key), buf_slice(&signature->signature) };
	if (approval_add(&a->request, &one, &a->more) != LETTER_OK)
		return problem_tell(c, CLI_USAGE, (struct problem){ .code = "approval_twice", .field = "key" },
				    "this key has approved the request already, or %d others have.",
				    MAX_LETTER_APPROVALS);
	request_letter_put(&bytes, &a->request);
	armour_put(&text, "REQUEST", buf_slice(&bytes));
	if (!buf_ok(&text))
		return request_problem(c, path, LETTER_MALFORMED);
	return pem_write_letter(c, path, buf_text(&text));
}

static int done_tell(const struct cli *c, const char *path, const struct approving *a, const struct approval *signature)
{
	scoped_buf out = { .max = 4096 };
	scoped_json *answer = json_pack("{s:s, s:s, s:i}", "request", path, "key", signature->id, "approvals",
					a->request.approvals.count);
	if (c->json)
		return json_print(c, answer);
	buf_printf(&out, "\nThe approval of key %s is in %s now, with %u in all.\n", signature->id, path,
		   a->request.approvals.count);
	return output_print(c, &out);
}

int ca_approve(struct cli *c, const struct options *o)
{
	const char *path = o->arguments[0], *bytes = option_text(o, "bytes");
	scoped_approving a = { .bytes = { .max = MAX_LETTER + 4 }, .bare = { .max = MAX_LETTER }, .more = { .max = 65536 } };
	scoped_approval signature = { .key = NULL };
	int r = request_read(c, path, &a);
	if (r == CLI_DONE)
		r = words_print(c, path, &a);
	if (r)
		return r;
	if (bytes) {
		if (fd_replace_file(bytes, buf_slice(&a.bare), 0644) == 0)
			return CLI_DONE;
		return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "output_failed", .field = "bytes" },
				    "can't write %s: %s.", bytes, strerror(errno));
	}
	r = approval_make(c, o, buf_slice(&a.bare), &signature);
	if (r == CLI_DONE)
		r = request_write(c, path, &a, &signature);
	return r ? r : done_tell(c, path, &a, &signature);
}
