/*
 * The Merkle tree of RFC 6962 section 2.1 over the leaf hashes of the ledger.
 * The frontier holds one hash per set bit of the size: appending costs one
 * hash on average and memory never grows.
 */
#ifndef CHANCERY_LEDGER_MERKLE_H
#define CHANCERY_LEDGER_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "ledger/record.h"

#define MAX_PROOF 64 /* hashes: one a level of a tree of 2^64 leaves */

struct merkle {
	uint64_t size;
	uint8_t peaks[64][HASH_SIZE]; /* peaks[i] is there if bit i of size is set: a full subtree of 2^i leaves */
};

void merkle_init(struct merkle *m);
void merkle_append(struct merkle *m, const uint8_t leaf_hash[HASH_SIZE]);
/* The root (Merkle Tree Hash); of the empty tree SHA-256 of nothing. */
void merkle_root(const struct merkle *m, uint8_t root[HASH_SIZE]);

void merkle_leaf_hash(struct slice leaf, uint8_t hash[HASH_SIZE]);
void merkle_node_hash(const uint8_t left[HASH_SIZE], const uint8_t right[HASH_SIZE], uint8_t hash[HASH_SIZE]);

/* Reads leaf hash i from wherever they are kept; 0 or -1. */
typedef int merkle_leaf_reader(void *from, uint64_t i, uint8_t hash[HASH_SIZE]);

/* RFC 6962 2.1.1: the audit path of leaf index in the tree of size leaves. 0 or -1 (reader failed, index out of range).
 */
int merkle_inclusion(merkle_leaf_reader *read, void *from, uint64_t index, uint64_t size,
		     uint8_t proof[MAX_PROOF][HASH_SIZE], size_t *count);
bool merkle_inclusion_verify(const uint8_t leaf_hash[HASH_SIZE], uint64_t index, uint64_t size,
			     uint8_t proof[][HASH_SIZE], size_t count, const uint8_t root[HASH_SIZE]);
/* RFC 6962 2.1.2: that the tree of `first` leaves is a prefix of that of `second`. */
int merkle_consistency(merkle_leaf_reader *read, void *from, uint64_t first, uint64_t second,
		       uint8_t proof[MAX_PROOF][HASH_SIZE], size_t *count);
bool merkle_consistency_verify(uint64_t first, uint64_t second, uint8_t proof[][HASH_SIZE], size_t count,
			       const uint8_t first_root[HASH_SIZE], const uint8_t second_root[HASH_SIZE]);

#endif
