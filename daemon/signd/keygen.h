/*
 * New keys: intent durable -> driver makes the key under an id of the
 * signer's choice -> result durable -> reply. The key can do nothing until a
 * certificate binds it.
 */
#ifndef CHANCERY_SIGND_KEYGEN_H
#define CHANCERY_SIGND_KEYGEN_H

#include "wire/frame.h"

struct signer;

int answer_key_create(struct signer *s, uint64_t peer, const struct frame *f);

#endif
