/* signd/clock: when the wall clock is believed, and what time a record bears. Both clocks are the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/time.h"
#include "signd/clock.h"

#define DAY 86400000LL
#define START (20000 * DAY)

static int64_t wall, boot; /* milliseconds */
static int64_t suspended;  /* for so long, right after the wall clock is read next */

int64_t time_now_ms(void)
{
	int64_t now = wall;
	wall += suspended;
	boot += suspended;
	suspended = 0;
	return now;
}

int64_t time_boot_ms(void)
{
	return boot;
}

static void pass(int64_t ms)
{
	wall += ms;
	boot += ms;
}

static int set_up(void **state)
{
	static struct clock c;
	wall = START;
	boot = 5000;
	suspended = 0;
	clock_start(&c, START - 1000, 90 * DAY);
	*state = &c;
	return 0;
}

static void time_that_passes_is_no_step(void **state)
{
	struct clock *c = *state;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	pass(4000 * DAY);
	assert_int_equal(clock_look(c), CLOCK_FINE);
	assert_int_equal(clock_stamp(c), wall);
}

/* The host is suspended between the readings of the two clocks. */
static void a_suspension_at_any_moment_is_no_step(void **state)
{
	struct clock *c = *state;
	suspended = 40 * DAY;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	for (int i = 0; i < 3; i++) {
		suspended = 40 * DAY;
		assert_int_equal(clock_look(c), CLOCK_FINE);
		assert_int_equal(clock_look(c), CLOCK_FINE);
	}
	suspended = 40 * DAY;
	clock_vouch(c);
	assert_int_equal(clock_look(c), CLOCK_FINE);
	suspended = 40 * DAY;
	assert_in_range(clock_stamp(c), wall - 40 * DAY, wall);
	assert_int_equal(clock_stamp(c), wall);
}

static void a_step_of_a_day_is_borne_and_not_more(void **state)
{
	struct clock *c = *state;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	wall += CLOCK_STEP_MS;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	wall += 1;
	assert_int_equal(clock_look(c), CLOCK_STEPPED);
	/* Nor in two steps. */
	wall -= CLOCK_STEP_MS + 1;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	wall += CLOCK_STEP_MS / 2;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	wall += CLOCK_STEP_MS / 2 + 1;
	assert_int_equal(clock_look(c), CLOCK_STEPPED);
	/* Back as well. */
	wall -= 2 * CLOCK_STEP_MS + 2;
	assert_int_equal(clock_look(c), CLOCK_STEPPED);
}

static void records_do_not_follow_a_step(void **state)
{
	struct clock *c = *state;
	clock_look(c);
	wall += 3650 * DAY;
	pass(1000);
	assert_int_equal(clock_stamp(c), START + 1000);
	wall -= 7300 * DAY;
	pass(1000);
	assert_int_equal(clock_stamp(c), START + 2000);
	clock_vouch(c);
	/* Vouched for while behind the ledger: believed when it has caught up. */
	assert_int_equal(clock_look(c), CLOCK_BEHIND);
	assert_int_equal(clock_stamp(c), START + 2000);
	wall = START + 3000;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	assert_int_equal(clock_stamp(c), START + 3000);
	wall += 3650 * DAY;
	assert_int_equal(clock_look(c), CLOCK_STEPPED);
	clock_vouch(c);
	assert_int_equal(clock_look(c), CLOCK_FINE);
	assert_int_equal(clock_stamp(c), wall);
}

static void behind_the_ledger_by_five_seconds_and_not_more(void **state)
{
	struct clock *c = *state;
	clock_look(c);
	assert_int_equal(clock_stamp(c), START);
	wall -= CLOCK_BEHIND_MS;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	wall -= 1;
	assert_int_equal(clock_look(c), CLOCK_BEHIND);
	/* A record in between doesn't make it right. */
	assert_int_equal(clock_stamp(c), START);
	assert_int_equal(clock_look(c), CLOCK_BEHIND);
}

static void a_gap_of_max_downtime_is_borne_and_not_more(void **state)
{
	struct clock *c = *state;
	int64_t last = START - 1000;
	wall = last + 90 * DAY;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	clock_start(c, last, 90 * DAY);
	wall++;
	assert_int_equal(clock_stamp(c), last);
	boot += 7;
	assert_int_equal(clock_look(c), CLOCK_GAP);
	assert_int_equal(clock_stamp(c), last + 7);
	clock_vouch(c);
	assert_int_equal(clock_look(c), CLOCK_FINE);
	assert_int_equal(clock_stamp(c), wall);
	clock_start(c, last, 0);
	wall += 10000 * DAY;
	assert_int_equal(clock_look(c), CLOCK_FINE);
}

/* A host without a clock of its own starts in the past; being set right is no step. */
static void a_clock_that_is_set_after_the_start(void **state)
{
	struct clock *c = *state;
	wall = 0;
	assert_int_equal(clock_look(c), CLOCK_BEHIND);
	assert_int_equal(clock_stamp(c), START - 1000);
	boot += 1000;
	wall = START;
	assert_int_equal(clock_look(c), CLOCK_FINE);
	assert_int_equal(clock_stamp(c), START);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(time_that_passes_is_no_step, set_up),
		cmocka_unit_test_setup(a_suspension_at_any_moment_is_no_step, set_up),
		cmocka_unit_test_setup(a_step_of_a_day_is_borne_and_not_more, set_up),
		cmocka_unit_test_setup(records_do_not_follow_a_step, set_up),
		cmocka_unit_test_setup(behind_the_ledger_by_five_seconds_and_not_more, set_up),
		cmocka_unit_test_setup(a_gap_of_max_downtime_is_borne_and_not_more, set_up),
		cmocka_unit_test_setup(a_clock_that_is_set_after_the_start, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
