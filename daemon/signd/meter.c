#include "signd/meter.h"

#include <string.h>

#include "signd/keys.h"

#define MINUTE_NS INT64_C(60000000000)
#define MS_NS INT64_C(1000000)
#define MAX_ABOVE 32 /* CAs of one chain: twice what validators walk, and an end to a ring of cross-signed ones */

/* Nanoseconds until one more is there. */
static int64_t interval(const struct rate *rate)
{
	return MINUTE_NS / rate->per_minute;
}

/* When the bucket would be full again if one more were drawn now. */
static int64_t full_after(const struct meter *m, const struct rate *rate, int64_t now_ms)
{
	int64_t now = now_ms * MS_NS;
	return (m->full_at > now ? m->full_at : now) + interval(rate);
}

uint32_t meter_today(const struct meter *m, int64_t now_ms)
{
	return m->day == now_ms / METER_DAY_MS ? m->today : 0;
}

uint16_t meter_ask(const struct meter *m, const struct rate *rate, int64_t now_ms, uint32_t *retry_after)
{
	if (rate->per_day != CEILING_NONE && meter_today(m, now_ms) >= rate->per_day) {
		*retry_after = (uint32_t)((METER_DAY_MS - now_ms % METER_DAY_MS + 999) / 1000);
		return REFUSE_DAILY_CAP;
	}
	if (rate->per_minute == CEILING_NONE)
		return 0;
	int64_t over = full_after(m, rate, now_ms) - now_ms * MS_NS - rate->burst * interval(rate);
	if (over <= 0)
		return 0;
	*retry_after = (uint32_t)((over + 1000 * MS_NS - 1) / (1000 * MS_NS));
	return REFUSE_RATE;
}

void meter_draw(struct meter *m, const struct rate *rate, int64_t now_ms)
{
	m->today = meter_today(m, now_ms) + 1;
	m->day = now_ms / METER_DAY_MS;
	if (rate->per_minute != CEILING_NONE)
		m->full_at = full_after(m, rate, now_ms);
}

/* The CA above, if this ledger has it; NULL. Found once: a bound key is never taken off the table. */
static struct key *key_above(const struct keys *keys, struct key *k)
{
	if (k->above || key_is_root(k) || bytes_zero(k->charter.parent, KEY_ID_SIZE))
		return k->above;
	struct key *above = keys_find(keys, k->charter.parent);
	if (above && above->charter_bytes.len)
		k->above = above;
	return k->above;
}

uint16_t meters_ask(const struct keys *keys, struct key *issuer, enum cert_kind kind,
		    const struct ceilings all[CLASS_COUNT], int64_t now_ms, uint32_t *retry_after)
{
	struct key *k = issuer;
	for (int i = 0; k && i < MAX_ABOVE; i++, k = key_above(keys, k)) {
		const struct rate *rate = &key_issuer(k, all).ceilings->rates[kind];
		uint16_t code = meter_ask(&k->meters[kind], rate, now_ms, retry_after);
		if (code)
			return code;
	}
	return 0;
}

void meters_draw(const struct keys *keys, struct key *issuer, enum cert_kind kind,
		 const struct ceilings all[CLASS_COUNT], int64_t now_ms)
{
	struct key *k = issuer;
	for (int i = 0; k && i < MAX_ABOVE; i++, k = key_above(keys, k))
		meter_draw(&k->meters[kind], &key_issuer(k, all).ceilings->rates[kind], now_ms);
}
