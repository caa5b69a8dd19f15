#include "signd/keygen.h"

#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "signd/request.h"
#include "signd/signer.h"
#include "signd/slot.h"
#include "wire/inner_answer.h"

static void lost_written(struct signer *s, struct op *op)
{
	if (op->trouble != OP_LEDGER_FAILED)
		request_concluded(s, op, op->records[0].seq);
	request_refuse(s, op, op->refusal, NULL);
}

/* The token may hold a key of this id now; nobody will ever use it. */
static void keygen_lost(struct signer *s, struct op *op, uint16_t code)
{
	struct lost_record lost = { op->intent, RECORD_KEY_INTENT };
	log_error("key_lost", "intent=%llu reason=%s driver_code=%u", (unsigned long long)op->intent,
		  inner_refusal_name(code), op->driver_code);
	op->refusal = code;
	op->trouble = OP_FINE;
	op->record_count = 0;
	record_lost_put(op_record(op, RECORD_LOST), &lost);
	signer_journal(s, op, lost_written);
}

static void keygen_done(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE || keys_add(&s->keys, op->key) != 0) {
		key_free(op->key);
		request_refuse(s, op, REFUSE_LEDGER_FAILED, NULL);
		return;
	}
	request_concluded(s, op, op->records[0].seq);
	reply_key(s, op->peer, op->tag, op->intent, op->key->id, buf_slice(&op->key->public_key));
	signer_op_done(s, op);
}

static void keygen_made(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		keygen_lost(s, op, request_trouble(op));
		return;
	}
	struct slot *slot = s->slots[op->slot];
	op->key = key_new(op->message.at, slice_text(slot_name(slot)), buf_slice(&op->message), buf_slice(&op->raw));
	if (!op->key || op->key->algorithm != op->kind) {
		key_free(op->key);
		op->key = NULL;
		keygen_lost(s, op, REFUSE_TOKEN_REFUSED);
		return;
	}
	op->key->slot = slot;
	op->key->made_at = time_now();
	struct key_result_record result = { .intent = op->intent,
					    .public_key = buf_slice(&op->raw),
					    .dropped = buf_slice(&op->dropped) };
	memcpy(result.key_id, op->key->id, KEY_ID_SIZE);
	op->record_count = 0;
	record_key_result_put(op_record(op, RECORD_KEY_RESULT), &result);
	signer_journal(s, op, keygen_done);
}

static void keygen_intended(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		request_refuse(s, op, REFUSE_LEDGER_FAILED, NULL);
		return;
	}
	op->intent = op->records[0].seq;
	op->then = keygen_made;
	slot_create(s->slots[op->slot], op, op->kind);
}

static size_t keys_under_way(const struct signer *s)
{
	size_t n = 0;
	for (const struct op *op = s->running; op; op = op->running)
		n += op->verb == INNER_KEY_CREATE;
	return n;
}

static struct verdict keygen_check(const struct signer *s, struct op *op, const struct key_create_request *r,
				   const struct slot *slot)
{
	if (!slot)
		return (struct verdict){ REFUSE_TOKEN_UNKNOWN, "token" };
	if (!slot_ready(slot))
		return (struct verdict){ REFUSE_TOKEN_AWAY, "token" };
	if (!algorithm_by_number(r->algorithm) || !slot_can(slot, r->algorithm) ||
	    (s->config.fips_only && !algorithm_approved(r->algorithm)))
		return (struct verdict){ REFUSE_ALGORITHM, "algorithm" };
	/* This op is among those under way. */
	if (keys_count(&s->keys, KEY_STATE_UNBOUND) + keys_under_way(s) > s->config.max_unbound)
		return (struct verdict){ REFUSE_TOO_MANY_UNBOUND, NULL };
	return (struct verdict){ meter_ask(&s->new_keys, &s->config.new_keys, time_now_ms(), &op->retry_after), NULL };
}

int answer_key_create(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct key_create_request r;
	const char *where;
	if (answer_key_create_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct op *op = request_begin(s, peer, f, r.request_id);
	if (!op)
		return 0;
	size_t slot = signer_slot(s, r.token);
	struct verdict v = keygen_check(s, op, &r, s->slots[slot]);
	if (v.code) {
		request_refuse(s, op, v.code, v.field);
		return 0;
	}
	uint8_t id[KEY_ID_SIZE];
	random_bytes(id, sizeof(id));
	buf_put(&op->message, id, sizeof(id));
	op->kind = r.algorithm;
	op->slot = slot;
	struct key_intent_record intent = { .token = r.token, .algorithm = r.algorithm, .context = r.context };
	request_stamp(op, intent.request_id, intent.request_hash);
	memcpy(intent.key_id, id, sizeof(id));
	record_key_intent_put(op_record(op, RECORD_KEY_INTENT), &intent);
	meter_draw(&s->new_keys, &s->config.new_keys, time_now_ms());
	signer_journal(s, op, keygen_intended);
	return 0;
}
