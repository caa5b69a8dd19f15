#include "store/sqlite/page_cache.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>

#define LOCK_BYTE 0x40000000U

struct page_cache {
	sqlite3_pcache *below;
	unsigned unused;  /* the lock byte's page */
	unsigned highest; /* number that a page was given, but for that one */
	unsigned away;	  /* pages that have its number now */
};

static sqlite3_pcache_methods2 below;

static struct page_cache *cache_of(sqlite3_pcache *p)
{
	return (struct page_cache *)p;
}

static int cache_init(void *unused)
{
	(void)unused;
	return below.xInit(below.pArg);
}

static void cache_shutdown(void *unused)
{
	(void)unused;
	below.xShutdown(below.pArg);
}

static sqlite3_pcache *cache_create(int page, int extra, int purgeable)
{
	struct page_cache *c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->below = below.xCreate(page, extra, purgeable);
	c->unused = LOCK_BYTE / (unsigned)page + 1;
	if (c->below)
		return (sqlite3_pcache *)c;
	free(c);
	return NULL;
}

static void cache_destroy(sqlite3_pcache *p)
{
	below.xDestroy(cache_of(p)->below);
	free(p);
}

static void cache_limit(sqlite3_pcache *p, int pages)
{
	below.xCachesize(cache_of(p)->below, pages);
}

static int cache_count(sqlite3_pcache *p)
{
	return below.xPagecount(cache_of(p)->below);
}

static void cache_shrink(sqlite3_pcache *p)
{
	below.xShrink(cache_of(p)->below);
}

static sqlite3_pcache_page *cache_fetch(sqlite3_pcache *p, unsigned number, int create)
{
	struct page_cache *c = cache_of(p);
	if (create && number > c->highest)
		c->highest = number;
	return below.xFetch(c->below, number, create);
}

static void cache_unpin(sqlite3_pcache *p, sqlite3_pcache_page *page, int discard)
{
	below.xUnpin(cache_of(p)->below, page, discard);
}

static void cache_rekey(sqlite3_pcache *p, sqlite3_pcache_page *page, unsigned from, unsigned to)
{
	struct page_cache *c = cache_of(p);
	c->away += to == c->unused;
	c->away -= from == c->unused && c->away;
	if (to != c->unused && to > c->highest)
		c->highest = to;
	below.xRekey(c->below, page, from, to);
}

static void cache_truncate(sqlite3_pcache *p, unsigned from)
{
	struct page_cache *c = cache_of(p);
	if (from > c->highest && !c->away)
		return;
	below.xTruncate(c->below, from);
	c->highest = from - 1;
	c->away = 0;
}

static void cache_enter(void)
{
	static const sqlite3_pcache_methods2 methods = {
		.iVersion = 1,
		.xInit = cache_init,
		.xShutdown = cache_shutdown,
		.xCreate = cache_create,
		.xCachesize = cache_limit,
		.xPagecount = cache_count,
		.xFetch = cache_fetch,
		.xUnpin = cache_unpin,
		.xRekey = cache_rekey,
		.xTruncate = cache_truncate,
		.xDestroy = cache_destroy,
		.xShrink = cache_shrink,
	};
	if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &below) == SQLITE_OK)
		sqlite3_config(SQLITE_CONFIG_PCACHE2, &methods);
}

void page_cache_enter(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, cache_enter);
}
