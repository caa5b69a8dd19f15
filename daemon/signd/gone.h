/*
 * KEY_GONE: an operator destroyed a key with the token's own tool. Its absence
 * is proved by the token, which is asked twice and in two ways; then recorded;
 * from then on the key signs nothing, for good.
 */
#ifndef CHANCERY_SIGND_GONE_H
#define CHANCERY_SIGND_GONE_H

#include "wire/frame.h"

struct signer;

int answer_key_gone(struct signer *s, uint64_t peer, const struct frame *f);

#endif
