/* What comes back from an offline root: letters.h says how it went out. */
#include <string.h>

#include "base/text.h"
#include "frontd/answer.h"
#include "frontd/chain.h"
#include "frontd/context.h"
#include "frontd/front.h"
#include "frontd/input.h"
#include "frontd/letters.h"
#include "frontd/note.h"
#include "frontd/outside.h"
#include "frontd/signer.h"
#include "frontd/view.h"

#define FIELD "response_pem"

struct coming {
	struct buf bytes;
	struct response_letter letter;
	uint8_t hash[HASH_SIZE];
	struct letter_row row;
};

static void coming_free(struct coming *i)
{
	buf_free(&i->bytes);
	letter_row_free(&i->row);
}
#define scoped_coming __attribute__((cleanup(coming_free))) struct coming

static const char *hex(const uint8_t *bytes, char out[65])
{
	hex_encode(bytes, 32, out);
	return out;
}

int letter_note(struct front *f, struct call *c, const char *op, const struct letter_row *row, const char *crl,
		struct signer_hold *hold, uint64_t *noted)
{
	char nonce[65], hash[65];
	struct context_words words = { .op = op, .ca = row_text(row->ca_id), .crl = crl };
	words.nonce = hex(row->nonce, nonce);
	words.fingerprint = hex(row->hash, hash);
	words.letter = row->kind == LETTER_CRL ? "crl" : "certificate";
	return note_take(f, c, NULL, &words, hold, noted);
}

static bool row_of(json_t *context, struct letter_row *row)
{
	const char *nonce = context_text(context, "nonce"), *hash = context_text(context, "sha256");
	row->ca_id = slice_text(context_text(context, "ca"));
	row->kind = strcmp(context_text(context, "letter"), "crl") == 0 ? LETTER_CRL : LETTER_INTERMEDIATE;
	return hex_decode(nonce, strlen(nonce), row->nonce, sizeof(row->nonce)) &&
	       hex_decode(hash, strlen(hash), row->hash, sizeof(row->hash));
}

int letter_asked(struct store_session *s, json_t *context, int64_t when)
{
	struct letter_row row = { .created_at = when };
	if (!row_of(context, &row))
		return 0; /* no note of ours: there is nothing to be had from it */
	int r = store_letter_insert(s, &row);
	return r < 0 ? r : 0;
}

int letter_answered(struct store_session *s, json_t *context, uint64_t noted)
{
	struct letter_row row = { .created_at = 0 };
	struct lastcrl_row crl = { .ledger_seq = noted };
	scoped_row(lastcrl) last = { 0 };
	if (!row_of(context, &row))
		return 0;
	int r = store_letter_answer(s, row.nonce, noted);
	if (r < 0 || row.kind != LETTER_CRL || !letter_crl_parse(context_text(context, "crl"), &crl))
		return r < 0 ? r : 0;
	crl.ca_id = row.ca_id;
	r = store_crl_find(s, context_text(context, "ca"), 0, &last);
	if (r < 0 || (r == STORE_DONE && last.number >= crl.number))
		return r < 0 ? r : 0;
	r = store_crl_update(s, &crl);
	return r < 0 ? r : 0;
}

static int response_read(struct call *c, struct coming *i)
{
	static const char *const known[] = { FIELD, NULL };
	const char *text = NULL;
	int r = input_members(c, known);
	if (!r)
		r = input_block(c, FIELD, MAX_LETTER_TEXT, &text);
	if (r)
		return r;
	if (!text)
		return call_refuse(c, 400, "missing_field", FIELD, FIELD " is needed: the file that came back.");
	enum letter_refusal refusal = armour_get(slice_text(text), "RESPONSE", &i->bytes, i->hash);
	if (!refusal)
		refusal = response_letter_get(buf_slice(&i->bytes), &i->letter);
	if (!refusal)
		return 0;
	return call_refuse(c, 400, refusal == LETTER_ALTERED ? "response_altered" : "response_malformed", FIELD,
			   "The response %s.", letter_refusal_text(refusal));
}

/* Which of our requests it answers, and whether that was answered before. */
static int response_match(struct front *f, struct call *c, struct coming *i)
{
	scoped_session *s = NULL;
	int r = store_read(f->store, &s) ? -1 : store_letter_find(s, i->letter.nonce, &i->row);
	if (r < 0)
		return r;
	if (r)
		return call_refuse(c, 409, "response_unknown", FIELD,
				   "The response answers a request that never went out from here: no request has its "
				   "nonce.");
	if (memcmp(i->row.hash, i->letter.request, sizeof(i->row.hash)) != 0 || i->row.kind != i->letter.kind)
		return call_refuse(
			c, 409, "response_other", FIELD,
			"The response has a nonce of ours and answers another request than went out with it.");
	bool lost = i->row.kind == LETTER_CRL && !letter_crl_there(f, row_text(i->row.ca_id));
	if (i->row.answered && !lost)
		return call_refuse(c, 409, "response_used", FIELD,
				   "The response came in before, by record %llu of the ledger; each counts once.",
				   (unsigned long long)i->row.answered);
	return 0;
}

static int answer_work(struct store_session *s, void *with)
{
	const struct letter_row *row = with;
	int r = store_letter_answer(s, row->nonce, row->answered);
	return r < 0 ? r : 0;
}

/* The CA's certificate, by the way that all take that were signed elsewhere. */
static int certificate_take(struct front *f, struct call *c, struct coming *i)
{
	scoped_buf pem = { .max = 2 * MAX_LETTER };
	uint64_t noted = 0;
	if (pem_put_block(&pem, "CERTIFICATE", i->letter.made))
		return -1;
	buf_put_u8(&pem, 0);
	if (!buf_ok(&pem))
		return -1;
	c->param[0] = row_text(i->row.ca_id);
	int r = arrival_take(f, c, (const char *)pem.at);
	c->param[0] = NULL; /* the row's text; the path has none, and is what a repetition is known by */
	if (r || c->status != 200 || c->dry_run)
		return r;
	/* It is in; if this is not noted, the next time finds it there and notes it then. */
	struct call quiet = { .who = c->who };
	memcpy(quiet.request_id, c->request_id, sizeof(quiet.request_id));
	scoped_hold hold = { 0 };
	if (letter_note(f, &quiet, "answered", &i->row, NULL, &hold, &noted) == 0) {
		i->row.answered = noted;
		if (store_change(f->store, answer_work, &i->row) == 0)
			signer_settle(&hold, noted);
	}
	json_decref(quiet.reply);
	return 0;
}

int response_import(struct front *f, struct call *c)
{
	scoped_coming i = { .bytes = { .max = MAX_LETTER + 4 } };
	int r = response_read(c, &i);
	if (!r)
		r = response_match(f, c, &i);
	if (!r)
		r = i.row.kind == LETTER_CRL ? letter_crl(f, c, &i.row, i.letter.made) : certificate_take(f, c, &i);
	return r < 0 ? answer_store(c) : r;
}
