#include "signd/queue.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>

#include "base/fd.h"

void chain_put(struct op_chain *c, struct op *op)
{
	op->next = NULL;
	if (c->last)
		c->last->next = op;
	else
		c->first = op;
	c->last = op;
}

void chain_append(struct op_chain *c, struct op_chain *from)
{
	if (!from->first)
		return;
	if (c->last)
		c->last->next = from->first;
	else
		c->first = from->first;
	c->last = from->last;
	*from = (struct op_chain){ NULL, NULL };
}

struct op *chain_take(struct op_chain *c)
{
	struct op *op = c->first;
	if (!op)
		return NULL;
	c->first = op->next;
	if (!c->first)
		c->last = NULL;
	op->next = NULL;
	return op;
}

struct inbox {
	pthread_mutex_t lock;
	struct op_chain ops;
	int fd;
};

struct inbox *inbox_new(void)
{
	struct inbox *in = calloc(1, sizeof(*in));
	if (!in)
		return NULL;
	pthread_mutex_init(&in->lock, NULL);
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

void inbox_post(struct inbox *in, struct op_chain *ops)
{
	if (!ops->first)
		return;
	pthread_mutex_lock(&in->lock);
	bool was_empty = in->ops.first == NULL;
	chain_append(&in->ops, ops);
	pthread_mutex_unlock(&in->lock);
	if (was_empty)
		eventfd_write(in->fd, 1);
}

struct op_chain inbox_take(struct inbox *in)
{
	eventfd_t count;
	pthread_mutex_lock(&in->lock);
	eventfd_read(in->fd, &count);
	struct op_chain ops = in->ops;
	in->ops = (struct op_chain){ NULL, NULL };
	pthread_mutex_unlock(&in->lock);
	return ops;
}

struct op_queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	struct op_chain ops;
	bool urgent, closed;
};

struct op_queue *op_queue_new(void)
{
	struct op_queue *q = calloc(1, sizeof(*q));
	if (!q)
		return NULL;
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->filled, NULL);
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

void op_queue_put(struct op_queue *q, struct op_chain *ops, bool urgent)
{
	if (!ops->first)
		return;
	bool several = ops->first != ops->last;
	pthread_mutex_lock(&q->lock);
	chain_append(&q->ops, ops);
	q->urgent = q->urgent || urgent;
	pthread_mutex_unlock(&q->lock);
	if (urgent && several)
		pthread_cond_broadcast(&q->filled);
	else if (urgent)
		pthread_cond_signal(&q->filled);
}

void op_queue_urge(struct op_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->urgent = q->ops.first != NULL;
	pthread_mutex_unlock(&q->lock);
	pthread_cond_signal(&q->filled);
}

struct op_chain op_queue_take(struct op_queue *q, size_t most)
{
	struct op_chain taken = { NULL, NULL };
	pthread_mutex_lock(&q->lock);
	while (!(q->ops.first && q->urgent) && !q->closed)
		pthread_cond_wait(&q->filled, &q->lock);
	for (size_t i = 0; i < most && q->ops.first; i++)
		chain_put(&taken, chain_take(&q->ops));
	q->urgent = q->ops.first != NULL;
	pthread_mutex_unlock(&q->lock);
	return taken;
}

void op_queue_close(struct op_queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->closed = true;
	pthread_cond_broadcast(&q->filled);
	pthread_mutex_unlock(&q->lock);
}
