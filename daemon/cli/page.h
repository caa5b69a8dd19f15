/*
 * The tree as one HTML page that needs nothing else: page.html with page.css,
 * page.js and the CAs in it. The names in them are anybody's: the CAs are in
 * the page as JSON that can't end its element, the script puts them on the
 * screen as text only, and the page's policy lets no other script run and
 * nothing be fetched or sent.
 */
#ifndef CHANCERY_CLI_PAGE_H
#define CHANCERY_CLI_PAGE_H

#include <jansson.h>

#include "base/buf.h"

#define MAX_PAGE (1UL << 30) /* bytes: each character of an answer may take six */

/* The page's parts, made from their files when this is built. */
extern const char page_html[], page_css[], page_js[];

/* list: an array of CAs without "children". now: when it was asked for. */
void page_put(struct buf *out, const json_t *list, int64_t now);

#endif
