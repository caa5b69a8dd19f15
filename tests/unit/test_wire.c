/* wire: a request goes from the asking half to the answering half; heads are judged before bodies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "wire/inner_answer.h"
#include "wire/inner_ask.h"

static void a_request_crosses_the_wall(void **state)
{
	(void)state;
	scoped_buf out = { .max = 65536 };
	struct key_create_request asked = { .algorithm = 2, .token = slice_text("main"), .context = slice_text("{}") };
	memset(asked.request_id, 7, sizeof(asked.request_id));
	ask_key_create_put(&out, 42, &asked);
	struct frame f;
	assert_int_equal(frame_peek(buf_slice(&out), &f), FRAME_WHOLE);
	assert_int_equal(f.verb, INNER_KEY_CREATE);
	assert_int_equal(f.tag, 42);
	struct key_create_request got;
	const char *where;
	assert_int_equal(answer_key_create_get(f.body, &got, &where), PACK_OK);
	assert_true(slice_equal(got.token, slice_text("main")));
	assert_memory_equal(got.request_id, asked.request_id, 16);
}

static void heads_are_judged_first(void **state)
{
	(void)state;
	struct frame f;
	uint8_t head[FRAME_HEAD] = { 0, 0, 0, 0, FRAME_VERSION, FRAME_REQUEST, 1, 0 };
	assert_int_equal(frame_peek((struct slice){ head, 15 }, &f), FRAME_PARTIAL);
	assert_int_equal(frame_peek((struct slice){ head, 16 }, &f), FRAME_WHOLE);
	set_u32(head, MAX_FRAME_BODY);
	assert_int_equal(frame_peek((struct slice){ head, 16 }, &f), FRAME_PARTIAL);
	assert_int_equal(f.verb, 1);
	set_u32(head, MAX_FRAME_BODY + 1);
	assert_int_equal(frame_peek((struct slice){ head, 16 }, &f), FRAME_TOO_LONG);
	set_u32(head, 0);
	head[4] = 2;
	assert_int_equal(frame_peek((struct slice){ head, 16 }, &f), FRAME_BAD_VERSION);
}

static void refusals_carry_number_and_sentence(void **state)
{
	(void)state;
	scoped_buf out = { .max = 1024 };
	struct refusal_message r = { REFUSE_PATH_LEN, 0, slice_text("path_len"),
				     slice_text(inner_refusal_sentence(REFUSE_PATH_LEN)) }, back;
	refusal_put(&out, INNER_CERT_SIGN, 3, &r);
	struct frame f;
	assert_int_equal(frame_peek(buf_slice(&out), &f), FRAME_WHOLE);
	assert_int_equal(f.kind, FRAME_REFUSAL);
	assert_int_equal(refusal_get(f.body, &back), PACK_OK);
	assert_int_equal(back.code, REFUSE_PATH_LEN);
	assert_true(slice_equal(back.sentence, r.sentence));
}

static void the_table_knows_its_verbs(void **state)
{
	(void)state;
	assert_null(inner_verb(0));
	assert_null(inner_verb(99));
	assert_int_equal(inner_verb(INNER_CERT_SIGN)->who, FROM_FRONT);
	assert_string_equal(inner_verb(INNER_STATUS)->name, "STATUS");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_crosses_the_wall),
		cmocka_unit_test(heads_are_judged_first),
		cmocka_unit_test(refusals_carry_number_and_sentence),
		cmocka_unit_test(the_table_knows_its_verbs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
