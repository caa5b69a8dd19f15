/*
 * ledger/proposal, signd/proposals: what people are to sign. An input is a byte
 * and the rest: 0 a proposal, as it lies in a state folder or a record, 1 a
 * TBSCertificate of which a draft is made, 2 what a snapshot has of proposals,
 * 3 a signature: two bytes that choose a key and a length, the signature, and
 * what was signed.
 *
 * A proposal that is taken is what would be written again, so that there is
 * one way to write each; its words are lines of visible text. Nobody has
 * signed what the fuzzer makes up.
 */
#include <string.h>

#include "base/text.h"
#include "fuzz/bend.h"
#include "fuzz/fuzz.h"
#include "fuzz/log_key.h"
#include "ledger/proposal.c" /* its fields are nobody else's business */
#include "signd/proposals.h"

#define MAX_WORDS (1 << 20)
#define MAX_STATE (16 << 20)

static uint8_t log_key[LOG_KEY_SIZE];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	log_key_public(log_key);
	return 0;
}

static void words_try(struct slice bytes)
{
	scoped_buf words = { .max = MAX_WORDS };
	REQUIRE(proposal_tell(bytes, &words) == 0 && buf_ok(&words) && words.len > 0);
	for (struct slice rest = buf_slice(&words); rest.len;) {
		const uint8_t *end = memchr(rest.at, '\n', rest.len);
		REQUIRE(end);
		size_t n = (size_t)(end - rest.at);
		REQUIRE(text_visible((struct slice){ rest.at, n }));
		rest = (struct slice){ end + 1, rest.len - n - 1 };
	}
}

static void content_try(const struct proposal *p)
{
	struct resume_content resume;
	struct epoch_content epoch;
	scoped_buf again = { .max = MAX_PROPOSAL };
	if (p->kind == PROPOSAL_RESUME) {
		REQUIRE(resume_content_get(p->content, &resume) == 0);
		resume_content_put(&again, &resume);
	} else if (p->kind == PROPOSAL_EPOCH) {
		REQUIRE(epoch_content_get(p->content, &epoch) == 0 && epoch.number > p->epoch);
		epoch_content_put(&again, &epoch);
	} else {
		return;
	}
	REQUIRE(buf_ok(&again) && slice_equal(buf_slice(&again), p->content));
}

static void proposal_try(struct slice bytes)
{
	struct proposal p;
	scoped_buf again = { .max = MAX_PROPOSAL }, words = { .max = MAX_WORDS };
	if (proposal_get(bytes, &p) != 0) {
		REQUIRE(proposal_tell(bytes, &words) > 0);
		return;
	}
	REQUIRE(p.epoch && p.created >= 0 && p.created < p.expires && p.needed >= 1 && p.needed <= MAX_APPROVALS);
	proposal_put(&again, &p);
	REQUIRE(buf_ok(&again) && slice_equal(buf_slice(&again), bytes));
	content_try(&p);
	words_try(bytes);
}

/* A draft of a draft is itself, and is one that a proposal may hold. */
static void draft_try(struct slice tbs)
{
	int64_t not_after;
	scoped_buf draft = { .max = MAX_PROPOSAL }, again = { .max = MAX_PROPOSAL };
	if (proposal_draft(tbs, &draft) != 0)
		return;
	REQUIRE(proposal_draft(buf_slice(&draft), &again) == 0);
	REQUIRE(slice_equal(buf_slice(&draft), buf_slice(&again)));
	if (record_not_after(tbs, &not_after) == 0)
		REQUIRE(draft_valid(buf_slice(&draft)));
}

static void state_try(struct slice packed)
{
	static struct proposals first, second;
	scoped_buf one = { .max = MAX_STATE }, two = { .max = MAX_STATE };
	if (proposals_get(&first, packed) == 0) {
		proposals_put(&first, &one);
		REQUIRE(buf_ok(&one) && proposals_get(&second, buf_slice(&one)) == 0);
		proposals_put(&second, &two);
		REQUIRE(slice_equal(buf_slice(&one), buf_slice(&two)));
	}
	proposals_free(&first);
	proposals_free(&second);
}

static void signature_try(struct slice in)
{
	static const uint8_t point[] = P256_BASE_POINT;
	if (in.len < 2 || in.at[1] > in.len - 2)
		return;
	struct slice key = in.at[0] % 2 ? (struct slice){ point, sizeof(point) - 1 } : SLICE_OF(log_key);
	struct slice signature = { in.at + 2, in.at[1] };
	struct slice bytes = { signature.at + signature.len, in.len - 2 - signature.len };
	proposal_signed(key, bytes, signature);
	/* A bent key must do no harm either. */
	proposal_signed(bytes, key, signature);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const tries[])(struct slice) = { proposal_try, draft_try, state_try, signature_try };
	if (size)
		tries[data[0] % 4]((struct slice){ data + 1, size - 1 });
	return 0;
}

/* One field, or one value within the content, with all lengths around it right. */
static void proposal_bend(struct dice *d, struct slice bytes, size_t max, struct buf *out)
{
	struct proposal p;
	const char *where;
	struct slice fields = { bytes.at + WORDS_SIZE, bytes.len - WORDS_SIZE };
	scoped_buf content = { .max = max };
	if (dice_roll(d, 2) && pack_get(fields, proposal_fields(), &p, &where) == PACK_OK) {
		der_bend(d, p.content, max, &content);
		p.content = buf_slice(&content);
		proposal_put(out, &p);
	} else {
		buf_put_text(out, PROPOSAL_WORDS);
		fields_bend(d, proposal_fields(), fields, out);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	struct dice d = { seed };
	scoped_buf out = { .max = max_size };
	struct slice rest = { data + 1, size ? size - 1 : 0 };
	bool words = rest.len > WORDS_SIZE && memcmp(rest.at, PROPOSAL_WORDS, WORDS_SIZE) == 0;
	if (size && dice_roll(&d, 4)) {
		buf_put_u8(&out, data[0]);
		if (data[0] % 4 == 0 && words)
			proposal_bend(&d, rest, max_size, &out);
		else if (data[0] % 4 == 1)
			der_bend(&d, rest, max_size, &out);
		size_t n = out.len > 1 ? bent(&out, data, max_size) : 0;
		if (n)
			return n;
	}
	return LLVMFuzzerMutate(data, size, max_size);
}
