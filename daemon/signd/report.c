#include "signd/report.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "base/time.h"
#include "signd/guard.h"
#include "signd/signer.h"
#include "wire/inner_answer.h"

#define MAX_DRIVERS_TEXT (MAX_SLOTS * (MAX_REPORT + 3))
#define MAX_KEY_REPORTS 256 /* a reply's, as inner.def has it */
#define MAX_KEYS_TEXT (MAX_KEY_REPORTS * (512 + 3))
#define MAX_LATCHES 32

static void put_drivers(const struct signer *s, struct buf *items, uint16_t *count)
{
	for (size_t i = 0; i < s->config.token_count; i++) {
		struct driver_report report;
		uint8_t state = slot_report(s->slots[i], &report);
		report_driver_put(items, count, state, &report);
	}
}

static void put_latches(struct signer *s, struct buf *items, uint16_t *count)
{
	char text[200], id[2 * KEY_ID_SIZE + 1];
	uint16_t stopped = signer_stopped(s, true);
	if (stopped && stopped != REFUSE_LATCHED)
		list_put(items, count, STOP_PASSES, slice_text(inner_refusal_sentence(stopped)));
	if (s->disk.stop)
		list_put(items, count, STOP_PASSES, slice_text(inner_refusal_sentence(REFUSE_DISK_LOW)));
	for (size_t i = 0; i < LATCHES; i++)
		if (s->latches.closed[i])
			list_put(items, count, STOP_LATCHED, slice_text(s->latches.why[i]));
	if (s->log_key->trouble) {
		snprintf(text, sizeof(text), "The log key in token %s: %s", s->log_key->token,
			 driver_refusal_sentence(s->log_key->trouble));
		list_put(items, count, STOP_LOG_KEY, slice_text(text));
	}
	for (size_t i = 0; i < s->keys.count && *count < MAX_LATCHES; i++) {
		if (!s->keys.all[i]->latched)
			continue;
		hex_encode(s->keys.all[i]->id, KEY_ID_SIZE, id);
		snprintf(text, sizeof(text), "Key %s gave three signatures that do not verify.", id);
		list_put(items, count, STOP_LATCHED, slice_text(text));
	}
}

int answer_status(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct status_request r;
	struct journal_head head;
	const char *where;
	if (answer_status_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct buf *out = guard_out(s->guard, peer);
	scoped_buf drivers = { .max = MAX_DRIVERS_TEXT }, latches = { .max = 32768 };
	journal_head(s->journal, &head);
	struct status_reply reply = {
		.head = head.size,
		.checkpoint_size = s->checkpoint.size,
		.now = time_now(),
		.bound_keys =
			(uint32_t)(keys_count(&s->keys, KEY_STATE_BOUND) + keys_count(&s->keys, KEY_STATE_CLOSED)),
		.unbound_keys = (uint32_t)keys_count(&s->keys, KEY_STATE_UNBOUND),
		.in_flight = (uint32_t)s->running_count,
		.disk_free = disk_free(s),
	};
	memcpy(reply.ledger_id, s->config.ledger_id, LEDGER_ID_SIZE);
	put_drivers(s, &drivers, &reply.drivers.count);
	put_latches(s, &latches, &reply.latches.count);
	reply.drivers.raw = buf_slice(&drivers);
	reply.latches.raw = buf_slice(&latches);
	if (out)
		answer_status_put(out, f->tag, &reply);
	return 0;
}

static void put_key(const struct key *k, struct buf *items, uint16_t *count)
{
	static const uint8_t states[] = { [KEY_STATE_UNBOUND] = KEY_REPORT_UNBOUND,
					  [KEY_STATE_BOUND] = KEY_REPORT_BOUND,
					  [KEY_STATE_CLOSED] = KEY_REPORT_CLOSED,
					  [KEY_STATE_GONE] = KEY_REPORT_GONE };
	struct key_report report = { .token = slice_text(k->token),
				     .driver_key = { k->driver_key, k->driver_key_len },
				     .algorithm = k->algorithm,
				     .attributes = k->attributes,
				     .trouble = k->trouble,
				     .latched = k->latched,
				     .made_at = k->made_at,
				     .not_after = k->not_after,
				     .checked_at = k->checked_at };
	memcpy(report.key_id, k->id, KEY_ID_SIZE);
	hash_of(buf_slice(&k->public_key), report.public_key_hash);
	report_key_put(items, count, states[k->state], &report);
}

int answer_key_list(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct key_list_request r;
	const char *where;
	if (answer_key_list_get(f->body, &r, &where) != PACK_OK)
		return -1;
	struct buf *out = guard_out(s->guard, peer);
	scoped_buf keys = { .max = MAX_KEYS_TEXT };
	struct key_list_reply reply = { .total = (uint32_t)s->keys.count };
	size_t most = r.most < MAX_KEY_REPORTS ? r.most : MAX_KEY_REPORTS;
	for (size_t i = r.from; i < s->keys.count && i - r.from < most; i++)
		put_key(s->keys.all[i], &keys, &reply.keys.count);
	reply.keys.raw = buf_slice(&keys);
	if (out)
		answer_key_list_put(out, f->tag, &reply);
	return 0;
}
