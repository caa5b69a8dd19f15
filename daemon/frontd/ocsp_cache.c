#include "frontd/ocsp_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 16384	   /* of some hundred thousand answers: a few in each */
#define MAX_RESPONSE 32768 /* what the signer writes at most */

struct entry {
	struct ocsp_key key;
	struct ocsp_answer answer;
	struct entry *same;	     /* next in the bucket */
	struct entry *older, *newer; /* by use */
};

struct ocsp_cache {
	pthread_mutex_t lock;
	size_t most, held;
	struct entry *oldest, *newest;
	struct entry *buckets[BUCKETS];
};

void ocsp_answer_free(struct ocsp_answer *a)
{
	buf_free(&a->response);
}

struct ocsp_cache *ocsp_cache_new(size_t most)
{
	struct ocsp_cache *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	c->most = most;
	return c;
}

/* Serial numbers are random, but for those of other CAs, and only what was issued gets here. */
static struct entry **bucket_of(struct ocsp_cache *c, const struct ocsp_key *key)
{
	uint64_t h = 14695981039346656037U;
	const uint8_t *at = (const uint8_t *)key;
	for (size_t i = 0; i < sizeof(*key); i++)
		h = (h ^ at[i]) * 1099511628211U;
	return &c->buckets[(h ^ h >> 32) % BUCKETS];
}

static struct entry *entry_find(struct ocsp_cache *c, const struct ocsp_key *key)
{
	struct entry *e = *bucket_of(c, key);
	while (e && memcmp(&e->key, key, sizeof(*key)) != 0)
		e = e->same;
	return e;
}

static void use_remove(struct ocsp_cache *c, struct entry *e)
{
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	e->older = e->newer = NULL;
}

static void use_add(struct ocsp_cache *c, struct entry *e)
{
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
}

static size_t entry_size(const struct entry *e)
{
	return sizeof(*e) + e->answer.response.cap;
}

static void entry_drop(struct ocsp_cache *c, struct entry *e)
{
	struct entry **at = bucket_of(c, &e->key);
	while (*at != e)
		at = &(*at)->same;
	*at = e->same;
	use_remove(c, e);
	c->held -= entry_size(e);
	ocsp_answer_free(&e->answer);
	free(e);
}

void ocsp_cache_free(struct ocsp_cache *c)
{
	if (!c)
		return;
	while (c->oldest)
		entry_drop(c, c->oldest);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static bool answer_copy(struct ocsp_answer *to, const struct ocsp_answer *from)
{
	*to = *from;
	buf_init(&to->response, MAX_RESPONSE);
	buf_put_slice(&to->response, buf_slice(&from->response));
	return buf_ok(&to->response);
}

bool ocsp_cache_find(struct ocsp_cache *c, const struct ocsp_key *key, struct ocsp_answer *out)
{
	pthread_mutex_lock(&c->lock);
	struct entry *e = entry_find(c, key);
	bool found = e && answer_copy(out, &e->answer);
	if (e) {
		use_remove(c, e);
		use_add(c, e);
	}
	pthread_mutex_unlock(&c->lock);
	return found;
}

static struct entry *entry_new(const struct ocsp_key *key, const struct ocsp_answer *answer)
{
	struct entry *e = calloc(1, sizeof(*e));
	if (!e)
		return NULL;
	e->key = *key;
	if (answer_copy(&e->answer, answer))
		return e;
	ocsp_answer_free(&e->answer);
	free(e);
	return NULL;
}

static void entry_add(struct ocsp_cache *c, struct entry *e)
{
	struct entry **bucket = bucket_of(c, &e->key);
	e->same = *bucket;
	*bucket = e;
	use_add(c, e);
	c->held += entry_size(e);
}

/* Who was judged before a revocation may come here after who was judged behind it: a token takes its time. */
void ocsp_cache_keep(struct ocsp_cache *c, const struct ocsp_key *key, const struct ocsp_answer *answer)
{
	struct entry *new = entry_new(key, answer);
	if (!new)
		return;
	pthread_mutex_lock(&c->lock);
	struct entry *old = entry_find(c, key);
	bool later = old && old->answer.generation > answer->generation;
	if (old && !later)
		entry_drop(c, old);
	if (!later)
		entry_add(c, new);
	while (c->held > c->most && c->oldest)
		entry_drop(c, c->oldest);
	pthread_mutex_unlock(&c->lock);
	if (later) {
		ocsp_answer_free(&new->answer);
		free(new);
	}
}

void ocsp_cache_confirm(struct ocsp_cache *c, const struct ocsp_key *key, const struct ocsp_answer *found,
			uint64_t generation)
{
	pthread_mutex_lock(&c->lock);
	struct entry *e = entry_find(c, key);
	if (e && strcmp(e->answer.etag, found->etag) == 0 && e->answer.generation < generation)
		e->answer.generation = generation;
	pthread_mutex_unlock(&c->lock);
}
