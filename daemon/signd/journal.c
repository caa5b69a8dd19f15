#include "signd/journal.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/time.h"

struct journal {
	struct ledger *ledger; /* the thread's own once it runs */
	struct inbox *back;
	struct op_queue *queue;
	pthread_t thread;
	pthread_mutex_t lock; /* of head */
	struct journal_head head;
};

static void publish(struct journal *j, bool failed)
{
	struct journal_head head = { .size = ledger_size(j->ledger), .last_time = ledger_last_time(j->ledger) };
	ledger_root(j->ledger, head.root);
	pthread_mutex_lock(&j->lock);
	head.failed = j->head.failed || failed;
	j->head = head;
	pthread_mutex_unlock(&j->lock);
}

/* An op whose records do not all fit is left for the next batch: a request's records are never torn apart. */
static int stage_op(struct journal *j, struct op *op)
{
	int64_t now = time_now_ms();
	for (size_t i = 0; i < op->record_count; i++) {
		struct staged *r = &op->records[i];
		if (r->follows && i && buf_ok(&r->body))
			set_u64(r->body.at, op->records[i - 1].seq);
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

/* Stages up to a batch from the chain; answers where the next one begins. */
static struct op *stage_batch(struct journal *j, struct op *chain, bool *failed)
{
	size_t records = 0, bytes = 0;
	struct op *last = NULL;
	for (struct op *op = chain; op; op = op->next) {
		records += op->record_count;
		bytes += op_bytes(op);
		if (last && (records > MAX_BATCH || bytes > MAX_BATCH_BYTES))
			break;
		*failed = *failed || stage_op(j, op) != 0;
		last = op;
	}
	struct op *rest = last->next;
	last->next = NULL;
	return rest;
}

static void write_batch(struct journal *j, struct op *batch, bool failed)
{
	failed = failed || ledger_commit(j->ledger) != 0;
	for (struct op *op = batch; op && !failed; op = op->next)
		if (op->note.len && ledger_put_checkpoint(j->ledger, buf_slice(&op->note)) != 0)
			op->trouble = OP_LEDGER_FAILED;
	for (struct op *op = batch; op && failed; op = op->next)
		op->trouble = OP_LEDGER_FAILED;
	publish(j, failed);
	inbox_post(j->back, batch);
}

static void *journal_run(void *of)
{
	struct journal *j = of;
	struct op *chain;
	while ((chain = op_queue_take_all(j->queue))) {
		while (chain) {
			bool failed = j->head.failed;
			struct op *batch = chain;
			chain = stage_batch(j, chain, &failed);
			write_batch(j, batch, failed);
		}
	}
	return NULL;
}

int journal_start(struct ledger *ledger, struct inbox *back, struct journal **out)
{
	struct journal *j = calloc(1, sizeof(*j));
	if (!j || !(j->queue = op_queue_new()))
		return -1;
	j->ledger = ledger;
	j->back = back;
	pthread_mutex_init(&j->lock, NULL);
	publish(j, false);
	if (pthread_create(&j->thread, NULL, journal_run, j) != 0) {
		log_error("thread_failed", "of=journal");
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

void journal_submit(struct journal *j, struct op *op)
{
	op_queue_put(j->queue, op);
}

void journal_head(struct journal *j, struct journal_head *out)
{
	pthread_mutex_lock(&j->lock);
	*out = j->head;
	pthread_mutex_unlock(&j->lock);
}
