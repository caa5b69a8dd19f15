#include "ledger/merkle.h"

#include <string.h>

void merkle_leaf_hash(struct slice leaf, uint8_t hash[HASH_SIZE])
{
	static const uint8_t prefix = 0;
	hash_parts((struct slice[]){ { &prefix, 1 }, leaf }, 2, hash);
}

void merkle_node_hash(const uint8_t left[HASH_SIZE], const uint8_t right[HASH_SIZE], uint8_t hash[HASH_SIZE])
{
	static const uint8_t prefix = 1;
	hash_parts((struct slice[]){ { &prefix, 1 }, { left, HASH_SIZE }, { right, HASH_SIZE } }, 3, hash);
}

void merkle_init(struct merkle *m)
{
	memset(m, 0, sizeof(*m));
}

void merkle_append(struct merkle *m, const uint8_t leaf_hash[HASH_SIZE])
{
	uint8_t carry[HASH_SIZE];
	memcpy(carry, leaf_hash, HASH_SIZE);
	unsigned level = 0;
	for (; m->size >> level & 1; level++)
		merkle_node_hash(m->peaks[level], carry, carry);
	memcpy(m->peaks[level], carry, HASH_SIZE);
	m->size++;
}

/* SHA-256 of nothing, RFC 6962 2.1. */
static const uint8_t empty_root[HASH_SIZE] = {
	0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
	0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
};

void merkle_root(const struct merkle *m, uint8_t root[HASH_SIZE])
{
	bool any = false;
	memcpy(root, empty_root, HASH_SIZE);
	for (unsigned level = 0; level < 64; level++) {
		if (!(m->size >> level & 1))
			continue;
		if (any)
			merkle_node_hash(m->peaks[level], root, root);
		else
			memcpy(root, m->peaks[level], HASH_SIZE);
		any = true;
	}
}

/* The hash of the subtree over count leaves from start on. */
static int subtree_hash(merkle_leaf_reader *read, void *from, uint64_t start, uint64_t count, uint8_t hash[HASH_SIZE])
{
	struct merkle m;
	merkle_init(&m);
	for (uint64_t i = 0; i < count; i++) {
		uint8_t leaf[HASH_SIZE];
		if (read(from, start + i, leaf) != 0)
			return -1;
		merkle_append(&m, leaf);
	}
	merkle_root(&m, hash);
	return 0;
}

/* The largest power of two below n, for n > 1: where a tree of n leaves divides. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

/* Proofs are found from the root down and stated from the leaf up. */
static void reverse(uint8_t proof[MAX_PROOF][HASH_SIZE], size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		uint8_t swap[HASH_SIZE];
		memcpy(swap, proof[i], HASH_SIZE);
		memcpy(proof[i], proof[count - 1 - i], HASH_SIZE);
		memcpy(proof[count - 1 - i], swap, HASH_SIZE);
	}
}

int merkle_inclusion(merkle_leaf_reader *read, void *from, uint64_t index, uint64_t size,
		     uint8_t proof[MAX_PROOF][HASH_SIZE], size_t *count)
{
	if (index >= size)
		return -1;
	uint64_t start = 0;
	for (*count = 0; size > 1; (*count)++) {
		uint64_t k = split(size);
		bool left = index - start < k;
		uint64_t sibling = left ? start + k : start;
		uint64_t sibling_size = left ? size - k : k;
		if (subtree_hash(read, from, sibling, sibling_size, proof[*count]) != 0)
			return -1;
		start += left ? 0 : k;
		size = left ? k : size - k;
	}
	reverse(proof, *count);
	return 0;
}

int merkle_consistency(merkle_leaf_reader *read, void *from, uint64_t first, uint64_t second,
		       uint8_t proof[MAX_PROOF][HASH_SIZE], size_t *count)
{
	*count = 0;
	if (first > second)
		return -1;
	if (first == 0)
		return 0;
	uint64_t start = 0, size = second;
	for (; first - start != size; (*count)++) {
		uint64_t k = split(size);
		bool left = first - start <= k;
		uint64_t sibling = left ? start + k : start;
		uint64_t sibling_size = left ? size - k : k;
		if (subtree_hash(read, from, sibling, sibling_size, proof[*count]) != 0)
			return -1;
		start += left ? 0 : k;
		size = left ? k : size - k;
	}
	/* The subtree that the path ended at is known to whoever has the first root only if it is that whole tree. */
	if (start != 0 && subtree_hash(read, from, start, size, proof[(*count)++]) != 0)
		return -1;
	reverse(proof, *count);
	return 0;
}

/* One step up past the levels where node is the last of its row and has no sibling. */
static void climb_alone(uint64_t *node, uint64_t *last)
{
	while (*node && !(*node & 1)) {
		*node >>= 1;
		*last >>= 1;
	}
}

/* RFC 9162 2.1.3.2, which says how to verify what RFC 6962 2.1.1 makes. */
bool merkle_inclusion_verify(const uint8_t leaf_hash[HASH_SIZE], uint64_t index, uint64_t size,
			     uint8_t proof[][HASH_SIZE], size_t count, const uint8_t root[HASH_SIZE])
{
	if (index >= size || count > MAX_PROOF)
		return false;
	uint64_t node = index, last = size - 1;
	uint8_t r[HASH_SIZE];
	memcpy(r, leaf_hash, HASH_SIZE);
	for (size_t i = 0; i < count; i++) {
		if (last == 0)
			return false;
		if (node & 1 || node == last) {
			merkle_node_hash(proof[i], r, r);
			climb_alone(&node, &last);
		} else {
			merkle_node_hash(r, proof[i], r);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && memcmp(r, root, HASH_SIZE) == 0;
}

/* RFC 9162 2.1.4.2, steps 3 to 6; path[0] is the subtree that both trees share. */
static bool consistency_walk(uint64_t first, uint64_t second, const uint8_t start[HASH_SIZE],
			     uint8_t proof[][HASH_SIZE], size_t count, const uint8_t first_root[HASH_SIZE],
			     const uint8_t second_root[HASH_SIZE])
{
	uint64_t node = first - 1, last = second - 1;
	for (; node & 1; node >>= 1)
		last >>= 1;
	uint8_t a[HASH_SIZE], b[HASH_SIZE];
	memcpy(a, start, HASH_SIZE);
	memcpy(b, start, HASH_SIZE);
	for (size_t i = 0; i < count; i++) {
		if (last == 0)
			return false;
		if (node & 1 || node == last) {
			merkle_node_hash(proof[i], a, a);
			merkle_node_hash(proof[i], b, b);
			climb_alone(&node, &last);
		} else {
			merkle_node_hash(b, proof[i], b);
		}
		node >>= 1;
		last >>= 1;
	}
	return last == 0 && memcmp(a, first_root, HASH_SIZE) == 0 && memcmp(b, second_root, HASH_SIZE) == 0;
}

bool merkle_consistency_verify(uint64_t first, uint64_t second, uint8_t proof[][HASH_SIZE], size_t count,
			       const uint8_t first_root[HASH_SIZE], const uint8_t second_root[HASH_SIZE])
{
	if (first > second || count > MAX_PROOF)
		return false;
	if (first == second)
		return count == 0 && memcmp(first_root, second_root, HASH_SIZE) == 0;
	if (first == 0)
		return count == 0 && memcmp(first_root, empty_root, HASH_SIZE) == 0;
	/* A first tree that is a full subtree of the second stands in it as it is: its root isn't in the proof. */
	if ((first & (first - 1)) == 0)
		return consistency_walk(first, second, first_root, proof, count, first_root, second_root);
	if (count == 0)
		return false;
	return consistency_walk(first, second, proof[0], proof + 1, count - 1, first_root, second_root);
}
