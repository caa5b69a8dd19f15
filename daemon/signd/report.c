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
	for (size_t i = 0; i < s->scopes.count && *count < MAX_LATCHES; i++) {
		if (!s->scopes.all[i]->latched)
			continue;
		hex_encode(s->scopes.all[i]->ca_key, KEY_ID_SIZE, id);
		snprintf(text, sizeof(text),
			 "The signer's copy of the last CRL of key %s, shard %u, is missing or damaged.", id,
			 s->scopes.all[i]->shard);
		list_put(items, count, STOP_LATCHED, slice_text(text));
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

static uint8_t state_of(const struct key *k)
{
	static const uint8_t states[] = { [KEY_STATE_UNBOUND] = KEY_REPORT_UNBOUND,
					  [KEY_STATE_BOUND] = KEY_REPORT_BOUND,
					  [KEY_STATE_CLOSED] = KEY_REPORT_CLOSED,
					  [KEY_STATE_GONE] = KEY_REPORT_GONE,
					  [KEY_STATE_RESPONDER] = KEY_REPORT_RESPONDER };
	return states[k->state];
}

static void put_key(const struct key *k, struct buf *items, uint16_t *count)
{
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
	report_key_put(items, count, state_of(k), &report);
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

static void put_limits(const struct key *k, const struct ceilings *c, struct buf *items, uint16_t *count)
{
	for (uint8_t kind = KIND_LEAF; kind < KIND_COUNT; kind++) {
		struct limit_report limit = { .longest = c->longest[kind],
					      .per_minute = c->rates[kind].per_minute,
					      .burst = c->rates[kind].burst,
					      .per_day = c->rates[kind].per_day,
					      .today = meter_today(&k->meters[kind], time_now_ms()) };
		report_limit_put(items, count, kind, &limit);
	}
}

static void put_charter(const struct key *k, struct charter_read_reply *reply)
{
	const struct charter *c = &k->charter;
	memcpy(reply->parent, c->parent, KEY_ID_SIZE);
	reply->subject = c->subject;
	reply->key_hash = c->key_hash;
	reply->path_len = c->path_len;
	reply->permitted = c->permitted;
	reply->excluded = c->excluded;
	reply->ext_key_usage = c->ext_key_usage;
	reply->not_before = k->not_before;
	reply->not_after = k->not_after;
}

static void put_ceilings(const struct ceilings *c, struct charter_read_reply *reply)
{
	reply->kinds = (uint8_t)c->kinds;
	reply->backdate = c->backdate;
	reply->ahead = c->ahead;
	reply->crl_longest = c->crl_longest;
	reply->ocsp_longest = c->ocsp_longest;
	reply->name_types = (uint16_t)c->name_types;
	reply->algorithms = c->algorithms;
	reply->key_usages = (uint16_t)c->key_usages;
	reply->any_ext_key_usage = c->any_ext_key_usage;
	reply->ext_key_usages = oid_set_list(&c->ext_key_usages);
	reply->opaque = oid_set_list(&c->opaque);
}

int answer_charter_read(struct signer *s, uint64_t peer, const struct frame *f)
{
	struct charter_read_request r;
	const char *where;
	if (answer_charter_read_get(f->body, &r, &where) != PACK_OK)
		return -1;
	const struct key *k = keys_find(&s->keys, r.key_id);
	struct buf *out = guard_out(s->guard, peer);
	scoped_buf limits = { .max = 8 * (MAX_REPORT + 3) };
	if (!k) {
		guard_refuse(s->guard, peer, f->verb, f->tag, REFUSE_KEY_UNKNOWN, "key_id", 0);
		return 0;
	}
	struct charter_read_reply reply = { .state = state_of(k), .algorithm = k->algorithm };
	if (k->charter_bytes.len) {
		enum key_class class = ceilings_class(key_is_root(k), k->charter.path_len);
		put_charter(k, &reply);
		put_ceilings(&s->config.classes[class], &reply);
		put_limits(k, &s->config.classes[class], &limits, &reply.limits.count);
		reply.class = (uint8_t)(KEY_CLASS_ROOT + class);
		reply.limits.raw = buf_slice(&limits);
	}
	if (out)
		answer_charter_read_put(out, f->tag, &reply);
	return 0;
}
