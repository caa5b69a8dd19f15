/*
 * What a certificate does to the key that it names, once it is signed: a new
 * CA's key gets its charter, a renewed one its longer validity, a responder's
 * key the CA that it answers for. The record beside the result says so, and
 * signd/restore.c reads it back.
 */
#ifndef CHANCERY_SIGND_BINDING_H
#define CHANCERY_SIGND_BINDING_H

#include "signd/op.h"

enum binding { BINDS_NEW, BINDS_RENEWED, BINDS_NOTHING, BINDS_RESPONDER };

/* The record after the result. Looks at the op alone, and at what never changes of its keys: for any thread. */
void binding_record(struct op *op);
/* The records are durable: it holds from now on. */
void binding_hold(struct op *op);

#endif
