/* wire/frame: the first bytes that come through a wall, and what a refusal says. */
#include "fuzz/fuzz.h"
#include "wire/driver.h"
#include "wire/frame.h"
#include "wire/inner.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

/* There is one way to write a refusal: what was read is written again as it was. */
static void refusal_try(const struct frame *f)
{
	struct refusal_message r;
	enum pack_refusal got = refusal_get(f->body, &r);
	REQUIRE(*inner_refusal_sentence(f->verb) && *inner_refusal_name(f->verb) && *driver_refusal_sentence(f->verb));
	REQUIRE(*pack_refusal_text(got));
	if (got != PACK_OK)
		return;
	scoped_buf again = { .max = FRAME_HEAD + MAX_FRAME_BODY };
	refusal_put(&again, f->verb, f->tag, &r);
	struct frame back;
	REQUIRE(frame_peek(buf_slice(&again), &back) == FRAME_WHOLE);
	REQUIRE(back.kind == FRAME_REFUSAL && back.verb == f->verb && back.tag == f->tag);
	REQUIRE(slice_equal(back.body, f->body));
}

/* Whatever comes before the last byte is a part, and says the same of the head. */
static void parts_try(struct slice bytes, const struct frame *whole)
{
	struct frame part;
	for (size_t n = 0; n < frame_size(whole); n += 1 + n / 2) {
		REQUIRE(frame_peek((struct slice){ bytes.at, n }, &part) == FRAME_PARTIAL);
		REQUIRE(n < FRAME_HEAD || (part.length == whole->length && part.tag == whole->tag));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = { data, size };
	struct frame f;
	enum frame_state state;
	while ((state = frame_peek(rest, &f)) == FRAME_WHOLE) {
		REQUIRE(f.version == FRAME_VERSION && f.length <= MAX_FRAME_BODY && f.body.len == f.length);
		REQUIRE(f.body.at == rest.at + FRAME_HEAD && frame_size(&f) <= rest.len);
		parts_try(rest, &f);
		refusal_try(&f);
		rest = (struct slice){ rest.at + frame_size(&f), rest.len - frame_size(&f) };
	}
	REQUIRE(state != FRAME_PARTIAL || rest.len < FRAME_HEAD || rest.len < frame_size(&f));
	REQUIRE(state != FRAME_TOO_LONG || f.length > MAX_FRAME_BODY);
	return 0;
}
