#include "signd/feed.h"

#include "signd/keys.h"

#define MOST_PATIENCE_MS 2000 /* how long an answer waits behind certificates */
#define EACH_WORKER 2	      /* answers: the one that it signs, and the next, so that none is idle meanwhile */

/* How many answers a token has. Slots are never taken away. */
static unsigned *with_slot(struct feed *f, const struct slot *slot)
{
	size_t i = 0;
	while (i + 1 < MAX_SLOTS && f->at[i].slot && f->at[i].slot != slot)
		i++;
	f->at[i].slot = slot;
	return &f->at[i].with;
}

void feed_put(struct feed *f, struct op *op, int64_t now)
{
	op->deadline = now + MOST_PATIENCE_MS;
	chain_put(&f->waiting, op);
}

/* One that isn't there gets all, for a slot knows how long that is worth waiting for. */
static bool takes(struct feed *f, const struct op *op, int64_t now)
{
	struct slot *slot = op->key->slot;
	unsigned with = *with_slot(f, slot), workers = slot_workers(slot);
	if (!slot_ready(slot))
		return true;
	return with < EACH_WORKER * (workers ? workers : 1) && (!slot_busy(slot) || now >= op->deadline);
}

static void unlink_behind(struct op_chain *c, struct op *before, struct op *op)
{
	*(before ? &before->next : &c->first) = op->next;
	if (!op->next)
		c->last = before;
	op->next = NULL;
}

struct op *feed_take(struct feed *f, int64_t now)
{
	struct op *before = NULL, *op = f->waiting.first;
	for (; op && !takes(f, op, now); op = op->next)
		before = op;
	if (!op)
		return NULL;
	unlink_behind(&f->waiting, before, op);
	++*with_slot(f, op->key->slot);
	return op;
}

void feed_back(struct feed *f, const struct slot *slot)
{
	--*with_slot(f, slot);
}

bool feed_waits(const struct feed *f, const struct slot *slot)
{
	const struct op *op = f->waiting.first;
	while (op && op->key->slot != slot)
		op = op->next;
	return op != NULL;
}
