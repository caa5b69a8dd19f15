#include "signd/check.h"

#include "base/log.h"
#include "base/random.h"
#include "base/text.h"
#include "base/time.h"
#include "signd/signer.h"
#include "signd/slot.h"

#define WORDS "chancery: this key is the one that the ledger names\n"
#define LOOK_MS 3600000 /* a key that vanishes is marked at its next use anyway */
#define TROUBLE_MS 5000 /* how soon a key that came back is used again */

void check_challenge(const struct signer *s, const char *words, struct buf *out)
{
	uint8_t nonce[32];
	random_bytes(nonce, sizeof(nonce));
	buf_clear(out);
	buf_put_text(out, words);
	buf_put(out, s->config.ledger_id, LEDGER_ID_SIZE);
	buf_put(out, nonce, sizeof(nonce));
	log_challenge(buf_slice(out));
}

/* What lies in the key; the rest is the token's or the moment's. */
static bool is_trouble(uint16_t driver_code)
{
	return driver_code >= DRIVER_REFUSE_KEY_UNKNOWN && driver_code < DRIVER_REFUSE_ALGORITHM;
}

static void key_mark(struct key *k, uint16_t trouble)
{
	char id[2 * KEY_ID_SIZE + 1];
	hex_encode(k->id, KEY_ID_SIZE, id);
	if (trouble && k->trouble != trouble)
		log_error("key_trouble", "key=%s token=%s code=%u why=\"%s\"", id, k->token, trouble,
			  driver_refusal_sentence(trouble));
	else if (!trouble && k->trouble)
		log_warning("key_fine_again", "key=%s token=%s", id, k->token);
	k->trouble = trouble;
	k->checked_at = time_now();
}

void check_refused(struct signer *s, struct key *k, uint16_t driver_code)
{
	if (!is_trouble(driver_code))
		return;
	key_mark(k, driver_code);
	size_t i = signer_slot(s, slice_text(k->token));
	if (i < MAX_SLOTS)
		s->checks[i].trouble_at = time_boot_ms() + TROUBLE_MS;
}

/* The ledger's keys, and last the log key. */
static struct key *key_at(const struct signer *s, size_t i)
{
	if (i < s->keys.count)
		return s->keys.all[i];
	return i == s->keys.count ? s->log_key : NULL;
}

/* A key that an import has just brought may go again, and proves itself there. */
static bool key_due(const struct key *k, const struct slot *slot, enum check_pass pass)
{
	return k->slot == slot && k->state != KEY_STATE_GONE && !k->reserved.len &&
	       (pass != CHECK_TROUBLED || k->trouble);
}

static void check_next(struct signer *s, size_t i);

static void check_end(struct signer *s, struct op *op, bool answered, uint16_t trouble)
{
	size_t i = op->slot;
	struct check *c = &s->checks[i];
	c->asking = false;
	if (answered && op->key->state != KEY_STATE_GONE) {
		op->key->attributes = op->attributes;
		key_mark(op->key, trouble);
		c->seen++;
	} else if (!answered) {
		c->running = false; /* the token is away: from the beginning when it is back, or soon */
		c->trouble_at = c->look_at = time_boot_ms() + TROUBLE_MS;
	}
	signer_op_done(s, op);
	check_next(s, i);
}

static void check_verified(struct signer *s, struct op *op)
{
	check_end(s, op, true, op->trouble == OP_FINE ? 0 : DRIVER_REFUSE_KEY_MISMATCH);
}

/* An answer that is no key or no signature: whose fault is it? */
static bool check_failed(struct signer *s, struct op *op)
{
	if (op->trouble == OP_FINE)
		return false;
	check_end(s, op, op->trouble == OP_TOKEN_REFUSED && is_trouble(op->driver_code), op->driver_code);
	return true;
}

static void check_signed(struct signer *s, struct op *op)
{
	if (!check_failed(s, op))
		signer_verify(s, op, check_verified);
}

static void check_found(struct signer *s, struct op *op)
{
	const struct key *k = op->key;
	bool ca = k->charter_bytes.len > 0;
	if (check_failed(s, op))
		return;
	if (!slice_equal(buf_slice(&op->raw), buf_slice(&k->public_key))) {
		check_end(s, op, true, DRIVER_REFUSE_KEY_MISMATCH);
	} else if (!(op->attributes & KEY_CAN_SIGN)) {
		check_end(s, op, true, DRIVER_REFUSE_KEY_ATTRIBUTES);
	} else if (ca && s->checks[op->slot].pass != CHECK_LOOK) {
		check_challenge(s, WORDS, &op->message);
		op->then = check_signed;
		slot_sign(k->slot, op);
	} else {
		check_end(s, op, true, 0);
	}
}

static void pass_end(struct signer *s, size_t i)
{
	struct check *c = &s->checks[i];
	int64_t now = time_boot_ms();
	if (c->pass != CHECK_TROUBLED) {
		log_info("keys_checked", "token=%s keys=%zu", s->config.tokens[i].name, c->seen);
		c->look_at = now + LOOK_MS;
	}
	c->trouble_at = now + TROUBLE_MS;
	c->running = false;
}

/* Asks for the next key of the pass. */
static void check_next(struct signer *s, size_t i)
{
	struct check *c = &s->checks[i];
	struct slot *slot = s->slots[i];
	struct key *k;
	if (!c->running || c->asking || !slot_ready(slot))
		return;
	while ((k = key_at(s, c->next)) && !key_due(k, slot, c->pass))
		c->next++;
	if (!k) {
		pass_end(s, i);
		return;
	}
	struct op *op = signer_op(s, 0, 0, 0);
	if (!op)
		return; /* check_tick() tries again */
	c->next++;
	c->asking = true;
	op->key = k;
	op->slot = i;
	op->then = check_found;
	buf_put(&op->message, k->driver_key, k->driver_key_len);
	slot_public(slot, op);
}

static void pass_begin(struct check *c, enum check_pass pass)
{
	c->pass = pass;
	c->running = true;
	c->next = c->seen = 0;
}

/* An operator let the driver try its PIN again: that is on the ledger, as their word to the signer is. */
static void resumed_written(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE)
		log_error("token_resumed_not_recorded", "why=\"the ledger could not be written\"");
	signer_op_done(s, op);
}

static void record_resumed_token(struct signer *s, const struct slot *slot)
{
	struct op *op = signer_op(s, 0, 0, 0);
	struct token_resumed_record r = { slice_text(slot_name(slot)), slice_text(slot_serial(slot)) };
	if (!op)
		return;
	log_warning("token_resumed", "token=%s", slot_name(slot));
	record_token_resumed_put(op_record(op, RECORD_TOKEN_RESUMED), &r);
	signer_journal(s, op, resumed_written);
}

void check_tick(struct signer *s, int64_t now)
{
	for (size_t i = 0; i < s->config.token_count; i++) {
		struct check *c = &s->checks[i];
		struct slot *slot = s->slots[i];
		if (!slot_ready(slot) || c->asking)
			continue;
		if (c->connection != slot_connection(slot)) {
			c->connection = slot_connection(slot);
			pass_begin(c, CHECK_PROVE);
			if (slot_resumed(slot))
				record_resumed_token(s, slot);
		} else if (!c->running && now >= c->look_at) {
			pass_begin(c, CHECK_LOOK);
		} else if (!c->running && now >= c->trouble_at) {
			pass_begin(c, CHECK_TROUBLED);
		}
		check_next(s, i);
	}
}
