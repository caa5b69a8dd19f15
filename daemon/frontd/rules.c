#include "frontd/rules.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

struct rulebooks {
	pthread_mutex_t mutex; /* guards current and every set's holders */
	struct rulebook *current;
	struct profile_site site;
	char *folder;
};

static void book_free(struct rulebook *b)
{
	if (!b)
		return;
	profiles_free(b->profiles);
	templates_free(b->templates);
	free(b);
}

/* Both are read whatever becomes of the first, so that one run names every mistake. */
static struct rulebook *book_read(struct rulebooks *r)
{
	struct rulebook *b = calloc(1, sizeof(*b));
	if (!b)
		return NULL;
	*b = (struct rulebook){ .of = r, .holders = 1 };
	bool good = profiles_load(r->folder, &r->site, NULL, NULL, &b->profiles) == 0;
	if (templates_load(r->folder, &b->templates) == 0 && good)
		return b;
	book_free(b);
	return NULL;
}

static void book_release(struct rulebook *b)
{
	struct rulebooks *r = b->of;
	pthread_mutex_lock(&r->mutex);
	bool last = --b->holders == 0;
	pthread_mutex_unlock(&r->mutex);
	if (last)
		book_free(b);
}

int rules_open(const char *folder, bool has_base_url, struct rulebooks **out)
{
	struct rulebooks *r = calloc(1, sizeof(*r));
	if (!r)
		return -1;
	pthread_mutex_init(&r->mutex, NULL);
	r->site.has_base_url = has_base_url;
	r->folder = strdup(folder);
	r->current = r->folder ? book_read(r) : NULL;
	if (!r->current) {
		rules_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

void rules_reload(struct rulebooks *r)
{
	struct rulebook *fresh = book_read(r);
	if (!fresh) {
		log_error("profiles_kept", "folder=%s why=\"the new ones have mistakes, so the old ones still hold\"",
			  r->folder);
		return;
	}
	pthread_mutex_lock(&r->mutex);
	struct rulebook *old = r->current;
	r->current = fresh;
	pthread_mutex_unlock(&r->mutex);
	book_release(old);
	log_info("profiles_reloaded", "folder=%s", r->folder);
}

void rules_close(struct rulebooks *r)
{
	if (!r)
		return;
	if (r->current)
		book_release(r->current);
	free(r->folder);
	free(r);
}

const struct rulebook *rules_hold(struct rulebooks *r)
{
	pthread_mutex_lock(&r->mutex);
	struct rulebook *b = r->current;
	b->holders++;
	pthread_mutex_unlock(&r->mutex);
	return b;
}

void rules_release(const struct rulebook **held)
{
	const struct rulebook *b = *held;
	*held = NULL;
	if (b)
		book_release((struct rulebook *)(uintptr_t)b);
}
