#include "signd/journal.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"

struct journal {
	struct ledger *ledger; /* the thread's own once it runs */
	struct clock *clock;
	struct inbox *back;
	struct op_queue *queue;
	pthread_t thread;
	pthread_mutex_t lock; /* of what follows */
	struct journal_head head;
	struct merkle tree;
};

static void publish(struct journal *j, bool failed)
{
	struct journal_head head = { .size = ledger_size(j->ledger), .last_time = ledger_last_time(j->ledger) };
	pthread_mutex_lock(&j->lock);
	head.failed = j->head.failed || failed;
	j->head = head;
	j->tree = *ledger_tree(j->ledger);
	pthread_mutex_unlock(&j->lock);
}

/* An op whose records do not all fit is left for the next batch: a request's records are never torn apart. */
static int stage_op(struct journal *j, struct op *op)
{
	int64_t now = clock_stamp(j->clock);
	for (size_t i = 0; i < op->record_count; i++) {
		struct staged *r = &op->records[i];
		if (r->follows && r->follows <= i && buf_ok(&r->body))
			set_u64(r->body.at, op->records[i - r->follows].seq);
		if (!buf_ok(&r->body) || ledger_stage(j->ledger, r->type, now, buf_slice(&r->body), &r->seq) != 0)
			return -1;
	}
	return 0;
}

static size_t op_bytes(const struct op *op)
{
	size_t bytes = 0;
	for (size_t i = 0; i < op->record_count; i++)
		bytes += RECORD_HEAD + op->records[i].body.len + RECORD_TAIL;
	return bytes;
}

/* Moves up to a batch from the chain into its own, staged. */
static struct op_chain stage_batch(struct journal *j, struct op_chain *chain, bool *failed)
{
	size_t records = 0, bytes = 0;
	struct op_chain batch = { NULL, NULL };
	while (chain->first) {
		records += chain->first->record_count;
		bytes += op_bytes(chain->first);
		if (batch.first && (records > MAX_BATCH || bytes > MAX_BATCH_BYTES))
			break;
		*failed = *failed || stage_op(j, chain->first) != 0;
		chain_put(&batch, chain_take(chain));
	}
	return batch;
}

static void write_batch(struct journal *j, struct op_chain *batch, bool failed)
{
	failed = failed || ledger_commit(j->ledger) != 0;
	for (struct op *op = batch->first; op && !failed; op = op->next)
		if (op->note.len && ledger_put_checkpoint(j->ledger, buf_slice(&op->note)) != 0)
			op->trouble = OP_LEDGER_FAILED;
	for (struct op *op = batch->first; op && failed; op = op->next)
		op->trouble = OP_LEDGER_FAILED;
	publish(j, failed);
	inbox_post(j->back, batch);
	ledger_tell_head(j->ledger);
	ledger_clear_ahead(j->ledger);
}

static void *journal_run(void *of)
{
	struct journal *j = of;
	struct op_chain chain;
	while ((chain = op_queue_take(j->queue, SIZE_MAX)).first) {
		while (chain.first) {
			bool failed = j->head.failed;
			struct op_chain batch = stage_batch(j, &chain, &failed);
			write_batch(j, &batch, failed);
		}
	}
	return NULL;
}

int journal_start(struct ledger *ledger, struct clock *clock, struct inbox *back, struct journal **out)
{
	struct journal *j = calloc(1, sizeof(*j));
	if (!j || !(j->queue = op_queue_new())) {
		free(j);
		return -1;
	}
	j->ledger = ledger;
	j->clock = clock;
	j->back = back;
	pthread_mutex_init(&j->lock, NULL);
	publish(j, false);
	if (pthread_create(&j->thread, NULL, journal_run, j) != 0) {
		log_error("thread_failed", "of=journal");
		op_queue_free(j->queue);
		pthread_mutex_destroy(&j->lock);
		free(j);
		return -1;
	}
	*out = j;
	return 0;
}

void journal_stop(struct journal *j)
{
	op_queue_close(j->queue);
	pthread_join(j->thread, NULL);
	op_queue_free(j->queue);
	ledger_close(j->ledger);
	pthread_mutex_destroy(&j->lock);
	free(j);
}

void journal_submit(struct journal *j, struct op_chain *ops, bool urgent)
{
	op_queue_put(j->queue, ops, urgent);
}

void journal_urge(struct journal *j)
{
	op_queue_urge(j->queue);
}

void journal_head(struct journal *j, struct journal_head *out)
{
	pthread_mutex_lock(&j->lock);
	*out = j->head;
	pthread_mutex_unlock(&j->lock);
}

void journal_tree(struct journal *j, struct merkle *out)
{
	pthread_mutex_lock(&j->lock);
	*out = j->tree;
	pthread_mutex_unlock(&j->lock);
}
