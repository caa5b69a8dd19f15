/*
 * ledger/proof: proofs that somebody hands to an auditor, of records and of
 * consistency, under the key that they name and under another one.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "fuzz/log_key.h"
#include "ledger/proof.h"

static uint8_t log_key[LOG_KEY_SIZE];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	log_key_public(log_key);
	return 0;
}

static void proof_try(struct slice text, struct slice key)
{
	struct proof p;
	if (proof_read(text, key, &p) == PROOF_HOLDS) {
		REQUIRE(proof_is(text) && p.count > 0 && p.count <= MAX_PROOF_RECORDS);
		for (size_t i = 0; i < p.count; i++)
			REQUIRE(p.records[i].seq < p.head.size && p.records[i].record.seq == p.records[i].seq);
	}
	proof_free(&p);
}

static void consistency_try(struct slice text, struct slice key)
{
	struct consistency c;
	if (consistency_read(text, key, &c) == PROOF_HOLDS)
		REQUIRE(consistency_is(text) && c.heads[0].size <= c.heads[1].size && c.count <= MAX_PROOF);
	consistency_free(&c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice text = { data, size }, none = { NULL, 0 };
	proof_try(text, none);
	proof_try(text, SLICE_OF(log_key));
	consistency_try(text, none);
	consistency_try(text, SLICE_OF(log_key));
	return 0;
}
