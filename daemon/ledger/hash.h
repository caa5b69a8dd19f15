/*
 * SHA-256 as the ledger and the signer use it, over bytes that need not stand
 * together. Without it neither can go on, so it ends the process rather than fail.
 */
#ifndef CHANCERY_LEDGER_HASH_H
#define CHANCERY_LEDGER_HASH_H

#include "base/buf.h"

#define HASH_SIZE 32

void hash_parts(const struct slice *parts, size_t count, uint8_t hash[HASH_SIZE]);

static inline void hash_of(struct slice bytes, uint8_t hash[HASH_SIZE])
{
	hash_parts(&bytes, 1, hash);
}

#endif
