#include "frontd/urls.h"

#include <string.h>

#include "frontd/chain.h"
#include "frontd/shard.h"
#include "wire/inner.h"

#define MAX_MADE 1024

static void put_made(const struct front *f, const struct ca_row *issuer, uint8_t use, const char *last,
		     struct items *out)
{
	scoped_buf url = { .max = MAX_MADE };
	if (!f->pki_base_url || !*f->pki_base_url)
		return;
	buf_printf(&url, "%s/%s/%s", f->pki_base_url, row_text(issuer->id), last);
	items_put(out, use, buf_slice(&url));
}

void urls_put(const struct front *f, const struct ca_row *issuer, struct items *out)
{
	shard_draw(f, issuer, out);
	put_made(f, issuer, URL_CA_ISSUERS, "ca.crt", out);
}

void urls_put_responder(const struct front *f, const struct ca_row *issuer, struct items *out)
{
	if (!ca_offline(issuer))
		put_made(f, issuer, URL_OCSP, "ocsp", out);
}

/* Whether a URL was made above, below whatever pki_base_url was then. */
static bool was_made(struct slice url, struct slice issuer_id)
{
	scoped_buf end = { .max = MAX_MADE };
	buf_printf(&end, "/%s/ocsp", row_text(issuer_id));
	return url.len >= end.len && memcmp(url.at + url.len - end.len, end.at, end.len) == 0;
}

void urls_put_following(const struct front *f, const struct ca_row *issuer, struct list before,
			struct slice before_issuer, struct items *out)
{
	uint8_t use;
	struct slice url;
	bool stated = false;
	while (list_next(&before, &use, &url)) {
		if (use != URL_OCSP || was_made(url, before_issuer))
			continue;
		items_put(out, use, url);
		stated = true;
	}
	if (!stated && issuer)
		urls_put_responder(f, issuer, out);
}
