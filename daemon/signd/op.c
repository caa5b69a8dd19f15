#include "signd/op.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/fd.h"
#include "ledger/record.h"

struct op *op_new(void)
{
	struct op *op = calloc(1, sizeof(*op));
	if (!op)
		return NULL;
	buf_init(&op->message, MAX_RECORD_BODY);
	buf_init(&op->raw, 4096);
	buf_init(&op->signature, 4096);
	buf_init(&op->charter, MAX_RECORD_BODY);
	buf_init(&op->note, 4096);
	for (size_t i = 0; i < MAX_OP_RECORDS; i++)
		buf_init(&op->records[i].body, MAX_RECORD_BODY);
	return op;
}

void op_free(struct op *op)
{
	if (!op)
		return;
	buf_free(&op->message);
	buf_free(&op->raw);
	buf_free(&op->signature);
	buf_free(&op->charter);
	buf_free(&op->note);
	for (size_t i = 0; i < MAX_OP_RECORDS; i++)
		buf_free(&op->records[i].body);
	free(op);
}

void op_cleanup(struct op **op)
{
	op_free(*op);
}

struct buf *op_record(struct op *op, uint8_t type)
{
	if (op->record_count == MAX_OP_RECORDS)
		abort();
	struct staged *r = &op->records[op->record_count++];
	r->type = type;
	r->follows = false;
	buf_clear(&r->body);
	return &r->body;
}

struct inbox {
	pthread_mutex_t lock;
	struct op *first, **last;
	int fd;
};

struct inbox *inbox_new(void)
{
	struct inbox *in = calloc(1, sizeof(*in));
	if (!in)
		return NULL;
	pthread_mutex_init(&in->lock, NULL);
	in->last = &in->first;
	in->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return in;
}

void inbox_free(struct inbox *in)
{
	if (!in)
		return;
	fd_close(&in->fd);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

int inbox_fd(const struct inbox *in)
{
	return in->fd;
}

void inbox_post(struct inbox *in, struct op *first)
{
	pthread_mutex_lock(&in->lock);
	bool was_empty = in->first == NULL;
	*in->last = first;
	while (*in->last)
		in->last = &(*in->last)->next;
	pthread_mutex_unlock(&in->lock);
	if (was_empty)
		eventfd_write(in->fd, 1);
}

struct op *inbox_take(struct inbox *in)
{
	eventfd_t count;
	pthread_mutex_lock(&in->lock);
	eventfd_read(in->fd, &count);
	struct op *first = in->first;
	in->first = NULL;
	in->last = &in->first;
	pthread_mutex_unlock(&in->lock);
	return first;
}

struct op_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct op *first, **last;
	bool closed;
};

struct op_queue *op_queue_new(void)
{
	struct op_queue *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, NULL);
	q->last = &q->first;
	return q;
}

void op_queue_free(struct op_queue *q)
{
	if (!q)
		return;
	pthread_cond_destroy(&q->filled);
	pthread_mutex_destroy(&q->lock);
	free(q);
}

void op_queue_put(struct op_queue *q, struct op *op)
{
	pthread_mutex_lock(&q->lock);
	op->next = NULL;
	*q->last = op;
	q->last = &op->next;
	pthread_cond_signal(&q->filled);
	pthread_mutex_unlock(&q->lock);
}

static struct op *queue_take(struct op_queue *q, bool all)
{
	pthread_mutex_lock(&q->lock);
	while (!q->first && !q->closed)
		pthread_cond_wait(&q->filled, &q->lock);
	struct op *first = q->first;
	q->first = all || !first ? NULL : first->next;
	if (!q->first)
		q->last = &q->first;
	if (!all && first)
		first->next = NULL;
	pthread_mutex_unlock(&q->lock);
	return first;
}

struct op *op_queue_take(struct op_queue *q)
{
	return queue_take(q, false);
}

struct op *op_queue_take_all(struct op_queue *q)
{
	return queue_take(q, true);
}

void op_queue_close(struct op_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}
