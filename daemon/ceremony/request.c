#include "ceremony/request.h"

#include <errno.h>
#include <string.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "ceremony/desk.h"
#include "ceremony/dialogue.h"
#include "ceremony/screen.h"
#include "ledger/proposal.h"

#define CLOCKS_APART 3600 /* seconds that the clock of the host that asks may be ahead */

static const struct key *root_find(const struct act *a, const struct request_letter *r)
{
	const struct keys *keys = &a->signer->keys;
	uint8_t hash[HASH_SIZE];
	for (size_t i = 0; i < keys->count; i++) {
		const struct key *k = keys->all[i];
		hash_of(buf_slice(&k->public_key), hash);
		if (k->charter_bytes.len && memcmp(hash, r->parent_key, HASH_SIZE) == 0 &&
		    slice_equal(k->charter.subject, r->parent))
			return k;
	}
	return NULL;
}

int request_read(const struct act *a, struct request_letter *r, const struct key **root)
{
	enum letter_refusal refusal = request_letter_get(a->wish->letter, r);
	if (refusal)
		return say_wrong("The request %s (request_malformed).", letter_refusal_text(refusal));
	if (r->kind != (a->number == ACT_CRL ? LETTER_CRL : LETTER_INTERMEDIATE))
		return say_wrong("The request asks for another thing: use `chancery-ceremony %s` (request_kind).",
				 r->kind == LETTER_CRL ? "crl" : "sign");
	*root = root_find(a, r);
	if (*root)
		return 0;
	tell_der_name(&on_screen, "the request is for", r->parent);
	return say_wrong("No root of this folder has that name and key: it is another root's request (wrong_root).");
}

/* Below whatever label: one approver a row. */
static int approvals_check(const struct act *a, const struct request_letter *r)
{
	scoped_buf bare = { .max = MAX_LETTER };
	struct list l = r->approvals;
	struct letter_approval one;
	unsigned count = 0;
	char hex[2 * HASH_SIZE + 1];
	request_letter_bare(&bare, r);
	while (approval_next(&l, &one)) {
		const struct approver *who = approvers_find(&a->signer->config.approvers, ROLE_APPROVER, one.key.at);
		hex_encode(one.key.at, HASH_SIZE, hex);
		if (!who) {
			say_row("not counted",
				"the approval of a key that is not known here,\nSHA-256 %.32s\n        %s", hex,
				hex + 32);
			continue;
		}
		if (!proposal_signed(buf_slice(&who->public_key), buf_slice(&bare), one.signature))
			return say_wrong("The approval of %s is of another request, or one of the two was altered "
					 "(approval_wrong).",
					 who->name);
		say_row("approved beforehand by", "%s, with a signature that is right", who->name);
		count++;
	}
	if (count >= a->home->approvals)
		return 0;
	return say_wrong("The request must be approved by %u of those whose keys are known here, and was by %u "
			 "(approvals_missing).",
			 a->home->approvals, count);
}

static int times_check(const struct request_letter *r)
{
	int64_t now = time_now();
	char when[MAX_TELL_TIME];
	tell_time(now, when);
	if (now > r->expires)
		return say_wrong("The request has expired: the clock of this machine says %s. Ask for another one "
				 "(request_expired).",
				 when);
	if (r->created > now + CLOCKS_APART)
		return say_wrong("The request is not written yet: the clock of this machine says %s. One of the two "
				 "clocks is wrong (request_early).",
				 when);
	return 0;
}

void request_tell(const struct request_letter *r, const uint8_t hash[HASH_SIZE])
{
	say("A request from another machine:");
	tell_request(&on_screen, r);
	if (r->approvals.count)
		say_row("approvals with it", "%u; whose they are and whether they are right is found at the ceremony",
			r->approvals.count);
	say("%s", "");
	screen_words("the request", hash);
}

void crl_tell(const struct crl_letter *c, whose_find *whose, const void *with)
{
	struct list l = c->revoked;
	struct revoked_entry e;
	tell_crl(&on_screen, c);
	while (revoked_next(&l, &e))
		tell_revoked(&on_screen, &e, whose ? whose(with, e.serial) : NULL);
}

enum act_end request_greet(const struct act *a, const struct request_letter *r)
{
	say("A request from another machine:");
	tell_request(&on_screen, r);
	if (approvals_check(a, r) != 0 || times_check(r) != 0)
		return ACT_FAILED;
	say("%s", "");
	screen_words("the request", a->wish->hash);
	say("The people who wrote the request saw these eight words. Ask them, by telephone for instance:\n"
	    "if they have others, somebody has changed the file on its way.\n");
	if (ask_yes("Do they have the same words? Type yes:") != 1) {
		say("Then it is another request than theirs. Nothing is done.");
		return ACT_DECLINED;
	}
	enum act_end end = act_clock();
	if (!end)
		say("%s", "");
	return end;
}

static int armoured(const struct act *a, const struct request_letter *r, struct slice made, struct buf *text,
		    uint8_t hash[HASH_SIZE])
{
	scoped_buf letter = { .max = MAX_LETTER }, note = { .max = MAX_NOTE };
	struct response_letter out = { .kind = r->kind, .created = time_now(), .ledger_seq = a->outcome, .made = made };
	if (desk_checkpoint(a->signer, &note) != 0)
		return say_wrong("The ledger's head could not be signed.");
	memcpy(out.nonce, r->nonce, sizeof(out.nonce));
	memcpy(out.request, a->wish->hash, sizeof(out.request));
	memcpy(out.ledger_id, a->signer->config.ledger_id, sizeof(out.ledger_id));
	out.checkpoint = buf_slice(&note);
	response_letter_put(&letter, &out);
	hash_of(buf_slice(&letter), hash);
	armour_put(text, "RESPONSE", buf_slice(&letter));
	return buf_ok(&letter) && buf_ok(text) ? 0 : say_wrong("The response is too large.");
}

static const char *kept_path(const struct act *a, char path[PATH_MAX])
{
	char name[16 + 2 * HASH_SIZE + 1] = "responses/";
	hex_encode(a->wish->hash, HASH_SIZE, name + strlen(name));
	return home_path(a->home, name, path);
}

static enum act_end response_hand_out(const struct act *a, struct slice text, const uint8_t hash[HASH_SIZE])
{
	if (act_write(a, text) != 0)
		return ACT_FAILED;
	say("The response is in the file\n    %s\nCarry it to the machine that asked. There it is brought in with\n"
	    "    chancery ca import FILE\n",
	    a->wish->out);
	screen_words("the response", hash);
	say("Whoever brings it in sees eight words as well: they must be these.");
	return ACT_DONE;
}

enum act_end request_answer(const struct act *a, const struct request_letter *r, struct slice made)
{
	scoped_buf text = { .max = MAX_LETTER_TEXT };
	uint8_t hash[HASH_SIZE];
	char path[PATH_MAX];
	if (armoured(a, r, made, &text, hash) != 0)
		return ACT_FAILED;
	if (r->kind == LETTER_CRL && fd_replace_file(kept_path(a, path), buf_slice(&text), 0600) != 0)
		say_wrong("The file %s can't be written: %s.", path, strerror(errno));
	return response_hand_out(a, buf_slice(&text), hash);
}

enum act_end request_again(struct act *a)
{
	scoped_buf text = { .max = MAX_LETTER_TEXT }, letter = { .max = MAX_LETTER + 4 };
	struct response_letter r;
	uint8_t hash[HASH_SIZE];
	char path[PATH_MAX];
	if (fd_read_file(kept_path(a, path), MAX_LETTER_TEXT, &text) != 0 ||
	    armour_get(buf_slice(&text), "RESPONSE", &letter, hash) != LETTER_OK ||
	    response_letter_get(buf_slice(&letter), &r) != LETTER_OK ||
	    memcmp(r.request, a->wish->hash, HASH_SIZE) != 0)
		return ACT_FAILED;
	a->outcome = r.ledger_seq;
	say("This request was answered before, by record %llu of this ledger. Nothing is signed again;\n"
	    "the response is written once more.\n",
	    (unsigned long long)a->outcome);
	return response_hand_out(a, buf_slice(&text), hash);
}
