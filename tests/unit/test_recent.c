/* signd/recent: ids are found for two periods, a full table says so. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "signd/recent.h"

#define PERIOD (2 * (int64_t)REQUEST_WINDOW_MS)

static const uint8_t *id_of(uint64_t n)
{
	static uint8_t id[REQUEST_ID_SIZE];
	for (int i = 0; i < 8; i++)
		id[8 + i] = (uint8_t)(n >> 8 * i);
	return id;
}

static void found_until_it_cannot_be_used_again(void **state)
{
	(void)state;
	uint64_t seq;
	struct recent *r = recent_new(1024);
	assert_false(recent_find(r, id_of(1), &seq));
	assert_int_equal(recent_put(r, id_of(1), 0, PERIOD), 0);
	assert_true(recent_find(r, id_of(1), &seq));
	assert_int_equal(seq, 0);
	assert_int_equal(recent_put(r, id_of(2), 7, 2 * PERIOD), 0);
	assert_true(recent_find(r, id_of(1), &seq));
	assert_true(recent_find(r, id_of(2), &seq));
	assert_int_equal(seq, 7);
	assert_int_equal(recent_put(r, id_of(3), 8, 3 * PERIOD), 0);
	assert_false(recent_find(r, id_of(1), &seq));
	assert_true(recent_find(r, id_of(2), &seq));
	recent_free(r);
}

static void colliding_ids_stay_apart_and_a_full_table_says_so(void **state)
{
	(void)state;
	uint64_t seq;
	struct recent *r = recent_new(16);
	for (uint64_t i = 0; i < 12; i++)
		assert_int_equal(recent_put(r, id_of(5 + 16 * i), 100 + i, PERIOD), 0);
	assert_true(recent_full(r));
	assert_int_not_equal(recent_put(r, id_of(999), 1, PERIOD), 0);
	for (uint64_t i = 0; i < 12; i++) {
		assert_true(recent_find(r, id_of(5 + 16 * i), &seq));
		assert_int_equal(seq, 100 + i);
	}
	assert_false(recent_find(r, id_of(999), &seq));
	recent_free(r);
}

/* Of one moment: more than have room side by side, and what other moments left there. */
static void ids_of_one_moment_find_room_elsewhere(void **state)
{
	(void)state;
	enum { COUNT = 3 * 1024 };
	uint64_t seq;
	struct recent *r = recent_new(4096);
	for (uint64_t i = 0; i < COUNT; i++) {
		assert_false(recent_find(r, id_of(0x9e3779b97f4a7c15 * (i + 1)), &seq));
		assert_int_equal(recent_put(r, id_of(0x9e3779b97f4a7c15 * (i + 1)), i, PERIOD), 0);
	}
	assert_true(recent_full(r));
	for (uint64_t i = 0; i < COUNT; i++) {
		assert_true(recent_find(r, id_of(0x9e3779b97f4a7c15 * (i + 1)), &seq));
		assert_int_equal(seq, i);
		assert_int_equal(recent_put(r, id_of(0x9e3779b97f4a7c15 * (i + 1)), 2 * i, PERIOD), 0);
	}
	assert_true(recent_find(r, id_of(0x9e3779b97f4a7c15 * COUNT), &seq));
	assert_int_equal(seq, 2 * (COUNT - 1));
	recent_free(r);
}

/* Of many moments, each with few: they are told apart by their times too. */
static void ids_of_all_moments_are_found(void **state)
{
	(void)state;
	enum { COUNT = 6000 };
	uint64_t seq;
	struct recent *r = recent_new(8192);
	for (int again = 0; again < 2; again++) {
		for (uint64_t i = 0; i < COUNT; i++) {
			uint8_t id[REQUEST_ID_SIZE] = { 1, 0x93 };
			for (int at = 0; at < 4; at++)
				id[2 + at] = (uint8_t)(i * 200 >> (24 - 8 * at));
			set_u64(id + 8, 0x9e3779b97f4a7c15 * (i + 1));
			assert_int_equal(recent_find(r, id, &seq), again);
			if (again)
				assert_int_equal(seq, i);
			else
				assert_int_equal(recent_put(r, id, i, PERIOD), 0);
		}
	}
	recent_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_until_it_cannot_be_used_again),
		cmocka_unit_test(colliding_ids_stay_apart_and_a_full_table_says_so),
		cmocka_unit_test(ids_of_one_moment_find_room_elsewhere),
		cmocka_unit_test(ids_of_all_moments_are_found),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
