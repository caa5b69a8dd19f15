/* ledger/merkle: the known roots of RFC 6962 trees, and every proof of small ones, whole and bent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/text.h"
#include "ledger/merkle.h"

#define LEAVES 66

static uint8_t leaves[LEAVES][HASH_SIZE];
static uint8_t roots[LEAVES + 1][HASH_SIZE];

static int leaf_read(void *from, uint64_t i, uint8_t hash[HASH_SIZE])
{
	(void)from;
	memcpy(hash, leaves[i], HASH_SIZE);
	return 0;
}

static int leaf_refuse(void *from, uint64_t i, uint8_t hash[HASH_SIZE])
{
	(void)from, (void)i, (void)hash;
	return -1;
}

static int trees_make(void **state)
{
	(void)state;
	struct merkle m;
	merkle_init(&m);
	merkle_root(&m, roots[0]);
	for (uint8_t i = 0; i < LEAVES; i++) {
		merkle_leaf_hash((struct slice){ &i, 1 }, leaves[i]);
		merkle_append(&m, leaves[i]);
		merkle_root(&m, roots[i + 1]);
	}
	return 0;
}

static void root_is(const struct merkle *m, const char *hex)
{
	uint8_t root[HASH_SIZE];
	char text[2 * HASH_SIZE + 1];
	merkle_root(m, root);
	hex_encode(root, sizeof(root), text);
	assert_string_equal(text, hex);
}

/* The inputs and roots of the Certificate Transparency reference implementation's own test. */
static void known_roots_come_out(void **state)
{
	(void)state;
	static const char *const inputs[8] = {
		"", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"
	};
	static const char *const expected[9] = {
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
		"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
		"aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
		"d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
		"4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
		"76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
		"ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
		"5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
	};
	struct merkle m;
	merkle_init(&m);
	root_is(&m, expected[0]);
	for (size_t i = 0; i < 8; i++) {
		uint8_t bytes[16], hash[HASH_SIZE];
		size_t n = strlen(inputs[i]) / 2;
		assert_true(hex_decode(inputs[i], 2 * n, bytes, n));
		merkle_leaf_hash((struct slice){ bytes, n }, hash);
		merkle_append(&m, hash);
		root_is(&m, expected[i + 1]);
	}
}

static void every_inclusion_holds_and_no_bent_one(void **state)
{
	(void)state;
	for (uint64_t size = 1; size <= LEAVES; size++) {
		for (uint64_t i = 0; i < size; i++) {
			uint8_t p[MAX_PROOF][HASH_SIZE];
			size_t n;
			assert_int_equal(merkle_inclusion(leaf_read, NULL, i, size, p, &n), 0);
			assert_true(merkle_inclusion_verify(leaves[i], i, size, p, n, roots[size]));
			for (size_t k = 0; k < n; k++) {
				p[k][k % HASH_SIZE] ^= 0x10;
				assert_false(merkle_inclusion_verify(leaves[i], i, size, p, n, roots[size]));
				p[k][k % HASH_SIZE] ^= 0x10;
			}
			assert_false(merkle_inclusion_verify(leaves[(i + 1) % LEAVES], i, size, p, n, roots[size]));
			assert_false(merkle_inclusion_verify(leaves[i], i, size, p, n, roots[size - 1]));
			assert_false(merkle_inclusion_verify(leaves[i], i, size, p, n + 1, roots[size]));
			if (n)
				assert_false(merkle_inclusion_verify(leaves[i], i, size, p, n - 1, roots[size]));
			assert_false(merkle_inclusion_verify(leaves[i], size, size, p, n, roots[size]));
			for (uint64_t j = 0; j < size; j++)
				if (j != i)
					assert_false(merkle_inclusion_verify(leaves[i], j, size, p, n, roots[size]));
		}
	}
}

static void every_consistency_holds_and_no_bent_one(void **state)
{
	(void)state;
	for (uint64_t b = 0; b <= LEAVES; b++) {
		for (uint64_t a = 0; a <= b; a++) {
			uint8_t p[MAX_PROOF][HASH_SIZE];
			size_t n;
			assert_int_equal(merkle_consistency(leaf_read, NULL, a, b, p, &n), 0);
			assert_true(merkle_consistency_verify(a, b, p, n, roots[a], roots[b]));
			for (size_t k = 0; k < n; k++) {
				p[k][31 - k] ^= 1;
				assert_false(merkle_consistency_verify(a, b, p, n, roots[a], roots[b]));
				p[k][31 - k] ^= 1;
			}
			assert_false(merkle_consistency_verify(a, b, p, n + 1, roots[a], roots[b]));
			if (n)
				assert_false(merkle_consistency_verify(a, b, p, n - 1, roots[a], roots[b]));
			if (a != b)
				assert_false(merkle_consistency_verify(a, b, p, n, roots[b], roots[b]));
			if (a)
				assert_false(merkle_consistency_verify(a, b, p, n, roots[a], roots[(b + 1) % LEAVES]));
			if (a < b)
				assert_false(merkle_consistency_verify(b, a, p, n, roots[b], roots[a]));
		}
	}
}

static void what_is_out_of_range_or_unreadable_is_refused(void **state)
{
	(void)state;
	uint8_t p[MAX_PROOF + 1][HASH_SIZE] = { { 0 } };
	size_t n;
	assert_int_equal(merkle_inclusion(leaf_read, NULL, 5, 5, p, &n), -1);
	assert_int_equal(merkle_inclusion(leaf_read, NULL, 0, 0, p, &n), -1);
	assert_int_equal(merkle_inclusion(leaf_refuse, NULL, 1, 5, p, &n), -1);
	assert_int_equal(merkle_consistency(leaf_read, NULL, 6, 5, p, &n), -1);
	assert_int_equal(merkle_consistency(leaf_refuse, NULL, 3, 5, p, &n), -1);
	assert_false(merkle_inclusion_verify(leaves[0], 0, UINT64_MAX, p, MAX_PROOF + 1, roots[1]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_roots_come_out),
		cmocka_unit_test(every_inclusion_holds_and_no_bent_one),
		cmocka_unit_test(every_consistency_holds_and_no_bent_one),
		cmocka_unit_test(what_is_out_of_range_or_unreadable_is_refused),
	};
	return cmocka_run_group_tests_name("merkle", tests, trees_make, NULL);
}
