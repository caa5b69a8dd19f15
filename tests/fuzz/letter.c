/*
 * letter/letter: files that people carry between a host and an offline root, as
 * text and with the armour off; what was decoded is written again and must be the same bytes.
 */
#include <string.h>

#include "fuzz/fuzz.h"
#include "base/text.h"
#include "letter/letter.h"
#include "letter/telling.h"
#include "letter/words.h"

/* Whatever stands in a letter: people read it, so it must be lines that can be read. */
static void row_try(void *with, const char *label, const char *text)
{
	(void)with;
	REQUIRE(text_visible(slice_text(label)));
	while (*text) {
		size_t n = strcspn(text, "\n");
		REQUIRE(text_visible((struct slice){ (const uint8_t *)text, n }));
		text += n + (text[n] == '\n');
	}
}
static const struct teller nobody = { row_try, NULL };

static void intermediate_try(struct slice ask)
{
	struct intermediate_letter i;
	scoped_buf again = { .max = MAX_LETTER };
	if (intermediate_letter_get(ask, &i) != LETTER_OK)
		return;
	intermediate_letter_put(&again, &i);
	REQUIRE(slice_equal(buf_slice(&again), ask) && i.seconds > 0 && i.seconds <= MAX_LETTER_SECONDS);
	struct asked_key key;
	asked_key_read(i.csr, &key);
	tell_intermediate(&nobody, &i, buf_slice(&key.public_key));
	asked_key_free(&key);
}

static void crl_try(struct slice ask)
{
	struct crl_letter c;
	struct revoked_entry e;
	scoped_buf again = { .max = MAX_LETTER }, raw = { .max = MAX_LETTER };
	uint16_t count = 0;
	if (crl_letter_get(ask, &c) != LETTER_OK)
		return;
	for (struct list l = c.revoked; revoked_next(&l, &e);) {
		REQUIRE(e.serial.len >= 1 && e.serial.len <= MAX_REVOKED_SERIAL && e.serial.at[0] && e.when > 0);
		revoked_put(&raw, &count, &e);
		tell_revoked(&nobody, &e, NULL);
	}
	REQUIRE(count == c.revoked.count && count <= MAX_REVOKED);
	c.revoked = list_of(&raw, count);
	crl_letter_put(&again, &c);
	tell_crl(&nobody, &c);
	REQUIRE(slice_equal(buf_slice(&again), ask));
}

/* What approvers add changes nothing of what they approve. */
static void approvals_try(const struct request_letter *r)
{
	struct request_letter bare, again = *r;
	struct letter_approval a;
	scoped_buf bytes = { .max = MAX_LETTER };
	struct buf raw[2] = { { .max = 65536 }, { .max = 65536 } };
	uint8_t hash[HASH_SIZE], other[HASH_SIZE];
	request_letter_bare(&bytes, r);
	REQUIRE(request_letter_get(buf_slice(&bytes), &bare) == LETTER_OK && bare.approvals.count == 0);
	REQUIRE(request_letter_hash(r, hash) == 0 && request_letter_hash(&bare, other) == 0);
	REQUIRE(memcmp(hash, other, HASH_SIZE) == 0);
	for (struct list l = r->approvals; approval_next(&l, &a);) {
		REQUIRE(a.key.len == HASH_SIZE && a.signature.len >= 1 && a.signature.len <= MAX_LETTER_SIGNATURE);
		again.approvals = r->approvals;
		buf_clear(&raw[0]);
		REQUIRE(approval_add(&again, &a, &raw[0]) == LETTER_MALFORMED);
	}
	if (r->approvals.count == 0) {
		a = (struct letter_approval){ SLICE_OF(hash), slice_text("signature") };
		REQUIRE(approval_add(&again, &a, &raw[1]) == LETTER_OK && again.approvals.count == 1);
	}
	buf_free(&raw[0]);
	buf_free(&raw[1]);
}

static void letter_try(struct slice letter)
{
	struct request_letter request;
	struct response_letter response;
	scoped_buf again = { .max = MAX_LETTER };
	enum letter_refusal r = request_letter_get(letter, &request);
	REQUIRE(strlen(letter_refusal_text(r)) > 0);
	if (r == LETTER_OK) {
		request_letter_put(&again, &request);
		REQUIRE(slice_equal(buf_slice(&again), letter));
		approvals_try(&request);
		tell_request(&nobody, &request);
		intermediate_try(request.ask);
		crl_try(request.ask);
	}
	buf_clear(&again);
	if (response_letter_get(letter, &response) == LETTER_OK) {
		REQUIRE(r != LETTER_OK);
		response_letter_put(&again, &response);
		REQUIRE(slice_equal(buf_slice(&again), letter));
	}
}

static void armour_try(struct slice text, const char *what)
{
	scoped_buf letter = { .max = MAX_LETTER + 4 }, again = { .max = MAX_LETTER_TEXT }, bare = { .max = MAX_LETTER_TEXT };
	uint8_t hash[HASH_SIZE];
	char words[MAX_WORDS_TEXT];
	if (armour_get(text, what, &letter, hash) != LETTER_OK)
		return;
	words_of(hash, words);
	REQUIRE(strlen(words) >= 8 * 4 - 1);
	armour_put(&again, what, buf_slice(&letter));
	for (size_t i = 0; i < text.len; i++)
		if (text.at[i] != '\r')
			buf_put_u8(&bare, text.at[i]);
	REQUIRE(slice_equal(buf_slice(&again), buf_slice(&bare)));
	letter_try(buf_slice(&letter));
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice all = { data, size };
	armour_try(all, "REQUEST");
	armour_try(all, "RESPONSE");
	letter_try(all);
	intermediate_try(all);
	crl_try(all);
	return 0;
}
