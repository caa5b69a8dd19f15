/*
 * How ops pass between the loop and the threads that flush and verify: always
 * in chains, so that what became ready together costs one lock and one wake.
 */
#ifndef CHANCERY_SIGND_QUEUE_H
#define CHANCERY_SIGND_QUEUE_H

#include "signd/op.h"

/* Ops linked by next, in order; all zeros: none. */
struct op_chain {
	struct op *first, *last;
};
void chain_put(struct op_chain *c, struct op *op);
/* Moves all of them behind those of c. */
void chain_append(struct op_chain *c, struct op_chain *from);
/* Takes the first; NULL if there is none. */
struct op *chain_take(struct op_chain *c);

/* Ops from threads to the loop, in order; posting wakes whoever watches the descriptor. */
struct inbox;
struct inbox *inbox_new(void);
void inbox_free(struct inbox *in);
int inbox_fd(const struct inbox *in);
/* Hands over the chain, which is empty afterwards. */
void inbox_post(struct inbox *in, struct op_chain *ops);
/* Takes all, oldest first; clears the descriptor. */
struct op_chain inbox_take(struct inbox *in);

/* A queue that threads wait on. */
struct op_queue;
struct op_queue *op_queue_new(void);
void op_queue_free(struct op_queue *q);
/* Hands over the chain. Only what is urgent wakes a taker, who then takes what is patient with it. */
void op_queue_put(struct op_queue *q, struct op_chain *ops, bool urgent);
/* What is there has become urgent. */
void op_queue_urge(struct op_queue *q);
/* Waits for something urgent, then takes at most so many, oldest first. Empty once the queue was closed and is empty.
 */
struct op_chain op_queue_take(struct op_queue *q, size_t most);
void op_queue_close(struct op_queue *q);

#endif
