#include "signd/signer.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "signd/slot.h"

size_t signer_slot(const struct signer *s, struct slice name)
{
	for (size_t i = 0; i < s->config.token_count; i++)
		if (slice_equal(slice_text(s->config.tokens[i].name), name))
			return i;
	return MAX_SLOTS;
}

struct op *signer_op(struct signer *s, uint64_t peer, uint64_t tag, uint16_t verb)
{
	struct op *op = s->running_count < MAX_IN_FLIGHT ? op_new() : NULL;
	if (!op)
		return NULL;
	op->peer = peer;
	op->tag = tag;
	op->verb = verb;
	op->running = s->running;
	op->running_at = &s->running;
	if (s->running)
		s->running->running_at = &op->running;
	s->running = op;
	s->running_count++;
	return op;
}

void signer_op_done(struct signer *s, struct op *op)
{
	*op->running_at = op->running;
	if (op->running)
		op->running->running_at = op->running_at;
	s->running_count--;
	op_free(op);
}

void signer_journal(struct signer *s, struct op *op, void (*then)(struct signer *s, struct op *op))
{
	op->then = then;
	chain_put(&s->records, op);
}

void signer_intend(struct signer *s, struct op *op, void (*then)(struct signer *s, struct op *op))
{
	op->then = then;
	chain_put(slot_busy(op->key->slot) ? &s->intents : &s->records, op);
}

void signer_verify(struct signer *s, struct op *op, void (*then)(struct signer *s, struct op *op))
{
	op->then = then;
	chain_put(&s->signatures, op);
}

void signer_hand_over(struct signer *s)
{
	verifiers_submit(s->verifiers, &s->signatures);
	journal_submit(s->journal, &s->intents, false);
	journal_submit(s->journal, &s->records, true);
}

uint64_t signer_shown(const struct signer *s)
{
	struct journal_head head;
	journal_head(s->journal, &head);
	bool less = s->latches.closed[LATCH_ROLLBACK] && s->latches.shared < head.size;
	return less ? s->latches.shared : head.size;
}

uint16_t signer_stopped(struct signer *s, bool signing)
{
	struct journal_head head;
	journal_head(s->journal, &head);
	if (head.failed)
		return REFUSE_LEDGER_FAILED;
	for (size_t i = 0; i < LATCHES; i++)
		if (s->latches.closed[i] && (signing || i == LATCH_ROLLBACK || i == LATCH_HOST))
			return i == LATCH_ROLLBACK ? REFUSE_EPOCH_NEEDED : REFUSE_LATCHED;
	if (signing && clock_look(&s->clock) != CLOCK_FINE)
		return REFUSE_CLOCK;
	if (signing && head.size - s->checkpoint.size > s->config.max_unsigned)
		return REFUSE_CHECKPOINT_OVERDUE;
	return 0;
}
