#include "cli/proposal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "cli/approval.h"
#include "cli/body.h"
#include "cli/client.h"
#include "cli/detail.h"
#include "cli/groups.h"
#include "cli/lookup.h"
#include "cli/member.h"
#include "cli/plain.h"
#include "cli/when.h"
#include "ledger/checkpoint.h"
#include "ledger/proposal.h"

#define MAX_WORDS (4UL << 20) /* bytes: a telling of all that a proposal can hold */
#define MAX_REPLY 64	      /* bytes of "yes" */

/* A proposal, as it came: its object, and the bytes that approvers sign. */
struct fetched {
	json_t *answer;
	struct buf bytes;
	char id[MAX_ID];
};

static void fetched_free(struct fetched *p)
{
	json_decref(p->answer);
	buf_free(&p->bytes);
}
#define scoped_fetched __attribute__((cleanup(fetched_free))) struct fetched

static bool is_id(const char *text)
{
	uint8_t id[16];
	return hex_decode(text, strlen(text), id, sizeof(id));
}

static bool may_be_meant(const json_t *proposal, const char *text)
{
	bool waits = member_is(proposal, "state", "open") || member_is(proposal, "state", "approved");
	return waits && (member_is(proposal, "name", text) || member_is(proposal, "ca_id", text));
}

/* By its id, or by the name of the CA that would be made, if only one waits that has it. */
static int proposal_lookup(struct cli *c, const char *text, char id[MAX_ID])
{
	size_t i, found = 0;
	const json_t *one;
	scoped_buf path = { .max = MAX_URL };
	scoped_json *answer = NULL;
	snprintf(id, MAX_ID, "%s", text);
	if (is_id(text))
		return CLI_DONE;
	path_init(&path, "/proposals");
	int r = client_get(c, &path, &answer);
	if (r)
		return r;
	json_array_foreach(member_list(answer, "data"), i, one)
	{
		if (may_be_meant(one, text) && found++ == 0)
			snprintf(id, MAX_ID, "%s", member_text(one, "id"));
	}
	if (found == 1)
		return CLI_DONE;
	return problem_tell(c, found ? CLI_USAGE : CLI_NOT_FOUND,
			    (struct problem){ .code = found ? "ambiguous_name" : "proposal_not_found",
					      .hint = "`chancery proposal list` shows them with their ids" },
			    found ? "more than one proposal waits for a CA called \"%s\"; name one by its id."
				  : "no proposal with this id, or for a CA called \"%s\", waits.",
			    text);
}

static int proposal_path(struct cli *c, const struct options *o, const char *below, char id[MAX_ID], struct buf *path)
{
	int r = proposal_lookup(c, o->arguments[0], id);
	if (r)
		return r;
	path_init(path, "/proposals");
	path_add(path, id);
	buf_put_text(path, below);
	return CLI_DONE;
}

/* The bytes must be those of the proposal that was asked for, or somebody might approve another one. */
static int bytes_check(const struct cli *c, const struct fetched *p)
{
	struct proposal said;
	char id[33] = "";
	if (proposal_get(buf_slice(&p->bytes), &said) == 0)
		hex_encode(said.id, sizeof(said.id), id);
	if (strcasecmp(id, p->id) == 0)
		return CLI_DONE;
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "bad_answer", .field = "bytes" },
			    "the front-end's bytes are not those of proposal %s: don't sign them.", p->id);
}

static int proposal_fetch(struct cli *c, const struct options *o, struct fetched *p)
{
	scoped_buf path = { .max = MAX_URL };
	*p = (struct fetched){ .bytes = { .max = MAX_PROPOSAL } };
	int r = proposal_path(c, o, "", p->id, &path);
	if (r == CLI_DONE)
		r = client_get(c, &path, &p->answer);
	if (r)
		return r;
	base64_get(slice_text(member_text(p->answer, "bytes")), &p->bytes);
	return bytes_check(c, p);
}

static void plural_put(struct buf *out, int64_t n, const char *one, const char *many)
{
	buf_printf(out, "%lld %s", (long long)n, n == 1 ? one : many);
}

static int64_t member_number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void member_plain(struct buf *out, const json_t *o, const char *name)
{
	plain_put(out, slice_text(member_text(o, name)), MAX_PLAIN);
}

static void time_words(struct buf *out, const json_t *proposal, const char *name)
{
	when_put(out, member_text(proposal, name), time_now());
}

/* Where it stands, by the front-end's word. */
static void progress_put(struct buf *out, const json_t *p)
{
	int64_t given = member_number(p, "given"), needed = member_number(p, "needed");
	size_t i;
	const json_t *one;
	buf_put_text(out, "The front-end says: ");
	member_plain(out, p, "state");
	buf_printf(out, ", %lld of %lld approvals", (long long)given, (long long)needed);
	if (*member_text(p, "requested_by")) {
		buf_put_text(out, "; asked for by ");
		member_plain(out, p, "requested_by");
	}
	buf_put_text(out, "\n");
	json_array_foreach(member_list(p, "approvals"), i, one)
	{
		buf_put_text(out, "  ");
		member_plain(out, one, "role");
		buf_put_text(out, " key ");
		member_plain(out, one, "key");
		buf_put_text(out, ", handed in by ");
		member_plain(out, one, "handed_in_by");
		buf_put_u8(out, '\n');
	}
	if (*member_text(p, "why")) {
		buf_put_text(out, "  why: ");
		member_plain(out, p, "why");
		buf_put_u8(out, '\n');
	}
}

static void ways_put(struct buf *out, const char *id)
{
	buf_printf(out,
		   "\nTo approve it, in one of three ways:\n"
		   "  with a key in a file:\n"
		   "    chancery proposal approve %s --key me.key\n"
		   "  with openssl:\n"
		   "    chancery proposal show %s --bytes proposal.bin\n"
		   "    openssl dgst -sha256 -sign me.key -out proposal.sig proposal.bin\n"
		   "    chancery proposal approve %s --signature proposal.sig --public-key me.pub\n"
		   "  with a card, the same with these two in the place of the second line:\n"
		   "    openssl dgst -sha256 -binary -out proposal.sha proposal.bin\n"
		   "    pkcs11-tool --login --sign --id 02 -m ECDSA -i proposal.sha -o proposal.sig\n",
		   id, id, id);
}

/* What would be approved, in words; telling breaks out if it can't. */
static int words_put(const struct cli *c, const struct fetched *p, struct buf *out)
{
	if (proposal_tell(buf_slice(&p->bytes), out) == 0)
		return CLI_DONE;
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "bad_answer", .field = "bytes" },
			    "the proposal can't be read: don't sign it.");
}

static int bytes_write(const struct cli *c, const char *path, const struct fetched *p)
{
	if (strcmp(path, "-") == 0)
		return output_print(c, &p->bytes);
	if (fd_replace_file(path, buf_slice(&p->bytes), 0644) == 0)
		return CLI_DONE;
	return problem_tell(c, CLI_BROKEN, (struct problem){ .code = "output_failed", .field = "bytes" },
			    "can't write %s: %s.", path, strerror(errno));
}

static int proposal_show(struct cli *c, const struct options *o)
{
	scoped_fetched p;
	scoped_buf out = { .max = MAX_WORDS };
	const char *file = option_text(o, "bytes");
	int r = proposal_fetch(c, o, &p);
	if (r == CLI_DONE && file)
		r = bytes_write(c, file, &p);
	if (r || (file && strcmp(file, "-") == 0))
		return r;
	if (c->json)
		return json_print(c, p.answer);
	r = words_put(c, &p, &out);
	if (r)
		return r;
	buf_put_u8(&out, '\n');
	progress_put(&out, p.answer);
	if (member_is(p.answer, "state", "open"))
		ways_put(&out, p.id);
	return output_print(c, &out);
}

static int proposal_list(struct cli *c, const struct options *o)
{
	static const struct column columns[] = {
		{ "ID", "id", SHOW_TEXT },
		{ "STATE", "state", SHOW_STATE },
		{ "KIND", "kind", SHOW_TEXT },
		{ "NAME", "name", SHOW_TEXT },
		{ "GIVEN", "given", SHOW_TEXT },
		{ "NEEDED", "needed", SHOW_TEXT },
		{ "EXPIRES", "expires_at", SHOW_TIME },
		{ "ASKED FOR BY", "requested_by", SHOW_TEXT },
	};
	scoped_buf path;
	scoped_json *answer = NULL;
	path_init(&path, "/proposals");
	if (option_text(o, "state"))
		path_query(&path, "state", option_text(o, "state"));
	int r = client_get(c, &path, &answer);
	if (r)
		return r;
	return list_print(c, answer, columns, sizeof(columns) / sizeof(columns[0]),
			  option_text(o, "state") ? "no proposal is in this state."
						  : "nothing waits for approvals, and nothing did.");
}

/* A whole line from the terminal, not from standard input, which may be somebody else's. */
static bool says_yes(const char *question)
{
	char reply[MAX_REPLY];
	scoped_fd int tty = open("/dev/tty", O_RDWR | O_CLOEXEC);
	if (tty < 0 || fd_write_all(tty, question, strlen(question)) != 0)
		return false;
	ssize_t n = read(tty, reply, sizeof(reply) - 1);
	reply[n > 0 ? n : 0] = '\0';
	reply[strcspn(reply, "\r\n")] = '\0';
	return strcmp(reply, "yes") == 0;
}

static int consent_get(const struct cli *c, const struct options *o)
{
	if (option_flag(o, "yes") || says_yes("\nSign this? Type yes, or anything else to leave it: "))
		return CLI_DONE;
	return problem_tell(
		c, CLI_USAGE,
		(struct problem){ .code = "not_signed",
				  .hint = "where there is no terminal to ask at, --yes says that it was read" },
		"nothing was signed, and nothing was sent.");
}

int approval_make(struct cli *c, const struct options *o, struct slice bytes, struct approval *a)
{
	const char *key = option_text(o, "key"), *signature = option_text(o, "signature");
	if (!key == !signature)
		return problem_tell(
			c, CLI_USAGE, (struct problem){ .code = "usage", .field = "key" },
			"state --key FILE to sign here, or --signature FILE with what was signed elsewhere.");
	int r = key ? CLI_DONE : option_need(c, o, "public-key");
	if (r)
		return r;
	if (signature) {
		r = approval_read_public(c, option_text(o, "public-key"), a);
		return r ? r : approval_take(c, signature, bytes, a);
	}
	r = consent_get(c, o);
	if (r == CLI_DONE)
		r = approval_read_key(c, key, a);
	return r ? r : approval_sign(c, bytes, a);
}

static json_t *approval_body(const struct options *o, const struct approval *a)
{
	scoped_buf text = { .max = 4096 };
	base64_put(&text, buf_slice(&a->signature));
	return json_pack("{s:s, s:s, s:s}", "key", a->id, "signature", buf_text(&text), "role",
			 option_flag(o, "as-requester") ? "requester" : "approver");
}

static void done_put(struct buf *out, const json_t *ca)
{
	buf_put_text(out, "It is approved, and done: the CA ");
	member_plain(out, ca, "name");
	buf_put_text(out, " is ");
	member_plain(out, ca, "state");
	buf_put_text(out, ".\nSee it with: chancery ca show ");
	member_plain(out, ca, "id");
	buf_put_u8(out, '\n');
}

static void not_yet_put(struct buf *out, const json_t *p, const json_t *error)
{
	buf_put_text(out, "It has its approvals, but is not done yet: ");
	member_plain(out, error, "message");
	buf_put_text(out, " (");
	member_plain(out, error, "code");
	buf_put_text(out, ")\nOnce that is put right: chancery proposal execute ");
	member_plain(out, p, "id");
	buf_put_u8(out, '\n');
}

static void missing_put(struct buf *out, const json_t *p)
{
	int64_t missing = member_number(p, "needed") - member_number(p, "given");
	if (missing > 0) {
		plural_put(out, missing, "more approval is", "more approvals are");
		buf_put_text(out, " needed, by ");
		time_words(out, p, "expires_at");
		buf_put_text(out, ".\n");
		return;
	}
	if (member_is(p, "state", "approved"))
		buf_put_text(out, "It has its approvals; root carries it out on the signer's host.\n");
	else
		buf_put_text(out, "It has its approvals; its requester has to sign it as well (--as-requester).\n");
}

/* What came of an approval or an execution. */
static int outcome_print(const struct cli *c, const json_t *answer)
{
	const json_t *p = json_object_get(answer, "proposal"), *ca = json_object_get(answer, "ca");
	const json_t *error = json_object_get(answer, "execution_error");
	scoped_buf out = { .max = MAX_WORDS };
	if (c->json)
		return json_print(c, answer);
	if (json_is_object(ca))
		done_put(&out, ca);
	else if (json_is_object(error))
		not_yet_put(&out, p, error);
	else
		missing_put(&out, p);
	return output_print(c, &out);
}

static int words_print(const struct cli *c, const struct fetched *p)
{
	scoped_buf out = { .max = MAX_WORDS };
	int r = words_put(c, p, &out);
	return r || c->json ? r : output_print(c, &out);
}

static int proposal_approve(struct cli *c, const struct options *o)
{
	scoped_fetched p;
	scoped_approval a = { .key = NULL };
	scoped_buf path = { .max = MAX_URL }, out = { .max = MAX_WORDS };
	scoped_json *answer = NULL;
	int r = proposal_fetch(c, o, &p);
	if (r == CLI_DONE)
		r = words_print(c, &p);
	if (r == CLI_DONE)
		r = approval_make(c, o, buf_slice(&p.bytes), &a);
	if (r)
		return r;
	path_init(&path, "/proposals");
	path_add(&path, p.id);
	buf_put_text(&path, "/approvals");
	r = client_send(c, "POST", &path, approval_body(o, &a), &answer);
	if (r)
		return r;
	if (!c->json) {
		buf_printf(&out, "\nYour signature is recorded (key %s).\n", a.id);
		r = output_print(c, &out);
	}
	return r ? r : outcome_print(c, answer);
}

static int proposal_reject(struct cli *c, const struct options *o)
{
	char id[MAX_ID];
	scoped_buf path = { .max = MAX_URL }, out = { .max = MAX_WORDS };
	scoped_json *answer = NULL;
	int r = proposal_path(c, o, "/reject", id, &path);
	if (r)
		return r;
	json_t *body = json_object();
	body_text(&body, "note", o, "note");
	r = client_send(c, "POST", &path, body, &answer);
	if (r || c->json)
		return r ? r : json_print(c, answer);
	buf_printf(&out, "Proposal %s is rejected, and can't be approved any more.\n", id);
	return output_print(c, &out);
}

static int proposal_execute(struct cli *c, const struct options *o)
{
	char id[MAX_ID];
	scoped_buf path = { .max = MAX_URL };
	scoped_json *answer = NULL;
	int r = proposal_path(c, o, "/execute", id, &path);
	if (r == CLI_DONE)
		r = client_send(c, "POST", &path, json_object(), &answer);
	return r ? r : outcome_print(c, answer);
}

/* Whether an answer is that of a request that waits for approvals. */
static bool is_proposal(const json_t *answer)
{
	return json_is_object(json_object_get(answer, "proposal")) && !json_object_get(answer, "name");
}

static int next_print(const struct cli *c, const json_t *answer)
{
	const json_t *p = json_object_get(answer, "proposal");
	scoped_buf out = { .max = MAX_WORDS }, id = { .max = 1024 };
	member_plain(&id, p, "id");
	buf_put_text(&out, "This needs ");
	plural_put(&out, member_number(p, "needed"), "person's approval", "people's approvals");
	buf_put_text(&out, " before it is done. Nothing has been signed yet; it waits as a proposal until ");
	time_words(&out, p, "expires_at");
	buf_printf(&out, ".\n\nProposal:  %s\n", buf_text(&id));
	buf_printf(&out, "Look at:   chancery proposal show %s\n", buf_text(&id));
	buf_printf(&out,
		   "Approve:   chancery proposal approve %s --key FILE   (others than you, each with a key that the "
		   "signer knows)\n",
		   buf_text(&id));
	if (json_is_true(json_object_get(p, "requester_signs")))
		buf_printf(&out, "You sign:  chancery proposal approve %s --key FILE --as-requester\n", buf_text(&id));
	buf_printf(&out, "Take back: chancery proposal reject %s\n", buf_text(&id));
	return output_print(c, &out);
}

int answer_print(const struct cli *c, const json_t *answer, const char *const *left_out)
{
	return !c->json && is_proposal(answer) ? next_print(c, answer) : detail_print(c, answer, left_out);
}

static const struct option_spec list_options[] = {
	{ "state", OPTION_TEXT, "STATE", "only those that are open, approved, executed, rejected, expired or failed" },
	{ .name = NULL },
};

static const struct option_spec show_options[] = {
	{ "bytes", OPTION_TEXT, "FILE",
	  "write what approvers sign to a file; - for standard output, and nothing else" },
	{ .name = NULL },
};

static const struct option_spec approve_options[] = {
	{ "key", OPTION_TEXT, "FILE", "sign here with the private key in this PEM file" },
	{ "signature", OPTION_TEXT, "FILE", "hand in a signature that was made elsewhere" },
	{ "public-key", OPTION_TEXT, "FILE", "whose signature that is: a public key or certificate in PEM" },
	{ "as-requester", OPTION_FLAG, NULL, "sign as who asked for it, which counts as no approval" },
	{ "yes", OPTION_FLAG, NULL, "don't ask at the terminal whether it was read" },
	{ .name = NULL },
};

static const struct option_spec reject_options[] = {
	{ "note", OPTION_TEXT, "TEXT", "why, for the record" },
	{ .name = NULL },
};

const struct command proposal_commands[] = {
	{ "proposal", "list", 0, 0, NULL, "List what waits for people's approval, and what did.",
	  "chancery proposal list --state open", list_options, proposal_list },
	{ "proposal", "show", 1, 1, "PROPOSAL",
	  "Say in words what would be approved, out of the very bytes that get signed.",
	  "chancery proposal show issuing --bytes proposal.bin", show_options, proposal_show },
	{ "proposal", "approve", 1, 1, "PROPOSAL", "Show it in words, ask, sign it and hand the signature in.",
	  "chancery proposal approve issuing --key me.key", approve_options, proposal_approve },
	{ "proposal", "reject", 1, 1, "PROPOSAL", "Close a proposal for good.",
	  "chancery proposal reject issuing --note 'wrong path length'", reject_options, proposal_reject },
	{ "proposal", "execute", 1, 1, "PROPOSAL",
	  "Carry out what has its approvals, where that could not be done at once.",
	  "chancery proposal execute issuing", NULL, proposal_execute },
	{ .group = NULL },
};
