#include "signd/notary.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "signd/guard.h"
#include "signd/signer.h"
#include "wire/inner_answer.h"

#define RECORDS_PER_CHECKPOINT 10000 /* a busy ledger is signed more often than the clock asks for */

static void reply(struct signer *s, uint64_t peer, uint64_t tag)
{
	struct buf *out = guard_out(s->guard, peer);
	if (s->checkpoint.size == 0) {
		guard_refuse(s->guard, peer, INNER_CHECKPOINT, tag, REFUSE_TOKEN_AWAY, NULL, 5);
		return;
	}
	if (!out)
		return;
	struct checkpoint_reply r = { .size = s->checkpoint.size, .note = buf_slice(&s->note) };
	memcpy(r.root, s->checkpoint.root, sizeof(r.root));
	answer_checkpoint_put(out, tag, &r);
	guard_send(s->guard, peer);
}

/* Those who asked get the new one, or, if the token is away, the last there is. */
static void answer_waiting(struct signer *s)
{
	for (struct op *op = s->running, *next; op; op = next) {
		next = op->running;
		if (op->verb != INNER_CHECKPOINT || op->peer == 0)
			continue;
		reply(s, op->peer, op->tag);
		signer_op_done(s, op);
	}
}

static void notary_end(struct signer *s, struct op *op)
{
	s->notarizing = false;
	s->checkpoint_at = time_boot_ms();
	if (op->trouble != OP_FINE)
		log_warning("checkpoint_failed", "trouble=%d", op->trouble);
	signer_op_done(s, op);
	answer_waiting(s);
}

static void note_written(struct signer *s, struct op *op)
{
	if (op->trouble == OP_FINE &&
	    checkpoint_read(buf_slice(&op->note), buf_slice(&s->log_key->public_key), &s->checkpoint) == 0) {
		buf_clear(&s->note);
		buf_put_slice(&s->note, buf_slice(&op->note));
	}
	notary_end(s, op);
}

static void note_verified(struct signer *s, struct op *op)
{
	struct checkpoint c = { .size = op->intent };
	if (op->trouble != OP_FINE) {
		notary_end(s, op);
		return;
	}
	memcpy(c.ledger_id, s->config.ledger_id, LEDGER_ID_SIZE);
	memcpy(c.root, op->request_hash, HASH_SIZE);
	checkpoint_note(&c, buf_slice(&s->log_key->public_key), buf_slice(&op->signature), &op->note);
	signer_journal(s, op, note_written);
}

static void note_signed(struct signer *s, struct op *op)
{
	if (op->trouble != OP_FINE) {
		notary_end(s, op);
		return;
	}
	signer_verify(s, op, note_verified);
}

/* The head that is signed travels in the op: its size as intent, its root as request_hash. */
static void notary_begin(struct signer *s)
{
	struct merkle tree;
	struct op *op = signer_op(s, 0, 0, INNER_CHECKPOINT);
	if (!op)
		return;
	journal_tree(s->journal, &tree);
	struct checkpoint c = { .size = tree.size };
	memcpy(c.ledger_id, s->config.ledger_id, LEDGER_ID_SIZE);
	merkle_root(&tree, c.root);
	checkpoint_text(&c, &op->message);
	op->key = s->log_key;
	op->intent = c.size;
	memcpy(op->request_hash, c.root, HASH_SIZE);
	op->then = note_signed;
	s->notarizing = true;
	slot_sign(s->log_key->slot, op);
}

void notary_tick(struct signer *s)
{
	struct journal_head head;
	/* The head of a ledger that was rolled back or copied is not signed: it would stand beside the one that was
	 * signed before. */
	if (s->notarizing || !slot_ready(s->log_key->slot) || latch_stands_back(s))
		return;
	journal_head(s->journal, &head);
	uint64_t behind = head.size - s->checkpoint.size;
	if (behind && !head.failed &&
	    (behind >= RECORDS_PER_CHECKPOINT || time_boot_ms() - s->checkpoint_at >= s->config.checkpoint_ms))
		notary_begin(s);
}

int answer_checkpoint(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct checkpoint_request r;
	const char *where;
	struct journal_head head;
	if (answer_checkpoint_get(f->body, &r, &where) != PACK_OK)
		return -1;
	journal_head(s->journal, &head);
	if (s->checkpoint.size > signer_shown(s)) {
		guard_refuse(s->guard, peer, f->verb, f->tag, REFUSE_EPOCH_NEEDED, NULL, 0);
		return 0;
	}
	bool current =
		head.size == s->checkpoint.size || !slot_ready(s->log_key->slot) || head.failed || latch_stands_back(s);
	if (current || !signer_op(s, peer, f->tag, f->verb)) {
		reply(s, peer, f->tag);
		return 0;
	}
	if (!s->notarizing)
		notary_begin(s);
	return 0;
}
