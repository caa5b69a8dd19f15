#include "ledger/proof.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/ledger.h"

#define PROOF_TITLE "chancery proof 1"
#define CONSISTENCY_TITLE "chancery consistency 1"
#define KEY_WORD "key "
#define RECORD_WORD "record "
#define MAX_KEY 2048

void proof_free(struct proof *p)
{
	buf_free(&p->key);
	for (size_t i = 0; i < p->count; i++)
		buf_free(&p->records[i].leaf);
}

void consistency_free(struct consistency *c)
{
	buf_free(&c->key);
}

const char *proof_refusal_text(enum proof_refusal r)
{
	static const char *const texts[] = {
		[PROOF_HOLDS] = "it holds",
		[PROOF_FORM] = "it is not a proof, or not whole",
		[PROOF_OTHER_KEY] = "it names another log key than the one that was given",
		[PROOF_SIGNATURE] = "its signed head isn't signed by the log key",
		[PROOF_LEDGER] = "its two heads are of two ledgers, or in the wrong order",
		[PROOF_PATH] = "its hashes lead to another root than the one that was signed",
	};
	return texts[r];
}

static bool number_read(struct slice digits, uint64_t *out)
{
	if (digits.len == 0 || digits.len > 19 || (digits.len > 1 && digits.at[0] == '0'))
		return false;
	*out = 0;
	for (size_t i = 0; i < digits.len; i++) {
		if (digits.at[i] < '0' || digits.at[i] > '9')
			return false;
		*out = *out * 10 + (uint64_t)(digits.at[i] - '0');
	}
	return true;
}

static bool hash_read(struct slice line, uint8_t hash[HASH_SIZE])
{
	scoped_buf bytes = { .max = 64 };
	if (line.len != 44 || !base64_get(line, &bytes) || bytes.len != HASH_SIZE)
		return false;
	memcpy(hash, bytes.at, HASH_SIZE);
	return true;
}

static bool title_is(struct slice text, const char *title)
{
	return slice_take_prefix(&text, slice_text(title)) && text.len && text.at[0] == '\n';
}

bool proof_is(struct slice text)
{
	return title_is(text, PROOF_TITLE);
}

bool consistency_is(struct slice text)
{
	return title_is(text, CONSISTENCY_TITLE);
}

static bool head_take(struct slice *rest, const char *title, struct buf *key)
{
	struct slice line;
	buf_init(key, MAX_KEY);
	return slice_take_line(rest, &line) && slice_equal(line, slice_text(title)) && slice_take_line(rest, &line) &&
	       slice_take_prefix(&line, slice_text(KEY_WORD)) && base64_get(line, key);
}

/* Hashes up to a line that is none, which *line is then. */
static bool path_take(struct slice *rest, struct slice *line, uint8_t path[MAX_PROOF][HASH_SIZE], size_t *count)
{
	for (*count = 0;; (*count)++) {
		if (!slice_take_line(rest, line))
			return false;
		if (line->len == 0 ||
		    slice_take_prefix(&(struct slice){ line->at, line->len }, slice_text(RECORD_WORD)))
			return true;
		if (*count == MAX_PROOF || !hash_read(*line, path[*count]))
			return false;
	}
}

/* The check isn't part of a leaf: it is put behind it, so that the one parser reads it. */
static bool leaf_read(struct slice line, struct proof_record *r)
{
	size_t size;
	buf_init(&r->leaf, MAX_RECORD);
	if (!base64_get(line, &r->leaf) || r->leaf.len < RECORD_HEAD)
		return false;
	merkle_leaf_hash(buf_slice(&r->leaf), r->hash);
	buf_put(&r->leaf, r->hash, RECORD_TAIL);
	return buf_ok(&r->leaf) && record_peek(buf_slice(&r->leaf), &r->record, &size, NULL) == RECORD_WHOLE &&
	       size == r->leaf.len && r->record.seq == r->seq;
}

/* One record, whose first line is *line; the line behind its path replaces it. */
static bool record_read(struct slice *rest, struct slice *line, struct proof *out)
{
	if (out->count == MAX_PROOF_RECORDS || !slice_take_prefix(line, slice_text(RECORD_WORD)))
		return false;
	struct proof_record *r = &out->records[out->count++];
	return number_read(*line, &r->seq) && slice_take_line(rest, line) && leaf_read(*line, r) &&
	       path_take(rest, line, r->path, &r->count);
}

/* The key to verify with. */
static enum proof_refusal key_choose(struct slice given, struct slice named, struct slice *key)
{
	*key = given.len ? given : named;
	return given.len && !slice_equal(given, named) ? PROOF_OTHER_KEY : PROOF_HOLDS;
}

static enum proof_refusal proof_verify(struct proof *p, struct slice given)
{
	struct slice key;
	enum proof_refusal r = key_choose(given, buf_slice(&p->key), &key);
	if (r)
		return r;
	if (checkpoint_read(p->note, key, &p->head) != 0)
		return PROOF_SIGNATURE;
	for (size_t i = 0; i < p->count; i++) {
		struct proof_record *one = &p->records[i];
		if (!merkle_inclusion_verify(one->hash, one->seq, p->head.size, one->path, one->count, p->head.root))
			return PROOF_PATH;
	}
	return PROOF_HOLDS;
}

enum proof_refusal proof_read(struct slice text, struct slice key, struct proof *out)
{
	struct slice line;
	memset(out, 0, sizeof(*out));
	if (text.len > MAX_PROOF_FILE || !head_take(&text, PROOF_TITLE, &out->key) || !slice_take_line(&text, &line))
		return PROOF_FORM;
	do
		if (!record_read(&text, &line, out))
			return PROOF_FORM;
	while (line.len);
	out->note = text;
	if (checkpoint_parse(out->note, &out->head) != 0)
		return PROOF_FORM;
	return proof_verify(out, key);
}

static enum proof_refusal consistency_verify(struct consistency *c, struct slice given)
{
	struct slice key;
	enum proof_refusal r = key_choose(given, buf_slice(&c->key), &key);
	for (int i = 0; !r && i < 2; i++)
		r = checkpoint_read(c->notes[i], key, &c->heads[i]) != 0 ? PROOF_SIGNATURE : PROOF_HOLDS;
	if (r)
		return r;
	if (memcmp(c->heads[0].ledger_id, c->heads[1].ledger_id, sizeof(c->heads[0].ledger_id)) != 0 ||
	    c->heads[0].size > c->heads[1].size)
		return PROOF_LEDGER;
	return merkle_consistency_verify(c->heads[0].size, c->heads[1].size, c->path, c->count, c->heads[0].root,
					 c->heads[1].root)
		       ? PROOF_HOLDS
		       : PROOF_PATH;
}

/* The first note ends where an empty line and another note's first line follow on its signatures. */
static bool notes_split(struct slice rest, struct slice notes[2])
{
	struct slice line;
	const uint8_t *start = rest.at;
	for (int empty = 0; empty < 2;) {
		if (!slice_take_line(&rest, &line))
			return false;
		empty += line.len == 0;
	}
	notes[0] = (struct slice){ start, (size_t)(rest.at - start) - 1 };
	notes[1] = rest;
	return true;
}

enum proof_refusal consistency_read(struct slice text, struct slice key, struct consistency *out)
{
	struct slice line;
	memset(out, 0, sizeof(*out));
	if (text.len > MAX_PROOF_FILE || !head_take(&text, CONSISTENCY_TITLE, &out->key) ||
	    !path_take(&text, &line, out->path, &out->count) || line.len || !notes_split(text, out->notes) ||
	    checkpoint_parse(out->notes[0], &out->heads[0]) != 0 ||
	    checkpoint_parse(out->notes[1], &out->heads[1]) != 0)
		return PROOF_FORM;
	return consistency_verify(out, key);
}

static int hash_of_leaf(void *from, uint64_t i, uint8_t hash[HASH_SIZE])
{
	return ledger_read_hash(from, i, hash) == 0 ? 0 : -1;
}

static void title_put(struct buf *out, const char *title, struct slice key)
{
	buf_printf(out, "%s\n" KEY_WORD, title);
	base64_put(out, key);
	buf_put_u8(out, '\n');
}

static void path_put(struct buf *out, uint8_t path[MAX_PROOF][HASH_SIZE], size_t count)
{
	for (size_t i = 0; i < count; i++) {
		base64_put(out, (struct slice){ path[i], HASH_SIZE });
		buf_put_u8(out, '\n');
	}
}

int proof_make(struct ledger_reader *r, const uint64_t *seqs, size_t count, uint64_t size, struct slice key,
	       struct slice note, struct buf *out)
{
	title_put(out, PROOF_TITLE, key);
	for (size_t i = 0; i < count; i++) {
		scoped_buf bytes = { .max = MAX_RECORD + 4096 };
		struct record record;
		uint8_t path[MAX_PROOF][HASH_SIZE];
		size_t length;
		int state = seqs[i] < size ? ledger_read(r, seqs[i], &bytes, &record) : LEDGER_NONE;
		if (state)
			return state;
		if (merkle_inclusion(hash_of_leaf, r, seqs[i], size, path, &length) != 0)
			return -1;
		buf_printf(out, RECORD_WORD "%" PRIu64 "\n", seqs[i]);
		base64_put(out, record.leaf);
		buf_put_u8(out, '\n');
		path_put(out, path, length);
	}
	buf_put_u8(out, '\n');
	buf_put_slice(out, note);
	return buf_ok(out) ? 0 : -1;
}

int consistency_make(struct ledger_reader *r, uint64_t first, uint64_t second, struct slice key,
		     const struct slice notes[2], struct buf *out)
{
	uint8_t path[MAX_PROOF][HASH_SIZE];
	size_t length;
	if (merkle_consistency(hash_of_leaf, r, first, second, path, &length) != 0)
		return LEDGER_NONE;
	title_put(out, CONSISTENCY_TITLE, key);
	path_put(out, path, length);
	buf_put_u8(out, '\n');
	buf_put_slice(out, notes[0]);
	buf_put_u8(out, '\n');
	buf_put_slice(out, notes[1]);
	return buf_ok(out) ? 0 : -1;
}
