/* signd/meter: buckets at their limit and one past it, days, and what children share. Object identifiers as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "signd/encode/oid.h"
#include "signd/keys.h"

#define NOW INT64_C(1800000000000) /* milliseconds; 08:00 of a day */

static uint16_t draw(struct meter *m, const struct rate *rate, int64_t now, uint32_t *wait)
{
	uint16_t code = meter_ask(m, rate, now, wait);
	if (code == 0)
		meter_draw(m, rate, now);
	return code;
}

static void a_bucket_empties_and_fills(void **state)
{
	(void)state;
	const struct rate rate = { .per_minute = 60, .burst = 3 };
	struct meter m = { 0 };
	uint32_t wait = 0;
	for (int i = 0; i < 3; i++)
		assert_int_equal(draw(&m, &rate, NOW, &wait), 0);
	assert_int_equal(draw(&m, &rate, NOW, &wait), REFUSE_RATE);
	assert_int_equal(wait, 1);
	assert_int_equal(draw(&m, &rate, NOW + 999, &wait), REFUSE_RATE);
	assert_int_equal(draw(&m, &rate, NOW + 1000, &wait), 0);
	assert_int_equal(draw(&m, &rate, NOW + 1000, &wait), REFUSE_RATE);
	for (int i = 0; i < 3; i++) /* a long rest gives a burst and no more */
		assert_int_equal(draw(&m, &rate, NOW + 3600000, &wait), 0);
	assert_int_equal(draw(&m, &rate, NOW + 3600000, &wait), REFUSE_RATE);
}

static void a_refusal_draws_nothing(void **state)
{
	(void)state;
	const struct rate rate = { .per_minute = 1, .burst = 1 };
	struct meter m = { 0 };
	uint32_t wait = 0;
	assert_int_equal(draw(&m, &rate, NOW, &wait), 0);
	for (int i = 0; i < 10000; i++)
		assert_int_equal(draw(&m, &rate, NOW + i, &wait), REFUSE_RATE);
	assert_int_equal(wait, 51);
	assert_int_equal(draw(&m, &rate, NOW + 60000, &wait), 0);
}

static void a_day_has_its_cap(void **state)
{
	(void)state;
	const struct rate rate = { .per_day = 2 };
	struct meter m = { 0 };
	uint32_t wait = 0;
	int64_t midnight = (NOW / METER_DAY_MS + 1) * METER_DAY_MS;
	assert_int_equal(draw(&m, &rate, NOW, &wait), 0);
	assert_int_equal(draw(&m, &rate, NOW, &wait), 0);
	assert_int_equal(meter_today(&m, NOW), 2);
	assert_int_equal(draw(&m, &rate, midnight - 1, &wait), REFUSE_DAILY_CAP);
	assert_int_equal(wait, 1);
	assert_int_equal(meter_today(&m, midnight), 0);
	assert_int_equal(draw(&m, &rate, midnight, &wait), 0);
}

static void no_ceiling_never_refuses(void **state)
{
	(void)state;
	const struct rate rate = { .burst = 1 };
	struct meter m = { 0 };
	uint32_t wait = 0;
	for (int i = 0; i < 100000; i++)
		assert_int_equal(draw(&m, &rate, NOW, &wait), 0);
	assert_int_equal(meter_today(&m, NOW), 100000);
}

/* A bound key as the meter sees one: an id, a parent, a path length. */
static void relate(struct key *k, uint8_t number, uint8_t parent, uint16_t path_len)
{
	memset(k, 0, sizeof(*k));
	memset(k->id, number, KEY_ID_SIZE);
	memset(k->charter.parent, parent, KEY_ID_SIZE);
	k->charter.path_len = path_len;
	k->charter_bytes.len = 1;
	k->state = KEY_STATE_BOUND;
}

static void children_share(void **state)
{
	(void)state;
	struct key root, a, b;
	struct keys keys = { 0 };
	struct ceilings all[CLASS_COUNT] = { 0 };
	uint32_t wait;
	relate(&root, 1, 1, 1);
	relate(&a, 2, 1, 0);
	relate(&b, 3, 1, 0);
	assert_int_equal(keys_add(&keys, &root) | keys_add(&keys, &a) | keys_add(&keys, &b), 0);
	all[CLASS_ROOT].rates[KIND_LEAF].per_day = 5;
	all[CLASS_ISSUING].rates[KIND_LEAF].per_day = 3;
	int given[2] = { 0, 0 };
	for (int i = 0; i < 20; i++) {
		struct key *k = i % 2 ? &a : &b;
		if (meters_ask(&keys, k, KIND_LEAF, all, NOW, &wait))
			continue;
		meters_draw(&keys, k, KIND_LEAF, all, NOW);
		given[i % 2]++;
	}
	assert_int_equal(given[0] + given[1], 5);
	assert_int_equal(meter_today(&root.meters[KIND_LEAF], NOW), 5);
	assert_int_equal(meters_ask(&keys, &a, KIND_CA, all, NOW, &wait), 0); /* another kind has its own */
	keys.count = 0;
	keys_free(&keys);
}

/* Two CAs that certified each other: the walk ends. */
static void a_ring_ends(void **state)
{
	(void)state;
	struct key a, b;
	struct keys keys = { 0 };
	struct ceilings all[CLASS_COUNT] = { 0 };
	uint32_t wait;
	relate(&a, 1, 2, 0);
	relate(&b, 2, 1, 0);
	assert_int_equal(keys_add(&keys, &a) | keys_add(&keys, &b), 0);
	assert_int_equal(meters_ask(&keys, &a, KIND_LEAF, all, NOW, &wait), 0);
	meters_draw(&keys, &a, KIND_LEAF, all, NOW);
	keys.count = 0;
	keys_free(&keys);
}

static void oids_are_read_and_written(void **state)
{
	(void)state;
	static const char *const good[] = { "1.3.6.1.5.5.7.3.1", "2.5.29.37.0", "0.0", "1.39.1",
					    "2.999.4294967289",	 "2.40.1" };
	static const char *const bad[] = { "",
					   "1",
					   "1.",
					   ".1",
					   "1..3",
					   "3.1",
					   "1.40",
					   "0.40.1",
					   "1.3.06",
					   "1.3.x",
					   "1.3 ",
					   "-1.3",
					   "1.3.4294967296000" };
	uint8_t bytes[32];
	char text[OID_TEXT];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		struct slice oid = { bytes, oid_from_text(good[i], bytes, sizeof(bytes)) };
		assert_true(oid_valid(oid));
		assert_string_equal(oid_to_text(oid, text), good[i]);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(oid_from_text(bad[i], bytes, sizeof(bytes)), 0);
	assert_int_equal(oid_from_text("1.3.6.1.5.5.7.3.1", bytes, 8), 8);
	assert_int_equal(oid_from_text("1.3.6.1.5.5.7.3.1", bytes, 7), 0);
	assert_int_equal(oid_from_text("2.5.29.19", bytes, sizeof(bytes)), 3);
	assert_true(oid_has_typed_form((struct slice){ bytes, 3 }));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bucket_empties_and_fills),
		cmocka_unit_test(a_refusal_draws_nothing),
		cmocka_unit_test(a_day_has_its_cap),
		cmocka_unit_test(no_ceiling_never_refuses),
		cmocka_unit_test(children_share),
		cmocka_unit_test(a_ring_ends),
		cmocka_unit_test(oids_are_read_and_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
