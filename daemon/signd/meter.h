/*
 * How much a key may still sign: a token bucket and a daily count for each
 * kind of certificate. A certificate draws on its issuer's and on those of all
 * CAs above it that this ledger knows, each under the ceilings of its own
 * class, so that children made on purpose multiply nothing.
 *
 * Asked and drawn on by the loop for each certificate: a few additions for each
 * CA of the chain, no memory. What was drawn is derived from the intents on the
 * ledger, so a start finds it again: a day of it, which is as far as a bucket reaches.
 */
#ifndef CHANCERY_SIGND_METER_H
#define CHANCERY_SIGND_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "signd/ceilings.h"

#define METER_DAY_MS INT64_C(86400000)

struct key;
struct keys;

struct meter {
	int64_t full_at; /* nanoseconds of Unix time when the bucket will have filled up again */
	int64_t day;	 /* since 1970, in UTC */
	uint32_t today;	 /* drawn in that day */
};

/*
 * Whether one more fits. 0; REFUSE_RATE or REFUSE_DAILY_CAP and after how many seconds it may.
 */
uint16_t meter_ask(const struct meter *m, const struct rate *rate, int64_t now_ms, uint32_t *retry_after);
void meter_draw(struct meter *m, const struct rate *rate, int64_t now_ms);
uint32_t meter_today(const struct meter *m, int64_t now_ms);

/* The same for one certificate of this kind by this bound key, and all that stand above it. */
uint16_t meters_ask(const struct keys *keys, struct key *issuer, enum cert_kind kind,
		    const struct ceilings all[CLASS_COUNT], int64_t now_ms, uint32_t *retry_after);
void meters_draw(const struct keys *keys, struct key *issuer, enum cert_kind kind,
		 const struct ceilings all[CLASS_COUNT], int64_t now_ms);

#endif
