#include "signd/gone.h"

#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "signd/request.h"
#include "signd/signer.h"
#include "signd/slot.h"
#include "wire/inner_answer.h"

static void gone_written(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		request_refuse(s, op, REFUSE_LEDGER_FAILED, NULL);
		return;
	}
	char id[2 * KEY_ID_SIZE + 1];
	hex_encode(op->key->id, KEY_ID_SIZE, id);
	log_warning("key_gone", "key=%s token=%s", id, op->key->token);
	request_concluded(s, op, op->records[0].seq);
	reply_seq(s, op->peer, op->tag, op->verb, op->records[0].seq);
	signer_op_done(s, op);
}

/* A signature that is under way shows that the key is there, or comes to nothing; either way it ends first. */
static bool in_use(const struct signer *s, const struct op *except)
{
	for (const struct op *op = s->running; op; op = op->running)
		if (op != except && op->verb && (op->key == except->key || op->subject == except->key))
			return true;
	return false;
}

/* No trouble and nothing in raw: the token lists other keys, and not this one. */
static void gone_listed(struct signer *s, struct op *op)
{
	uint16_t code = op->trouble != OP_FINE ? REFUSE_TOKEN_AWAY : op->raw.len ? REFUSE_KEY_PRESENT : 0;
	if (!code && op->key->state == KEY_STATE_GONE)
		code = REFUSE_KEY_GONE;
	if (!code && in_use(s, op))
		code = REFUSE_BUSY;
	if (code) {
		request_refuse(s, op, code, "key_id");
		return;
	}
	/* From here on nothing uses it, whether or not the record is there yet. */
	op->key->state = KEY_STATE_GONE;
	signer_journal(s, op, gone_written);
}

/* Only one answer says that it isn't there; a key that is spoilt, or there twice, is. */
static void gone_looked(struct signer *s, struct op *op)
{
	bool absent = op->trouble == OP_TOKEN_REFUSED && op->driver_code == DRIVER_REFUSE_KEY_UNKNOWN;
	bool there = op->trouble == OP_FINE ||
		     (op->trouble == OP_TOKEN_REFUSED && op->driver_code < DRIVER_REFUSE_TOKEN_AWAY && !absent);
	if (!absent) {
		request_refuse(s, op, there ? REFUSE_KEY_PRESENT : REFUSE_TOKEN_AWAY, "key_id");
		return;
	}
	op->then = gone_listed;
	slot_list(op->key->slot, op);
}

static uint16_t gone_check(const struct key *k)
{
	if (!k)
		return REFUSE_KEY_UNKNOWN;
	if (k->state == KEY_STATE_GONE)
		return REFUSE_KEY_GONE;
	return k->slot && slot_ready(k->slot) ? 0 : REFUSE_TOKEN_AWAY;
}

int answer_key_gone(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct key_gone_request r;
	const char *where;
	if (answer_key_gone_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	struct key *k = keys_find(&s->keys, r.key_id);
	uint16_t code = gone_check(k);
	if (code) {
		request_refuse(s, op, code, "key_id");
		return 0;
	}
	struct key_gone_record gone = { .serial = slice_text(slot_serial(k->slot)), .context = r.context };
	request_stamp(op, gone.request_id, gone.request_hash);
	memcpy(gone.key_id, k->id, KEY_ID_SIZE);
	record_key_gone_put(op_record(op, RECORD_KEY_GONE), &gone);
	op->key = k;
	buf_put(&op->message, k->driver_key, k->driver_key_len);
	op->then = gone_looked;
	slot_public(k->slot, op);
	return 0;
}
