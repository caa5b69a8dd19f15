/*
 * Not guarded: a harness for one direction of one protocol. An input is a verb's number and a body.
 * TABLE is the .def file; MESSAGE(name) the struct that is read, READ(name) reads it, WRITE(name) is
 * the other half's writer of it, KIND the frame that it makes; INSIDE(number, message) looks further into it.
 */
#include "fuzz/fuzz.h"

#define TAG 0x1122334455667788

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	fuzz_quiet();
	return 0;
}

/* There is one way to write a message: what one half has read the other writes byte for byte. */
static void same(const struct buf *again, uint16_t verb, struct slice body)
{
	struct frame f;
	REQUIRE(buf_ok(again) && frame_peek(buf_slice(again), &f) == FRAME_WHOLE);
	REQUIRE(f.kind == KIND && f.verb == verb && f.tag == TAG && frame_size(&f) == again->len);
	REQUIRE(slice_equal(f.body, body));
}

#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	static void name##_try(struct slice body)                                                                      \
	{                                                                                                              \
		const char *where = "";                                                                                \
		MESSAGE(name) message;                                                                                 \
		enum pack_refusal got = READ(name)(body, &message, &where);                                            \
		REQUIRE(got == PACK_OK || got == PACK_LEFT_OVER || where);                                             \
		if (got != PACK_OK)                                                                                    \
			return;                                                                                        \
		scoped_buf again = { .max = FRAME_HEAD + MAX_FRAME_BODY };                                             \
		WRITE(name)(&again, TAG, &message);                                                                    \
		same(&again, number, body);                                                                            \
		INSIDE(number, &message);                                                                              \
	}
#include TABLE
#undef VERB

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0 || size > MAX_FRAME_BODY)
		return 0;
	struct slice body = { data + 1, size - 1 };
	switch (data[0]) {
#define VERB(number, NAME, name, who, most, request, reply)                                                            \
	case number:                                                                                                   \
		name##_try(body);                                                                                      \
		break;
#include TABLE
#undef VERB
	}
	return 0;
}
