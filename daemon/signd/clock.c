#include "signd/clock.h"

#include "base/time.h"

#define APART_MS 1000  /* between two readings that count as one */
#define MAX_READINGS 8 /* a host that is as slow as that each time is believed as it is */

/*
 * Wall clock minus time since boot. Whoever stands still between the two
 * readings, with a host that is suspended just then, would see a step where
 * there was none: such a reading is made again.
 */
static int64_t clock_apart(void)
{
	int64_t wall, before, boot = time_boot_ms();
	int readings = 0;
	do {
		before = boot;
		wall = time_now_ms();
		boot = time_boot_ms();
	} while (boot - before > APART_MS && ++readings < MAX_READINGS);
	return wall - boot;
}

/* Until the clock is believed time goes on from the last record. */
static void clock_doubt(struct clock *c)
{
	atomic_store(&c->offset, atomic_load(&c->last) - time_boot_ms());
	atomic_store(&c->anchored, false);
}

void clock_start(struct clock *c, int64_t last, int64_t max_downtime)
{
	atomic_store(&c->last, last);
	c->max_downtime = max_downtime;
	clock_doubt(c);
}

static bool clock_is_behind(const struct clock *c)
{
	int64_t last = atomic_load(&c->last); /* first: the journal goes on */
	return time_now_ms() < last - CLOCK_BEHIND_MS;
}

static void clock_believe(struct clock *c)
{
	atomic_store(&c->offset, clock_apart());
	atomic_store(&c->anchored, true);
}

static int64_t clock_step(const struct clock *c)
{
	int64_t step = clock_apart() - atomic_load(&c->offset);
	return step < 0 ? -step : step;
}

static bool clock_gap(const struct clock *c)
{
	return c->max_downtime && time_now_ms() - atomic_load(&c->last) > c->max_downtime;
}

enum clock_verdict clock_look(struct clock *c)
{
	bool anchored = atomic_load(&c->anchored);
	if (anchored && clock_step(c) > CLOCK_STEP_MS)
		return CLOCK_STEPPED;
	if (clock_is_behind(c))
		return CLOCK_BEHIND;
	if (!anchored && clock_gap(c))
		return CLOCK_GAP;
	if (!anchored)
		clock_believe(c);
	return CLOCK_FINE;
}

void clock_vouch(struct clock *c)
{
	/* One that is behind is believed when it has caught up: until then it is about to be set. */
	if (clock_is_behind(c))
		clock_doubt(c);
	else
		clock_believe(c);
}

int64_t clock_stamp(struct clock *c)
{
	int64_t now = time_now_ms(), last = atomic_load(&c->last);
	/* At the start nothing is believed: a gap may be a clock that is wrong. */
	bool doubtful = atomic_load(&c->anchored) ? clock_step(c) > CLOCK_STEP_MS : clock_gap(c);
	if (doubtful)
		now = time_boot_ms() + atomic_load(&c->offset);
	if (now < last)
		now = last;
	atomic_store(&c->last, now);
	return now;
}
