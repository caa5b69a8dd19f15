/* The root's list of what it has revoked: one for each ceremony, good for up to a year. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/time.h"
#include "ceremony/desk.h"
#include "ceremony/dialogue.h"
#include "ceremony/history.h"
#include "ceremony/request.h"
#include "ceremony/screen.h"
#include "wire/inner_ask.h"
#include "wire/rows.h"

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

struct listing {
	struct request_letter letter;
	struct crl_letter ask;
	const struct key *root;
	struct history_certificate *known;
	size_t known_count;
	int entries;
	struct crl_sign_request request;
};

static void listing_free(struct listing *l)
{
	free(l->known);
	fd_close(&l->entries);
}

static int listing_read(struct act *a, struct listing *l)
{
	int r = request_read(a, &l->letter, &l->root);
	if (r)
		return r;
	enum letter_refusal refusal = crl_letter_get(l->letter.ask, &l->ask);
	if (refusal)
		return say_wrong("The request %s (request_malformed).", letter_refusal_text(refusal));
	if (history_certificates(a->signer, l->root->id, &l->known, &l->known_count) != 0)
		return say_wrong("This ledger can't be read; the log in the state folder says why.");
	return 0;
}

static const struct history_certificate *known_find(const struct listing *l, struct slice serial)
{
	for (size_t i = 0; i < l->known_count; i++)
		if (slice_equal(serial, (struct slice){ l->known[i].serial, l->known[i].serial_len }))
			return &l->known[i];
	return NULL;
}

static const char *known_name(const void *with, struct slice serial)
{
	const struct history_certificate *known = known_find(with, serial);
	return known ? known->name : "a certificate that this root has never signed";
}

/* The rows, ascending as the request has them, in a file that nobody can change any more. Positive: said. */
static int entries_write(struct listing *l)
{
	struct list rest = l->ask.revoked;
	struct revoked_entry e;
	l->entries = memfd_create("revoked", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	while (l->entries >= 0 && revoked_next(&rest, &e)) {
		const struct history_certificate *known = known_find(l, e.serial);
		struct crl_row row = { .reason = e.reason, .revoked = e.when };
		uint8_t bytes[CRL_ROW_SIZE];
		char serial[2 * MAX_REVOKED_SERIAL + 1];
		hex_encode(e.serial.at, e.serial.len, serial);
		if (!known)
			return say_wrong(
				"The root has never signed a certificate with serial %s, so it can't revoke it "
				"(not_issued).",
				serial);
		row.seq = known->seq;
		row_serial(e.serial, row.serial);
		crl_row_put(bytes, &row);
		if (fd_write_all(l->entries, bytes, sizeof(bytes)) != 0)
			return say_wrong("No memory for the list.");
	}
	return l->entries >= 0 && fcntl(l->entries, F_ADD_SEALS, SEALS) == 0 ? 0 : say_wrong("No memory for the list.");
}

static void listing_draft(const struct act *a, struct listing *l)
{
	const struct scope *own = scopes_find(&a->signer->scopes, l->root->id, 0);
	int64_t now = time_now();
	l->request = (struct crl_sign_request){
		.shards = 1,
		.form = CRL_WHOLE,
		.number = own && own->burnt >= l->ask.number ? own->burnt + 1 : l->ask.number,
		.this_update = own && own->any && own->this_update > now ? own->this_update : now,
		.count = l->ask.revoked.count,
	};
	l->request.next_update = l->request.this_update + l->ask.seconds;
	memcpy(l->request.ca_key, l->root->id, KEY_ID_SIZE);
}

static void listing_tell(const struct act *a, const struct listing *l)
{
	const struct scope *own = scopes_find(&a->signer->scopes, l->root->id, 0);
	char from[MAX_TELL_TIME], until[MAX_TELL_TIME];
	tell_time(l->request.this_update, from);
	tell_time(l->request.next_update, until);
	say("What would be signed: a list of certificates that the root has signed and that are no longer\n"
	    "to be trusted. What is not on it stays good.");
	crl_tell(&l->ask, known_name, l);
	say_row("its dates", "from  %s\nuntil %s", from, until);
	if (own && own->any)
		say_row("the one before", "number %llu, %u certificates", (unsigned long long)own->last.number,
			own->entries);
	else
		say_row("the one before", "none: it is this root's first");
	tell_der_name(&on_screen, "signed by the root", l->root->charter.subject);
	say("%s", "");
}

static int listing_check(const struct act *a, const struct listing *l)
{
	const struct issuer issuer = key_issuer(l->root, a->signer->config.classes);
	struct verdict v =
		charter_check_crl(issuer.ceilings, l->request.this_update, l->request.next_update, time_now());
	if (key_silent(l->root))
		v = (struct verdict){ key_silent(l->root), "ca_key" };
	return v.code ? (int)act_refused(v.code, slice_text(v.field)) : 0;
}

/* The part of the file that came with the reply. */
static int crl_take(int file, const struct crl_sign_reply *reply, struct buf *out)
{
	uint8_t *at = reply->full_size <= MAX_MADE ? buf_room(out, (size_t)reply->full_size) : NULL;
	if (!at || pread(file, at, (size_t)reply->full_size, (off_t)reply->full_at) != (ssize_t)reply->full_size)
		return -1;
	out->len += (size_t)reply->full_size;
	return 0;
}

static enum act_end listing_do(struct act *a, struct listing *l, struct buf *crl)
{
	scoped_buf request = { .max = 8192 }, context = { .max = MAX_CONTEXT };
	struct crl_sign_reply reply;
	struct slice body;
	const char *where;
	if (entries_write(l) != 0)
		return ACT_FAILED;
	act_context(a, &context);
	l->request.context = buf_slice(&context);
	desk_id(l->request.request_id);
	ask_crl_sign_put(&request, 1, &l->request);
	scoped_fd int file = fd_take(&l->entries);
	int code = desk_ask_with(a->signer, &request, &file, &body);
	if (code || ask_crl_sign_get(body, &reply, &where) != PACK_OK)
		return act_refused(code ? code : -1, body);
	a->outcome = reply.ledger_seq;
	if (crl_take(file, &reply, crl) == 0)
		return ACT_DONE;
	say_wrong("The list is on this ledger but could not be read back: ask for another one.");
	return ACT_FAILED;
}

static enum act_end listing_run(struct act *a, struct listing *l)
{
	scoped_buf crl = { .max = MAX_MADE };
	enum act_end end = request_greet(a, &l->letter);
	if (end)
		return end;
	listing_draft(a, l);
	listing_tell(a, l);
	if (listing_check(a, l) != 0 || entries_write(l) != 0)
		return ACT_FAILED;
	fd_close(&l->entries);
	end = act_consent(a, "shall the root sign this list?");
	listing_draft(a, l);
	if (!end)
		end = listing_do(a, l, &crl);
	if (end)
		return end;
	say("\nSigned, and the signature was checked. The list has the number %llu; it is record %llu of this\n"
	    "root's ledger.\n",
	    (unsigned long long)l->request.number, (unsigned long long)a->outcome);
	return request_answer(a, &l->letter, buf_slice(&crl));
}

enum act_end act_crl(struct act *a)
{
	struct listing l = { .entries = -1 };
	enum act_end end = listing_read(a, &l) ? ACT_FAILED : listing_run(a, &l);
	listing_free(&l);
	return end;
}
