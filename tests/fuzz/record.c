/*
 * ledger/record: what stands in a segment file. An input is read as a segment;
 * and as a type and a body, because no bent body ever gets past its hash.
 */
#include <openssl/x509.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "ledger/record.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

/* There is one way to write a record: what was read is written byte for byte. */
#define RECORD(number, NAME, name, fields)                                                                             \
	static void name##_try(struct slice body)                                                                      \
	{                                                                                                              \
		struct name##_record r;                                                                                \
		if (record_##name##_get(body, &r) != PACK_OK)                                                          \
			return;                                                                                        \
		scoped_buf again = { .max = 2 * MAX_RECORD };                                                          \
		record_##name##_put(&again, &r);                                                                       \
		REQUIRE(slice_equal(buf_slice(&again), body));                                                         \
	}
#include "ledger/records.def"
#undef RECORD

/* A certificate put together around a TBSCertificate that libcrypto reads is one that it reads as well. */
static void certificate_try(struct slice tbs)
{
	static const uint8_t signature[64];
	scoped_buf certificate = { .max = 2 * MAX_RECORD };
	int r = record_certificate(tbs, SLICE_OF(signature), &certificate);
	REQUIRE(r == 0 || r == 1);
	if (r)
		return;
	const unsigned char *at = certificate.at;
	X509 *x = d2i_X509(NULL, &at, (long)certificate.len);
	REQUIRE(!x || at == certificate.at + certificate.len);
	X509_free(x);
}

static void body_try(uint8_t type, struct slice body)
{
	REQUIRE(*record_type_name(type));
	switch (type) {
#define RECORD(number, NAME, name, fields)                                                                             \
	case number:                                                                                                   \
		name##_try(body);                                                                                      \
		break;
#include "ledger/records.def"
#undef RECORD
	}
	struct cert_intent_record intent;
	if (type == RECORD_CERT_INTENT && record_cert_intent_get(body, &intent) == PACK_OK)
		certificate_try(intent.tbs);
}

/* Framed as the ledger does it, the body comes back; without its last byte it does not. */
static void frame_try(uint8_t type, struct slice body)
{
	uint8_t hash[HASH_SIZE], back_hash[HASH_SIZE];
	struct record back, r = { .type = type, .flags = RECORD_BATCH_END, .seq = body.len, .body = body };
	size_t size;
	scoped_buf whole = { .max = 2 * MAX_RECORD };
	record_put(&whole, &r, hash);
	REQUIRE(buf_ok(&whole) && record_peek(buf_slice(&whole), &back, &size, back_hash) == RECORD_WHOLE);
	REQUIRE(size == whole.len && back.type == type && back.seq == r.seq && slice_equal(back.body, body));
	REQUIRE(memcmp(hash, back_hash, HASH_SIZE) == 0);
	whole.len--;
	REQUIRE(record_peek(buf_slice(&whole), &back, &size, NULL) == RECORD_PARTIAL && size == whole.len + 1);
}

static void segment_try(struct slice rest)
{
	struct record r;
	size_t size;
	while (rest.len && record_peek(rest, &r, &size, NULL) == RECORD_WHOLE) {
		REQUIRE(size <= rest.len && size == RECORD_HEAD + r.body.len + RECORD_TAIL);
		body_try(r.type, r.body);
		rest = (struct slice){ rest.at + size, rest.len - size };
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	segment_try((struct slice){ data, size });
	if (size == 0 || size > MAX_RECORD_BODY)
		return 0;
	struct slice body = { data + 1, size - 1 };
	body_try(data[0], body);
	certificate_try(body);
	if (data[0])
		frame_try(data[0], body);
	return 0;
}
