#include "signd/scopes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"

void scopes_free(struct scopes *s)
{
	for (size_t i = 0; i < s->count; i++) {
		buf_free(&s->all[i]->url);
		free(s->all[i]);
	}
	free(s->all);
	*s = (struct scopes){ 0 };
}

struct scope *scopes_find(const struct scopes *s, const uint8_t ca_key[KEY_ID_SIZE], uint16_t shard)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->all[i]->shard == shard && memcmp(s->all[i]->ca_key, ca_key, KEY_ID_SIZE) == 0)
			return s->all[i];
	return NULL;
}

bool scope_fixed(const struct scope *s)
{
	return s->burnt || s->busy;
}

struct scope *scopes_of(const struct scopes *s, const uint8_t ca_key[KEY_ID_SIZE])
{
	for (size_t i = 0; i < s->count; i++)
		if (scope_fixed(s->all[i]) && memcmp(s->all[i]->ca_key, ca_key, KEY_ID_SIZE) == 0)
			return s->all[i];
	return NULL;
}

static struct scope *scope_append(struct scopes *s)
{
	struct scope *one = s->count < MAX_SCOPES ? calloc(1, sizeof(*one)) : NULL;
	if (one && (s->count & (s->count - 1)) == 0) { /* full at each power of two */
		struct scope **all = realloc(s->all, (s->count ? 2 * s->count : 1) * sizeof(struct scope *));
		s->all = all ? all : s->all;
		if (!all) {
			free(one);
			one = NULL;
		}
	}
	if (one)
		s->all[s->count++] = one;
	return one;
}

struct scope *scopes_add(struct scopes *s, const uint8_t ca_key[KEY_ID_SIZE], uint16_t shard, uint16_t shards,
			 struct slice url)
{
	struct scope *one = scopes_find(s, ca_key, shard);
	if (!one)
		one = scope_append(s);
	if (!one)
		return NULL;
	memcpy(one->ca_key, ca_key, KEY_ID_SIZE);
	one->shard = shard;
	one->shards = shards;
	s->sharded = s->sharded || shards > 1;
	buf_free(&one->url);
	buf_init(&one->url, url.len);
	buf_put_slice(&one->url, url);
	return one;
}

int scopes_shard(const struct scopes *s, const uint8_t ca_key[KEY_ID_SIZE], struct list urls, uint16_t *shards)
{
	const struct scope *kin = s->sharded ? scopes_of(s, ca_key) : NULL;
	uint8_t use;
	struct slice url;
	if (!kin || kin->shards == 1)
		return NO_SHARDS;
	*shards = kin->shards;
	while (list_next(&urls, &use, &url))
		for (size_t i = 0; use == URL_CRL && i < s->count; i++)
			if (memcmp(s->all[i]->ca_key, ca_key, KEY_ID_SIZE) == 0 && scope_fixed(s->all[i]) &&
			    slice_equal(buf_slice(&s->all[i]->url), url))
				return s->all[i]->shard;
	return -1;
}

int scopes_intend(struct scopes *s, const struct crl_intent_record *r, uint64_t seq)
{
	struct scope *one = scopes_find(s, r->ca_key, r->shard);
	if (!one)
		one = scopes_add(s, r->ca_key, r->shard, r->shards, r->url);
	if (!one || r->number <= one->burnt)
		return -1;
	one->burnt = r->number;
	one->intent = seq;
	one->pending = (struct last_ref){ .shard = r->shard, .number = r->number };
	memcpy(one->pending.ca_key, r->ca_key, KEY_ID_SIZE);
	memcpy(one->pending.hash, r->last_hash, HASH_SIZE);
	one->pending_update = r->this_update;
	one->pending_entries = r->entries;
	return 0;
}

int scopes_conclude(struct scopes *s, uint64_t intent)
{
	struct scope *one = NULL;
	for (size_t i = 0; i < s->count && !one; i++)
		if (s->all[i]->intent == intent)
			one = s->all[i];
	if (!one || intent == 0)
		return -1;
	one->any = true;
	one->last = one->pending;
	one->this_update = one->pending_update;
	one->entries = one->pending_entries;
	one->intent = 0;
	one->latched = one->anew = false;
	return 0;
}

#include "base/pack_struct.h"
/* clang-format off */
#define SCOPE_FIELDS                                                                                            \
	FIXED(ca_key, 16) U16(shard) U16(shards) BYTES(url, 1024) U64(burnt)                                    \
	U8(any) U64(number) FIXED(hash, 32) TIME(this_update) U32(entries) U8(latched) U8(anew)                 \
	U64(intent) U64(pending) FIXED(pending_hash, 32) TIME(pending_update) U32(pending_entries)
/* clang-format on */
struct packed_scope {
	SCOPE_FIELDS
};
#include "base/pack_done.h"

static const struct pack_field *scope_fields(void)
{
	typedef struct packed_scope THIS;
#include "base/pack_fields.h"
	static const struct pack_field fields[] = { SCOPE_FIELDS{ NULL, PACK_END, 0, 0, 0 } };
#include "base/pack_done.h"
	return fields;
}

static void scope_put(const struct scope *one, struct buf *out)
{
	struct packed_scope p = { .shard = one->shard,
				  .shards = one->shards,
				  .url = buf_slice(&one->url),
				  .burnt = one->burnt,
				  .any = one->any,
				  .number = one->last.number,
				  .this_update = one->this_update,
				  .entries = one->entries,
				  .latched = one->latched,
				  .anew = one->anew,
				  .intent = one->intent,
				  .pending = one->pending.number,
				  .pending_update = one->pending_update,
				  .pending_entries = one->pending_entries };
	memcpy(p.ca_key, one->ca_key, KEY_ID_SIZE);
	memcpy(p.hash, one->last.hash, HASH_SIZE);
	memcpy(p.pending_hash, one->pending.hash, HASH_SIZE);
	pack_put(out, scope_fields(), &p);
}

static struct last_ref ref_of(const struct packed_scope *p, uint64_t number, const uint8_t hash[HASH_SIZE])
{
	struct last_ref ref = { .shard = p->shard, .number = number };
	memcpy(ref.ca_key, p->ca_key, KEY_ID_SIZE);
	memcpy(ref.hash, hash, HASH_SIZE);
	return ref;
}

static int scope_get(struct scopes *s, struct slice in)
{
	struct packed_scope p;
	const char *where;
	static const struct last_ref none;
	if (pack_get(in, scope_fields(), &p, &where) != PACK_OK || p.any > 1 || p.latched > 1 || p.anew > 1 ||
	    scopes_find(s, p.ca_key, p.shard))
		return -1;
	struct scope *one = scopes_add(s, p.ca_key, p.shard, p.shards, p.url);
	if (!one)
		return -1;
	one->burnt = p.burnt;
	one->any = p.any;
	one->last = p.any ? ref_of(&p, p.number, p.hash) : none;
	one->this_update = p.this_update;
	one->entries = p.entries;
	one->latched = p.latched;
	one->anew = p.anew;
	one->intent = p.intent;
	one->pending = p.burnt ? ref_of(&p, p.pending, p.pending_hash) : none;
	one->pending_update = p.pending_update;
	one->pending_entries = p.pending_entries;
	return buf_ok(&one->url) ? 0 : -1;
}

/* Each behind its length. */
void scopes_put(const struct scopes *s, struct buf *out)
{
	for (size_t i = 0; i < s->count; i++) {
		buf_put_u32(out, 0);
		size_t from = out->len;
		scope_put(s->all[i], out);
		if (buf_ok(out))
			set_u32(out->at + from - 4, (uint32_t)(out->len - from));
	}
}

int scopes_get(struct scopes *s, struct slice in)
{
	scopes_free(s);
	while (in.len >= 4 && get_u32(in.at) <= in.len - 4) {
		size_t len = get_u32(in.at);
		if (scope_get(s, (struct slice){ in.at + 4, len }) != 0)
			return -1;
		in = (struct slice){ in.at + 4 + len, in.len - 4 - len };
	}
	return in.len ? -1 : 0;
}

void scope_latch_name(const struct scope *s, char out[64])
{
	char key[2 * KEY_ID_SIZE + 1];
	hex_encode(s->ca_key, KEY_ID_SIZE, key);
	snprintf(out, 64, "crl %s.%04x", key, s->shard);
}

struct scope *scopes_by_latch(const struct scopes *s, const char *name)
{
	char of[64];
	for (size_t i = 0; i < s->count; i++) {
		scope_latch_name(s->all[i], of);
		if (strcmp(of, name) == 0)
			return s->all[i];
	}
	return NULL;
}

void scopes_resume(struct scopes *s)
{
	for (size_t i = 0; i < s->count; i++) {
		s->all[i]->anew = s->all[i]->anew || s->all[i]->latched;
		s->all[i]->latched = false;
	}
}

bool scopes_latched(const struct scopes *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->all[i]->latched)
			return true;
	return false;
}
