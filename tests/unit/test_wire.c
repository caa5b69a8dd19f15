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
				     slice_text(inner_refusal_sentence(REFUSE_PATH_LEN)) },
			       back;
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
	assert_int_equal(inner_verb(INNER_KEY_GONE)->who, FROM_FRONT);
	assert_int_equal(inner_verb(INNER_KEY_LIST)->who, FROM_FRONT | FROM_AUDIT);
}

static void reports_stand_in_lists(void **state)
{
	(void)state;
	scoped_buf out = { .max = 65536 }, raw = { .max = 65536 };
	uint16_t count = 0;
	struct key_report told = {
		.token = slice_text("main"), .trouble = 10, .checked_at = -5, .attributes = 1u << 31
	};
	memset(told.public_key_hash, 9, sizeof(told.public_key_hash));
	report_key_put(&raw, &count, KEY_REPORT_CLOSED, &told);
	report_key_put(&raw, &count, KEY_REPORT_GONE, &told);
	struct key_list_reply reply = { .total = 7, .keys = list_of(&raw, count) }, got;
	answer_key_list_put(&out, 1, &reply);
	struct frame f;
	const char *where;
	uint8_t tag;
	struct slice item;
	struct key_report back;
	assert_int_equal(frame_peek(buf_slice(&out), &f), FRAME_WHOLE);
	assert_int_equal(ask_key_list_get(f.body, &got, &where), PACK_OK);
	assert_true(list_next(&got.keys, &tag, &item));
	assert_int_equal(tag, KEY_REPORT_CLOSED);
	assert_true(report_key_get(item, &back));
	assert_true(slice_equal(back.token, told.token));
	assert_int_equal(back.checked_at, -5);
	assert_int_equal(back.attributes, 1u << 31);
	assert_memory_equal(back.public_key_hash, told.public_key_hash, 32);
	/* Neither a byte less nor one more. */
	assert_false(report_key_get((struct slice){ item.at, item.len - 1 }, &back));
	assert_false(report_key_get((struct slice){ item.at, item.len + 1 }, &back));
}

/* The largest report of each kind fits the list that it stands in; one byte more is no report. */
static void reports_fit_their_lists(void **state)
{
	(void)state;
	char long_text[258];
	memset(long_text, 'x', sizeof(long_text));
	const struct slice text64 = { (const uint8_t *)long_text, 64 }, text256 = { (const uint8_t *)long_text, 256 };
	struct driver_report driver = { text64, text64, text64, text64, text64, .detail = text256 };
	struct key_report key = { .token = text64, .driver_key = text64 };
	scoped_buf raw = { .max = 65536 }, out = { .max = 65536 };
	uint16_t count = 0;
	report_driver_put(&raw, &count, DRIVER_READY, &driver);
	struct status_reply status = { .drivers = list_of(&raw, count) };
	answer_status_put(&out, 1, &status);
	assert_true(buf_ok(&raw) && buf_ok(&out));
	scoped_buf keys = { .max = 65536 };
	count = 0;
	report_key_put(&keys, &count, KEY_REPORT_BOUND, &key);
	struct key_list_reply list = { .keys = list_of(&keys, count) };
	answer_key_list_put(&out, 1, &list);
	assert_true(buf_ok(&keys) && buf_ok(&out));
	driver.detail.len++;
	report_driver_put(&raw, &count, DRIVER_READY, &driver);
	assert_false(buf_ok(&raw));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_crosses_the_wall),
		cmocka_unit_test(heads_are_judged_first),
		cmocka_unit_test(refusals_carry_number_and_sentence),
		cmocka_unit_test(the_table_knows_its_verbs),
		cmocka_unit_test(reports_stand_in_lists),
		cmocka_unit_test(reports_fit_their_lists),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
