#include "signd/verify.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "signd/encode/cert.h"
#include "signd/keys.h"
#include "signd/public_key.h"

struct verifiers {
	struct op_queue *queue;
	struct inbox *back;
	unsigned count;
	pthread_t threads[MAX_VERIFIERS];
};

static void verify_op(struct op *op)
{
	const struct algorithm *a = algorithm_by_number(op->key->algorithm);
	if (op->raw.len == a->signature_size) {
		cert_put_signature(&op->signature, a->number, buf_slice(&op->raw));
		if (buf_ok(&op->signature) && public_key_verify(op->key->verify, a->number, buf_slice(&op->message),
								buf_slice(&op->signature)))
			return;
	}
	op->trouble = OP_SIGNATURE_WRONG;
}

static void *verifier_run(void *of)
{
	struct verifiers *v = of;
	struct op *op;
	while ((op = op_queue_take(v->queue))) {
		verify_op(op);
		inbox_post(v->back, op);
	}
	return NULL;
}

int verifiers_start(unsigned count, struct inbox *back, struct verifiers **out)
{
	struct verifiers *v = calloc(1, sizeof(*v));
	if (!v || !(v->queue = op_queue_new()))
		return -1;
	v->back = back;
	for (v->count = 0; v->count < count; v->count++) {
		if (pthread_create(&v->threads[v->count], NULL, verifier_run, v) != 0) {
			log_error("thread_failed", "of=verifier");
			return -1;
		}
	}
	*out = v;
	return 0;
}

void verifiers_stop(struct verifiers *v)
{
	op_queue_close(v->queue);
	for (unsigned i = 0; i < v->count; i++)
		pthread_join(v->threads[i], NULL);
	op_queue_free(v->queue);
	free(v);
}

void verifiers_submit(struct verifiers *v, struct op *op)
{
	op_queue_put(v->queue, op);
}
