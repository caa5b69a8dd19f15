/* Threads that verify each signature under the public key before it is released. */
#ifndef CHANCERY_SIGND_VERIFY_H
#define CHANCERY_SIGND_VERIFY_H

#include "signd/op.h"

#define MAX_VERIFIERS 16

struct verifiers;
/* 0 or -1. Ops come back by way of the inbox. */
int verifiers_start(unsigned count, struct inbox *back, struct verifiers **out);
void verifiers_stop(struct verifiers *v);
/*
 * Puts op->signature together from op->raw and verifies it over op->message
 * under op->key; on failure the op's trouble is OP_SIGNATURE_WRONG.
 */
void verifiers_submit(struct verifiers *v, struct op *op);

#endif
