/* signd/feed: which OCSP answer goes to its token, and when. The tokens here do as the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "signd/feed.h"
#include "signd/keys.h"

struct slot {
	bool ready, busy;
	unsigned workers;
};

bool slot_ready(const struct slot *s)
{
	return s->ready;
}

bool slot_busy(struct slot *s)
{
	return s->busy;
}

unsigned slot_workers(const struct slot *s)
{
	return s->workers;
}

#define OPS 8

struct town {
	struct feed feed;
	struct slot slots[2];
	struct key keys[2];
	struct op ops[OPS];
};

/* Two tokens, of two workers and of one, and answers for the first, but for the last two of them. */
static void town_make(struct town *t)
{
	*t = (struct town){ .slots = { { true, false, 2 }, { true, false, 1 } } };
	for (size_t i = 0; i < 2; i++)
		t->keys[i].slot = &t->slots[i];
	for (size_t i = 0; i < OPS; i++) {
		t->ops[i].key = &t->keys[i >= OPS - 2];
		feed_put(&t->feed, &t->ops[i], 1000);
	}
}

static void takes(struct town *t, int64_t now, int op)
{
	struct op *wanted = op < 0 ? NULL : &t->ops[op];
	assert_ptr_equal(feed_take(&t->feed, now), wanted);
}

static void a_token_has_two_for_each_worker(void **state)
{
	(void)state;
	struct town t;
	town_make(&t);
	for (int i = 0; i < 4; i++)
		takes(&t, 1000, i);
	takes(&t, 1000, 6); /* the other token's: nobody waits for somebody else's token */
	takes(&t, 1000, 7);
	takes(&t, 1000, -1);
	takes(&t, 1000000, -1); /* nor does patience help */
	feed_back(&t.feed, &t.slots[1]);
	takes(&t, 1000, -1);
	feed_back(&t.feed, &t.slots[0]);
	takes(&t, 1000, 4);
	takes(&t, 1000, -1);
	assert_false(feed_waits(&t.feed, &t.slots[1]));
	assert_true(feed_waits(&t.feed, &t.slots[0]));
}

static void certificates_go_first(void **state)
{
	(void)state;
	struct town t;
	town_make(&t);
	t.slots[0].busy = true;
	takes(&t, 1000, 6);
	takes(&t, 1000, 7);
	takes(&t, 2999, -1);
	for (int i = 0; i < 4; i++)
		takes(&t, 3000, i); /* two seconds are enough */
	takes(&t, 3000, -1);	    /* but a busy token gets no flood then, either */
	feed_back(&t.feed, &t.slots[0]);
	takes(&t, 2999, -1);
	t.slots[0].busy = false;
	takes(&t, 2999, 4);
}

/* Its slot knows how long it is worth while to wait, and answers for it. */
static void a_token_that_is_away_gets_all(void **state)
{
	(void)state;
	struct town t;
	town_make(&t);
	t.slots[0].ready = false;
	for (int i = 0; i < OPS; i++)
		takes(&t, 1000, i);
	takes(&t, 1000, -1);
	assert_null(t.feed.waiting.first);
	assert_null(t.feed.waiting.last);
	for (int i = 0; i < OPS - 2; i++)
		feed_back(&t.feed, &t.slots[0]);
	t.slots[0] = (struct slot){ .ready = true }; /* a driver that tells of no workers */
	for (int i = 0; i < 3; i++)
		feed_put(&t.feed, &t.ops[i], 1000);
	takes(&t, 1000, 0);
	takes(&t, 1000, 1);
	takes(&t, 1000, -1);
	feed_back(&t.feed, &t.slots[0]);
	takes(&t, 1000, 2);
	assert_null(t.feed.waiting.last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_token_has_two_for_each_worker),
		cmocka_unit_test(certificates_go_first),
		cmocka_unit_test(a_token_that_is_away_gets_all),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
