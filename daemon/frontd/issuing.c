#include "frontd/issuing.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontd/generation.h"
#include "frontd/json_text.h"

#define MAX_ISSUING 64 /* CAs that issue at the same time; with more, some are read anew. About 20 KiB each */
#define MAX_MEMBERS (1024 * 1024)

struct issuings {
	pthread_mutex_t lock;
	size_t next; /* the entry that makes room */
	struct issuing *entries[MAX_ISSUING];
};

struct issuings *issuings_new(void)
{
	struct issuings *all = calloc(1, sizeof(*all));
	if (all)
		pthread_mutex_init(&all->lock, NULL);
	return all;
}

void issuings_free(struct issuings *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < MAX_ISSUING; i++)
		issuing_release(&all->entries[i]);
	pthread_mutex_destroy(&all->lock);
	free(all);
}

void issuing_release(struct issuing **issuing)
{
	struct issuing *i = *issuing;
	*issuing = NULL;
	if (!i || atomic_fetch_sub(&i->users, 1) != 1)
		return;
	chain_free(&i->chain);
	facts_free(&i->facts);
	buf_free(&i->members);
	free(i);
}

/* Where an answer to an issuance says the same of every leaf of this CA. */
static int members_write(struct issuing *i)
{
	size_t root = i->chain.count - 1;
	char *chain = chain_pem(&i->chain, 0, root), *top = chain_pem(&i->chain, root, root + 1);
	buf_init(&i->members, MAX_MEMBERS);
	buf_put_u8(&i->members, ','); /* they follow another */
	json_member_put(&i->members, "chain_pem", slice_text(chain));
	json_member_put(&i->members, "root_pem", slice_text(top));
	json_member_put(&i->members, "ca_id", i->chain.ca[0].id);
	bool good = chain && top && buf_ok(&i->members);
	free(chain);
	free(top);
	return good ? 0 : -1;
}

static bool is_followed(const struct ca_row *ca)
{
	return slice_equal(ca->state, slice_text("retiring")) || slice_equal(ca->state, slice_text("retired"));
}

/* On to the generation that is in use, if this one isn't any more. */
static int follow(struct store_session *s, struct issuing *i)
{
	for (int steps = 0; is_followed(&i->chain.ca[0]) && steps < MAX_GENERATION; steps++) {
		scoped_row(ca) next = { 0 };
		int r = store_ca_find_successor(s, row_text(i->chain.ca[0].id), &next);
		if (r || slice_equal(next.state, slice_text("created")))
			return r < 0 ? r : 0;
		chain_free(&i->chain);
		r = chain_load(s, row_text(next.id), &i->chain);
		if (r)
			return r;
	}
	return 0;
}

/* A right to a CA is a right to what follows it, so those before it count. */
static int look_back(struct store_session *s, struct issuing *i)
{
	char id[64];
	slice_to_text(i->chain.ca[0].predecessor_id, id, sizeof(id));
	while (*id && i->before_count < MAX_CHAIN) {
		scoped_row(ca) before = { 0 };
		int r = store_ca_find(s, id, &before);
		if (r)
			return r < 0 ? r : 0;
		memcpy(i->before[i->before_count++], id, sizeof(id));
		slice_to_text(before.predecessor_id, id, sizeof(id));
	}
	return 0;
}

/* The generation comes before the rows: what changes in between makes the entry old, never wrong. */
static int issuing_load(struct store *store, const char *ca_id, struct issuing *i)
{
	scoped_session *s = NULL;
	i->generation = store_ca_generation(store);
	if (store_read(store, &s))
		return -1;
	int r = chain_load(s, ca_id, &i->chain);
	if (!r)
		r = follow(s, i);
	if (!r)
		r = look_back(s, i);
	if (r)
		return r;
	snprintf(i->asked, sizeof(i->asked), "%s", ca_id);
	facts_read_foreign(i->chain.ca[0].certificate, &i->facts, i->why);
	return members_write(i);
}

static struct issuing *issuing_find(struct issuings *all, const char *ca_id, uint64_t generation)
{
	struct issuing *found = NULL;
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < MAX_ISSUING && !found; i++)
		if (all->entries[i] && all->entries[i]->generation == generation &&
		    strcmp(all->entries[i]->asked, ca_id) == 0)
			found = all->entries[i];
	if (found)
		atomic_fetch_add(&found->users, 1);
	pthread_mutex_unlock(&all->lock);
	return found;
}

/* Takes the place of this CA's older entry, or of whose turn it is. */
static void issuing_keep(struct issuings *all, struct issuing *new)
{
	size_t at = MAX_ISSUING;
	atomic_fetch_add(&new->users, 1);
	pthread_mutex_lock(&all->lock);
	for (size_t i = 0; i < MAX_ISSUING && at == MAX_ISSUING; i++)
		if (!all->entries[i] || strcmp(all->entries[i]->asked, new->asked) == 0)
			at = i;
	if (at == MAX_ISSUING)
		at = all->next++ % MAX_ISSUING;
	struct issuing *old = all->entries[at];
	all->entries[at] = new;
	pthread_mutex_unlock(&all->lock);
	issuing_release(&old);
}

int issuing_get(struct issuings *all, struct store *store, const char *ca_id, struct issuing **out)
{
	*out = issuing_find(all, ca_id, store_ca_generation(store));
	if (*out)
		return 0;
	struct issuing *new = calloc(1, sizeof(*new));
	if (!new)
		return -1;
	atomic_init(&new->users, 1);
	int r = issuing_load(store, ca_id, new);
	if (r) {
		issuing_release(&new);
		return r;
	}
	issuing_keep(all, new);
	*out = new;
	return 0;
}
