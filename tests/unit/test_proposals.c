/*
 * ledger/proposal, signd/proposals: what people sign and what becomes of it. Every byte of it counts, each limit at the
 * limit and one past it, and a snapshot comes to the same.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/ec.h>
#include <openssl/x509.h>

#include "signd/proposals.h"

#define NOW INT64_C(1800000000)

static struct proposals all; /* too large for a stack */

static int begin(void **state)
{
	(void)state;
	proposals_free(&all);
	all.epoch = 1;
	return 0;
}

static int end(void **state)
{
	(void)state;
	proposals_free(&all);
	return 0;
}

/* Of a kind whose content needs no certificate. */
static struct proposal some(uint8_t kind, uint32_t number, struct buf *content)
{
	const struct resume_content resume = { .reason = slice_text("why"), .size = 7 };
	const struct epoch_content epoch = { .reason = slice_text("why"), .number = 2, .shared = 5 };
	static const uint8_t certificate[] = { 0x30, 0x03, 0x02, 0x01, 0x01 };
	buf_clear(content);
	if (kind == PROPOSAL_RESUME)
		resume_content_put(content, &resume);
	else if (kind == PROPOSAL_EPOCH)
		epoch_content_put(content, &epoch);
	else
		buf_put(content, certificate, sizeof(certificate));
	struct proposal p = { .epoch = 1,
			      .id = { 0, 0, 0, 1 },
			      .created = NOW,
			      .expires = NOW + 3600,
			      .kind = kind,
			      .needed = 2,
			      .content = buf_slice(content) };
	set_u32(p.id + 8, number);
	return p;
}

static int open_one(uint8_t kind, uint32_t number, int64_t now, uint8_t id[PROPOSAL_ID_SIZE])
{
	scoped_buf bytes = { .max = MAX_PROPOSAL }, content = { .max = 4096 };
	struct proposal p = some(kind, number, &content);
	proposal_put(&bytes, &p);
	if (id)
		memcpy(id, p.id, PROPOSAL_ID_SIZE);
	return proposals_open(&all, buf_slice(&bytes), now);
}

static uint16_t code_of(const uint8_t id[PROPOSAL_ID_SIZE], int64_t now)
{
	uint16_t code = 0;
	return proposals_find(&all, id, now, &code) ? 0 : code;
}

static bool reads(struct proposal p)
{
	scoped_buf bytes = { .max = MAX_PROPOSAL };
	struct proposal out;
	proposal_put(&bytes, &p);
	return buf_ok(&bytes) && proposal_get(buf_slice(&bytes), &out) == 0;
}

static void fields_have_limits(void **state)
{
	(void)state;
	scoped_buf content = { .max = 4096 };
	struct proposal p = some(PROPOSAL_RESUME, 1, &content);
	assert_true(reads(p));
	for (p.needed = 0; p.needed <= MAX_APPROVALS + 1; p.needed++)
		assert_int_equal(reads(p), p.needed >= 1 && p.needed <= MAX_APPROVALS);
	p.needed = 1;
	for (p.kind = 0; p.kind <= PROPOSAL_EPOCH + 1; p.kind++)
		assert_int_equal(reads(p), p.kind == PROPOSAL_RESUME);
	p.kind = PROPOSAL_RESUME;
	for (p.requester = 0; p.requester <= 2; p.requester++)
		assert_int_equal(reads(p), p.requester <= 1);
	p.requester = 0;
	p.expires = p.created;
	assert_false(reads(p));
	p.expires = p.created + 1;
	assert_true(reads(p));
	p.created = -1;
	assert_false(reads(p));
	p.created = 0;
	p.epoch = 2; /* the id says 1 */
	assert_false(reads(p));
	p.epoch = 0;
	p.id[3] = 0;
	assert_false(reads(p));
}

static void an_epoch_follows_another(void **state)
{
	(void)state;
	scoped_buf content = { .max = 4096 };
	struct proposal p = some(PROPOSAL_EPOCH, 1, &content);
	for (uint32_t number = 0; number <= 4; number++) {
		const struct epoch_content e = { .reason = slice_text("why"), .number = number };
		buf_clear(&content);
		epoch_content_put(&content, &e);
		p.content = buf_slice(&content);
		assert_int_equal(reads(p), number > 1);
	}
}

static void nothing_is_left_over(void **state)
{
	(void)state;
	scoped_buf content = { .max = 4096 }, bytes = { .max = MAX_PROPOSAL };
	struct proposal p = some(PROPOSAL_RESUME, 1, &content), out;
	proposal_put(&bytes, &p);
	assert_int_equal(proposal_get(buf_slice(&bytes), &out), 0);
	for (size_t n = 0; n < bytes.len; n++)
		assert_true(proposal_get((struct slice){ bytes.at, n }, &out) > 0);
	buf_put_u8(&bytes, 0);
	assert_true(proposal_get(buf_slice(&bytes), &out) > 0);
}

static size_t key_sign(EVP_PKEY *key, const char *digest, const struct buf *bytes, uint8_t out[160])
{
	size_t n = 160;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	assert_true(EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
		    EVP_DigestSign(ctx, out, &n, bytes->at, bytes->len) == 1);
	EVP_MD_CTX_free(ctx);
	return n;
}

/* Each bit of what was signed, and of the signature, makes it worth nothing. */
static void bits_count(EVP_PKEY *key, const char *digest)
{
	scoped_buf content = { .max = 4096 }, bytes = { .max = MAX_PROPOSAL };
	struct proposal p = some(PROPOSAL_IMPORT, 1, &content);
	uint8_t signature[160];
	unsigned char *spki = NULL;
	proposal_put(&bytes, &p);
	size_t n = key_sign(key, digest, &bytes, signature);
	int size = i2d_PUBKEY(key, &spki);
	assert_true(size > 0);
	struct slice who = { spki, (size_t)size };
	assert_true(proposal_signed(who, buf_slice(&bytes), (struct slice){ signature, n }));
	for (size_t i = 0; i < bytes.len; i++) {
		bytes.at[i] ^= (uint8_t)(1 << i % 8);
		assert_false(proposal_signed(who, buf_slice(&bytes), (struct slice){ signature, n }));
		bytes.at[i] ^= (uint8_t)(1 << i % 8);
	}
	for (size_t i = 0; i < n; i++) {
		signature[i] ^= (uint8_t)(1 << i % 8);
		assert_false(proposal_signed(who, buf_slice(&bytes), (struct slice){ signature, n }));
		signature[i] ^= (uint8_t)(1 << i % 8);
	}
	assert_false(proposal_signed(who, buf_slice(&bytes), (struct slice){ signature, n - 1 }));
	assert_false(proposal_signed(who, buf_slice(&bytes), (struct slice){ NULL, 0 }));
	OPENSSL_free(spki);
}

static void every_byte_counts(void **state)
{
	(void)state;
	EVP_PKEY *key = EVP_EC_gen("P-256");
	bits_count(key, "SHA256");
	EVP_PKEY_free(key);
	key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	bits_count(key, NULL);
	EVP_PKEY_free(key);
}

static void so_many_are_open(void **state)
{
	(void)state;
	uint8_t id[PROPOSAL_ID_SIZE];
	for (uint32_t i = 0; i < MAX_PROPOSALS; i++)
		assert_int_equal(open_one(PROPOSAL_IMPORT, i, NOW, id), 0);
	assert_int_equal(open_one(PROPOSAL_IMPORT, 100, NOW, NULL), REFUSE_PROPOSALS_FULL);
	for (uint32_t i = 0; i < MAX_ROOTS_PROPOSALS; i++)
		assert_int_equal(open_one(PROPOSAL_RESUME, 200 + i, NOW, NULL), 0);
	assert_int_equal(open_one(PROPOSAL_EPOCH, 300, NOW, NULL), REFUSE_PROPOSALS_FULL);
	proposals_close(&all, id, REFUSE_PROPOSAL_WITHDRAWN);
	assert_int_equal(open_one(PROPOSAL_IMPORT, 101, NOW, NULL),
			 REFUSE_PROPOSALS_FULL); /* root's four count as well */
	assert_int_equal(open_one(PROPOSAL_RESUME, 301, NOW, NULL), 0);
	/* When they have expired there is room. */
	assert_int_equal(open_one(PROPOSAL_IMPORT, 102, NOW + 3599, NULL), REFUSE_PROPOSALS_FULL);
	assert_int_equal(open_one(PROPOSAL_IMPORT, 103, NOW + 3600, NULL), 0);
	assert_int_equal(all.count, 1);
}

static void the_last_second_counts(void **state)
{
	(void)state;
	uint8_t id[PROPOSAL_ID_SIZE];
	assert_int_equal(open_one(PROPOSAL_IMPORT, 1, NOW, id), 0);
	assert_int_equal(open_one(PROPOSAL_IMPORT, 1, NOW, NULL), -1); /* the same id */
	assert_int_equal(code_of(id, NOW + 3599), 0);
	assert_int_equal(code_of(id, NOW + 3600), REFUSE_PROPOSAL_EXPIRED);
}

static void ends_are_told_apart(void **state)
{
	(void)state;
	uint8_t first[PROPOSAL_ID_SIZE], id[PROPOSAL_ID_SIZE], older[PROPOSAL_ID_SIZE] = { 0, 0, 0, 1, 9 };
	assert_int_equal(open_one(PROPOSAL_IMPORT, 0, NOW, first), 0);
	assert_int_equal(code_of(older, NOW), REFUSE_PROPOSAL_UNKNOWN);
	proposals_close(&all, first, REFUSE_PROPOSAL_SPENT);
	for (uint32_t i = 1; i < MAX_CLOSED; i++) {
		assert_int_equal(open_one(PROPOSAL_IMPORT, i, NOW, id), 0);
		proposals_close(&all, id, REFUSE_PROPOSAL_WITHDRAWN);
	}
	assert_int_equal(code_of(first, NOW), REFUSE_PROPOSAL_SPENT);
	assert_int_equal(open_one(PROPOSAL_IMPORT, MAX_CLOSED, NOW, id), 0);
	proposals_close(&all, id, REFUSE_PROPOSAL_WITHDRAWN);
	assert_int_equal(code_of(first, NOW), REFUSE_PROPOSAL_UNKNOWN); /* refused still */
	proposals_epoch(&all, 2, 10);
	assert_int_equal(code_of(older, NOW), REFUSE_PROPOSAL_EPOCH);
}

static void a_key_signs_once(void **state)
{
	(void)state;
	uint8_t id[PROPOSAL_ID_SIZE], key[HASH_SIZE] = { 0 };
	uint16_t code;
	assert_int_equal(open_one(PROPOSAL_IMPORT, 1, NOW, id), 0);
	struct open_proposal *o = proposals_find(&all, id, NOW, &code);
	for (int i = 0; i < MAX_PROPOSAL_SIGNERS; i++) {
		key[0] = (uint8_t)i;
		assert_int_equal(proposal_sign(o, (uint8_t)(i % 2), key), 0);
		assert_int_equal(proposal_sign(o, (uint8_t)(i % 2), key), REFUSE_APPROVAL_TWICE);
		assert_int_equal(proposal_sign(o, (uint8_t)(1 - i % 2), key), REFUSE_APPROVAL_OWN);
	}
	key[0] = MAX_PROPOSAL_SIGNERS;
	assert_int_equal(proposal_sign(o, 0, key), REFUSE_APPROVER_UNKNOWN);
	for (size_t i = 0; i < o->count; i++)
		assert_false(o->signers[i].recorded);
	key[0] = 5;
	proposal_recorded(o, key);
	for (size_t i = 0; i < o->count; i++)
		assert_int_equal(o->signers[i].recorded, i == 5);
}

static void an_epoch_voids_what_is_open(void **state)
{
	(void)state;
	uint8_t id[PROPOSAL_ID_SIZE];
	assert_int_equal(open_one(PROPOSAL_IMPORT, 1, NOW, id), 0);
	proposals_epoch(&all, 2, 10);
	assert_int_equal(all.count, 0);
	assert_int_equal(code_of(id, NOW), REFUSE_PROPOSAL_EPOCH);
	assert_int_equal(open_one(PROPOSAL_IMPORT, 2, NOW, NULL), -1); /* of epoch 1 */
}

static void forks_are_remembered(void **state)
{
	(void)state;
	assert_true(proposals_fork(&all, 1) == UINT64_MAX);
	proposals_epoch(&all, 2, 100);
	proposals_epoch(&all, 5, 50); /* back once more, further; 3 and 4 are lost */
	proposals_epoch(&all, 6, 80);
	assert_true(proposals_fork(&all, 1) == 50);
	assert_true(proposals_fork(&all, 2) == 50);
	assert_true(proposals_fork(&all, 4) == 50);
	assert_true(proposals_fork(&all, 5) == 80);
	assert_true(proposals_fork(&all, 6) == UINT64_MAX);
	for (uint32_t i = 0; i < 2 * MAX_EPOCHS; i++)
		proposals_epoch(&all, 7 + i, 1000 + i);
	assert_true(proposals_fork(&all, 1) == 50); /* the oldest have become one, which says the least of them */
	assert_true(proposals_fork(&all, 7 + 2 * MAX_EPOCHS - 2) == 1000 + 2 * MAX_EPOCHS - 1);
	assert_true(proposals_fork(&all, all.epoch) == UINT64_MAX);
}

static void a_snapshot_says_the_same(void **state)
{
	static struct proposals again;
	(void)state;
	scoped_buf out = { .max = 1 << 24 }, more = { .max = 1 << 24 };
	uint8_t id[PROPOSAL_ID_SIZE], gone[PROPOSAL_ID_SIZE], key[HASH_SIZE] = { 3 };
	uint16_t code;
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(open_one(PROPOSAL_IMPORT, i, NOW, i ? id : gone), 0);
	proposals_close(&all, gone, REFUSE_PROPOSAL_SPENT);
	struct open_proposal *o = proposals_find(&all, id, NOW, &code);
	assert_int_equal(proposal_sign(o, 1, key), 0);
	proposal_recorded(o, key);
	proposals_put(&all, &out);
	assert_int_equal(proposals_get(&again, buf_slice(&out)), 0);
	proposals_put(&again, &more);
	assert_true(slice_equal(buf_slice(&out), buf_slice(&more)));
	o = proposals_find(&again, id, NOW, &code);
	assert_true(o && o->count == 1 && o->signers[0].recorded && o->signers[0].role == 1);
	assert_null(proposals_find(&again, gone, NOW, &code));
	assert_int_equal(code, REFUSE_PROPOSAL_SPENT);
	for (size_t n = 0; n < out.len; n++) {
		proposals_free(&again);
		assert_int_equal(proposals_get(&again, (struct slice){ out.at, n }), -1);
	}
	proposals_free(&again);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_have_limits),
		cmocka_unit_test(an_epoch_follows_another),
		cmocka_unit_test(nothing_is_left_over),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test_setup_teardown(so_many_are_open, begin, end),
		cmocka_unit_test_setup_teardown(the_last_second_counts, begin, end),
		cmocka_unit_test_setup_teardown(ends_are_told_apart, begin, end),
		cmocka_unit_test_setup_teardown(a_key_signs_once, begin, end),
		cmocka_unit_test_setup_teardown(an_epoch_voids_what_is_open, begin, end),
		cmocka_unit_test_setup_teardown(forks_are_remembered, begin, end),
		cmocka_unit_test_setup_teardown(a_snapshot_says_the_same, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
