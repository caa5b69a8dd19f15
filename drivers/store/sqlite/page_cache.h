/*
 * SQLite's own page cache, asked only for what it has to do. When SQLite
 * balances a tree it gives a page, for a moment, the number of the one page
 * that is never used (the lock byte's, at 1 GiB). From then on its cache takes
 * that for the highest number it has, and at the end of the transaction looks
 * at every page for one that lies beyond the file's end. Here is known that
 * there is none.
 */
#ifndef CHANCERY_STORE_SQLITE_PAGE_CACHE_H
#define CHANCERY_STORE_SQLITE_PAGE_CACHE_H

/* Before SQLite is used for the first time; later it has no effect. */
void page_cache_enter(void);

#endif
