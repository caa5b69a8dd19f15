#include "signd/verify.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "signd/encode/cert.h"
#include "signd/keys.h"
#include "signd/public_key.h"

#define MAX_SHARE 4 /* ops that one thread takes at once: the last of them waits for the others */

struct verifiers {
	struct op_queue *queue;
	struct inbox *back;
	struct journal *journal;
	unsigned count;
	pthread_t threads[MAX_VERIFIERS];
};

/* The key that a thread verified with last, made ready. It holds on to the key, so no other can stand in its place. */
struct readied {
	EVP_PKEY *key;
	EVP_PKEY_CTX *verifier;
};

static void ready_key(struct readied *r, const struct key *k)
{
	if (r->key == k->verify)
		return;
	EVP_PKEY_CTX_free(r->verifier);
	r->verifier = public_key_verifier(k->verify, k->algorithm);
	r->key = r->verifier ? k->verify : NULL;
}

static bool signature_verifies(struct readied *r, const struct op *op)
{
	if (op->digest_len == 0)
		return public_key_verify(op->key->verify, op->key->algorithm, buf_slice(&op->message),
					 buf_slice(&op->signature));
	ready_key(r, op->key);
	return r->verifier && public_key_verify_digest(r->verifier, (struct slice){ op->digest, op->digest_len },
						       buf_slice(&op->signature));
}

static bool verify_op(struct readied *r, struct op *op)
{
	const struct algorithm *a = algorithm_by_number(op->key->algorithm);
	if (op->raw.len != a->signature_size)
		return false;
	cert_put_signature(&op->signature, a->number, buf_slice(&op->raw));
	return buf_ok(&op->signature) && signature_verifies(r, op);
}

static void *verifier_run(void *of)
{
	struct verifiers *v = of;
	struct readied readied = { NULL, NULL };
	struct op_chain share;
	while ((share = op_queue_take(v->queue, MAX_SHARE)).first) {
		struct op_chain concluded = { NULL, NULL }, back = concluded;
		for (struct op *op; (op = chain_take(&share));) {
			bool good = verify_op(&readied, op);
			op->trouble = good ? OP_FINE : OP_SIGNATURE_WRONG;
			if (good && op->concluded)
				op->concluded(op);
			chain_put(good && op->concluded ? &concluded : &back, op);
		}
		journal_submit(v->journal, &concluded, true);
		inbox_post(v->back, &back);
	}
	EVP_PKEY_CTX_free(readied.verifier);
	return NULL;
}

int verifiers_start(unsigned count, struct inbox *back, struct journal *journal, struct verifiers **out)
{
	struct verifiers *v = calloc(1, sizeof(*v));
	if (!v || !(v->queue = op_queue_new())) {
		free(v);
		return -1;
	}
	v->back = back;
	v->journal = journal;
	for (v->count = 0; v->count < count; v->count++) {
		if (pthread_create(&v->threads[v->count], NULL, verifier_run, v) != 0) {
			log_error("thread_failed", "of=verifier");
			verifiers_stop(v);
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

void verifiers_submit(struct verifiers *v, struct op_chain *ops)
{
	op_queue_put(v->queue, ops, true);
}
