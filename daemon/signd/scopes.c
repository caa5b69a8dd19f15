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
	buf_free(&one->url);
	buf_init(&one->url, url.len);
	buf_put_slice(&one->url, url);
	return one;
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
