#include "frontd/transition.h"

#include <openssl/sha.h>

#include "base/log.h"
#include "base/text.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/signer.h"

#define MAX_LIMITS_WORDS 180 /* bytes each of what was asked for and what holds: a record's context is a kilobyte */
#define MAX_LIMITS (2 * MAX_SUBTREES * (MAX_NAME * 4 + 8))

static void put_subtrees(struct list l, const char *what, struct buf *out)
{
	uint8_t type;
	struct slice item;
	for (bool first = true; list_next(&l, &type, &item); first = false) {
		buf_printf(out, first ? "%s%s " : "%s", first && out->len ? "; " : first ? "" : ", ", what);
		if (item.len)
			name_print(AS_SUBTREE, type, item, out);
		else
			buf_printf(out, "no %s", name_type_text(type));
	}
}

static void put_path_len(int path_len, struct buf *out)
{
	if (path_len == PATH_LEN_NONE)
		buf_put_text(out, "path length none");
	else if (path_len != PATH_LEN_UNASKED)
		buf_printf(out, "path length %d", path_len);
}

void transition_limits(int path_len, const struct constraints *c, struct buf *out)
{
	scoped_buf text = { .max = MAX_LIMITS };
	put_path_len(path_len, &text);
	put_subtrees(c->permitted, "permitted", &text);
	put_subtrees(c->excluded, "excluded", &text);
	if (text.len <= MAX_LIMITS_WORDS && buf_ok(&text)) {
		buf_put_slice(out, buf_slice(&text));
		return;
	}
	uint8_t hash[SHA256_DIGEST_LENGTH];
	char hex[2 * SHA256_DIGEST_LENGTH + 1];
	SHA256(text.at, text.len, hash);
	hex_encode(hash, sizeof(hash), hex);
	put_path_len(path_len, out);
	buf_printf(out, "%s%u permitted, %u excluded, sha256 %s", out->len ? "; " : "", c->permitted.count,
		   c->excluded.count, hex);
}

int transition_put(const struct call *c, const struct transition *t, struct buf *out)
{
	const struct ca_row *ca = t->ca;
	struct constraints effective;
	char serial[41], fingerprint[65];
	scoped_buf limits = { .max = 4 * MAX_LIMITS_WORDS };
	hex_encode(ca->serial.at, ca->serial.len < 20 ? ca->serial.len : 20, serial);
	hex_encode(ca->fingerprint, sizeof(ca->fingerprint), fingerprint);
	if (constraints_unpack(ca->effective, &effective) == 0)
		transition_limits(ca->path_len, &effective, &limits);
	buf_put_u8(&limits, 0);
	struct context_words words = { .op = t->op, .ca = row_text(ca->id), .from = t->from, .to = t->to };
	words.note = t->note;
	words.successor = t->successor;
	words.serial = serial;
	words.fingerprint = ca->certificate.len ? fingerprint : NULL;
	words.asked = t->asked;
	words.effective = (const char *)limits.at;
	if (context_put(out, c, &words) == 0)
		return 0;
	/* The caller's own words come before what the certificate says as well. */
	words.effective = NULL;
	buf_clear(out);
	return context_put(out, c, &words);
}

uint64_t transition_made(struct front *f, const struct call *c, const struct ca_row *ca, const char *asked)
{
	scoped_buf context = { .max = MAX_CONTEXT };
	struct transition t = { .op = "made", .ca = ca, .from = "created", .to = row_text(ca->state), .asked = asked };
	struct note_request request = { .kind = NOTE_TRANSITION };
	struct note_reply reply;
	scoped_answer answer = { .body = { NULL, 0 } };
	signer_request_id(request.request_id);
	int r = transition_put(c, &t, &context);
	request.context = buf_slice(&context);
	if (r || signer_note(f->signer, &request, &reply, &answer) != SIGNER_DONE) {
		log_warning("transition_not_noted", "ca=%s why=\"the records of its certificate stand alone\"",
			    row_text(ca->id));
		return 0;
	}
	return reply.ledger_seq;
}
