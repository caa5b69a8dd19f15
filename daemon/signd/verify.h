/* Threads that verify each signature under the public key before it is released. */
#ifndef CHANCERY_SIGND_VERIFY_H
#define CHANCERY_SIGND_VERIFY_H

#include "signd/journal.h"

#define MAX_VERIFIERS 16

struct verifiers;
/* 0 or -1. */
int verifiers_start(unsigned count, struct inbox *back, struct journal *journal, struct verifiers **out);
void verifiers_stop(struct verifiers *v);
/*
 * Takes the chain over. Puts each op's signature together from op->raw and
 * verifies it over op->message under op->key. An op that verifies and has a
 * way to conclude goes on to the journal; every other one comes back by way of
 * the inbox, on failure with the trouble OP_SIGNATURE_WRONG.
 */
void verifiers_submit(struct verifiers *v, struct op_chain *ops);

#endif
